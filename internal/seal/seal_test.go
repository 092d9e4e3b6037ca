package seal

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

func key(t *testing.T, b byte) *Key {
	t.Helper()
	k, err := New(bytes.Repeat([]byte{b}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealAndOpen(t *testing.T) {
	k := key(t, 1)
	for _, plain := range []string{"", "geheim", strings.Repeat("ü", 5000)} {
		a, err := k.Seal(plain)
		if err != nil {
			t.Fatal(err)
		}
		b, err := k.Seal(plain)
		if err != nil || a == b || strings.Contains(a, "geheim") {
			t.Errorf("sealed %q and %q (%v)", a, b, err)
		}
		if got, err := k.Open(a); err != nil || got != plain {
			t.Errorf("opened %q, %v", got, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	k := key(t, 1)
	sealed, err := k.Seal("geheim")
	if err != nil {
		t.Fatal(err)
	}
	other, err := key(t, 2).Seal("geheim")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		text string
		kind errs.Kind
	}{
		"plain":     {"geheim", errs.Invalid},
		"cut":       {sealed[:len(sealed)-8], errs.Invalid},
		"changed":   {sealed[:len(prefix)+12] + "A" + sealed[len(prefix)+13:], errs.Invalid},
		"other key": {other, errs.Unavailable},
	} {
		if got, err := k.Open(test.text); !errs.Is(err, test.kind) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	a, err := Load("", path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Load("", path)
	if err != nil || a.id != b.id {
		t.Errorf("the second start has another key (%v)", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load("", path); !errs.Is(err, errs.Malformed) {
		t.Errorf("err = %v", err)
	}
	if _, err := Load("zz", ""); !errs.Is(err, errs.Malformed) {
		t.Errorf("err = %v", err)
	}
}

func TestDerivedKeysDiffer(t *testing.T) {
	a, err := key(t, 1).Derive("audit")
	b, err2 := key(t, 1).Derive("sessions")
	if err != nil || err2 != nil || bytes.Equal(a, b) || len(a) != KeySize {
		t.Errorf("%x %x %v %v", a, b, err, err2)
	}
}
