package tokens_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/proxy/proxytest"
	"github.com/chargehand/chargehand/proxy/puppetca/tokens"
)

func open(t *testing.T, path string, now clock.Clock) *tokens.Store {
	t.Helper()
	s, err := tokens.Open(path, 0, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	proxytest.Autosign(t, func(t *testing.T) proxytest.AutosignHome {
		return proxytest.AutosignHome{Provider: open(t, filepath.Join(t.TempDir(), "tokens"), clock.System), Tokens: true}
	})
}

func request(t *testing.T, name, challenge string) []byte {
	t.Helper()
	key, err := pki.NewKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := pki.NewRequest(pki.RequestOptions{Name: name, Challenge: challenge}, key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

func TestTokens(t *testing.T) {
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	path := filepath.Join(t.TempDir(), "tokens")
	s := open(t, path, func() time.Time { return now })
	add := func(name string, ttl time.Duration) string {
		t.Helper()
		token, err := s.Add(t.Context(), name, ttl)
		if err != nil || len(token) < 40 {
			t.Fatalf("%q %v", token, err)
		}
		return token
	}
	judge := func(what, name, challenge string, want bool) {
		t.Helper()
		if got, err := s.Validate(t.Context(), request(t, name, challenge)); got != want || err != nil {
			t.Errorf("%s: %v %v", what, got, err)
		}
	}
	a, b := add("a.example.test", 0), add("b.example.test", time.Minute)
	judge("another's token", "b.example.test", a, false)
	judge("no token", "a.example.test", "", false)
	judge("a stranger", "c.example.test", a, false)
	if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), a) {
		t.Errorf("the file holds the token: %s %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	s = open(t, path, func() time.Time { return now }) // after a restart
	judge("its token", "a.example.test", a, true)
	judge("its token again", "a.example.test", a, false)
	now = now.Add(time.Minute)
	judge("too late", "b.example.test", b, false)
	if names, err := s.List(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("%v %v", names, err)
	}
	old := add("d.example.test", 0)
	fresh := add("d.example.test", 0)
	judge("a replaced token", "d.example.test", old, false)
	judge("the newer one", "d.example.test", fresh, true)
	if _, err := s.Validate(t.Context(), []byte("junk")); !errs.Is(err, errs.Malformed) {
		t.Error(err)
	}
}

func TestBrokenFileIsNotOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("- yaml\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, path, clock.System).Add(t.Context(), "a.example.test", 0); !errs.Is(err, errs.Unavailable) {
		t.Error(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "- yaml\n" {
		t.Errorf("%q", text)
	}
}
