package pki_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
)

// rawRequest makes requests that no honest agent makes.
func rawRequest(t testing.TB, template *x509.CertificateRequest, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func ext(oid string, value string) pkix.Extension {
	id := map[string]asn1.ObjectIdentifier{
		"pp_role":      {1, 3, 6, 1, 4, 1, 34380, 1, 1, 13},
		"pp_cli_auth":  {1, 3, 6, 1, 4, 1, 34380, 1, 3, 39},
		"pp_auth_role": {1, 3, 6, 1, 4, 1, 34380, 1, 3, 13},
		"private":      {1, 3, 6, 1, 4, 1, 34380, 1, 2, 7},
		"basic":        {2, 5, 29, 19},
		"unknown":      {1, 2, 3, 4},
	}[oid]
	der, _ := asn1.MarshalWithParams(value, "utf8")
	return pkix.Extension{Id: id, Value: der}
}

// TestNames is the part of the attack set that is about names: whatever a name
// is made of, it is stored under that name or not at all.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"a": "", "a.example.test": "", "a-b_c.example.test": "", strings.Repeat("a", 60): "",
		"Upper.test":              "Certificate names must be lower case.",
		"*.test":                  "Subject contains a wildcard, which is not allowed: *.test",
		"a*.test":                 "Subject contains a wildcard, which is not allowed: a*.test",
		"ca":                      "Subject hostname format is invalid",
		".":                       "Subject hostname format is invalid",
		"..":                      "Subject hostname format is invalid",
		"a..b":                    "Subject hostname format is invalid",
		".a":                      "Subject hostname format is invalid",
		"a.":                      "Subject hostname format is invalid",
		"-a":                      "Subject hostname format is invalid",
		"../../etc/passwd":        "Subject hostname format is invalid",
		"a/b":                     "Subject hostname format is invalid",
		"a\x00.test":              "Subject hostname format is invalid",
		"a\n.test":                "Subject hostname format is invalid",
		"a b":                     "Subject hostname format is invalid",
		"a%2fb":                   "Subject hostname format is invalid",
		"\u0430.test":             "Subject hostname format is invalid", // Cyrillic a
		"a\u200b.test":            "Subject hostname format is invalid",
		"puppet ca: puppet.test":  "Subject hostname format is invalid",
		strings.Repeat("a.", 130): "Subject hostname format is invalid",
	} {
		if got := pki.CheckName(name); (got == nil) != (want == "") || (got != nil && errs.PublicText(got) != want) {
			t.Errorf("%q: %v, wanted %q", name, got, want)
		}
		w := newWorld(t, pki.Policy{AutosignAll: true})
		body := rawRequest(t, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, newKey(t, pki.P256))
		signed, err := w.Submit(t.Context(), name, body)
		if signed != (want == "") || (err == nil) != (want == "") {
			t.Errorf("%q: signed %v, %v", name, signed, err)
		}
		if known, _ := w.Statuses(t.Context(), ""); want != "" && len(known) > 0 {
			t.Errorf("%q is refused, and yet stored", name)
		}
	}
}

