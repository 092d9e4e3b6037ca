package machine

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
)

const (
	puppetPort     = "8140"
	puppetVersion  = "7.23.0"
	userAgent      = "Puppet/7.23.0 Ruby/3.1.7-p261 (x86_64-linux-gnu)"
	acceptJSON     = "application/json, text/pson"
	certTries      = 60
	maxPuppetReply = 64 << 20
)

// An identity is the machine's key and certificate, and the CA that it trusts.
type identity struct {
	key  crypto.Signer
	cert *x509.Certificate
	ca   *x509.CertPool
	http *fetch.Client // with the certificate, once there is one
}

// enrol is steps 15 to 17, as `puppet agent` does it: the CA's certificate
// without verification, the CRL, the request, the signed certificate.
func (m *Machine) enrol(ctx context.Context) error {
	m.identity.http = fetch.New(fetch.Options{TLS: &tls.Config{InsecureSkipVerify: true}}) //nolint:gosec // the agent's first call; it has nothing to verify by
	ca, err := m.plain(ctx, http.MethodGet, "/puppet-ca/v1/certificate/ca", nil)
	if err != nil {
		return err
	}
	m.identity.ca = x509.NewCertPool()
	if !m.identity.ca.AppendCertsFromPEM(ca) {
		return errs.New(errs.Upstream, "the CA's certificate is no PEM")
	}
	m.trust()
	if _, err := m.plain(ctx, http.MethodGet, "/puppet-ca/v1/certificate_revocation_list/ca", nil); err != nil {
		return err
	}
	csr, err := m.request()
	if err != nil {
		return err
	}
	if _, err := m.plain(ctx, http.MethodPut, "/puppet-ca/v1/certificate_request/"+m.certname, csr); err != nil {
		return err
	}
	m.step(15, []string{"PUT /puppet-ca/v1/certificate_request/" + m.certname, "key: EC P-256; SHA-256 of the request " + fingerprint(csr)},
		"Certificate asked for: CN=%s", m.certname)
	return m.collect(ctx)
}

// collect waits for the certificate, as `waitforcert` does.
func (m *Machine) collect(ctx context.Context) error {
	for try := range certTries {
		raw, err := m.plain(ctx, http.MethodGet, "/puppet-ca/v1/certificate/"+m.certname, nil)
		if err == nil {
			return m.adopt(raw, try+1)
		}
		if !errs.Is(err, errs.NotFound) {
			return err
		}
		select {
		case <-time.After(m.cfg.Wait):
		case <-ctx.Done():
			return errs.WrapAs(errs.Unavailable, ctx.Err(), "wait for the certificate")
		}
	}
	return errs.New(errs.Unavailable, "the certificate of %s is not signed: sign it, or see why autosigning did not", m.certname)
}

