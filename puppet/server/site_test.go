package server_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/castore"
	"github.com/chargehand/chargehand/puppet/fileserve"
	"github.com/chargehand/chargehand/puppet/server"
)

// code is the site's one environment; %BASE% is where the agent may write.
const code = `
-- environments/production/modules/demo/files/src.txt --
from the server
-- environments/production/modules/demo/files/tree/a --
a
-- environments/production/modules/demo/files/tree/sub/b --
b
-- environments/production/modules/demo/facts.d/demo.txt --
demo_ext=external
-- environments/production/modules/demo/lib/facter/demo_fact.rb --
Facter.add(:demo_fact) { setcode { 'from pluginsync' } }
-- environments/production/manifests/site.pp --
node default { include demo }
`

// A site is a server with its CA on a loopback port, and what its sinks got.
type site struct {
	testing.TB
	dir     string
	cadir   fs.FS // of a Puppet Server, to take over; nil for a CA of its own
	ca      *pki.CA
	server  *server.Server
	address string // host:port

	mu       sync.Mutex
	facts    []server.Facts
	catalogs []server.CompiledCatalog
	reports  []server.Report
	sinkErr  error
	classes  server.Classification
}

const serverName = "puppet.example.test"

func newSite(t testing.TB, policy pki.Policy, change func(*site, *server.Options)) *site {
	t.Helper()
	return buildSite(&site{TB: t, dir: t.TempDir()}, policy, change)
}

func buildSite(s *site, policy pki.Policy, change func(*site, *server.Options)) *site {
	s.Helper()
	t := s.TB
	s.write(code)
	s.openCA(policy)
	files, err := fileserve.New(s, clock.System)
	s.must(err)
	bucket, err := rootfs.Open(filepath.Join(s.dir, "bucket"))
	s.must(err)
	t.Cleanup(func() { _ = bucket.Close() })
	o := server.Options{
		Name: serverName, CA: s.ca, Compiler: s, Classifier: s, Environments: s, Files: files,
		Bucket: fileserve.NewBucket(bucket), KnownFacts: s,
		Facts:    []server.Feed[server.FactSink]{{Name: "core", Sink: s}, {Name: "puppetdb", Required: true, Sink: quiet{s}}},
		Catalogs: []server.Feed[server.CatalogSink]{{Name: "puppetdb", Required: true, Sink: s}},
		Reports:  []server.Feed[server.ReportSink]{{Name: "store", Sink: s}, {Name: "puppetdb", Required: true, Sink: quiet{s}}},
		Log:      slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if change != nil {
		change(s, &o)
	}
	s.server = server.New(o)
	s.listen()
	return s
}

// quiet takes everything and keeps nothing.
type quiet struct{ *site }

func (quiet) StoreFacts(context.Context, server.Facts) error   { return nil }
func (quiet) StoreReport(context.Context, server.Report) error { return nil }

type testWriter struct{ testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) write(archive string) {
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(s.dir, "code", filepath.FromSlash(f.Name))
		s.must(os.MkdirAll(filepath.Dir(name), 0o755))
		s.must(os.WriteFile(name, f.Data, 0o644))
	}
}

func (s *site) openCA(policy pki.Policy) {
	store, err := castore.Open(filepath.Join(s.dir, "ca"))
	s.must(err)
	s.Cleanup(func() { _ = store.Close() })
	authority, err := store.Authority(func() (*pki.Authority, error) {
		if s.cadir != nil {
			return pki.ImportAuthority(s.cadir)
		}
		return pki.NewAuthority(pki.AuthorityOptions{Name: serverName, Now: clock.System()}, rand.Reader)
	})
	s.must(err)
	if s.cadir != nil {
		s.must(pki.Import(s.Context(), store, authority, s.cadir, clock.System()))
	}
	s.ca, err = pki.New(s.Context(), pki.Options{Authority: authority, Store: store, Clock: clock.System, Policy: policy})
	s.must(err)
}

// material is a certificate of the CA for a name, as a service or as an agent.
func (s *site) material(name string, admin bool) *tlsconf.Material {
	s.Helper()
	key, err := pki.NewKey(pki.P256, rand.Reader)
	s.must(err)
	service := pki.Service{Name: name, DNSNames: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, PublicKey: key.Public(), Admin: admin, TakeOver: true}
	cert, err := s.ca.Issue(s.Context(), service)
	s.must(err)
	return s.materialOf(cert, key)
}

func (s *site) materialOf(cert []byte, key crypto.Signer) *tlsconf.Material {
	s.Helper()
	keyPEM, err := pki.EncodeKey(key)
	s.must(err)
	pair, err := tls.X509KeyPair(cert, keyPEM)
	s.must(err)
	return &tlsconf.Material{Certificate: &pair, CAs: s.ca.Authority().Chain}
}

// material follows the CA's revocation list, as a Source.
type following struct {
	*site
	base *tlsconf.Material
}

func (f following) Material() (*tlsconf.Material, error) {
	data, _, err := f.ca.FullCRL(context.Background())
	if err != nil {
		return nil, err
	}
	lists, err := pki.ParseCRLs(data)
	return &tlsconf.Material{Certificate: f.base.Certificate, CAs: f.base.CAs, CRLs: lists}, err
}

func (s *site) listen() {
	l := httptest.NewUnstartedServer(s.server)
	l.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	l.Listener = tls.NewListener(l.Listener, tlsconf.Server(following{s, s.material(serverName, true)}, tlsconf.RequestCert, "http/1.1"))
	l.Start()
	s.Cleanup(l.Close)
	s.address = l.Listener.Addr().String()
}