// TestAttacks is the rest of the attack set: what must be refused at intake, and
// what waits for the operator instead of being signed.
func TestAttacks(t *testing.T) {
	victim := newKey(t, pki.P256)
	revoked := newKey(t, pki.P256)
	cn := func(names ...string) pkix.Name {
		var n pkix.Name
		for _, name := range names {
			n.ExtraNames = append(n.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: name})
		}
		return n
	}
	me := cn("evil.test")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	link, _ := url.Parse("spiffe://victim.test")
	for _, c := range []struct {
		what    string
		request x509.CertificateRequest
		key     crypto.Signer
		spoil   func([]byte) []byte
		kind    errs.Kind
		waits   bool // stored, not signed
	}{
		{what: "duplicate name", request: x509.CertificateRequest{Subject: cn("victim.test")}, kind: errs.Conflict},
		{what: "name of a proxy", request: x509.CertificateRequest{Subject: cn("proxy.test")}, kind: errs.Forbidden},
		{what: "other name than asked", request: x509.CertificateRequest{Subject: cn("other.test")}, kind: errs.Invalid},
		{what: "two names", request: x509.CertificateRequest{Subject: cn("evil.test", "victim.test")}, kind: errs.Invalid},
		{what: "no name", request: x509.CertificateRequest{}, kind: errs.Invalid},
		{what: "key of another host", request: x509.CertificateRequest{Subject: me}, key: victim, kind: errs.Forbidden},
		{what: "key of a revoked host", request: x509.CertificateRequest{Subject: me}, key: revoked, kind: errs.Forbidden},
		{what: "replay after revocation", request: x509.CertificateRequest{Subject: cn("gone.test")}, key: revoked, kind: errs.Forbidden},
		{what: "RSA 1024", request: x509.CertificateRequest{Subject: me}, key: weak, kind: errs.Invalid},
		{what: "P-224", request: x509.CertificateRequest{Subject: me}, key: p224, kind: errs.Invalid},
		{what: "broken signature", request: x509.CertificateRequest{Subject: me}, spoil: flipLast, kind: errs.Invalid},
		{what: "two requests in one body", request: x509.CertificateRequest{Subject: me}, spoil: func(b []byte) []byte { return append(b, b...) }, kind: errs.Malformed},
		{what: "garbage", request: x509.CertificateRequest{Subject: me}, spoil: func([]byte) []byte { return []byte("garbage") }, kind: errs.Malformed},
		{what: "huge", request: x509.CertificateRequest{Subject: me}, spoil: func(b []byte) []byte { return append(b, make([]byte, pki.MaxRequest)...) }, kind: errs.TooLarge},
		{what: "big extension", request: x509.CertificateRequest{Subject: me, ExtraExtensions: []pkix.Extension{ext("private", strings.Repeat("x", 5000))}}, kind: errs.TooLarge},
		{what: "another DNS name", request: x509.CertificateRequest{Subject: me, DNSNames: []string{"evil.test", "victim.test"}}, kind: errs.Conflict, waits: true},
		{what: "an address", request: x509.CertificateRequest{Subject: me, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}}, kind: errs.Conflict, waits: true},
		{what: "a mail address", request: x509.CertificateRequest{Subject: me, EmailAddresses: []string{"a@b"}}, kind: errs.Conflict, waits: true},
		{what: "a URI", request: x509.CertificateRequest{Subject: me, URIs: []*url.URL{link}}, kind: errs.Conflict, waits: true},
		{what: "a name of unknown kind", request: x509.CertificateRequest{Subject: me, ExtraExtensions: []pkix.Extension{otherName()}}, kind: errs.Conflict, waits: true},
		{what: "rights: pp_cli_auth", request: x509.CertificateRequest{Subject: me, ExtraExtensions: []pkix.Extension{ext("pp_cli_auth", "true")}}, kind: errs.Conflict, waits: true},
		{what: "rights: pp_auth_role", request: x509.CertificateRequest{Subject: me, ExtraExtensions: []pkix.Extension{ext("pp_auth_role", "x")}}, kind: errs.Conflict, waits: true},
		{what: "to be a CA", request: x509.CertificateRequest{Subject: me, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Value: []byte{0x30, 3, 1, 1, 0xff}}}}, kind: errs.Conflict, waits: true},
		{what: "an unknown extension", request: x509.CertificateRequest{Subject: me, ExtraExtensions: []pkix.Extension{ext("unknown", "x")}}, kind: errs.Conflict, waits: true},
	} {
		t.Run(strings.ReplaceAll(c.what, " ", "_"), func(t *testing.T) {
			w := newWorld(t, pki.Policy{AutosignAll: true, Protected: func(name string) bool { return name == "proxy.test" }})
			seed(w, "victim.test", victim)
			seed(w, "gone.test", revoked)
			second(w.Clean(t.Context(), "gone.test"))
			if c.key == nil {
				c.key = newKey(t, pki.P256)
			}
			body := rawRequest(t, &c.request, c.key)
			if c.spoil != nil {
				body = c.spoil(body)
			}
			asked := "evil.test"
			if c.what == "duplicate name" || c.what == "name of a proxy" || strings.HasPrefix(c.what, "replay") {
				asked = c.request.Subject.ExtraNames[0].Value.(string)
			}
			before := w.state(asked)
			signed, err := w.Submit(t.Context(), asked, body)
			if signed || !errs.Is(err, c.kind) {
				t.Errorf("signed %v, %v (%s)", signed, err, errs.KindOf(err))
			}
			want := before
			if c.waits {
				want = "requested"
				if err := w.Sign(t.Context(), asked, pki.SignOptions{}); !errs.Is(err, errs.Conflict) {
					t.Errorf("a plain sign took it: %v", err)
				}
			}
			if got := w.state(asked); got != want {
				t.Errorf("left in state %s, wanted %s", got, want)
			}
		})
	}
}

