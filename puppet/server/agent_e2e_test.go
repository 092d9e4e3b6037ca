//go:build e2e

package server_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/puppet/fileserve"
	"github.com/chargehand/chargehand/puppet/server"
	"github.com/chargehand/chargehand/puppet/server/codedir"
)

// A realAgent is the real puppet agent with directories of its own.
type realAgent struct {
	*site
	name string
	dir  string
}

func newAgent(s *site, name string) *realAgent {
	s.Helper()
	a := &realAgent{site: s, name: name, dir: s.TempDir()}
	return a
}

// run runs the agent once and gives its exit code and output.
func (a *realAgent) run(args ...string) (int, string) {
	a.Helper()
	return a.puppet("agent", append([]string{"--test", "--no-show_diff", "--waitforcert", "0"}, args...)...)
}

// puppet runs one of the agent's commands.
func (a *realAgent) puppet(command string, args ...string) (int, string) {
	a.Helper()
	_, port, err := net.SplitHostPort(a.address)
	a.must(err)
	ctx, cancel := context.WithTimeout(a.Context(), 3*time.Minute)
	defer cancel()
	all := append([]string{
		command, "--server", "localhost", "--serverport", port, "--certname", a.name, "--color", "false",
		"--confdir", a.path("conf"), "--vardir", a.path("var"), "--ssldir", a.path("ssl"), "--rundir", a.path("run"),
		"--logdir", a.path("log"), "--publicdir", a.path("public"),
	}, args...)
	cmd := exec.CommandContext(ctx, "puppet", all...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		a.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (a *realAgent) path(name string) string { return filepath.Join(a.dir, name) }

// TestRealAgent takes a stock agent from nothing to its second report.
func TestRealAgent(t *testing.T) {
	s := newSite(t, pki.Policy{AutosignPatterns: []string{"*.agents.test"}}, nil)
	a := newAgent(s, "one.agents.test")
	began := time.Now()
	exit, out := a.run()
	t.Logf("first run in %s", time.Since(began).Round(100*time.Millisecond))
	if exit != 2 { // changes, and no failure
		t.Fatalf("the first run ended with %d:\n%s", exit, out)
	}
	for name, want := range map[string]string{"src.txt": "from the server\n", "tree/a": "a\n", "tree/sub/b": "b\n", "env": "production\n"} {
		got, err := os.ReadFile(filepath.Join(s.dir, "agent-writes", name))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if len(s.reports) != 1 || s.reports[0].Status != "changed" || s.reports[0].Certname != a.name || s.reports[0].Format != 12 {
		t.Fatalf("reports %+v\n%s", s.reports, out)
	}
	if len(s.catalogs) != 1 || s.catalogs[0].TransactionUUID != s.reports[0].TransactionUUID {
		t.Errorf("catalogs %+v", s.catalogs)
	}
	var values map[string]any
	s.must(json.Unmarshal(s.facts[0].Values, &values))
	if values["demo_fact"] != "from pluginsync" || values["demo_ext"] != "external" || values["clientcert"] != a.name {
		t.Errorf("facts: demo_fact %v, demo_ext %v, clientcert %v", values["demo_fact"], values["demo_ext"], values["clientcert"])
	}
	exit, out = a.run()
	if exit != 0 || s.reports[1].Status != "unchanged" {
		t.Errorf("the second run ended with %d, %s:\n%s", exit, s.reports[1].Status, out)
	}
	for line := range strings.Lines(out) {
		if strings.Contains(line, "Warning") || (strings.Contains(line, "Error") && !strings.Contains(line, "Facter:")) {
			t.Errorf("the second run complains: %s", line)
		}
	}
}

// TestRealAgentWaits is signed by the operator, revoked and renewed from nothing.
func TestRealAgentWaits(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	a := newAgent(s, "two.agents.test")
	if exit, out := a.run(); exit != 1 || !strings.Contains(out, "Exiting now because the waitforcert setting is set to 0") {
		t.Fatalf("without a signature: %d\n%s", exit, out)
	}
	s.must(s.ca.Sign(t.Context(), a.name, pki.SignOptions{}))
	if exit, out := a.run("--environment", "nosuchenv"); exit != 2 || !strings.Contains(out, "production") {
		t.Fatalf("signed, in an unknown environment: %d\n%s", exit, out)
	}
	s.must(s.ca.Revoke(t.Context(), a.name))
	if exit, out := a.run(); exit != 1 {
		t.Fatalf("revoked: %d\n%s", exit, out)
	}
	reports := len(s.reports)
	_, err := s.ca.Clean(t.Context(), a.name)
	s.must(err)
	s.must(os.RemoveAll(a.path("ssl")))
	s.must(s.ca.AddGrant(t.Context(), pki.Grant{Pattern: a.name, Once: true, Expires: time.Now().Add(time.Hour)}))
	if exit, out := a.run(); exit != 0 {
		t.Fatalf("granted once: %d\n%s", exit, out)
	}
	if len(s.reports) != reports+1 {
		t.Errorf("%d reports, wanted %d", len(s.reports), reports+1)
	}
}

// TestRealAgentSeesCompileErrors, in the words of the compiler.
func TestRealAgentSeesCompileErrors(t *testing.T) {
	s := newSite(t, pki.Policy{AutosignAll: true}, nil)
	a := newAgent(s, "broken.agents.test")
	exit, out := a.run()
	if exit != 1 || !strings.Contains(out, "Evaluation Error: Error while evaluating a Function Call, on purpose (file: /x/site.pp, line: 1, column: 1) on node broken.agents.test") {
		t.Errorf("a compile error: %d\n%s", exit, out)
	}
	if len(s.reports) != 1 || s.reports[0].Status != "failed" {
		t.Errorf("reports after a compile error: %+v", s.reports)
	}
}

// TestRealAgentTools uploads facts and uses the file bucket.
func TestRealAgentTools(t *testing.T) {
	s := newSite(t, pki.Policy{AutosignAll: true}, nil)
	a := newAgent(s, "tools.agents.test")
	if exit, out := a.run(); exit != 2 {
		t.Fatalf("%d\n%s", exit, out)
	}
	if exit, out := a.puppet("facts", "upload"); exit != 0 || len(s.facts) != 2 {
		t.Errorf("facts upload: %d, %d sets\n%s", exit, len(s.facts), out)
	}
	file := filepath.Join(s.dir, "bk.txt")
	s.must(os.WriteFile(file, []byte("bucket me\n"), 0o644))
	if exit, out := a.puppet("filebucket", "--remote", "backup", file); exit != 0 {
		t.Errorf("filebucket backup: %d\n%s", exit, out)
	}
	const sum = "360a5647411da3619d244ffeb2aa990682af09bcc05892146e42882fd9f9fab7"
	if exit, out := a.puppet("filebucket", "--remote", "get", sum); exit != 0 || !strings.Contains(out, "bucket me") {
		t.Errorf("filebucket get: %d\n%s", exit, out)
	}
}

// operator is `puppetserver ca` with a host certificate that may administer.
func operator(s *site) func(args ...string) string {
	s.Helper()
	dir := s.TempDir()
	write := func(name string, data []byte, err error) {
		s.Helper()
		s.must(err)
		name = filepath.Join(dir, filepath.FromSlash(name))
		s.must(os.MkdirAll(filepath.Dir(name), 0o755))
		s.must(os.WriteFile(name, data, 0o600))
	}
	_, port, err := net.SplitHostPort(s.address)
	s.must(err)
	key, err := pki.NewKey(pki.RSA2048, rand.Reader)
	s.must(err)
	cert, err := s.ca.Issue(s.Context(), pki.Service{Name: "operator.test", PublicKey: key.Public(), Admin: true})
	write("ssl/certs/operator.test.pem", cert, err)
	keyPEM, err := pki.EncodeKey(key)
	write("ssl/private_keys/operator.test.pem", keyPEM, err)
	write("ssl/certs/ca.pem", s.ca.Authority().ChainPEM(), nil)
	crl, _, err := s.ca.FullCRL(s.Context())
	write("ssl/crl.pem", crl, err)
	conf := fmt.Sprintf("[main]\ncertname = operator.test\nserver = localhost\nca_server = localhost\nca_port = %s\nssldir = %s/ssl\nconfdir = %s\n", port, dir, dir)
	write("puppet.conf", []byte(conf), nil)
	return func(args ...string) string {
		s.Helper()
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		defer cancel()
		all := append([]string{"ca"}, args...)
		out, err := exec.CommandContext(ctx, "puppetserver", append(all, "--config", filepath.Join(dir, "puppet.conf"))...).CombinedOutput()
		if err != nil {
			s.Errorf("puppetserver ca %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
}

// TestRealOperator runs `puppetserver ca` against the CA.
func TestRealOperator(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	ca := operator(s)
	for _, name := range []string{"a.test", "b.test", "c.test"} {
		csr, _ := newRequest(t, name)
		_, err := s.ca.Submit(t.Context(), name, csr)
		s.must(err)
	}
	for _, step := range []struct {
		args string
		want []string
	}{
		{"list", []string{"Requested Certificates", "a.test", "b.test", "c.test", "(SHA256)"}},
		{"sign --certname a.test,b.test --ttl 3600", []string{"Successfully signed certificate request for a.test", "Successfully signed certificate request for b.test"}},
		{"sign --all", []string{"Successfully signed certificate request for c.test"}},
		{"list --all", []string{"Signed Certificates", "a.test", "operator.test", "puppet.example.test"}},
		{"revoke --certname a.test", []string{"Certificate for a.test has been revoked"}},
		{"list --certname a.test", []string{"Revoked Certificates", "a.test"}},
		{"clean --certname a.test,b.test", []string{"Certificate for b.test has been revoked", "Cleaned files related to a.test", "Cleaned files related to b.test"}},
		{"generate --certname new.test", []string{"Successfully saved certificate for new.test"}},
	} {
		out := ca(strings.Fields(step.args)...)
		for _, want := range step.want {
			if !strings.Contains(out, want) {
				t.Errorf("puppetserver ca %s: no %q in\n%s", step.args, want, out)
			}
		}
	}
	states := map[string]string{}
	list, err := s.ca.Statuses(t.Context(), "")
	s.must(err)
	for _, status := range list {
		states[status.Name] = status.State
	}
	want := map[string]string{"c.test": "signed", "new.test": "signed", "operator.test": "signed", "puppet.example.test": "signed"}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

// realCode is compiled by the program's own compiler for the real agent.
const realCode = `
-- environments/production/manifests/site.pp --
node 'compiled.agents.test' { include demo }
-- environments/production/hiera.yaml --
version: 5
hierarchy:
  - { name: common, path: common.yaml }
-- environments/production/data/common.yaml --
demo::base: '%BASE%'
demo::greeting: 'hello from hiera'
-- environments/production/modules/demo/manifests/init.pp --
class demo (String $base, String $greeting, Sensitive[String] $secret = Sensitive('hidden')) {
  file { $base: ensure => directory }
  -> file { "${base}/src.txt": source => 'puppet:///modules/demo/src.txt' }
  ~> exec { "/bin/sh -c 'echo refreshed > ${base}/refreshed'": refreshonly => true }
  file { "${base}/greeting": content => "${greeting} on ${facts['os']['family']} ${facts['demo_fact']}\n" }
  file { "${base}/deferred": content => Deferred('sprintf', ['at %s', 'agent']) }
  file { "${base}/secret": content => $secret, mode => '0600' }
  file { "${base}/tree": ensure => directory, recurse => true, source => 'puppet:///modules/demo/tree' }
  demo::thing { 'one': base => $base }
}
-- environments/production/modules/demo/manifests/thing.pp --
define demo::thing (String $base) {
  file { "${base}/thing-${title}": content => epp('demo/thing.epp', { 'title' => $title }) }
}
-- environments/production/modules/demo/templates/thing.epp --
<%- | String $title | -%>
thing <%= $title %>
`

// TestRealAgentRealCompiler has nothing made by hand between manifest and machine.
func TestRealAgentRealCompiler(t *testing.T) {
	s := newSite(t, pki.Policy{AutosignAll: true}, func(s *site, o *server.Options) {
		base := filepath.Join(s.dir, "agent-writes")
		s.must(os.Remove(filepath.Join(s.dir, "code/environments/production/manifests/site.pp")))
		s.write(strings.ReplaceAll(realCode, "%BASE%", base))
		code := codedir.New(codedir.Options{Dir: filepath.Join(s.dir, "code"), Log: o.Log})
		files, err := fileserve.New(code, clock.System)
		s.must(err)
		o.Compiler, o.Environments, o.Files = code, code, files
	})
	a := newAgent(s, "compiled.agents.test")
	exit, out := a.run()
	if exit != 2 {
		t.Fatalf("the first run ended with %d:\n%s", exit, out)
	}
	for name, want := range map[string]string{
		"src.txt": "from the server\n", "refreshed": "refreshed\n", "greeting": "hello from hiera on Debian from pluginsync\n",
		"deferred": "at agent", "secret": "hidden", "tree/sub/b": "b\n", "thing-one": "thing one\n",
	} {
		got, err := os.ReadFile(filepath.Join(s.dir, "agent-writes", name))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if strings.Contains(out, "hidden") {
		t.Error("the secret is in the agent's output")
	}
	if exit, out := a.run(); exit != 0 {
		t.Errorf("the second run ended with %d:\n%s", exit, out)
	}
}

// TestRealAgentToken carries an autosign token, extensions and other names in its
// request: the token gets it signed, the extensions reach the compiler, and the
// other names wait for the operator.
func TestRealAgentToken(t *testing.T) {
	var trusted server.Trusted
	s := newSite(t, pki.Policy{}, func(s *site, o *server.Options) { o.Compiler = spy{s, &trusted} })
	token, err := s.ca.NewToken(t.Context(), pki.Token{Pattern: "*.agents.test", Expires: time.Now().Add(time.Hour)})
	s.must(err)
	attributes := fmt.Sprintf("custom_attributes:\n  1.2.840.113549.1.9.7: %q\nextension_requests:\n  pp_role: web\n  1.3.6.1.4.1.34380.1.2.1.1: private\n", token)
	a := newAgent(s, "token.agents.test")
	s.must(os.MkdirAll(a.path("conf"), 0o755))
	s.must(os.WriteFile(a.path("conf/csr_attributes.yaml"), []byte(attributes), 0o644))
	if exit, out := a.run(); exit != 2 {
		t.Fatalf("with a token: %d\n%s", exit, out)
	}
	want := map[string]string{"pp_role": "web", "1.3.6.1.4.1.34380.1.2.1.1": "private"}
	if diff := cmp.Diff(want, trusted.Extensions); diff != "" || trusted.Certname != a.name || *trusted.Domain != "agents.test" {
		t.Errorf("trusted %+v (-want +got):\n%s", trusted, diff)
	}
	b := newAgent(s, "names.agents.test")
	s.must(os.MkdirAll(b.path("conf"), 0o755))
	s.must(os.WriteFile(b.path("conf/csr_attributes.yaml"), []byte(attributes), 0o644))
	if exit, out := b.run("--dns_alt_names", "victim.test"); exit != 1 {
		t.Errorf("with other names: %d\n%s", exit, out)
	}
	if err := s.ca.Sign(t.Context(), b.name, pki.SignOptions{}); !errs.Is(err, errs.Conflict) {
		t.Errorf("other names: %v", err)
	}
	s.must(s.ca.Sign(t.Context(), b.name, pki.SignOptions{AllowAltNames: true}))
	if exit, out := b.run("--dns_alt_names", "victim.test"); exit != 0 && exit != 2 {
		t.Errorf("signed by the operator: %d\n%s", exit, out)
	}
}

// spy looks at what the compiler is given.
type spy struct {
	*site
	trusted *server.Trusted
}

func (p spy) Compile(ctx context.Context, r server.CompileRequest) (server.Catalog, error) {
	*p.trusted = r.Trusted
	return p.site.Compile(ctx, r)
}

// TestTakeOver makes a CA with the real tool, root and intermediate, takes it
// over, and lets the real agent join under it. Certificates of before stay good,
// those revoked before stay revoked.
func TestTakeOver(t *testing.T) {
	old := t.TempDir()
	conf := fmt.Sprintf("[main]\ncertname = old.test\nserver = localhost\nssldir = %[1]s/ssl\ncadir = %[1]s/ca\nconfdir = %[1]s\n", old)
	if err := os.WriteFile(filepath.Join(old, "puppet.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "puppetserver", "ca", "setup", "--config", filepath.Join(old, "puppet.conf"), "--ca-name", "Old CA").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := buildSite(&site{TB: t, dir: t.TempDir(), cadir: os.DirFS(filepath.Join(old, "ca"))}, pki.Policy{AutosignAll: true}, nil)
	if chain := s.ca.Authority().Chain; len(chain) != 2 {
		t.Errorf("a chain of %d", len(chain))
	}
	if status, err := s.ca.Status(t.Context(), "old.test"); err != nil || status.State != "signed" {
		t.Errorf("the old server's certificate: %+v, %v", status, err)
	}
	a := newAgent(s, "new.agents.test")
	if exit, out := a.run(); exit != 2 {
		t.Fatalf("%d\n%s", exit, out)
	}
	s.must(s.ca.Revoke(t.Context(), a.name))
	if exit, out := a.run(); exit != 1 {
		t.Errorf("revoked: %d\n%s", exit, out)
	}
}