// client speaks as a name; the empty one has no certificate.
func (s *site) client(name string) *http.Client {
	s.Helper()
	m := &tlsconf.Material{CAs: s.ca.Authority().Chain}
	if name != "" {
		m = s.material(name, name == serverName)
	}
	config := tlsconf.Client(tlsconf.Static(m))
	config.ServerName = serverName
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableCompression: true}}
	s.Cleanup(c.CloseIdleConnections)
	return c
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// call sends "METHOD /path", headers as "Name: value", and a body.
func (s *site) call(c *http.Client, line string, body string, headers ...string) answer {
	s.Helper()
	method, path, _ := strings.Cut(line, " ")
	req, err := http.NewRequestWithContext(s.Context(), method, "https://"+s.address+path, strings.NewReader(body))
	s.must(err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := c.Do(req)
	s.must(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	s.must(err)
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// The site is its own compiler, classifier, environments and sinks.

func (s *site) Compile(_ context.Context, r server.CompileRequest) (server.Catalog, error) {
	if strings.HasPrefix(r.Certname, "broken") {
		return server.Catalog{}, errs.New(errs.Invalid, "Evaluation Error: Error while evaluating a Function Call, on purpose (file: /x/site.pp, line: 1, column: 1)")
	}
	wire, err := json.Marshal(handMade(r, filepath.Join(s.dir, "agent-writes")))
	return server.Catalog{Wire: wire}, err
}

// handMade is a small catalog: a file with a source, one with content, a
// recursed directory and a notify.
func handMade(r server.CompileRequest, base string) map[string]any {
	file := func(path string, more map[string]any) map[string]any {
		return map[string]any{"type": "File", "kind": "compilable_type", "title": base + path, "tags": []string{"file"}, "exported": false, "parameters": more}
	}
	resources := []any{
		map[string]any{"type": "Stage", "kind": "compilable_type", "title": "main", "tags": []string{"stage"}, "exported": false, "parameters": map[string]any{"name": "main"}},
		map[string]any{"type": "Class", "kind": "unknown", "title": "main", "tags": []string{"class"}, "exported": false, "parameters": map[string]any{"name": "main"}},
		file("", map[string]any{"ensure": "directory"}),
		file("/src.txt", map[string]any{"ensure": "file", "source": "puppet:///modules/demo/src.txt"}),
		file("/tree", map[string]any{"ensure": "directory", "recurse": true, "source": "puppet:///modules/demo/tree"}),
		file("/env", map[string]any{"ensure": "file", "content": r.Environment + "\n"}),
	}
	edges := []any{map[string]any{"source": "Stage[main]", "target": "Class[main]"}}
	for _, title := range []string{"", "/src.txt", "/tree", "/env"} {
		edges = append(edges, map[string]any{"source": "Class[main]", "target": "File[" + base + title + "]"})
	}
	return map[string]any{
		"tags": []string{"settings", "class"}, "name": r.Certname, "version": 1795456477, "code_id": nil,
		"catalog_uuid": "2192b4b0-fdb5-4b48-8151-d209ec51e868", "catalog_format": 2, "environment": r.Environment,
		"resources": resources, "edges": edges, "classes": []string{"settings"},
	}
}

func (s *site) Classify(_ context.Context, certname string) (server.Classification, error) {
	if strings.HasPrefix(certname, "unknown") {
		return server.Classification{}, errs.New(errs.NotFound, "no node %s", certname)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.classes, nil
}

func (s *site) environment(name string) server.Environment {
	dir := filepath.Join(s.dir, "code", "environments", name)
	zero := time.Duration(0)
	return server.Environment{Name: name, ModulePath: []string{filepath.Join(dir, "modules")}, Manifest: filepath.Join(dir, "manifests"), Timeout: &zero}
}

func (s *site) Environments(context.Context) ([]server.Environment, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "code", "environments"))
	var all []server.Environment
	for _, e := range entries {
		all = append(all, s.environment(e.Name()))
	}
	return all, err
}

func (s *site) Environment(_ context.Context, name string) (server.Environment, error) {
	if _, err := os.Stat(filepath.Join(s.dir, "code", "environments", name)); err != nil {
		return server.Environment{}, errs.New(errs.NotFound, "Could not find environment '%s'", name)
	}
	return s.environment(name), nil
}

func (s *site) ModulePath(ctx context.Context, environment string) ([]string, error) {
	e, err := s.Environment(ctx, environment)
	return e.ModulePath, err
}

func (s *site) Modules(ctx context.Context, environment string) ([]fileserve.Module, error) {
	e, err := s.Environment(ctx, environment)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(e.ModulePath[0])
	var modules []fileserve.Module
	for _, m := range entries {
		modules = append(modules, fileserve.Module{Name: m.Name(), Dir: filepath.Join(e.ModulePath[0], m.Name())})
	}
	return modules, err
}

func (s *site) StoreFacts(_ context.Context, f server.Facts) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts = append(s.facts, f)
	return s.sinkErr
}

func (s *site) StoreCatalog(_ context.Context, c server.CompiledCatalog) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catalogs = append(s.catalogs, c)
	return nil
}

func (s *site) StoreReport(_ context.Context, r server.Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = append(s.reports, r)
	return s.sinkErr
}

func (s *site) Facts(_ context.Context, certname string) (server.Facts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.facts) - 1; i >= 0; i-- {
		if s.facts[i].Certname == certname {
			return s.facts[i], nil
		}
	}
	return server.Facts{}, errs.New(errs.NotFound, "no facts of %s", certname)
}

func newRequest(t testing.TB, name string) ([]byte, crypto.Signer) {
	t.Helper()
	key, err := pki.NewKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := pki.NewRequest(pki.RequestOptions{Name: name}, key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(csr), key
}
