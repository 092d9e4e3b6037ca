package pki_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/pkitest"
)

// masked hides nothing from an enemy, but from a search.
type masked byte

func (m masked) Seal(plain []byte) ([]byte, error) {
	out := []byte{byte(m)}
	for _, b := range plain {
		out = append(out, b^byte(m))
	}
	return out, nil
}

func (m masked) Open(sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != byte(m) {
		return nil, errs.New(errs.Forbidden, "sealed with another key")
	}
	plain, err := m.Seal(sealed[1:])
	return plain[1:], err
}

// TestReplicasShareTheAuthority starts replicas at once; all sign with one key.
func TestReplicasShareTheAuthority(t *testing.T) {
	store := pkitest.NewMemory()
	create := func() (*pki.Authority, error) {
		return pki.NewAuthority(pki.AuthorityOptions{Name: "test", Now: start}, rand.Reader)
	}
	prints := make([]string, 8)
	var wg sync.WaitGroup
	for i := range prints {
		wg.Go(func() {
			a, err := pki.SharedAuthority(t.Context(), store, masked(7), create)
			if err != nil {
				t.Error(err)
				return
			}
			prints[i] = pki.Fingerprint(a.Certificate().Raw)
		})
	}
	wg.Wait()
	for _, print := range prints {
		if print == "" || print != prints[0] {
			t.Errorf("%q and %q", print, prints[0])
		}
	}
	if _, err := pki.SharedAuthority(t.Context(), store, masked(8), create); !errs.Is(err, errs.Forbidden) {
		t.Errorf("with another sealing key: %v", err)
	}
	err := store.View(t.Context(), func(tx pki.Tx) error {
		value, _, err := tx.Get("state", "authority")
		if bytes.Contains(value, []byte("PRIVATE")) {
			t.Error("the key is in the store as it is")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAsk(t *testing.T) {
	asked := 0
	w := newWorld(t, pki.Policy{Ask: func(_ context.Context, name string, request []byte) (bool, error) {
		asked++
		if _, err := pki.ParseRequest(request); err != nil {
			t.Error(err)
		}
		if name == "broken.test" {
			return true, errors.New("the program crashed")
		}
		return name == "yes.test", nil
	}})
	for name, want := range map[string]bool{"yes.test": true, "no.test": false, "broken.test": false} {
		if signed, err := w.submit(name); err != nil || signed != want {
			t.Errorf("%s: %v, %v", name, signed, err)
		}
	}
	if _, err := w.submit("yes.test"); !errs.Is(err, errs.Conflict) || asked != 3 {
		t.Errorf("a duplicate: %v, asked %d times", err, asked)
	}
}

func TestRenewalIsBounded(t *testing.T) {
	w := newWorld(t, pki.Policy{AutosignAll: true})
	_, err := w.submit("a.test")
	w.must(err)
	for n := 0; ; n++ {
		_, err := w.Renew(t.Context(), w.certificate("a.test"))
		if errs.Is(err, errs.Limited) && n == 9 {
			break
		}
		if err != nil || n > 9 {
			t.Fatalf("renewal %d: %v", n, err)
		}
	}
}
