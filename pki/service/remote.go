package service

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/pki"
)

// A Remote issuer is a CA on another machine: this program's or a Puppet
// Server's. It is asked as agents ask.
type Remote struct {
	URL    string        // https://host:8140
	Token  string        // autosign token; without one the operator signs
	Random io.Reader     // crypto/rand when nil
	Log    *slog.Logger  // none when nil
	Retry  time.Duration // between looks for the signature; 5 s when zero

	// Chain is the CA's chain in PEM, from a file that the operator brought; or
	// Fingerprint is the SHA-256 of its first certificate. With neither, the first
	// answer is believed, as an agent does, and whoever gives it reads the token.
	Chain       []byte
	Fingerprint string

	mu      sync.Mutex
	trusted []byte
}

var _ Issuer = (*Remote)(nil)

// Join is what a newcomer needs to get its certificate, as one word that an
// operator can paste: the CA's fingerprint and a token.
func Join(authority *pki.Authority, token string) string {
	print := strings.ReplaceAll(pki.Fingerprint(authority.Certificate().Raw), ":", "")
	return strings.ToLower(print) + "." + token
}

// ParseJoin takes a Join apart.
func ParseJoin(word string) (fingerprint, token string, err error) {
	fingerprint, token, ok := strings.Cut(strings.TrimSpace(word), ".")
	if !ok || len(fingerprint) != 64 || token == "" {
		return "", "", errs.New(errs.Malformed, "that is not a word to join with")
	}
	return fingerprint, token, nil
}

// Fits is true: what goes into the certificate is the CA's affair.
func (r *Remote) Fits(*x509.Certificate) bool { return true }

// Trust fetches the chain, once, and the revocation lists.
func (r *Remote) Trust(ctx context.Context) (chain, lists []byte, err error) {
	if chain, err = r.chain(ctx); err != nil {
		return nil, nil, err
	}
	client, err := r.client(nil)
	if err != nil {
		return nil, nil, err
	}
	lists, err = r.get(ctx, client, "/puppet-ca/v1/certificate_revocation_list/ca")
	return chain, lists, err
}

// chain gives the chain that is believed.
func (r *Remote) chain(ctx context.Context) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trusted != nil {
		return r.trusted, nil
	}
	if r.Chain != nil {
		r.trusted = r.Chain
		return r.trusted, nil
	}
	client := fetch.New(fetch.Options{TLS: tlsconf.Unverified(), MaxBody: 1 << 20})
	chain, err := r.get(ctx, client, "/puppet-ca/v1/certificate/ca")
	if err != nil {
		return nil, err
	}
	certs, err := pki.ParseCertificates(chain)
	if err != nil {
		return nil, err
	}
	got := pki.Fingerprint(certs[0].Raw)
	switch {
	case r.Fingerprint == "":
		r.log().WarnContext(ctx, "CA believed at first sight; compare its fingerprint", "url", r.URL, "fingerprint", got)
	case !strings.EqualFold(plainPrint(r.Fingerprint), plainPrint(got)):
		return nil, errs.New(errs.Forbidden, "the CA at %s has the fingerprint %s, not the expected one", r.URL, got)
	}
	r.trusted = chain
	return chain, nil
}

func plainPrint(print string) string { return strings.ReplaceAll(print, ":", "") }

func (r *Remote) log() *slog.Logger {
	if r.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Log
}

// client trusts the chain, and presents a certificate if it is given one.
func (r *Remote) client(own *tls.Certificate) (*fetch.Client, error) {
	r.mu.Lock()
	certs, err := pki.ParseCertificates(r.trusted)
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	m := &tlsconf.Material{Certificate: own, CAs: certs}
	return fetch.New(fetch.Options{TLS: tlsconf.Client(tlsconf.Static(m)), MaxBody: 64 << 20}), nil
}

