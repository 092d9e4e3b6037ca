package templates

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
)

// A Core is the Provider that puts requests to core over HTTP. Make one with New.
type Core struct {
	base   *url.URL
	public string
	client *fetch.Client
}

// New makes a Core: coreURL is core's base URL, templateURL the one that
// machines reach this proxy by. The client carries the proxy's certificate.
func New(coreURL, templateURL string, client *fetch.Client) (*Core, error) {
	base, err := url.Parse(strings.TrimRight(coreURL, "/"))
	if err != nil || base.Host == "" {
		return nil, errs.New(errs.Invalid, "core's URL %q has no host", coreURL)
	}
	if u, err := url.Parse(templateURL); err != nil || u.Scheme == "" {
		return nil, errs.New(errs.Invalid, "the template URL %q has no scheme", templateURL)
	}
	return &Core{base, templateURL, client}, nil
}

// TemplateServer implements Provider.
func (c *Core) TemplateServer(context.Context) (string, error) { return c.public, nil }

// routing are query parameters that the proxy's own routing would shadow.
var routing = [...]string{"path", "template", "kind", "hostgroup", "splat", "captures"}

// Forward implements Provider. Only headers that core has a use for go on, in
// their canonical spelling; X-Forwarded-For is the machine's address and nothing
// that the machine said.
func (c *Core) Forward(ctx context.Context, r Request) (Answer, error) {
	query, err := url.ParseQuery(r.RawQuery)
	if err != nil {
		return Answer{}, errs.New(errs.Malformed, "the query cannot be read")
	}
	for _, name := range routing {
		query.Del(name)
	}
	query.Set("url", cmp.Or(r.URL, c.public))
	target := *c.base
	// Core reads plus signs in template and host group names as spaces.
	target.Path += strings.ReplaceAll(r.Path, " ", "+")
	target.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.Method, target.String(), bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, errs.WrapAs(errs.Malformed, err, "forward %s", r.Path)
	}
	req.Header = forwarded(r)
	resp, body, err := c.client.Read(req)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

func forwarded(r Request) http.Header {
	out := http.Header{}
	for name, values := range r.Header {
		name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
		if wanted(name) {
			out[name] = append(out[name], values...)
		}
	}
	accept := "application/json,version=2"
	if own := out.Get("Accept"); own != "" {
		accept = own + "," + accept
	}
	out.Set("Accept", accept)
	if out.Get("Content-Type") == "" {
		out.Set("Content-Type", map[bool]string{true: "application/json", false: "text/plain"}[r.Method == http.MethodGet])
	}
	if r.Peer != "" {
		out.Set("X-Forwarded-For", r.Peer)
	}
	return out
}

func wanted(name string) bool {
	switch name {
	case "Accept", "Accept-Language", "Content-Type", "User-Agent", "X-Request-Id":
		return true
	}
	return strings.HasPrefix(name, "X-Rhn-") || strings.HasPrefix(name, "X-Anaconda-")
}
