package site

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Run runs a program of the machine and gives its exit code and all it wrote.
func Run(t testing.TB, within time.Duration, argv ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = 10 * time.Second // its own children may live on
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("%s: %v", argv[0], err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// Dig asks a name server, as dig does, and gives the sorted values. For type PTR
// name is an address.
func Dig(t testing.TB, server, name, kind string) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{"dig", "@" + host, "-p", port, "+short", "+tries=1", "+time=5", name, kind}
	if kind == "PTR" {
		argv = append(argv[:len(argv)-2], "-x", name)
	}
	code, out := Run(t, 10*time.Second, argv...)
	if code != 0 {
		t.Errorf("%s ended with %d:\n%s", strings.Join(argv, " "), code, out)
	}
	values := strings.Fields(out)
	slices.Sort(values)
	return values
}

// TFTP gets a file by tftp-hpa; found is false when the server has none.
func TFTP(t testing.TB, server, name string) (text string, found bool) {
	t.Helper()
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "got")
	_, out := Run(t, 30*time.Second, "tftp", "-m", "binary", host, port, "-c", "get", name, to)
	data, err := os.ReadFile(to)
	if err != nil || strings.Contains(out, "Error code") {
		if !strings.Contains(out, "not found") && !strings.Contains(out, "Error code 1") {
			t.Errorf("tftp get %s: %s", name, out)
		}
		return "", false
	}
	return string(data), true
}

// Get fetches a page over plain HTTP, without credentials.
func Get(t testing.TB, address string) (status int, text string) {
	t.Helper()
	resp, err := (&http.Client{Timeout: time.Minute}).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// Smart is a client of a smart proxy with the certificate in a process's data
// folder: what core itself is to it.
func (p *Process) Smart(method, address, path string) (status int, text string) {
	p.Helper()
	dir := filepath.Join(p.Dir, "ssl")
	certs, err := filepath.Glob(filepath.Join(dir, "private_keys", "*.pem"))
	if err != nil || len(certs) != 1 {
		p.Fatalf("private keys in %s: %v %v", dir, certs, err)
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "certs", filepath.Base(certs[0])), certs[0])
	if err != nil {
		p.Fatal(err)
	}
	trusted := x509.NewCertPool()
	if ca, err := os.ReadFile(filepath.Join(dir, "certs", "ca.pem")); err != nil || !trusted.AppendCertsFromPEM(ca) {
		p.Fatalf("no CA: %v", err)
	}
	// The name in the certificate is not the address: the chain is what counts.
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true}
	conf.VerifyConnection = func(s tls.ConnectionState) error {
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: trusted})
		return err
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: conf}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequest(method, "https://"+address+path, nil)
	if err != nil {
		p.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// Query asks a PuppetDB over plain HTTP.
func Query(t testing.TB, address, endpoint, query string) []Object {
	t.Helper()
	status, text := Get(t, "http://"+address+"/pdb/query/v4/"+endpoint+"?query="+url.QueryEscape(query))
	var rows []Object
	if err := json.Unmarshal([]byte(text), &rows); status != http.StatusOK || err != nil {
		t.Fatalf("PuppetDB: %s: %d %v\n%s", endpoint, status, err, text)
	}
	return rows
}

// Eventually waits until test gives "", and fails with what it gave last.
func Eventually(t testing.TB, within time.Duration, test func() string) {
	t.Helper()
	var last string
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if last = test(); last == "" {
			return
		}
	}
	t.Fatalf("after %s: %s", within, last)
}

// An Agent is the real puppet agent with folders of its own.
type Agent struct {
	testing.TB
	Name    string
	Dir     string
	address string
}

// NewAgent gives an agent without a certificate, for a server on localhost.
func NewAgent(t testing.TB, name, address string) *Agent {
	return &Agent{TB: t, Name: name, Dir: t.TempDir(), address: address}
}

// Run runs the agent once and gives its exit code and output.
func (a *Agent) Run(args ...string) (int, string) {
	a.Helper()
	_, port, err := net.SplitHostPort(a.address)
	if err != nil {
		a.Fatal(err)
	}
	argv := []string{
		"puppet", "agent", "--test", "--waitforcert", "0", "--no-show_diff", "--color", "false",
		"--server", "localhost", "--serverport", port, "--certname", a.Name,
	}
	for _, d := range []string{"conf", "var", "ssl", "run", "log", "public"} {
		argv = append(argv, "--"+d+"dir", filepath.Join(a.Dir, d))
	}
	return Run(a.TB, 5*time.Minute, append(argv, args...)...)
}