// Issue renews over the wire what is there, or sends a request and waits for the
// signature.
func (r *Remote) Issue(ctx context.Context, name string, key crypto.Signer, current *x509.Certificate) ([]byte, error) {
	if _, err := r.chain(ctx); err != nil {
		return nil, err
	}
	if current != nil {
		return r.renew(ctx, key, current)
	}
	client, err := r.client(nil)
	if err != nil {
		return nil, err
	}
	random := r.Random
	if random == nil {
		random = rand.Reader
	}
	csr, err := pki.NewRequest(pki.RequestOptions{Name: name, Challenge: r.Token}, key, random)
	if err != nil {
		return nil, err
	}
	path := "/puppet-ca/v1/certificate_request/" + url.PathEscape(name)
	status, text, err := r.call(ctx, client, http.MethodPut, path, csr)
	if err != nil {
		return nil, err
	}
	pending := status == http.StatusBadRequest && strings.Contains(string(text), "already has a")
	if status != http.StatusOK && !pending {
		return nil, errs.New(errs.KindOfStatus(status), "the CA refuses the request of %s: %s", name, short(text))
	}
	return r.wait(ctx, client, name, key)
}

// wait looks for the certificate until it is there. One of another key means that
// somebody else has the name.
func (r *Remote) wait(ctx context.Context, client *fetch.Client, name string, key crypto.Signer) ([]byte, error) {
	retry := r.Retry
	if retry == 0 {
		retry = 5 * time.Second
	}
	tick := time.NewTicker(retry)
	defer tick.Stop()
	for {
		cert, err := r.get(ctx, client, "/puppet-ca/v1/certificate/"+url.PathEscape(name))
		if err == nil {
			return cert, belongs(cert, key, name)
		}
		if !errs.Is(err, errs.NotFound) {
			return nil, err
		}
		r.log().InfoContext(ctx, "waiting for the certificate to be signed", "name", name, "url", r.URL)
		select {
		case <-ctx.Done():
			return nil, errs.WrapAs(errs.Unavailable, ctx.Err(), "the certificate of %s has not been signed", name)
		case <-tick.C:
		}
	}
}

func belongs(cert []byte, key crypto.Signer, name string) error {
	certs, err := pki.ParseCertificates(cert)
	if err != nil {
		return err
	}
	own, err := pki.KeyID(key.Public())
	if err != nil {
		return err
	}
	if id, err := pki.KeyID(certs[0].PublicKey); err != nil || id != own {
		return errs.New(errs.Conflict, "the CA has a certificate for %s that belongs to another key; clean it there first", name)
	}
	return nil
}

func (r *Remote) renew(ctx context.Context, key crypto.Signer, current *x509.Certificate) ([]byte, error) {
	client, err := r.client(&tls.Certificate{Certificate: [][]byte{current.Raw}, PrivateKey: key})
	if err != nil {
		return nil, err
	}
	status, text, err := r.call(ctx, client, http.MethodPost, "/puppet-ca/v1/certificate_renewal", nil)
	if err == nil && status != http.StatusOK {
		err = errs.New(errs.KindOfStatus(status), "the CA does not renew the certificate: %s", short(text))
	}
	return text, err
}

func (r *Remote) get(ctx context.Context, client *fetch.Client, path string) ([]byte, error) {
	status, text, err := r.call(ctx, client, http.MethodGet, path, nil)
	if err == nil && status != http.StatusOK {
		err = errs.New(errs.KindOfStatus(status), "%s answers %d to %s: %s", r.URL, status, path, short(text))
	}
	return text, err
}

func (r *Remote) call(ctx context.Context, client *fetch.Client, method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(r.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, errs.WrapAs(errs.Malformed, err, "the CA's address is no URL")
	}
	req.Header.Set("Accept", "text/plain")
	if body != nil {
		req.Header.Set("Content-Type", "text/plain")
	}
	resp, text, err := client.Read(req)
	if err != nil {
		return 0, nil, err
	}
	return resp.StatusCode, text, nil
}

// short is the first line of an answer, for messages.
func short(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return line[:min(len(line), 200)]
}
