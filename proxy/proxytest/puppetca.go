package proxytest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/puppetca"
)

// A CAHome is a certificate authority with no certificate or request of the
// names h*.example.test.
type CAHome struct {
	Provider puppetca.CA

	// Request has a machine send its certificate request.
	Request func(t *testing.T, certname string)

	Outage *Outage // nil when the home cannot be broken
}

// CA runs the suite; open makes a fresh home for each test.
func CA(t *testing.T, open func(t *testing.T) CAHome) {
	t.Run("life of a certificate", func(t *testing.T) { caLife(t, open(t)) })
	t.Run("outage", func(t *testing.T) { caOutage(t, open(t)) })
}

func (h CAHome) find(t *testing.T, certname string) puppetca.Certificate {
	t.Helper()
	all, err := h.Provider.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Certname == certname {
			return c
		}
	}
	return puppetca.Certificate{}
}

func caLife(t *testing.T, h CAHome) {
	const host = "h1.example.test"
	ctx := t.Context()
	wantKind(t, "sign without request", h.Provider.Sign(ctx, host), errs.NotFound, errs.Upstream)
	twice(t, "clean what never was", func() error { return h.Provider.Clean(ctx, host) })
	for range 2 { // a cleaned name can come again
		h.Request(t, host)
		if c := h.find(t, host); c.State != puppetca.Pending || c.Serial != "" || !c.NotAfter.IsZero() {
			t.Errorf("requested: %+v", c)
		}
		twice(t, "sign", func() error { return h.Provider.Sign(ctx, host) })
		if c := h.find(t, host); c.State != puppetca.Valid || c.Fingerprint == "" || c.Serial == "" || c.NotAfter.Before(c.NotBefore) {
			t.Errorf("signed: %+v", c)
		}
		twice(t, "clean", func() error { return h.Provider.Clean(ctx, host) })
		if c := h.find(t, host); c.State == puppetca.Valid || c.State == puppetca.Pending {
			t.Errorf("cleaned: %+v", c)
		}
	}
	h.Request(t, "h2.example.test")
	twice(t, "clean a request", func() error { return h.Provider.Clean(ctx, "h2.example.test") })
	if c := h.find(t, "h2.example.test"); c.State == puppetca.Pending {
		t.Errorf("request is still there: %+v", c)
	}
}

func caOutage(t *testing.T, h CAHome) {
	h.Request(t, "h3.example.test")
	h.Outage.during(t, func() {
		wantKind(t, "sign", h.Provider.Sign(t.Context(), "h3.example.test"), errs.Upstream, errs.Unavailable)
		wantKind(t, "clean", h.Provider.Clean(t.Context(), "h3.example.test"), errs.Upstream, errs.Unavailable)
		_, err := h.Provider.List(t.Context())
		wantKind(t, "list", err, errs.Upstream, errs.Unavailable)
	})
	if err := h.Provider.Sign(t.Context(), "h3.example.test"); err != nil {
		t.Error(err)
	}
}

// An AutosignHome is an Autosigner with an empty list.
type AutosignHome struct {
	Provider puppetca.Autosigner
	Tokens   bool // Add gives tokens, and Remove cannot tell what was there
}

// Autosign runs the suite; open makes a fresh home for each test.
func Autosign(t *testing.T, open func(t *testing.T) AutosignHome) {
	t.Run("add and remove", func(t *testing.T) { autosignLife(t, open(t)) })
	t.Run("bad names", func(t *testing.T) { autosignNames(t, open(t)) })
	t.Run("parallel", func(t *testing.T) { autosignParallel(t, open(t)) })
}

func (h AutosignHome) add(t *testing.T, name string) {
	t.Helper()
	twice(t, "add "+name, func() error {
		token, err := h.Provider.Add(t.Context(), name, 10*time.Minute)
		if err == nil && (token != "") != h.Tokens {
			t.Errorf("token is %q", token)
		}
		return err
	})
}

