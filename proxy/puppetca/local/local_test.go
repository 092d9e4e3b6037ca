package local_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/pkitest"
	"github.com/chargehand/chargehand/proxy/proxytest"
	"github.com/chargehand/chargehand/proxy/puppetca"
	"github.com/chargehand/chargehand/proxy/puppetca/local"
	"github.com/chargehand/chargehand/proxy/remote"
	"github.com/chargehand/chargehand/proxy/server"
)

// A world is a CA whose clock is at hand.
type world struct {
	ca  *pki.CA
	now time.Time
}

func (w *world) clock() time.Time { return w.now }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Now().UTC().Truncate(time.Second)}
	authority, err := pki.NewAuthority(pki.AuthorityOptions{Name: "test CA", Key: pki.P256, Now: w.now}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w.ca, err = pki.New(t.Context(), pki.Options{Authority: authority, Store: pkitest.NewMemory(), Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) request(t *testing.T, o pki.RequestOptions) bool {
	t.Helper()
	key, err := pki.NewKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := pki.NewRequest(o, key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := w.ca.Submit(t.Context(), o.Name, csr)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// homes are the providers themselves, and the same over the wire.
func homes(w *world, t *testing.T) map[string]struct {
	ca       puppetca.CA
	autosign puppetca.Autosigner
} {
	t.Helper()
	ca, auto := local.CA{CA: w.ca, Clock: w.clock}, local.Autosign{CA: w.ca, Clock: w.clock}
	h := server.New(server.Options{PuppetCA: &server.PuppetCA{CA: ca, Autosign: auto}}).InProcess()
	c, err := remote.New("http://proxy", fetch.New(fetch.Options{Transport: fetch.Handler(h)}))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]struct {
		ca       puppetca.CA
		autosign puppetca.Autosigner
	}{"itself": {ca, auto}, "over the wire": {c.PuppetCA(), c.Autosign()}}
}

func TestConformance(t *testing.T) {
	for _, name := range []string{"itself", "over the wire"} {
		t.Run(name, func(t *testing.T) {
			proxytest.CA(t, func(t *testing.T) proxytest.CAHome {
				w := newWorld(t)
				return proxytest.CAHome{Provider: homes(w, t)[name].ca, Request: func(t *testing.T, certname string) {
					w.request(t, pki.RequestOptions{Name: certname})
				}}
			})
			proxytest.Autosign(t, func(t *testing.T) proxytest.AutosignHome {
				return proxytest.AutosignHome{Provider: homes(newWorld(t), t)[name].autosign}
			})
		})
	}
}

// TestGrants: what is added is signed, once, and not after its time.
func TestGrants(t *testing.T) {
	w := newWorld(t)
	a := local.Autosign{CA: w.ca, Clock: w.clock}
	for _, name := range []string{"a.example.test", "b.example.test"} {
		if _, err := a.Add(t.Context(), name, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if !w.request(t, pki.RequestOptions{Name: "a.example.test"}) {
		t.Error("what was granted is not signed")
	}
	if found, err := a.Remove(t.Context(), "a.example.test"); found || err != nil {
		t.Errorf("the grant is still there: %v %v", found, err)
	}
	if w.request(t, pki.RequestOptions{Name: "c.example.test"}) {
		t.Error("a stranger is signed")
	}
	w.now = w.now.Add(time.Hour)
	if w.request(t, pki.RequestOptions{Name: "b.example.test"}) {
		t.Error("what was granted until now is signed")
	}
}

func TestRefusedRequest(t *testing.T) {
	w := newWorld(t)
	w.request(t, pki.RequestOptions{Name: "a.example.test", DNSNames: []string{"puppet"}})
	ca := local.CA{CA: w.ca, Clock: w.clock}
	if err := ca.Sign(t.Context(), "a.example.test"); !errs.Is(err, errs.Invalid) {
		t.Error(err)
	}
	w.request(t, pki.RequestOptions{Name: "b.example.test"})
	if err := ca.Sign(t.Context(), "b.example.test"); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.AddDate(50, 0, 0)
	list, err := ca.List(t.Context())
	if err != nil || len(list) != 2 || list[1].State != puppetca.Revoked {
		t.Errorf("an expired certificate: %+v %v", list, err)
	}
}