func seed(w *world, name string, key crypto.Signer) {
	w.Helper()
	_, err := w.Submit(w.Context(), name, newRequest(w, pki.RequestOptions{Name: name}, key))
	w.must(err)
}

// flipLast changes the signature.
func flipLast(data []byte) []byte {
	block, _ := pem.Decode(data)
	block.Bytes[len(block.Bytes)-1] ^= 1
	return pem.EncodeToMemory(block)
}

// otherName is a subjectAltName that the standard library passes over.
func otherName() pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: []byte{0x30, 8, 0xa0, 6, 6, 1, 42, 0xa0, 1, 5}}
}

// TestAllowed shows the other side: what an honest agent asks for is copied.
func TestAllowed(t *testing.T) {
	w := newWorld(t, pki.Policy{AutosignAll: true, AllowAltNames: true, AllowAuthExtensions: true})
	body := rawRequest(t, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "a.test"}, DNSNames: []string{"a.test", "www.test"},
		ExtraExtensions: []pkix.Extension{ext("pp_role", "web"), ext("private", "x"), ext("pp_auth_role", "r")},
	}, newKey(t, pki.P384))
	if signed, err := w.Submit(t.Context(), "a.test", body); !signed || err != nil {
		t.Fatal(signed, err)
	}
	s, err := w.Status(t.Context(), "a.test")
	w.must(err)
	if strings.Join(s.SubjectAltNames, " ") != "DNS:a.test DNS:www.test" || s.AuthorizationExtensions["pp_auth_role"] != "r" {
		t.Errorf("%+v", s)
	}
	got := pki.TrustedExtensions(w.certificate("a.test"))
	if got["pp_role"] != "web" || got["1.3.6.1.4.1.34380.1.2.7"] != "x" {
		t.Errorf("trusted extensions %v", got)
	}
	wild := rawRequest(t, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "b.test"}, DNSNames: []string{"*.test"}}, newKey(t, pki.P256))
	if signed, err := w.Submit(t.Context(), "b.test", wild); signed || !errs.Is(err, errs.Conflict) {
		t.Errorf("a wildcard name: %v, %v", signed, err)
	}
}

func FuzzParseRequest(f *testing.F) {
	key := newKey(f, pki.P256)
	f.Add(newRequest(f, pki.RequestOptions{Name: "a.test", Challenge: "token", DNSNames: []string{"b.test"}}, key))
	f.Add(rawRequest(f, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "a"}, ExtraExtensions: []pkix.Extension{ext("pp_role", "x"), otherName()}}, key))
	f.Add([]byte("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := pki.ParseRequest(data)
		if err != nil {
			if errs.Is(err, errs.Internal) {
				t.Errorf("a bad request is our fault: %v", err)
			}
			return
		}
		again, err := pki.ParseRequest(r.PEM())
		if err != nil || again.Name != r.Name || again.KeyID != r.KeyID {
			t.Errorf("written and read again: %v", err)
		}
	})
}
