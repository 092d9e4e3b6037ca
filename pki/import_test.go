package pki_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/pkitest"
)

// puppetDir is a CA directory as a Puppet Server leaves it: two certificates,
// one of them revoked, a third that was cleaned, and a request.
func puppetDir(t *testing.T) (fstest.MapFS, *pki.Authority) {
	t.Helper()
	w := newWorld(t, pki.Policy{AutosignPatterns: []string{"*.test"}})
	for _, name := range []string{"good.test", "bad.test", "gone.test", "waiting.example"} {
		_, err := w.submit(name)
		w.must(err)
	}
	w.must(w.Revoke(t.Context(), "bad.test", "gone.test"))
	files := fstest.MapFS{}
	file := func(name string, data []byte, err error) {
		w.must(err)
		files[name] = &fstest.MapFile{Data: data}
	}
	key, err := pki.EncodeKey(w.Authority().Key)
	file("ca_key.pem", key, err)
	file("ca_crt.pem", w.Authority().ChainPEM(), nil)
	crl, _, err := w.FullCRL(t.Context())
	file("ca_crl.pem", crl, err)
	file("serial", []byte("0005"), nil)
	for _, name := range []string{"good.test", "bad.test"} {
		cert, err := w.Certificate(t.Context(), name)
		file("signed/"+name+".pem", cert, err)
	}
	csr, err := w.Request(t.Context(), "waiting.example")
	file("requests/waiting.example.pem", csr, err)
	var inventory []byte
	lines, err := w.Inventory(t.Context())
	for _, l := range lines {
		inventory = append(inventory, l.String()+"\n"...)
	}
	file("inventory.txt", inventory, err)
	file("infra_inventory.txt", []byte("compiler.test\n"), nil)
	return files, w.Authority()
}

func TestImport(t *testing.T) {
	files, _ := puppetDir(t)
	authority, err := pki.ImportAuthority(files)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, now: start, store: pkitest.NewMemory()}
	w.must(pki.Import(t.Context(), w.store, authority, files, start))
	w.CA = w.open(authority, pki.Policy{AutosignAll: true})
	states := map[string]string{}
	list, err := w.Statuses(t.Context(), "")
	w.must(err)
	for _, s := range list {
		states[s.Name] = s.State
	}
	want := map[string]string{"good.test": "signed", "bad.test": "revoked", "waiting.example": "requested"}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if n := w.revokedSerials(); n != 2 {
		t.Errorf("%d on the revocation list, wanted 2", n)
	}
	w.must(w.Sign(t.Context(), "waiting.example", pki.SignOptions{}))
	if serial := w.certificate("waiting.example").SerialNumber; serial.Cmp(big.NewInt(5)) != 0 {
		t.Errorf("the next serial is %s, wanted 5", serial)
	}
	if err := pki.Import(t.Context(), w.store, authority, files, start); !errs.Is(err, errs.Conflict) {
		t.Errorf("a second import: %v", err)
	}
}

func TestImportRefuses(t *testing.T) {
	for _, c := range []struct {
		what  string
		spoil func(fstest.MapFS)
		kind  errs.Kind
	}{
		{"no key", func(f fstest.MapFS) { delete(f, "ca_key.pem") }, errs.NotFound},
		{"bad serial", func(f fstest.MapFS) { f["serial"].Data = []byte("xyz") }, errs.Malformed},
		{"bad certificate", func(f fstest.MapFS) { f["signed/good.test.pem"].Data = []byte("x") }, errs.Malformed},
		{"bad inventory", func(f fstest.MapFS) { f["inventory.txt"].Data = []byte("0x1 a b /CN=c") }, errs.Malformed},
		{"request of another name", func(f fstest.MapFS) { f["requests/x.pem"] = f["requests/waiting.example.pem"] }, errs.Invalid},
	} {
		files, authority := puppetDir(t)
		c.spoil(files)
		_, err := pki.ImportAuthority(files)
		if err == nil {
			err = pki.Import(t.Context(), pkitest.NewMemory(), authority, files, start)
		}
		if !errs.Is(err, c.kind) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestCapturedChain reads what a real Puppet Server and agent exchanged.
func TestCapturedChain(t *testing.T) {
	dir := captures(t)
	if dir == "" {
		return
	}
	chain := capturedPEM(t, dir, "agent-first-run/001-GET_certificate_ca.http")
	certs, err := pki.ParseCertificates(chain)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := pki.ParseCertificates(capturedPEM(t, dir, "agent-first-run/008-GET_certificate.http"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"pp_uuid": "ED803750-E3C7-44F5-BB08-41A04433FE2E", "pp_instance_id": "i-0123456789", "pp_role": "webserver",
		"1.3.6.1.4.1.34380.1.2.1.1": "private-ext",
	}
	if diff := cmp.Diff(want, pki.TrustedExtensions(leaf[0])); diff != "" {
		t.Errorf("trusted extensions (-want +got):\n%s", diff)
	}
	r, err := pki.ParseRequest(capturedPEM(t, dir, "agent-first-run/003-PUT_certificate_request.http"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "agent1.example.test" || r.Challenge != "autosign-secret-1" {
		t.Errorf("request of %q with challenge %q", r.Name, r.Challenge)
	}
	sameForm(t, certs[0], leaf[0], r)
}

// sameForm signs the captured request and compares with the captured certificate.
func sameForm(t *testing.T, ca, leaf *x509.Certificate, r *pki.Request) {
	w := newWorld(t, pki.Policy{AutosignAll: true})
	if _, err := w.Submit(t.Context(), r.Name, r.PEM()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(extensionIDs(leaf), extensionIDs(w.certificate(r.Name))); diff != "" {
		t.Errorf("leaf extensions (-real +ours):\n%s", diff)
	}
	if diff := cmp.Diff(extensionIDs(ca), extensionIDs(w.Authority().Certificate())); diff != "" {
		t.Errorf("CA extensions (-real +ours):\n%s", diff)
	}
	for i, e := range w.certificate(r.Name).Extensions {
		if id := e.Id.String(); id != "2.5.29.35" && string(e.Value) != string(leaf.Extensions[i].Value) {
			t.Errorf("%s: real %x, ours %x", id, leaf.Extensions[i].Value, e.Value)
		}
	}
}

// captures is the folder of recorded exchanges, or empty where it is absent.
func captures(t *testing.T) string {
	dir := os.Getenv("CHARGEHAND_REFERENCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "reference")
	}
	dir = filepath.Join(dir, "puppet", "captures")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Log("no recorded exchanges here; set CHARGEHAND_REFERENCE")
		return ""
	}
	return dir
}

func capturedPEM(t *testing.T, dir, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	from := bytes.Index(data, []byte("-----BEGIN"))
	to := bytes.Index(data, []byte("-----END"))
	return append(data[from:to:to], data[to:to+bytes.IndexByte(data[to:], '\n')+1]...)
}

func TestAuthorityOfChain(t *testing.T) {
	files, authority := puppetDir(t)
	other, err := pki.NewAuthority(pki.AuthorityOptions{Name: "root", Now: time.Now()}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bundle := append(other.ChainPEM(), authority.ChainPEM()...)
	a, err := pki.ParseAuthority(bundle, files["ca_key.pem"].Data)
	if err != nil || a.Name() != "Puppet CA: puppet.example.test" || len(a.Chain) != 2 {
		t.Errorf("%v, %v", a, err)
	}
	if _, err := pki.ParseAuthority(other.ChainPEM(), files["ca_key.pem"].Data); !errs.Is(err, errs.Invalid) {
		t.Errorf("a chain without the key's certificate: %v", err)
	}
}