func (h AutosignHome) want(t *testing.T, want ...string) {
	t.Helper()
	got, err := h.Provider.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, got...)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func autosignLife(t *testing.T, h AutosignHome) {
	h.want(t)
	h.add(t, "h2.example.test")
	h.add(t, "h1.example.test")
	h.want(t, "h2.example.test", "h1.example.test")
	for _, wantFound := range []bool{true, h.Tokens} {
		found, err := h.Provider.Remove(t.Context(), "h2.example.test")
		if err != nil || found != wantFound {
			t.Errorf("remove: %v, %v", found, err)
		}
	}
	h.want(t, "h1.example.test")
}

func autosignNames(t *testing.T, h AutosignHome) {
	for _, name := range []string{"*", "*.example.test", "UPPER.example.test", "a b", "#x", "x#y", "-x", ".x", "a..b", "é", strings.Repeat("a", 254)} {
		_, err := h.Provider.Add(t.Context(), name, 0)
		wantKind(t, fmt.Sprintf("add %.40q", name), err, errs.Malformed)
	}
	h.want(t)
}

func autosignParallel(t *testing.T, h AutosignHome) {
	const n = 16
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			name := fmt.Sprintf("h%d.example.test", i)
			if _, err := h.Provider.Add(context.Background(), name, 0); err != nil {
				t.Error(err)
			}
			if i%2 == 0 {
				if _, err := h.Provider.Remove(context.Background(), name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	left, err := h.Provider.List(t.Context())
	if err != nil || len(left) != n/2 {
		t.Errorf("%d of %d left: %v, %v", len(left), n/2, left, err)
	}
}

// A MemoryCA is a CA, and a MemoryAutosign an Autosigner, without keys.
type MemoryCA struct {
	Faults

	mu     sync.Mutex
	certs  map[string]puppetca.Certificate
	serial int
}

// Request has a machine send its certificate request.
func (m *MemoryCA) Request(certname string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.certs == nil {
		m.certs = map[string]puppetca.Certificate{}
	}
	m.certs[certname] = puppetca.Certificate{Certname: certname, State: puppetca.Pending, Fingerprint: "AA:BB"}
}

// List implements puppetca.CA.
func (m *MemoryCA) List(context.Context) (all []puppetca.Certificate, err error) {
	err = m.Around("list", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, c := range m.certs {
			all = append(all, c)
		}
		slices.SortFunc(all, func(a, b puppetca.Certificate) int { return strings.Compare(a.Certname, b.Certname) })
		return nil
	})
	return all, err
}

// Sign implements puppetca.CA.
func (m *MemoryCA) Sign(_ context.Context, certname string) error {
	return m.Around("sign", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		c, ok := m.certs[certname]
		if !ok {
			return errs.New(errs.NotFound, "no request of %s", certname)
		}
		if c.State == puppetca.Pending {
			m.serial++
			now := time.Now().UTC().Truncate(time.Second)
			c.State, c.Serial, c.NotBefore, c.NotAfter = puppetca.Valid, fmt.Sprint(m.serial), now, now.AddDate(5, 0, 0)
			m.certs[certname] = c
		}
		return nil
	})
}

// Clean implements puppetca.CA.
func (m *MemoryCA) Clean(_ context.Context, certname string) error {
	return m.Around("clean", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.certs, certname)
		return nil
	})
}

// A MemoryAutosign is an Autosigner without a file.
type MemoryAutosign struct {
	Faults

	mu    sync.Mutex
	names []string
}

// List implements puppetca.Autosigner.
func (m *MemoryAutosign) List(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.names), nil
}

// Add implements puppetca.Autosigner.
func (m *MemoryAutosign) Add(_ context.Context, certname string, _ time.Duration) (string, error) {
	return "", m.Around("add", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if err := puppetca.CheckCertname(certname); err != nil {
			return err
		}
		if !slices.Contains(m.names, certname) {
			m.names = append(m.names, certname)
		}
		return nil
	})
}

// Remove implements puppetca.Autosigner.
func (m *MemoryAutosign) Remove(_ context.Context, certname string) (found bool, err error) {
	err = m.Around("remove", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		found = slices.Contains(m.names, certname)
		m.names = slices.DeleteFunc(m.names, func(n string) bool { return n == certname })
		return nil
	})
	return found, err
}
