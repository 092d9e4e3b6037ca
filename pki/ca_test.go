package pki_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/pkitest"
)

var start = time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)

// A world is a CA with a clock that the test turns.
type world struct {
	*testing.T
	*pki.CA
	now   time.Time
	store pki.Store
}

func newWorld(t *testing.T, policy pki.Policy) *world {
	t.Helper()
	w := &world{T: t, now: start, store: pkitest.NewMemory()}
	authority, err := pki.NewAuthority(pki.AuthorityOptions{Name: "puppet.example.test", Now: start}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w.CA = w.open(authority, policy)
	return w
}

func (w *world) open(a *pki.Authority, policy pki.Policy) *pki.CA {
	w.Helper()
	ca, err := pki.New(w.Context(), pki.Options{
		Authority: a, Store: w.store, Policy: policy, Clock: func() time.Time { return w.now },
	})
	if err != nil {
		w.Fatal(err)
	}
	return ca
}

func newKey(t testing.TB, kind pki.KeyKind) crypto.Signer {
	t.Helper()
	key, err := pki.NewKey(kind, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRequest(t testing.TB, o pki.RequestOptions, key crypto.Signer) []byte {
	t.Helper()
	csr, err := pki.NewRequest(o, key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

// submit sends a plain request of a fresh key.
func (w *world) submit(name string) (bool, error) {
	w.Helper()
	return w.Submit(w.Context(), name, newRequest(w, pki.RequestOptions{Name: name}, newKey(w, pki.P256)))
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) certificate(name string) *x509.Certificate {
	w.Helper()
	data, err := w.Certificate(w.Context(), name)
	w.must(err)
	certs, err := pki.ParseCertificates(data)
	w.must(err)
	return certs[0]
}

func (w *world) state(name string) string {
	w.Helper()
	s, err := w.Status(w.Context(), name)
	if errs.Is(err, errs.NotFound) {
		return "unknown"
	}
	w.must(err)
	return s.State
}

func (w *world) revokedSerials() int {
	w.Helper()
	data, _, err := w.FullCRL(w.Context())
	w.must(err)
	lists, err := pki.ParseCRLs(data)
	w.must(err)
	w.must(lists[0].CheckSignatureFrom(w.Authority().Certificate()))
	return len(lists[0].RevokedCertificateEntries)
}

func TestLifeOfACertificate(t *testing.T) {
	w := newWorld(t, pki.Policy{})
	signed, err := w.submit("a.example.test")
	w.must(err)
	if signed || w.state("a.example.test") != "requested" {
		t.Fatalf("signed %v, state %s", signed, w.state("a.example.test"))
	}
	w.must(w.Sign(t.Context(), "a.example.test", pki.SignOptions{TTL: time.Hour}))
	cert := w.certificate("a.example.test")
	if _, err := cert.Verify(x509.VerifyOptions{Roots: w.Authority().Pool(), CurrentTime: start, DNSName: "a.example.test"}); err != nil {
		t.Error(err)
	}
	if got := cert.NotAfter.Sub(start); got != time.Hour {
		t.Errorf("valid for %s, wanted 1h", got)
	}
	w.must(w.Revoke(t.Context(), "a.example.test"))
	w.must(w.Revoke(t.Context(), "a.example.test"))
	if w.state("a.example.test") != "revoked" || w.revokedSerials() != 1 {
		t.Errorf("state %s, %d revoked", w.state("a.example.test"), w.revokedSerials())
	}
	missing, err := w.Clean(t.Context(), "a.example.test", "b.example.test")
	w.must(err)
	if diff := cmp.Diff([]string{"b.example.test"}, missing); diff != "" {
		t.Error(diff)
	}
	if w.state("a.example.test") != "unknown" || w.revokedSerials() != 1 {
		t.Errorf("after clean: state %s, %d revoked", w.state("a.example.test"), w.revokedSerials())
	}
	w.now = w.now.Add(2 * time.Hour)
	w.must(w.Prune(t.Context()))
	if w.revokedSerials() != 0 {
		t.Error("an expired certificate is still on the revocation list")
	}
}

func TestStatesRefuse(t *testing.T) {
	w := newWorld(t, pki.Policy{})
	_, err := w.submit("asked.example.test")
	w.must(err)
	_, err = w.submit("signed.example.test")
	w.must(err)
	w.must(w.Sign(t.Context(), "signed.example.test", pki.SignOptions{}))
	for _, c := range []struct {
		what string
		err  error
		kind errs.Kind
		text string
	}{
		{"submit twice", second(w.submit("asked.example.test")), errs.Conflict, "asked.example.test already has a requested certificate; ignoring certificate request"},
		{"submit signed", second(w.submit("signed.example.test")), errs.Conflict, "signed.example.test already has a signed certificate; ignoring certificate request"},
		{"sign unknown", w.Sign(t.Context(), "nope", pki.SignOptions{}), errs.NotFound, "Invalid certificate subject."},
		{"sign signed", w.Sign(t.Context(), "signed.example.test", pki.SignOptions{}), errs.Conflict, "Cannot sign certificate for host signed.example.test without a certificate request"},
		{"revoke unknown", w.Revoke(t.Context(), "nope"), errs.NotFound, "Invalid certificate subject."},
		{"revoke asked", w.Revoke(t.Context(), "asked.example.test"), errs.Conflict, "Cannot revoke certificate for host asked.example.test without a signed certificate"},
		{"delete unknown", w.Delete(t.Context(), "nope"), errs.NotFound, "Resource not found."},
		{"negative life", w.Sign(t.Context(), "asked.example.test", pki.SignOptions{TTL: -1}), errs.Invalid, "a certificate cannot be valid for -1ns"},
	} {
		if !errs.Is(c.err, c.kind) || errs.PublicText(c.err) != c.text {
			t.Errorf("%s: %v (%s)", c.what, c.err, errs.KindOf(c.err))
		}
	}
}

func second[A, B any](_ A, b B) B { return b }

func TestAutosign(t *testing.T) {
	w := newWorld(t, pki.Policy{
		AutosignPatterns: []string{"*.auto.test", "exact.test"},
		Protected:        func(name string) bool { return strings.HasPrefix(name, "proxy.") },
	})
	hour := start.Add(time.Hour)
	for _, g := range []pki.Grant{
		{Pattern: "once.test", Once: true, Expires: hour},
		{Pattern: "late.test", Expires: start.Add(-time.Second)},
		{Pattern: "*.lab.test", Expires: hour},
		{Pattern: "proxy.granted.test", Once: true},
	} {
		w.must(w.AddGrant(t.Context(), g))
	}
	for name, want := range map[string]bool{
		"a.auto.test": true, "a.b.auto.test": true, "auto.test": false, "xauto.test": false, "exact.test": true,
		"b.exact.test": false, "once.test": true, "late.test": false, "x.lab.test": true, "proxy.granted.test": true,
	} {
		if signed, err := w.submit(name); err != nil || signed != want {
			t.Errorf("%s: signed %v (%v), wanted %v", name, signed, err, want)
		}
	}
	if _, err := w.submit("proxy.auto.test"); !errs.Is(err, errs.Forbidden) {
		t.Errorf("a protected name was taken by glob: %v", err)
	}
	grants, err := w.Grants(t.Context())
	w.must(err)
	if diff := cmp.Diff([]pki.Grant{{Pattern: "*.lab.test", Expires: hour}}, grants); diff != "" {
		t.Errorf("grants left (-want +got):\n%s", diff)
	}
	if _, err := w.Clean(t.Context(), "once.test"); err != nil {
		t.Fatal(err)
	}
	if signed, _ := w.submit("once.test"); signed {
		t.Error("a grant for one time was used twice")
	}
	if err := w.Withdraw(t.Context(), "once.test"); !errs.Is(err, errs.NotFound) {
		t.Errorf("withdraw a spent grant: %v", err)
	}
}

func TestTokens(t *testing.T) {
	w := newWorld(t, pki.Policy{Protected: func(name string) bool { return name == "proxy.test" }})
	token, err := w.NewToken(t.Context(), pki.Token{Pattern: "proxy.test", Expires: start.Add(time.Hour), Once: true})
	w.must(err)
	try := func(name, challenge string) (bool, error) {
		return w.Submit(t.Context(), name, newRequest(t, pki.RequestOptions{Name: name, Challenge: challenge}, newKey(t, pki.RSA2048)))
	}
	if signed, err := try("other.test", token); err != nil || signed {
		t.Errorf("token of another name: %v, %v", signed, err)
	}
	if _, err := try("proxy.test", token+"x"); !errs.Is(err, errs.Forbidden) {
		t.Errorf("wrong token for a protected name: %v", err)
	}
	w.now = start.Add(2 * time.Hour)
	if _, err := try("proxy.test", token); !errs.Is(err, errs.Forbidden) {
		t.Errorf("expired token: %v", err)
	}
	w.now = start
	if signed, err := try("proxy.test", token); err != nil || !signed {
		t.Errorf("token: %v, %v", signed, err)
	}
	_, err = w.Clean(t.Context(), "proxy.test")
	w.must(err)
	if _, err := try("proxy.test", token); !errs.Is(err, errs.Forbidden) {
		t.Errorf("spent token: %v", err)
	}
}

func TestRenewal(t *testing.T) {
	w := newWorld(t, pki.Policy{AutosignAll: true})
	_, err := w.submit("a.test")
	w.must(err)
	old := w.certificate("a.test")
	w.now = start.Add(1000 * time.Hour)
	_, err = w.Renew(t.Context(), old)
	w.must(err)
	fresh := w.certificate("a.test")
	if fresh.SerialNumber.Cmp(old.SerialNumber) <= 0 || !fresh.NotAfter.After(old.NotAfter) {
		t.Errorf("renewed to serial %s until %s", fresh.SerialNumber, fresh.NotAfter)
	}
	if diff := cmp.Diff(extensionIDs(old), extensionIDs(fresh)); diff != "" {
		t.Errorf("extensions changed:\n%s", diff)
	}
	w.must(w.Revoke(t.Context(), "a.test"))
	if n := w.revokedSerials(); n != 2 {
		t.Errorf("revoking a renewed name put %d certificates on the list, not both", n)
	}
	for _, c := range []*x509.Certificate{old, fresh} {
		if _, err := w.Renew(t.Context(), c); !errs.Is(err, errs.Forbidden) {
			t.Errorf("renewal after revocation: %v", err)
		}
	}
	foreign := newWorld(t, pki.Policy{AutosignAll: true})
	_, err = foreign.submit("a.test")
	w.must(err)
	if _, err := w.Renew(t.Context(), foreign.certificate("a.test")); !errs.Is(err, errs.Forbidden) {
		t.Errorf("renewal of another CA's certificate: %v", err)
	}
}

func extensionIDs(c *x509.Certificate) []string {
	var ids []string
	for _, e := range c.Extensions {
		id := e.Id.String()
		if e.Critical {
			id += " critical"
		}
		ids = append(ids, id)
	}
	return ids
}

// TestForm holds the certificates against the ones that Puppet Server makes.
func TestForm(t *testing.T) {
	w := newWorld(t, pki.Policy{AutosignAll: true})
	_, err := w.submit("a.test")
	w.must(err)
	leaf, ca := w.certificate("a.test"), w.Authority().Certificate()
	want := []string{
		"2.5.29.17", "2.16.840.1.113730.1.13", "2.5.29.35", "2.5.29.14",
		"2.5.29.19 critical", "2.5.29.37 critical", "2.5.29.15 critical",
	}
	if diff := cmp.Diff(want, extensionIDs(leaf)); diff != "" {
		t.Errorf("leaf (-want +got):\n%s", diff)
	}
	want = []string{"2.16.840.1.113730.1.13", "2.5.29.35", "2.5.29.14", "2.5.29.19 critical", "2.5.29.15 critical"}
	if diff := cmp.Diff(want, extensionIDs(ca)); diff != "" {
		t.Errorf("CA (-want +got):\n%s", diff)
	}
	if leaf.SerialNumber.Int64() != 2 || !leaf.NotBefore.Equal(start.Add(-24*time.Hour)) || !leaf.NotAfter.Equal(start.Add(pki.DefaultTTL)) {
		t.Errorf("serial %s, from %s to %s", leaf.SerialNumber, leaf.NotBefore, leaf.NotAfter)
	}
	if leaf.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment || len(leaf.ExtKeyUsage) != 2 || leaf.IsCA {
		t.Errorf("usage %b, %v, CA %v", leaf.KeyUsage, leaf.ExtKeyUsage, leaf.IsCA)
	}
	if ca.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign || !ca.IsCA || ca.Subject.CommonName != "Puppet CA: puppet.example.test" {
		t.Errorf("CA: usage %b, %s", ca.KeyUsage, ca.Subject)
	}
}

func TestServiceCertificate(t *testing.T) {
	w := newWorld(t, pki.Policy{})
	key := newKey(t, pki.P256)
	s := pki.Service{Name: "core.test", DNSNames: []string{"puppet", "localhost", "core.test"}, PublicKey: key.Public(), Admin: true}
	_, err := w.Issue(t.Context(), s)
	w.must(err)
	cert := w.certificate("core.test")
	if !pki.MayAdminister(cert) {
		t.Error("no pp_cli_auth")
	}
	if diff := cmp.Diff([]string{"core.test", "puppet", "localhost"}, cert.DNSNames); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"pp_cli_auth": "true"}, pki.TrustedExtensions(cert)); diff != "" {
		t.Error(diff)
	}
	_, err = w.Issue(t.Context(), s) // the same key renews
	w.must(err)
	s.PublicKey = newKey(t, pki.P256).Public()
	if _, err := w.Issue(t.Context(), s); !errs.Is(err, errs.Conflict) {
		t.Errorf("another key took the name: %v", err)
	}
	s.TakeOver = true
	_, err = w.Issue(t.Context(), s)
	w.must(err)
	s.Name = "other.test"
	if _, err := w.Issue(t.Context(), s); !errs.Is(err, errs.Forbidden) {
		t.Errorf("one key for two names: %v", err)
	}
}

func TestReplicasShareSerials(t *testing.T) {
	w := newWorld(t, pki.Policy{AutosignAll: true})
	second := w.open(w.Authority(), pki.Policy{AutosignAll: true})
	_, err := w.submit("a.test")
	w.must(err)
	_, err = second.Submit(t.Context(), "b.test", newRequest(t, pki.RequestOptions{Name: "b.test"}, newKey(t, pki.P256)))
	w.must(err)
	lines, err := w.Inventory(t.Context())
	w.must(err)
	var got []string
	for _, l := range lines {
		got = append(got, l.String())
	}
	want := []string{
		"0x0002 2026-11-22T17:00:00UTC 2031-11-22T17:00:00UTC /CN=a.test",
		"0x0003 2026-11-22T17:00:00UTC 2031-11-22T17:00:00UTC /CN=b.test",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
}

func TestInfraCRL(t *testing.T) {
	w := newWorld(t, pki.Policy{AutosignAll: true})
	w.must(w.SetInfra(t.Context(), []string{"compiler.test"}))
	for _, name := range []string{"compiler.test", "agent.test"} {
		_, err := w.submit(name)
		w.must(err)
	}
	w.must(w.Revoke(t.Context(), "compiler.test", "agent.test"))
	infra, err := pki.New(t.Context(), pki.Options{Authority: w.Authority(), Store: w.store, Clock: func() time.Time { return start }, InfraCRL: true})
	w.must(err)
	data, _, err := infra.CRL(t.Context())
	w.must(err)
	lists, err := pki.ParseCRLs(data)
	w.must(err)
	if n := len(lists[0].RevokedCertificateEntries); n != 1 || w.revokedSerials() != 2 {
		t.Errorf("infra list has %d, full list %d", n, w.revokedSerials())
	}
}

func TestMemorySuite(t *testing.T) {
	pkitest.Run(t, func(*testing.T) pki.Store { return pkitest.NewMemory() })
}
