// Package remote is the client of the Smart Proxy API: the feature interfaces
// over the wire, spoken alike to a proxy in this process, a Chargehand proxy
// elsewhere, and a real Smart Proxy.
//
// It imports the feature packages below proxy (never their providers),
// internal/fetch, internal/bounded and internal/errs.
package remote

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
)

// kindHeader is what Chargehand proxies say about an error beside its status.
const kindHeader = "Chargehand-Error-Kind"

// A Client speaks to one proxy. It is safe for concurrent use. All of its
// features return errors of these kinds: those that the feature's interface
// names, and Upstream, with the proxy's URL and reason, for whatever went wrong
// at or on the way to the proxy. Reads are tried three times, changes once.
type Client struct {
	base  string
	http  *fetch.Client
	pause time.Duration // before the first repetition
}

// New makes a client of the proxy registered under baseURL. The fetch client
// carries certificate and timeout; for a proxy in this process its transport is
// fetch.Handler(server.InProcess()).
func New(baseURL string, client *fetch.Client) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errs.InvalidField("url", "is not a valid proxy URL: %.200q", baseURL)
	}
	return &Client{base: strings.TrimRight(baseURL, "/"), http: client, pause: 100 * time.Millisecond}, nil
}

// URL is where the proxy is.
func (c *Client) URL() string { return c.base }

type requestIDs struct{ request, session string }

type idsKey struct{}

// WithIDs marks ctx with the ids of the request and session on whose behalf
// proxies are called; they are sent along.
func WithIDs(ctx context.Context, request, session string) context.Context {
	return context.WithValue(ctx, idsKey{}, requestIDs{request, session})
}

// get reads path and decodes the answer into v, which may be nil.
func (c *Client) get(ctx context.Context, path string, v any) error {
	pause := c.pause
	for attempt := 1; ; attempt++ {
		err := c.call(ctx, http.MethodGet, path, nil, v)
		if attempt == 3 || !retriable(err) || !wait(ctx, pause) {
			return err
		}
		pause *= 4
	}
}

func retriable(err error) bool {
	return errs.Is(err, errs.Upstream) || errs.Is(err, errs.Unavailable)
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// call makes one request. A form is sent as a body unless it is nil.
func (c *Client) call(ctx context.Context, method, path string, form *form, v any) error {
	body, err := c.exchange(ctx, method, path, form)
	if err != nil || v == nil {
		return err
	}
	if err := bounded.JSON(body, v); err != nil {
		return errs.WrapAs(errs.Upstream, err, "proxy %s: %s %s: the answer is not understood", c.base, method, plainPath(path))
	}
	return nil
}

func (c *Client) exchange(ctx context.Context, method, path string, f *form) ([]byte, error) {
	content := ""
	if f != nil {
		content = f.String()
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(content))
	if err != nil {
		return nil, errs.WrapAs(errs.Malformed, err, "proxy %s: path %q", c.base, plainPath(path))
	}
	if f != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "application/json")
	if ids, ok := ctx.Value(idsKey{}).(requestIDs); ok {
		setIf(req.Header, "X-Request-Id", ids.request)
		setIf(req.Header, "X-Session-Id", ids.session)
	}
	resp, body, err := c.http.Read(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if resp.StatusCode >= 300 {
		return nil, c.refusal(method, path, resp, body)
	}
	return body, nil
}

func setIf(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// unreachable keeps the kinds that name our own limits; all else is Upstream.
func (c *Client) unreachable(err error) error {
	kind := errs.KindOf(err)
	if kind != errs.Forbidden && kind != errs.TooLarge {
		kind = errs.Upstream
	}
	return errs.WrapAs(kind, err, "proxy %s", c.base)
}

// maxReason bounds how much of a proxy's error text is kept.
const maxReason = 500

// refusal makes an error of an answer that is not 2xx.
func (c *Client) refusal(method, path string, resp *http.Response, body []byte) error {
	reason := strings.TrimSpace(strings.ToValidUTF8(string(body), "?"))
	reason, _, _ = strings.Cut(reason, "\n")
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	if reason == "" {
		reason = http.StatusText(resp.StatusCode)
	}
	return errs.New(kindOf(resp), "proxy %s: %s %s: %s (HTTP %d)", c.base, method, plainPath(path), reason, resp.StatusCode)
}

// kindOf reads an answer's kind: what a Chargehand proxy says it is, else what
// the status means with Smart Proxy, where 400 and 406 are its backends' failures
// far more often than ours.
func kindOf(resp *http.Response) errs.Kind {
	if said := resp.Header.Get(kindHeader); said != "" {
		for _, k := range errs.Kinds() {
			if k.String() == said && k != errs.Internal {
				return k
			}
		}
	}
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusNotAcceptable:
		return errs.Upstream
	}
	if resp.StatusCode < 400 {
		return errs.Upstream // a redirect
	}
	return errs.KindOfStatus(resp.StatusCode)
}

// plainPath is a path fit for messages, without its query.
func plainPath(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

// A form is written as core's library writes it: a list as key[]=v, an empty
// list as a bare key. Empty texts are left out.
type form struct{ parts []string }

func (f *form) add(key, value string) *form {
	if value != "" {
		f.parts = append(f.parts, url.QueryEscape(key)+"="+url.QueryEscape(value))
	}
	return f
}

func (f *form) list(key string, values []string) *form {
	if len(values) == 0 {
		f.parts = append(f.parts, url.QueryEscape(key))
	}
	for _, v := range values {
		f.parts = append(f.parts, url.QueryEscape(key)+"[]="+url.QueryEscape(v))
	}
	return f
}

// String encodes the form.
func (f *form) String() string { return strings.Join(f.parts, "&") }

// Details are what a proxy says about one feature.
type Details struct {
	HTTP         bool                       `json:"http_enabled"`
	HTTPS        bool                       `json:"https_enabled"`
	State        string                     `json:"state"`
	Settings     map[string]json.RawMessage `json:"settings"`
	Capabilities []string                   `json:"capabilities"`
}

// Features gives the running features by their keys ("puppetca"). A proxy that
// knows only the older list gives keys without details.
func (c *Client) Features(ctx context.Context) (map[string]Details, error) {
	all := map[string]Details{}
	err := c.get(ctx, "/v2/features", &all)
	if errs.Is(err, errs.NotFound) {
		var keys []string
		if err = c.get(ctx, "/features", &keys); err == nil {
			for _, k := range keys {
				all[k] = Details{State: "running"}
			}
		}
	}
	if err != nil {
		return nil, err
	}
	for key, d := range all {
		if d.State != "running" {
			delete(all, key)
		}
	}
	return all, nil
}

// Version gives the proxy's version and those of its features.
func (c *Client) Version(ctx context.Context) (version string, modules map[string]string, err error) {
	var v struct {
		Version string            `json:"version"`
		Modules map[string]string `json:"modules"`
	}
	err = c.get(ctx, "/version", &v)
	return v.Version, v.Modules, err
}
