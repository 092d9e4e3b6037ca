// Package pkitest is the suite that each home of pki.Store passes, and a home in
// memory for tests. It imports pki and the standard library.
package pkitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
)

// Run runs the suite; open gives an empty store each time.
func Run(t *testing.T, open func(t *testing.T) pki.Store) {
	for name, test := range map[string]func(*testing.T, pki.Store){
		"keeps what was put":             testPut,
		"scans in order of keys":         testScan,
		"drops what a failed update did": testRollback,
		"refuses changes in a view":      testView,
		"serializes updates":             testSerial,
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) { test(t, open(t)) })
	}
}

func update(t *testing.T, s pki.Store, fn func(pki.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s pki.Store, bucket, key string) (string, bool) {
	t.Helper()
	var value []byte
	var found bool
	err := s.View(t.Context(), func(tx pki.Tx) (err error) {
		value, found, err = tx.Get(bucket, key)
		value = bytes.Clone(value)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(value), found
}

func testPut(t *testing.T, s pki.Store) {
	update(t, s, func(tx pki.Tx) error {
		return errors.Join(tx.Put("a", "k", []byte(`"1"`)), tx.Put("b", "k", []byte(`"2"`)), tx.Put("a", "k", []byte(`"3"`)))
	})
	if v, found := read(t, s, "a", "k"); !found || v != `"3"` {
		t.Errorf("a/k is %q, %v", v, found)
	}
	update(t, s, func(tx pki.Tx) error {
		if err := errors.Join(tx.Delete("a", "k"), tx.Delete("a", "never")); err != nil {
			return err
		}
		if _, found, err := tx.Get("a", "k"); found || err != nil {
			t.Errorf("deleted, and yet found in its own transaction (%v)", err)
		}
		return nil
	})
	if _, found := read(t, s, "a", "k"); found {
		t.Error("deleted, and yet found")
	}
	if v, found := read(t, s, "b", "k"); !found || v != `"2"` {
		t.Errorf("b/k is %q, %v", v, found)
	}
}

func testScan(t *testing.T, s pki.Store) {
	update(t, s, func(tx pki.Tx) error {
		for _, k := range []string{"b", "a", "c.d", "c"} {
			if err := tx.Put("x", k, []byte(`1`)); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, s, func(tx pki.Tx) error {
		if err := errors.Join(tx.Delete("x", "b"), tx.Put("x", "aa", []byte(`2`))); err != nil {
			return err
		}
		var keys []string
		err := tx.Scan("x", func(k string, _ []byte) error { keys = append(keys, k); return nil })
		if got := strings.Join(keys, " "); got != "a aa c c.d" {
			t.Errorf("scan gave %q", got)
		}
		return err
	})
	stop := errors.New("enough")
	err := s.View(t.Context(), func(tx pki.Tx) error {
		return tx.Scan("x", func(string, []byte) error { return stop })
	})
	if !errors.Is(err, stop) {
		t.Errorf("the scan's error came back as %v", err)
	}
}

func testRollback(t *testing.T, s pki.Store) {
	update(t, s, func(tx pki.Tx) error { return tx.Put("x", "k", []byte(`1`)) })
	cause := errs.New(errs.Conflict, "no")
	err := s.Update(t.Context(), func(tx pki.Tx) error {
		if err := errors.Join(tx.Put("x", "k", []byte(`2`)), tx.Put("x", "new", []byte(`2`))); err != nil {
			return err
		}
		return cause
	})
	if !errors.Is(err, cause) {
		t.Errorf("the update's error came back as %v", err)
	}
	if v, _ := read(t, s, "x", "k"); v != `1` {
		t.Errorf("k is %s after a failed update", v)
	}
	if _, found := read(t, s, "x", "new"); found {
		t.Error("new is there after a failed update")
	}
}

func testView(t *testing.T, s pki.Store) {
	err := s.View(t.Context(), func(tx pki.Tx) error { return tx.Put("x", "k", []byte(`1`)) })
	if err == nil {
		t.Error("a view could change")
	}
}

// testSerial counts up from many sides, as replicas take serials.
func testSerial(t *testing.T, s pki.Store) {
	const writers, rounds = 8, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range rounds {
				err := s.Update(t.Context(), func(tx pki.Tx) error {
					value, _, err := tx.Get("x", "n")
					if err != nil {
						return err
					}
					n := 0
					_, _ = fmt.Sscan(string(value), &n)
					return tx.Put("x", "n", fmt.Append(nil, n+1))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if v, _ := read(t, s, "x", "n"); v != fmt.Sprint(writers*rounds) {
		t.Errorf("counted to %s, not %d", v, writers*rounds)
	}
}

// Memory is a home that forgets everything at the end of the process.
type Memory struct {
	mu      sync.RWMutex
	buckets map[string]map[string][]byte
}

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{buckets: map[string]map[string][]byte{}} }

// View runs fn under a read lock.
func (m *Memory) View(_ context.Context, fn func(pki.Tx) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return fn(memoryTx{buckets: m.buckets})
}

// Update runs fn on a copy.
func (m *Memory) Update(_ context.Context, fn func(pki.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	draft := map[string]map[string][]byte{}
	for name, bucket := range m.buckets {
		draft[name] = maps.Clone(bucket)
	}
	if err := fn(memoryTx{buckets: draft, writable: true}); err != nil {
		return err
	}
	m.buckets = draft
	return nil
}

type memoryTx struct {
	buckets  map[string]map[string][]byte
	writable bool
}

func (tx memoryTx) Get(bucket, key string) ([]byte, bool, error) {
	value, found := tx.buckets[bucket][key]
	return value, found, nil
}

func (tx memoryTx) Put(bucket, key string, value []byte) error {
	if !tx.writable {
		return errs.New(errs.Internal, "a view changes nothing")
	}
	if tx.buckets[bucket] == nil {
		tx.buckets[bucket] = map[string][]byte{}
	}
	tx.buckets[bucket][key] = value
	return nil
}

func (tx memoryTx) Delete(bucket, key string) error {
	if !tx.writable {
		return errs.New(errs.Internal, "a view changes nothing")
	}
	delete(tx.buckets[bucket], key)
	return nil
}

func (tx memoryTx) Scan(bucket string, fn func(string, []byte) error) error {
	for _, key := range slices.Sorted(maps.Keys(tx.buckets[bucket])) {
		if err := fn(key, tx.buckets[bucket][key]); err != nil {
			return err
		}
	}
	return nil
}
