package machine

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/castore"
	"github.com/chargehand/chargehand/puppet/fileserve"
	"github.com/chargehand/chargehand/puppet/server"
)

// A master is the program's own Puppet server and CA, with the catalog of the
// stand-in and sinks that keep what they get.
type master struct {
	*testing.T
	code    string
	facts   []server.Facts
	reports []server.Report
}

const masterName = "puppet.example.test"

// TestOwnPuppetServer takes a machine to its report with the real CA and server
// in place of the stand-ins.
func TestOwnPuppetServer(t *testing.T) {
	s := newSite(t)
	cfg := s.register(5)
	p := &master{T: t, code: t.TempDir()}
	cfg.Puppet = p.serve()
	var steps []Step
	cfg.Report = func(x Step) { steps = append(steps, x) }
	m, err := New(cfg)
	p.must(err)
	p.must(m.Provision(t.Context()))
	if len(steps) != 19 || len(p.facts) != 1 || len(p.reports) != 1 {
		t.Fatalf("%d steps, %d sets of facts, %d reports", len(steps), len(p.facts), len(p.reports))
	}
	if f := p.facts[0]; f.Certname != "m5.example.test" || f.Trusted.Authenticated != "remote" {
		t.Errorf("facts of %s, %+v", f.Certname, f.Trusted)
	}
	r := p.reports[0]
	if r.Certname != "m5.example.test" || r.Status != "changed" || r.Format != 12 || r.Environment != "production" {
		t.Errorf("report %+v", r)
	}
	p.must(m.RunAgent(t.Context()))
	if len(p.reports) != 2 || p.reports[1].Status != "unchanged" {
		t.Errorf("the second run: %d reports, %s", len(p.reports), p.reports[len(p.reports)-1].Status)
	}
}

func (p *master) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// serve starts the server and gives its address.
func (p *master) serve() string {
	for name, text := range map[string]string{
		"motd/files/src.txt": "from the server\n", "motd/files/tree/sub/a.rb": "a\n", "motd/lib/facter/a.rb": "# a fact\n", "motd/facts.d/b.txt": "b=1\n",
	} {
		file := filepath.Join(p.code, filepath.FromSlash(name))
		p.must(os.MkdirAll(filepath.Dir(file), 0o755))
		p.must(os.WriteFile(file, []byte(text), 0o644))
	}
	ca := p.ca()
	files, err := fileserve.New(p, clock.System)
	p.must(err)
	bucket, err := rootfs.Open(p.TempDir())
	p.must(err)
	p.Cleanup(func() { _ = bucket.Close() })
	h := server.New(server.Options{
		Name: masterName, CA: ca, Compiler: p, Classifier: p, Environments: p, Files: files,
		Bucket: fileserve.NewBucket(bucket), KnownFacts: p,
		Facts:   []server.Feed[server.FactSink]{{Name: "core", Sink: p}},
		Reports: []server.Feed[server.ReportSink]{{Name: "store", Sink: p}},
	})
	l := httptest.NewUnstartedServer(h)
	l.Listener = tls.NewListener(l.Listener, tlsconf.Server(tlsconf.Static(p.material(ca)), tlsconf.RequestCert, "http/1.1"))
	l.Start()
	p.Cleanup(l.Close)
	return l.Listener.Addr().String()
}

// ca is an authority that signs every request.
func (p *master) ca() *pki.CA {
	store, err := castore.Open(p.TempDir())
	p.must(err)
	p.Cleanup(func() { _ = store.Close() })
	authority, err := store.Authority(func() (*pki.Authority, error) {
		return pki.NewAuthority(pki.AuthorityOptions{Name: masterName, Now: clock.System()}, rand.Reader)
	})
	p.must(err)
	ca, err := pki.New(context.Background(), pki.Options{Authority: authority, Store: store, Clock: clock.System, Policy: pki.Policy{AutosignAll: true}})
	p.must(err)
	return ca
}

func (p *master) material(ca *pki.CA) *tlsconf.Material {
	key, err := pki.NewKey(pki.P256, rand.Reader)
	p.must(err)
	cert, err := ca.Issue(context.Background(), pki.Service{Name: masterName, PublicKey: key.Public(), TakeOver: true})
	p.must(err)
	keyPEM, err := pki.EncodeKey(key)
	p.must(err)
	pair, err := tls.X509KeyPair(cert, keyPEM)
	p.must(err)
	return &tlsconf.Material{Certificate: &pair, CAs: ca.Authority().Chain}
}

// Compile gives the stand-in's catalog without the source that is not there.
func (p *master) Compile(_ context.Context, r server.CompileRequest) (server.Catalog, error) {
	return server.Catalog{Wire: []byte(strings.Replace(catalogJSON, `"name":"m"`, `"name":"`+r.Certname+`"`, 1))}, nil
}

func (p *master) Classify(context.Context, string) (server.Classification, error) {
	return server.Classification{Environment: "production"}, nil
}

func (p *master) environment() server.Environment {
	return server.Environment{Name: "production", ModulePath: []string{p.code}, Timeout: new(time.Duration)}
}

func (p *master) Environments(context.Context) ([]server.Environment, error) {
	return []server.Environment{p.environment()}, nil
}

func (p *master) Environment(_ context.Context, name string) (server.Environment, error) {
	if name != "production" {
		return server.Environment{}, errs.New(errs.NotFound, "Could not find environment '%s'", name)
	}
	return p.environment(), nil
}

func (p *master) Modules(context.Context, string) ([]fileserve.Module, error) {
	return []fileserve.Module{{Name: "motd", Dir: filepath.Join(p.code, "motd")}}, nil
}

func (p *master) ModulePath(context.Context, string) ([]string, error) {
	return []string{p.code}, nil
}

func (p *master) Facts(context.Context, string) (server.Facts, error) {
	return server.Facts{}, errs.New(errs.NotFound, "none")
}

func (p *master) StoreFacts(_ context.Context, f server.Facts) error {
	if len(p.facts) == 0 {
		p.facts = append(p.facts, f)
	}
	return nil
}

func (p *master) StoreReport(_ context.Context, r server.Report) error {
	if !json.Valid(r.JSON) {
		return errs.New(errs.Malformed, "not JSON")
	}
	p.reports = append(p.reports, r)
	return nil
}
