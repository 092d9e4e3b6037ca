// Package site runs chargehand processes for tests that see them from outside,
// fills them through their API alone, and runs the peers around them.
//
// It imports no other package of the module.
package site

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Password is the first administrator's in every process started here.
const Password = "end-to-end-secret"

const (
	startWithin = 90 * time.Second
	stopWithin  = 30 * time.Second
)

// Build builds the program into dir and gives its path.
func Build(dir string) (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	binary := filepath.Join(dir, "chargehand")
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/chargehand")
	cmd.Dir = strings.TrimSpace(string(out))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
}

// Cache makes a folder that tests keep between runs, in the user's cache, and
// gives its path. What is in it may be removed at any time between runs.
func Cache(name string) (string, error) {
	user, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(user, "chargehand-e2e", name)
	return dir, os.MkdirAll(dir, 0o700)
}

// Options are what a process is started with.
type Options struct {
	Binary string
	Dir    string // data folder; a fresh one when empty
	Roles  string // all when empty
	// Set are configuration keys beside those of Loopback, and over them.
	Set map[string]string
	// Cache is a folder of the compiled Ruby interpreter that processes share; none
	// when empty, and each compiles its own.
	Cache string
	// Hosts is a file that the process sees as /etc/hosts; needs root.
	Hosts string
}

// Loopback has every listener on a free port of this machine.
func Loopback() map[string]string {
	set := map[string]string{"fqdn": "foreman.e2e.test", "log.level": "info"}
	for _, key := range []string{
		"web.http", "web.https", "proxy.http", "proxy.https", "puppet.https", "puppetdb.http", "puppetdb.https",
		"dns.listen", "dhcp.listen", "tftp.listen",
	} {
		set[key] = "127.0.0.1:0"
	}
	return set
}

// A Process is one running chargehand.
type Process struct {
	testing.TB
	Dir       string
	Endpoints map[string]string
	// ReadyIn is how long the last start took.
	ReadyIn time.Duration

	opts   Options
	cmd    *exec.Cmd
	output *output
	ended  chan struct{}
	// compiled tells that the interpreter was at the last start.
	compiled bool
}

// Start starts a process and waits until it is ready; it stops with the test.
func Start(t testing.TB, o Options) *Process {
	t.Helper()
	p := New(t, o)
	p.Start()
	return p
}

// New prepares a process without starting it.
func New(t testing.TB, o Options) *Process {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	set := Loopback()
	set["puppet.code_dir"] = filepath.Join(o.Dir, "code")
	for k, v := range o.Set {
		set[k] = v
	}
	o.Set = set
	if o.Cache != "" {
		link := filepath.Join(o.Dir, "cache", "ruby")
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(o.Cache, link); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	p := &Process{TB: t, Dir: o.Dir, opts: o}
	t.Cleanup(func() {
		if p.cmd != nil {
			p.Stop()
		}
		if t.Failed() && p.output != nil {
			t.Logf("the process wrote:\n%s", p.output.tail(200))
		}
	})
	return p
}

// Pin keeps the ports of the last start for the next one.
func (p *Process) Pin() {
	for key, addr := range p.Endpoints {
		p.opts.Set[key] = addr
	}
}

// Set changes a configuration key for the next start.
func (p *Process) Set(key, value string) { p.opts.Set[key] = value }

// Command is the program with its configuration, ready to run.
func (p *Process) Command(ctx context.Context, command string, args ...string) *exec.Cmd {
	argv := []string{p.opts.Binary, command, "--config", "/dev/null", "--data-dir", p.Dir}
	if p.opts.Roles != "" {
		argv = append(argv, "--roles", p.opts.Roles)
	}
	keys := make([]string, 0, len(p.opts.Set))
	for k := range p.opts.Set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		argv = append(argv, "--set", k+"="+p.opts.Set[k])
	}
	argv = append(argv, args...)
	if p.opts.Hosts != "" {
		argv = append([]string{"unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, p.opts.Hosts}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	own := func(pair string) bool { return strings.HasPrefix(pair, "CHARGEHAND_") } // configuration of the tests themselves
	cmd.Env = append(slices.DeleteFunc(os.Environ(), own), "CHARGEHAND_ADMIN_PASSWORD="+Password)
	return cmd
}

// Start starts the process and waits until it says that it is ready.
func (p *Process) Start() {
	p.Helper()
	if err := p.TryStart(); err != nil {
		p.Fatal(err)
	}
}

// TryStart is Start for processes that may refuse.
func (p *Process) TryStart() error {
	kept, err := filepath.Glob(filepath.Join(p.Dir, "cache", "ruby", "*", "*"))
	if err != nil {
		return err
	}
	p.compiled = len(kept) > 0
	p.output = &output{ready: make(chan struct{})}
	p.cmd = p.Command(context.Background(), "serve")
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return err
	}
	cmd, ended := p.cmd, make(chan struct{})
	p.ended = ended
	go func() { _ = cmd.Wait(); close(ended) }()
	select {
	case <-p.output.ready:
		p.ReadyIn = time.Since(began)
	case <-ended:
		p.cmd = nil
		return fmt.Errorf("the process ended with %d:\n%s", cmd.ProcessState.ExitCode(), p.output.tail(50))
	case <-time.After(startWithin):
		return fmt.Errorf("not ready within %s:\n%s", startWithin, p.output.tail(50))
	}
	text, err := os.ReadFile(filepath.Join(p.Dir, "run", "endpoints.json"))
	if err != nil {
		return err
	}
	p.Endpoints = map[string]string{}
	return json.Unmarshal(text, &p.Endpoints)
}

// Stop asks the process to end and waits for it.
func (p *Process) Stop() {
	p.Helper()
	if p.cmd == nil {
		return
	}
	cmd := p.cmd
	p.cmd = nil
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			p.Errorf("stopped, the process ended with %d", code)
		}
	case <-time.After(stopWithin):
		p.Errorf("the process does not stop within %s", stopWithin)
		_ = cmd.Process.Kill()
		<-p.ended
	}
}

// Kill ends the process as a power cut does.
func (p *Process) Kill() {
	p.Helper()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	p.cmd = nil
}

// AwaitRuby waits until the template interpreter is compiled, which takes longer
// than requests wait. A compiled one is kept, and started when it is needed.
func (p *Process) AwaitRuby() {
	p.Helper()
	if p.compiled {
		return
	}
	Eventually(p, 5*time.Minute, func() string {
		if !strings.Contains(p.Written(), "the Ruby engine is ready") {
			return "the Ruby engine is not ready"
		}
		return ""
	})
}

// PID is the running process's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Written is what the process has written since its last start.
func (p *Process) Written() string { return p.output.tail(1 << 20) }

// output keeps what a process writes and sees when it is ready.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan struct{}
	seen  bool
}

// Write keeps b.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	if !o.seen && bytes.Contains(o.text.Bytes(), []byte(" is ready: ")) {
		o.seen = true
		close(o.ready)
	}
	return len(b), nil
}

func (o *output) tail(lines int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := strings.SplitAfter(o.text.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}

// FreePort finds a port of loopback that nobody listens on, for processes that
// must know each other's before they start.
func FreePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}
