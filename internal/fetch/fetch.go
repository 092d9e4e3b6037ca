// Package fetch is the one way to make outgoing HTTP calls: time and body size
// are bounded, link-local and cloud metadata addresses are refused unless
// allowed (after name resolution, at the moment of dialling), the environment's
// HTTP proxies are not used unless asked for, and failures are errs kinds.
//
// It imports the standard library, internal/errs and internal/bounded.
package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
)

// The defaults of Options.
const (
	DefaultTimeout = 60 * time.Second
	DefaultMaxBody = 16 << 20
)

// Options say how a Client calls. The zero value is a good start.
type Options struct {
	// TLS is used as it is (cloned) for https; nil is Go's default trust, TLS 1.2+.
	TLS *tls.Config

	// Timeout bounds a whole exchange, the reading of the body included.
	Timeout time.Duration

	// MaxBody bounds the answer's body after decompression; reading further
	// gives a TooLarge error. -1 is no bound, for streams to disk.
	MaxBody int64

	// AllowLinkLocal permits link-local and metadata addresses.
	AllowLinkLocal bool

	// Refuse lists further addresses that are not dialled.
	Refuse []netip.Prefix

	// Proxy picks an HTTP proxy, such as http.ProxyURL(u); nil is none. With
	// one, the addresses behind it are the proxy's to judge.
	Proxy func(*http.Request) (*url.URL, error)

	// FollowRedirects is how many redirects of GET and HEAD are followed. By
	// default none: a 3xx is an answer like any other.
	FollowRedirects int

	// KeepAlive keeps up to that many idle connections per host; 0 opens a
	// connection per call.
	KeepAlive int

	// UserAgent is sent when a request names none.
	UserAgent string

	// Transport replaces the network altogether, as Handler does.
	Transport http.RoundTripper
}

// A Client makes calls. It is safe for concurrent use.
type Client struct {
	http      *http.Client
	timeout   time.Duration
	maxBody   int64
	userAgent string
}

// New makes a Client.
func New(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.UserAgent == "" {
		o.UserAgent = "chargehand"
	}
	transport := o.Transport
	if transport == nil {
		transport = o.network()
	}
	return &Client{
		http:      &http.Client{Transport: transport, CheckRedirect: o.redirect},
		timeout:   o.Timeout,
		maxBody:   o.MaxBody,
		userAgent: o.UserAgent,
	}
}

func (o Options) network() *http.Transport {
	dialer := &net.Dialer{Timeout: 30 * time.Second, ControlContext: o.guard}
	t := &http.Transport{
		Proxy:                  o.Proxy,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    15 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      o.KeepAlive == 0,
		MaxIdleConnsPerHost:    o.KeepAlive,
		IdleConnTimeout:        90 * time.Second,
	}
	if o.TLS != nil {
		t.TLSClientConfig = o.TLS.Clone()
	}
	return t
}

func (o Options) redirect(req *http.Request, via []*http.Request) error {
	first := via[0].Method
	if len(via) > o.FollowRedirects || (first != http.MethodGet && first != http.MethodHead) {
		return http.ErrUseLastResponse
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errs.New(errs.Upstream, "redirected from https to %s", Name(req.URL))
	}
	return nil
}

// Do makes the call. Any status is success; the caller closes the body. Errors:
// Forbidden for refused addresses, Malformed for URLs that are not http or
// https, Upstream for everything that went wrong on the way, which wraps the
// context's error when that was the reason.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" || req.URL.Host == "" {
		return nil, errs.New(errs.Malformed, "%q is not an http or https URL", Name(req.URL))
	}
	ctx, cancel := context.WithTimeoutCause(req.Context(), c.timeout,
		errs.New(errs.Upstream, "no full answer within %s", c.timeout))
	req = req.WithContext(ctx)
	if req.Header.Get("User-Agent") == "" {
		req.Header = req.Header.Clone()
		if req.Header == nil {
			req.Header = http.Header{}
		}
		req.Header.Set("User-Agent", c.userAgent)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		defer cancel()
		return nil, failure(ctx, req, err)
	}
	resp.Body = &body{Reader: bounded.Reader(resp.Body, c.maxBody), closer: resp.Body, cancel: cancel, ctx: ctx, req: req}
	return resp, nil
}

// Read makes the call and reads the whole body.
func (c *Client) Read(req *http.Request) (*http.Response, []byte, error) {
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	return resp, data, nil
}

// Name is a URL fit for messages: no user, password, query or fragment, since
// these carry secrets.
func Name(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

type body struct {
	io.Reader
	closer io.Closer
	cancel context.CancelFunc
	ctx    context.Context
	req    *http.Request
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = failure(b.ctx, b.req, err)
	}
	return n, err
}

func (b *body) Close() error {
	defer b.cancel()
	return b.closer.Close()
}

// failure says what was asked of whom; the kind is the cause's own when it is
// one of ours, else Upstream.
func failure(ctx context.Context, req *http.Request, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	kind := errs.Upstream
	if own, ok := errors.AsType[*errs.Error](err); ok {
		kind = own.Kind
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // its text repeats the URL, query and all
	}
	return errs.WrapAs(kind, err, "%s %s", req.Method, Name(req.URL))
}