// adopt takes a signed certificate in use.
func (m *Machine) adopt(raw []byte, tries int) error {
	block, _ := pem.Decode(raw)
	if block == nil {
		return errs.New(errs.Upstream, "the signed certificate is no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return errs.WrapAs(errs.Upstream, err, "read the signed certificate")
	}
	if own, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || !own.Equal(m.identity.key.Public()) {
		return errs.New(errs.Upstream, "the certificate of %s is for another key: clean the old one", m.certname)
	}
	m.identity.cert = cert
	m.seen(16, []string{"issued by " + cert.Issuer.CommonName}, "The CA signed it by its autosign policy")
	m.trust()
	m.step(17, []string{
		fmt.Sprintf("GET /puppet-ca/v1/certificate/%s, asked %d times", m.certname, tries),
		fmt.Sprintf("serial %X, valid until %s", cert.SerialNumber, cert.NotAfter.Format(time.DateOnly)),
	}, "Certificate received: serial %X", cert.SerialNumber)
	return nil
}

// trust makes the client that knows the CA and, when there is one, presents the
// machine's certificate.
func (m *Machine) trust() {
	cfg := &tls.Config{RootCAs: m.identity.ca, ServerName: m.serverName(), MinVersion: tls.VersionTLS12}
	if m.identity.cert != nil {
		cfg.Certificates = []tls.Certificate{{Certificate: [][]byte{m.identity.cert.Raw}, PrivateKey: m.identity.key, Leaf: m.identity.cert}}
	}
	m.identity.http = fetch.New(fetch.Options{TLS: cfg, MaxBody: maxPuppetReply, KeepAlive: 1, UserAgent: userAgent})
}

func (m *Machine) request() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, errs.Wrap(err, "make a key")
	}
	m.identity.key = key
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: m.certname}}, key)
	if err != nil {
		return nil, errs.Wrap(err, "make a certificate request")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

func fingerprint(pemText []byte) string {
	block, _ := pem.Decode(pemText)
	sum := sha256.Sum256(block.Bytes)
	return strings.ToUpper(hex.EncodeToString(sum[:8])) + "…"
}

// server is host:port of the Puppet server, and what it is called.
func (m *Machine) server() string {
	if m.cfg.Puppet != "" {
		return m.cfg.Puppet
	}
	return net.JoinHostPort(m.plan.puppet, puppetPort)
}

// serverName is the name that the server's certificate must have: the one of
// puppet.conf, or else the one that it is reached by.
func (m *Machine) serverName() string {
	if m.plan.puppet != "" {
		return m.plan.puppet
	}
	host, _, _ := net.SplitHostPort(m.server())
	return host
}

// plain makes a call of the CA's, whose bodies are text.
func (m *Machine) plain(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	return m.call(ctx, call{method: method, path: path, accept: "text/plain", contentType: "text/plain", body: body})
}

// A call is one of the agent's requests.
type call struct {
	method, path, accept, contentType string
	query                             url.Values
	body                              []byte
}

// call makes a request of the Puppet server. A 404 is NotFound; other statuses
// than 2xx are Upstream with what the server says.
func (m *Machine) call(ctx context.Context, c call) ([]byte, error) {
	u := &url.URL{Scheme: "https", Host: m.server(), Path: c.path, RawQuery: c.query.Encode()}
	at, host := m.place(u)
	var body io.Reader = http.NoBody
	if c.body != nil {
		body = bytes.NewReader(c.body)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, at.String(), body)
	if err != nil {
		return nil, errs.Wrap(err, "%s %s", c.method, c.path)
	}
	req.Host = host
	req.Header.Set("X-Puppet-Version", puppetVersion)
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", c.accept)
	if c.body != nil {
		req.Header.Set("Content-Type", c.contentType)
	}
	resp, got, err := m.identity.http.Read(req)
	if err != nil {
		return nil, errs.Wrap(err, "%s %s", c.method, c.path)
	}
	if resp.StatusCode/100 == 2 {
		return got, nil
	}
	kind := errs.Upstream
	if resp.StatusCode == http.StatusNotFound {
		kind = errs.NotFound
	}
	return nil, errs.New(kind, "%s %s: %s: %.500s", c.method, c.path, resp.Status, strings.TrimSpace(string(got)))
}

// json makes a call of the server's and reads its JSON.
func (m *Machine) json(ctx context.Context, c call, into any) error {
	if c.accept == "" {
		c.accept = acceptJSON
	}
	got, err := m.call(ctx, c)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(got, into); err != nil {
		return errs.WrapAs(errs.Upstream, err, "read the answer to %s %s", c.method, c.path)
	}
	return nil
}

// A run is one run of the agent.
type run struct {
	m           *Machine
	start       time.Time
	transaction string
	env         string
	log         []logLine
	phases      map[string]float64 // seconds, for the report's metrics
	detail      []string
}

// RunAgent is steps 18 and 19: one run of the agent, which asks for its catalog,
// applies it and sends a report. It may be called again and again once the
// machine has its certificate.
func (m *Machine) RunAgent(ctx context.Context) error {
	if m.identity.cert == nil {
		return errs.New(errs.Invalid, "%s has no certificate yet", m.certname)
	}
	r := &run{m: m, start: time.Now(), transaction: uuid.NewString(), env: m.plan.env, phases: map[string]float64{}}
	if r.env == "" {
		r.env = "production"
	}
	for _, phase := range []struct {
		name string
		do   func(context.Context) error
	}{{"node_retrieval", r.node}, {"plugin_sync", r.plugins}} {
		if err := r.timed(phase.name, func() error { return phase.do(ctx) }); err != nil {
			return err
		}
	}
	var cat catalog
	if err := r.timed("config_retrieval", func() error { return r.catalog(ctx, &cat) }); err != nil {
		return err
	}
	var states []*status
	err := r.timed("catalog_application", func() (err error) {
		states, err = r.apply(ctx, &cat)
		return err
	})
	if err != nil {
		return err
	}
	rep := r.report(&cat, states)
	m.step(18, r.detail, "First Puppet run: catalog of %d resources applied, %d changed", len(cat.Resources), rep.changed())
	return r.send(ctx, rep)
}

func (r *run) timed(phase string, do func() error) error {
	start := time.Now()
	defer func() { r.phases[phase] += time.Since(start).Seconds() }()
	return do()
}

// node asks what the server knows of the machine; only an agent's first run does.
func (r *run) node(ctx context.Context) error {
	if r.m.runs++; r.m.runs > 1 {
		return nil
	}
	var n struct{ Environment string }
	err := r.m.json(ctx, call{method: http.MethodGet, path: "/puppet/v3/node/" + r.m.certname, query: url.Values{
		"environment": {r.env}, "configured_environment": {r.env}, "transaction_uuid": {r.transaction},
	}}, &n)
	if err == nil && n.Environment != "" {
		r.env = n.Environment
	}
	return err
}

// metadata is one of the file server's entries.
type metadata struct {
	Path         string  `json:"path"`
	RelativePath *string `json:"relative_path"`
	Type         string  `json:"type"`
	Checksum     struct {
		Type, Value string
	} `json:"checksum"`
	ContentURI string `json:"content_uri"`
}

func (d metadata) relative() string {
	if d.RelativePath == nil {
		return "."
	}
	return *d.RelativePath
}

// plugins is pluginsync: the environment probed, facts and plugins listed, what
// changed fetched.
func (r *run) plugins(ctx context.Context) error {
	if _, err := r.list(ctx, "plugins", false, "ignore"); err != nil {
		return err
	}
	fetched := 0
	for _, mount := range []struct{ name, permissions string }{{"pluginfacts", "use"}, {"plugins", "ignore"}} {
		entries, err := r.list(ctx, mount.name, true, mount.permissions)
		if err != nil {
			return err
		}
		for _, e := range entries {
			file := mount.name + "/" + e.relative()
			if e.Type != "file" || r.m.pluginsum[file] == e.Checksum.Value {
				continue
			}
			if err := r.fetch(ctx, "/puppet/v3/file_content/"+file, e); err != nil {
				return err
			}
			r.m.pluginsum[file] = e.Checksum.Value
			fetched++
			r.note("notice", "/File["+vardir+"/lib/"+e.relative()+"]/ensure", "defined content as '%s'", e.Checksum.Value)
		}
	}
	r.detail = append(r.detail, fmt.Sprintf("pluginsync: %d files fetched", fetched))
	return nil
}

const vardir = "/opt/puppetlabs/puppet/cache"

func (r *run) list(ctx context.Context, place string, recurse bool, permissions string) ([]metadata, error) {
	q := url.Values{
		"recurse": {fmt.Sprint(recurse)}, "links": {"manage"}, "checksum_type": {"sha256"},
		"source_permissions": {permissions}, "environment": {r.env},
	}
	if recurse {
		q["max_files"], q["links"] = []string{"-1"}, []string{"follow"}
		q["ignore"] = []string{".svn", "CVS", ".git", ".hg"}
	}
	var entries []metadata
	err := r.m.json(ctx, call{method: http.MethodGet, path: "/puppet/v3/file_metadatas/" + place, query: q}, &entries)
	if errs.Is(err, errs.NotFound) {
		return nil, nil // an environment without plugins
	}
	return entries, err
}

// fetch gets a file's content and checks it against its metadata.
func (r *run) fetch(ctx context.Context, path string, want metadata) error {
	got, err := r.m.call(ctx, call{
		method: http.MethodGet, path: path, accept: "application/octet-stream", query: url.Values{"environment": {r.env}},
	})
	if err != nil {
		return err
	}
	return want.check(path, got)
}

func (d metadata) check(path string, content []byte) error {
	if sum, ok := strings.CutPrefix(d.Checksum.Value, "{sha256}"); ok && sum != sha256Hex(content) {
		return errs.New(errs.Upstream, "%s: the content's checksum is %s, not %s as announced", path, sha256Hex(content), sum)
	}
	return nil
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// catalog sends the facts and gets the catalog.
func (r *run) catalog(ctx context.Context, into *catalog) error {
	factsStart := time.Now()
	values := r.m.facts(r.env)
	now := time.Now()
	facts, err := json.Marshal(map[string]any{
		"name": r.m.certname, "values": values,
		"timestamp": stamp(now), "expiration": stamp(now.Add(30 * time.Minute)),
	})
	if err != nil {
		return errs.Wrap(err, "write the facts")
	}
	r.phases["fact_generation"] = time.Since(factsStart).Seconds()
	form := [][2]string{
		{"facts_format", "application/json"}, {"facts", percent(string(facts))}, {"environment", r.env},
		{"configured_environment", r.env}, {"check_environment", "true"}, {"transaction_uuid", r.transaction},
		{"job_uuid", ""}, {"static_catalog", "true"}, {"checksum_type", "sha256.sha384.sha512.sha224.md5"},
	}
	var body strings.Builder
	for i, f := range form {
		if i > 0 {
			body.WriteByte('&')
		}
		body.WriteString(f[0] + "=" + percent(f[1]))
	}
	err = r.m.json(ctx, call{
		method: http.MethodPost, path: "/puppet/v3/catalog/" + r.m.certname, query: url.Values{"environment": {r.env}},
		accept:      "application/vnd.puppet.rich+json, application/json, text/pson",
		contentType: "application/x-www-form-urlencoded", body: []byte(body.String()),
	}, into)
	if err != nil {
		return err
	}
	r.env = into.Environment
	r.note("info", "Puppet", "Caching catalog for %s", r.m.certname)
	r.note("info", "Puppet", "Applying configuration version '%s'", into.version())
	r.detail = append(r.detail, fmt.Sprintf("POST /puppet/v3/catalog/%s with %d facts: %d resources, classes %s",
		r.m.certname, len(values), len(into.Resources), strings.Join(slices.DeleteFunc(slices.Clone(into.Classes), func(c string) bool { return c == "settings" }), ", ")))
	return nil
}

// percent encodes as the agent does: %20 for a blank, never +.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000+00:00") }
