//go:build e2e

package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProxyOfAPuppetServer is TestProxyOfACAElsewhere with Debian's Puppet Server
// as the CA; the proxy gets its own certificate from it, too.
func TestProxyOfAPuppetServer(t *testing.T) {
	file := autosignConf(t)
	p, ssl := puppetServer(t, file)
	// What the server signs by itself: the proxy's own request.
	if err := os.WriteFile(file, []byte("# by hand\n*.lab.test\nproxy.site.test\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(ssl, "certs", "operator.test.pem"), filepath.Join(ssl, "private_keys", "operator.test.pem")
	p.proxy = start(
		t, "roles=proxy", "proxy.trusted_hosts=operator.test,site.test", "puppet.ca_server="+strings.TrimPrefix(p.url, "https://"),
		"puppetca.url="+p.url, "puppetca.autosign="+file,
		"puppetca.certificate="+cert, "puppetca.private_key="+key, "puppetca.ca="+filepath.Join(ssl, "certs", "ca.pem"),
	)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	conf := p.machine.Transport.(*http.Transport).TLSClientConfig.Clone()
	conf.Certificates, conf.ServerName = []tls.Certificate{pair}, "proxy.site.test"
	transport := &http.Transport{TLSClientConfig: conf}
	t.Cleanup(transport.CloseIdleConnections)
	p.caller = &http.Client{Transport: transport}

	p.want("proxy.site.test", "valid")
	p.api(http.StatusOK, http.MethodDelete, "/puppet/ca/autosign/proxy.site.test")
	p.wantCA()
	p.wantAutosigning()
}

// puppetServer runs a Puppet Server with a fresh CA in a folder of the test's, and
// makes a certificate, operator.test, that may administer it.
func puppetServer(t *testing.T, autosign string) (p *pair, ssl string) {
	t.Helper()
	dir := t.TempDir()
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"conf.d/auth.conf", "conf.d/ca.conf", "conf.d/web-routes.conf", "services.d/bootstrap.cfg", "services.d/ca.cfg"} {
		text, err := os.ReadFile(filepath.Join("/etc/puppet/puppetserver", name))
		if err != nil {
			t.Fatal(err)
		}
		write(name, string(text))
	}
	write("logback.xml", `<configuration><appender name="O" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%-5p %m%n</pattern></encoder></appender><root level="info"><appender-ref ref="O"/></root></configuration>`)
	write("conf.d/global.conf", fmt.Sprintf("global: { logging-config: %s/logback.xml }\n", dir))
	write("conf.d/product.conf", "product: { check-for-updates: false }\n")
	write("conf.d/metrics.conf", "metrics: { server-id: localhost, registries: { puppetserver: { reporters: { jmx: { enabled: false } } } } }\n")
	write("conf.d/webserver.conf", "webserver: { client-auth: want, ssl-host: 127.0.0.1, ssl-port: "+port+" }\n")
	write("conf.d/puppetserver.conf", fmt.Sprintf(`jruby-puppet: {
    ruby-load-path: [/usr/lib/puppetserver/ruby/vendor_ruby]
    gem-home: %[1]s/gems
    gem-path: [%[1]s/gems, "/usr/lib/puppetserver/vendored-jruby-gems"]
    server-conf-dir: %[1]s/puppet
    server-code-dir: %[1]s/code
    server-var-dir: %[1]s/var
    server-run-dir: %[1]s/run
    server-log-dir: %[1]s/log
    max-active-instances: 1
}
`, dir))
	write("puppet/puppet.conf", fmt.Sprintf("[main]\ncertname = localhost\nserver = localhost\nssldir = %[1]s/ssl\ncadir = %[1]s/ca\nconfdir = %[1]s/puppet\ncodedir = %[1]s/code\n[server]\nautosign = %[2]s\n", dir, autosign))

	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	t.Cleanup(cancel)
	for _, args := range [][]string{{"setup"}, {"generate", "--ca-client", "--certname", "operator.test"}} {
		args = append(append([]string{"ca"}, args...), "--config", filepath.Join(dir, "puppet", "puppet.conf"))
		if out, err := exec.CommandContext(ctx, "puppetserver", args...).CombinedOutput(); err != nil {
			t.Fatalf("puppetserver %v: %v\n%s", args, err, out)
		}
	}
	runPuppetServer(ctx, t, dir)
	ssl = filepath.Join(dir, "ssl")
	chain, err := os.ReadFile(filepath.Join(ssl, "certs", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(chain)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	p = &pair{T: t, url: "https://localhost:" + port, machine: &http.Client{Transport: transport}}
	p.waitForCA(ctx)
	return p, ssl
}

// runPuppetServer starts the program; its log is shown when the test fails.
func runPuppetServer(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	name := filepath.Join(dir, "out.log")
	log, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(
		ctx, "java", "-Xmx768m", "-Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger", "-Djruby.lib=/usr/share/jruby/lib",
		"-jar", "/usr/share/puppetserver/puppetserver.jar",
		"--config", filepath.Join(dir, "conf.d"), "--bootstrap-config", filepath.Join(dir, "services.d"),
	)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = log.Close()
		if text, err := os.ReadFile(name); err == nil && t.Failed() {
			t.Logf("Puppet Server says:\n%s", text[max(0, len(text)-8000):])
		}
	})
}

func (p *pair) waitForCA(ctx context.Context) {
	p.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/status/v1/simple", nil)
		if err != nil {
			p.Fatal(err)
		}
		if resp, err := p.machine.Do(req); err == nil {
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if string(text) == "running" {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.Fatal("Puppet Server is not ready: ", ctx.Err())
		}
	}
}
