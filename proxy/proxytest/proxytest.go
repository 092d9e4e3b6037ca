// Package proxytest is the conformance suite of the Smart Proxy features: every
// home of an interface (a provider itself, one behind server and client, a real
// Smart Proxy) passes the same tests. It also has in-memory providers, for tests
// of what stands on the interfaces, and faults to put into any provider.
//
// It imports testing, the feature packages below proxy and internal/errs; test
// files alone import it.
package proxytest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

// An Outage is what a home under test can offer to show how it fails: Begin
// makes what is behind the provider unreachable, End heals it.
type Outage struct {
	Begin, End func(t *testing.T)
}

// during runs f while the outage lasts; without an outage it does nothing.
func (o *Outage) during(t *testing.T, f func()) bool {
	t.Helper()
	if o == nil {
		return false
	}
	o.Begin(t)
	f()
	o.End(t)
	return true
}

// wantKind fails the test unless err is of one of the kinds.
func wantKind(t *testing.T, what string, err error, kinds ...errs.Kind) {
	t.Helper()
	for _, k := range kinds {
		if errs.Is(err, k) {
			return
		}
	}
	t.Errorf("%s: got error %v (kind %v), want kind %v", what, err, errs.KindOf(err), kinds)
}

// twice does what must be repeatable.
func twice(t *testing.T, what string, do func() error) {
	t.Helper()
	for i := range 2 {
		if err := do(); err != nil {
			t.Fatalf("%s, time %d: %v", what, i+1, err)
		}
	}
}

// cancelled is a context that is over.
func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Faults break operations of a provider on demand. The zero value breaks
// nothing; it is safe for concurrent use.
type Faults struct {
	mu     sync.Mutex
	before map[string]error
	after  map[string]error
	calls  map[string]int
}

// Before has the next call of op fail with err and do nothing.
func (f *Faults) Before(op string, err error) { f.set(&f.before, op, err) }

// After has the next call of op do its work and fail with err: the answer lost
// on the way.
func (f *Faults) After(op string, err error) { f.set(&f.after, op, err) }

// Calls counts the calls of op so far.
func (f *Faults) Calls(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

func (f *Faults) set(m *map[string]error, op string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if *m == nil {
		*m = map[string]error{}
	}
	(*m)[op] = err
}

func (f *Faults) take(m map[string]error, op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := m[op]
	delete(m, op)
	return err
}

// Around runs an operation with its faults.
func (f *Faults) Around(op string, do func() error) error {
	f.mu.Lock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[op]++
	f.mu.Unlock()
	if err := f.take(f.before, op); err != nil {
		return err
	}
	return errors.Join(do(), f.take(f.after, op))
}
