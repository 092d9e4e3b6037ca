// Package http is the Puppet CA provider that speaks the HTTP API of a Puppet
// Server: a real one, or Chargehand's own on another machine.
//
// It imports the standard library, internal/fetch, internal/bounded,
// internal/errs and proxy/puppetca.
package http

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/proxy/puppetca"
)

// A CA is a certificate authority behind a URL. Make one with New; it is safe
// for concurrent use.
type CA struct {
	base   string
	client *fetch.Client
	now    clock.Clock
}

var _ puppetca.CA = (*CA)(nil)

// New makes a CA of the server at baseURL, such as "https://puppet:8140". The
// client carries the certificate that the server allows to administer it.
func New(baseURL string, client *fetch.Client, now clock.Clock) (*CA, error) {
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errs.InvalidField("puppet_url", "is not a valid URL: %.200q", baseURL)
	}
	return &CA{strings.TrimRight(baseURL, "/") + "/puppet-ca/v1", client, now}, nil
}

// status is a certificate or request as the server describes it.
type status struct {
	Name         string            `json:"name"`
	State        string            `json:"state"` // signed, requested, revoked
	Fingerprint  string            `json:"fingerprint"`
	Fingerprints map[string]string `json:"fingerprints"`
	Serial       json.Number       `json:"serial_number"`
	NotBefore    string            `json:"not_before"`
	NotAfter     string            `json:"not_after"`
}

// List implements puppetca.CA.
func (c *CA) List(ctx context.Context) ([]puppetca.Certificate, error) {
	var all []status
	code, body, err := c.ask(ctx, http.MethodGet, "/certificate_statuses/any", "")
	if err != nil {
		return nil, err
	}
	if code != http.StatusOK {
		return nil, c.refusal("list certificates", code, body)
	}
	if err := bounded.JSON(body, &all); err != nil {
		return nil, errs.WrapAs(errs.Upstream, err, "Puppet CA %s: list of certificates", c.base)
	}
	out := make([]puppetca.Certificate, 0, len(all))
	for _, s := range all {
		out = append(out, c.certificate(s))
	}
	slices.SortFunc(out, func(a, b puppetca.Certificate) int { return strings.Compare(a.Certname, b.Certname) })
	return out, nil
}

func (c *CA) certificate(s status) puppetca.Certificate {
	cert := puppetca.Certificate{Certname: s.Name, Fingerprint: s.Fingerprint}
	if sha256 := s.Fingerprints["SHA256"]; cert.Fingerprint == "" {
		cert.Fingerprint = sha256
	}
	if s.State == "requested" {
		cert.State = puppetca.Pending
		return cert
	}
	cert.Serial, cert.NotBefore, cert.NotAfter = s.Serial.String(), stamp(s.NotBefore), stamp(s.NotAfter)
	switch {
	case s.State != "signed":
		cert.State = puppetca.State(s.State)
	case !cert.NotAfter.IsZero() && c.now().After(cert.NotAfter):
		cert.State = puppetca.Revoked
	default:
		cert.State = puppetca.Valid
	}
	return cert
}

func stamp(s string) time.Time {
	for _, layout := range []string{"2006-01-02T15:04:05UTC", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Sign implements puppetca.CA. When the server will not, what it has decides:
// a certificate, a request that it refuses, or nothing.
func (c *CA) Sign(ctx context.Context, certname string) error {
	code, body, err := c.want(ctx, certname, "signed")
	if err != nil || done(code) {
		return err
	}
	refused := c.refusal("sign "+certname, code, body)
	if code != http.StatusNotFound && code != http.StatusConflict {
		return refused
	}
	have, err := c.find(ctx, certname)
	switch {
	case err != nil:
		return err
	case have == "signed":
		return nil
	case have == "requested":
		return errs.WrapAs(errs.Invalid, refused, "Puppet CA refuses the request of %s", certname)
	}
	return errs.WrapAs(errs.NotFound, refused, "Puppet CA has no request of %s", certname)
}

// Clean implements puppetca.CA.
func (c *CA) Clean(ctx context.Context, certname string) error {
	code, body, err := c.want(ctx, certname, "revoked")
	if err != nil {
		return err
	}
	if !done(code) && code != http.StatusNotFound && code != http.StatusConflict {
		return c.refusal("revoke "+certname, code, body)
	}
	code, body, err = c.ask(ctx, http.MethodDelete, c.path(certname), "")
	if err != nil || done(code) || code == http.StatusNotFound {
		return err
	}
	return c.refusal("delete "+certname, code, body)
}

// find gives the state the server has certname in, empty when it does not know it.
func (c *CA) find(ctx context.Context, certname string) (string, error) {
	code, body, err := c.ask(ctx, http.MethodGet, c.path(certname), "")
	if err != nil || code == http.StatusNotFound {
		return "", err
	}
	if code != http.StatusOK {
		return "", c.refusal("look at "+certname, code, body)
	}
	var s status
	if err := bounded.JSON(body, &s); err != nil {
		return "", errs.WrapAs(errs.Upstream, err, "Puppet CA %s: status of %s", c.base, certname)
	}
	return s.State, nil
}

func (c *CA) want(ctx context.Context, certname, state string) (int, []byte, error) {
	return c.ask(ctx, http.MethodPut, c.path(certname), `{"desired_state":"`+state+`"}`)
}

func (c *CA) path(certname string) string { return "/certificate_status/" + url.PathEscape(certname) }

func done(code int) bool { return code >= 200 && code < 300 }

// ask makes one request.
func (c *CA) ask(ctx context.Context, method, path, body string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewBufferString(body))
	if err != nil {
		return 0, nil, errs.WrapAs(errs.Malformed, err, "Puppet CA %s", c.base)
	}
	req.Header.Set("Accept", "application/json")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, data, err := c.client.Read(req)
	if err != nil {
		return 0, nil, errs.WrapAs(errs.Upstream, err, "Puppet CA")
	}
	return resp.StatusCode, data, nil
}

// refusal words an answer that is no success.
func (c *CA) refusal(what string, code int, body []byte) error {
	reason := strings.ToValidUTF8(strings.TrimSpace(string(body)), "?")
	if len(reason) > 300 {
		reason = strings.ToValidUTF8(reason[:300], "") + "…"
	}
	kind := errs.Upstream
	if code == http.StatusServiceUnavailable {
		kind = errs.Unavailable
	}
	return errs.New(kind, "Puppet CA %s: %s: HTTP %d %s", c.base, what, code, reason)
}
