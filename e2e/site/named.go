package site

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A Named is a real BIND on loopback with zones that its key may update.
type Named struct {
	testing.TB
	Address      string
	KeyName, Key string
	dir          string
	cmd          *exec.Cmd
}

// StartNamed starts BIND with empty zones; it stops with the test.
func StartNamed(t testing.TB, zones ...string) *Named {
	t.Helper()
	port := FreePort(t)
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	b := &Named{TB: t, Address: net.JoinHostPort("127.0.0.1", port), KeyName: "chargehand", Key: base64.StdEncoding.EncodeToString(secret), dir: t.TempDir()}
	conf := fmt.Sprintf(`options { directory %q; pid-file none; session-keyfile none; listen-on port %s { 127.0.0.1; };
listen-on-v6 { none; }; recursion no; dnssec-validation no; };
controls { };
key %q { algorithm hmac-sha256; secret %q; };
`, b.dir, port, b.KeyName, b.Key)
	for _, z := range zones {
		b.write(z, fmt.Sprintf("$TTL 60\n@ IN SOA ns.%[1]s. root.%[1]s. 1 3600 600 86400 1\n@ IN NS ns.%[1]s.\nns IN A 127.0.0.1\n", z))
		conf += fmt.Sprintf("zone %[1]q { type primary; file %[1]q; allow-update { key %[2]s; }; };\n", z, b.KeyName)
	}
	b.write("named.conf", conf)
	b.Start()
	t.Cleanup(b.Stop)
	return b
}

func (b *Named) write(name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}

// Start starts BIND and waits until it answers.
func (b *Named) Start() {
	b.Helper()
	log, err := os.OpenFile(filepath.Join(b.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	b.cmd = exec.Command("named", "-g", "-n", "1", "-c", filepath.Join(b.dir, "named.conf"))
	b.cmd.Stdout, b.cmd.Stderr = log, log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	Eventually(b, 20*time.Second, func() string {
		conn, err := net.DialTimeout("tcp", b.Address, time.Second)
		if err != nil {
			return "named: " + err.Error()
		}
		_ = conn.Close()
		return ""
	})
}

// Stop stops BIND.
func (b *Named) Stop() {
	b.Helper()
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Signal(os.Interrupt)
	_ = b.cmd.Wait()
	b.cmd = nil
}
