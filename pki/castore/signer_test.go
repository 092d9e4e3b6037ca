package castore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/castore"
)

// caOver makes a CA that signs everything.
func caOver(ctx context.Context, s *castore.Store) (*pki.CA, error) {
	authority, err := s.Authority(func() (*pki.Authority, error) {
		return pki.NewAuthority(pki.AuthorityOptions{Name: "test", Now: clock.System()}, rand.Reader)
	})
	if err != nil {
		return nil, err
	}
	return pki.New(ctx, pki.Options{Authority: authority, Store: s, Clock: clock.System, Policy: pki.Policy{AutosignAll: true}})
}

// signForever signs certificates and says so on standard output after each one.
func signForever(dir, prefix string) {
	store, err := castore.Open(dir)
	if err != nil {
		panic(err)
	}
	ca, err := caOver(context.Background(), store)
	if err != nil {
		panic(err)
	}
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s-%d.test", prefix, n)
		key, err := pki.NewKey(pki.P256, rand.Reader)
		if err != nil {
			panic(err)
		}
		csr, err := pki.NewRequest(pki.RequestOptions{Name: name}, key, rand.Reader)
		if err != nil {
			panic(err)
		}
		if _, err := ca.Submit(context.Background(), name, csr); err != nil {
			panic(err)
		}
		if _, err := fmt.Println(name); err != nil {
			os.Exit(1)
		}
	}
}

// fillDisk is TestFullDisk's other process; 0 is success.
func fillDisk(dir string) int {
	s, err := castore.Open(dir)
	if err != nil {
		panic(err)
	}
	set := func(key string, size int) error {
		value := []byte(`"` + strings.Repeat("x", size) + `"`)
		return s.Update(context.Background(), func(tx pki.Tx) error { return tx.Put("x", key, value) })
	}
	limit := func(size uint64) {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}); err != nil {
			panic(err)
		}
	}
	if err := set("before", 100); err != nil {
		panic(err)
	}
	limit(1000)
	if err := set("huge", 5000); !errs.Is(err, errs.Unavailable) {
		fmt.Println("over the bound:", err)
		return 1
	}
	if err := s.View(context.Background(), func(tx pki.Tx) error { _, _, err := tx.Get("x", "before"); return err }); err != nil {
		fmt.Println("reading meanwhile:", err)
		return 1
	}
	limit(unix.RLIM_INFINITY)
	if err := set("after", 5000); err != nil {
		fmt.Println("with room again:", err)
		return 1
	}
	return 0
}

func put(t testing.TB, s *castore.Store, key string) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx pki.Tx) error { return tx.Put("x", key, []byte(`"1"`)) }); err != nil {
		t.Fatal(err)
	}
}

func lookup(t testing.TB, s *castore.Store, key string) (value string, found bool) {
	t.Helper()
	err := s.View(t.Context(), func(tx pki.Tx) error {
		data, ok, err := tx.Get("x", key)
		value, found = string(data), ok
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value, found
}

// filledLog is a log of two updates.
func filledLog(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "first")
	put(t, s, "last")
	data, err := os.ReadFile(filepath.Join(dir, "ca.log"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeLog(t *testing.T, dir string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "ca.log"), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkSubmitAndSign(b *testing.B) {
	for _, kind := range []pki.KeyKind{pki.P256, pki.RSA4096} {
		b.Run(string(kind), func(b *testing.B) {
			store := open(b, b.TempDir())
			authority, err := pki.NewAuthority(pki.AuthorityOptions{Name: "test", Key: kind, Now: clock.System()}, rand.Reader)
			if err != nil {
				b.Fatal(err)
			}
			ca, err := pki.New(b.Context(), pki.Options{Authority: authority, Store: store, Clock: clock.System, Policy: pki.Policy{AutosignAll: true}})
			if err != nil {
				b.Fatal(err)
			}
			key, err := pki.NewKey(pki.RSA2048, rand.Reader)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				csr, err := pki.NewRequest(pki.RequestOptions{Name: "a.test"}, key, rand.Reader)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := ca.Submit(b.Context(), "a.test", csr); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := ca.Delete(b.Context(), "a.test"); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
