package provision

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ruby"
)

// host answers what a template asks while it is rendered.
type host struct {
	renderer *Renderer
	names    []string // of the templates met so far
}

// Answer implements ruby.Host.
func (h *host) Answer(ctx context.Context, _ ruby.Guest, name string, args []json.RawMessage) (any, error) {
	var texts []string
	for _, arg := range args {
		var text string
		if err := json.Unmarshal(arg, &text); err != nil {
			return nil, errs.New(errs.Malformed, "%s takes texts", name)
		}
		texts = append(texts, text)
	}
	switch {
	case name == "snippet" && len(texts) == 1:
		return h.snippet(ctx, texts[0])
	case name == "dns_lookup" && len(texts) == 1:
		return h.lookup(ctx, texts[0])
	case name == "log" && len(texts) == 2:
		return nil, h.logged(ctx, texts[0], texts[1])
	}
	return nil, errs.New(errs.Unsupported, "templates cannot ask for %q", name)
}

func (h *host) snippet(ctx context.Context, name string) (any, error) {
	t, err := h.renderer.library.Snippet(ctx, name)
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h.names = append(h.names, t.Name)
	return h.renderer.translate(t), nil
}

func (h *host) lookup(ctx context.Context, name string) (any, error) {
	res := h.renderer.resolver
	if res == nil {
		return nil, errs.New(errs.Unsupported, "there is no name server to ask")
	}
	find := res.LookupHost
	if _, err := netip.ParseAddr(name); err == nil {
		find = res.LookupAddr
	}
	found, err := find(ctx, name)
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return nil, errs.New(errs.NotFound, "%s is not in the DNS", name)
	}
	if err != nil || len(found) == 0 {
		return nil, errs.WrapAs(errs.Upstream, err, "look up %s", name)
	}
	return strings.TrimSuffix(found[0], "."), nil
}

func (h *host) logged(ctx context.Context, level, text string) error {
	var l slog.Level
	if level == "fatal" {
		level = "error"
	}
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return errs.New(errs.Malformed, "%q is no level", level)
	}
	h.renderer.log.Log(ctx, l, "a template says", "template", h.names[0], "text", text)
	return nil
}
