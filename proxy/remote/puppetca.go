package remote

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/puppetca"
)

// PuppetCA is the certificate authority behind the proxy.
func (c *Client) PuppetCA() puppetca.CA { return caClient{c} }

// Autosign is the proxy's autosigning.
func (c *Client) Autosign() puppetca.Autosigner { return autosignClient{c} }

type caClient struct{ c *Client }

type certBody struct {
	State       puppetca.State `json:"state"`
	Fingerprint string         `json:"fingerprint"`
	Serial      json.Number    `json:"serial"`
	NotBefore   string         `json:"not_before"`
	NotAfter    string         `json:"not_after"`
}

// List implements puppetca.CA.
func (p caClient) List(ctx context.Context) ([]puppetca.Certificate, error) {
	all := map[string]certBody{}
	if err := p.c.get(ctx, "/puppet/ca", &all); err != nil {
		return nil, err
	}
	out := make([]puppetca.Certificate, 0, len(all))
	for name, b := range all {
		out = append(out, puppetca.Certificate{
			Certname: name, State: b.State, Fingerprint: b.Fingerprint, Serial: b.Serial.String(),
			NotBefore: certStamp(b.NotBefore), NotAfter: certStamp(b.NotAfter),
		})
	}
	slices.SortFunc(out, func(a, b puppetca.Certificate) int { return strings.Compare(a.Certname, b.Certname) })
	return out, nil
}

func certStamp(s string) time.Time {
	for _, layout := range []string{"2006-01-02T15:04:05UTC", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Sign implements puppetca.CA.
func (p caClient) Sign(ctx context.Context, certname string) error {
	if err := puppetca.CheckCertname(certname); err != nil {
		return err
	}
	return p.c.call(ctx, http.MethodPost, "/puppet/ca/"+url.PathEscape(certname), &form{}, nil)
}

// Clean implements puppetca.CA.
func (p caClient) Clean(ctx context.Context, certname string) error {
	if err := puppetca.CheckCertname(certname); err != nil {
		return err
	}
	err := p.c.call(ctx, http.MethodDelete, "/puppet/ca/"+url.PathEscape(certname), nil, nil)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	return err
}

type autosignClient struct{ c *Client }

// List implements puppetca.Autosigner.
func (a autosignClient) List(ctx context.Context) ([]string, error) {
	var names []string
	err := a.c.get(ctx, "/puppet/ca/autosign", &names)
	return names, err
}

// Add implements puppetca.Autosigner. The certname is checked here, since a Smart
// Proxy writes whatever it is given into its autosign file.
func (a autosignClient) Add(ctx context.Context, certname string, ttl time.Duration) (string, error) {
	if err := puppetca.CheckCertname(certname); err != nil {
		return "", err
	}
	f := &form{}
	if ttl > 0 {
		f.add("token_ttl", strconv.Itoa(int(max(ttl/time.Minute, 1))))
	}
	body, err := a.c.exchange(ctx, http.MethodPost, "/puppet/ca/autosign/"+url.PathEscape(certname), f)
	if err != nil || len(strings.TrimSpace(string(body))) == 0 {
		return "", err
	}
	var answer struct {
		Token string `json:"generated_token"`
	}
	if err := bounded.JSON(body, &answer); err != nil {
		return "", errs.WrapAs(errs.Upstream, err, "proxy %s: autosign", a.c.base)
	}
	return answer.Token, nil
}

// Remove implements puppetca.Autosigner.
func (a autosignClient) Remove(ctx context.Context, certname string) (bool, error) {
	if err := puppetca.CheckCertname(certname); err != nil {
		return false, err
	}
	err := a.c.call(ctx, http.MethodDelete, "/puppet/ca/autosign/"+url.PathEscape(certname), nil, nil)
	if errs.Is(err, errs.NotFound) {
		return false, nil
	}
	return err == nil, err
}
