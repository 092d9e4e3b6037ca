package app

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/config"
)

// TestProcessOf tells processes from machines whose names end alike.
func TestProcessOf(t *testing.T) {
	for name, want := range map[string]bool{
		"a.test": true, "puppet.a.test": true, "core-proxy.a.test": true, "puppetdb-puppet.a.test": true,
		"": false, "web.a.test": false, "agent.puppet.a.test": false, "xa.test": false, "puppet.b.test": false,
		".a.test": false, "-.a.test": false, "core-core.a.test": false, "core-web.a.test": false, "test": false,
	} {
		if got := processOf(name, "a.test"); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	if processOf("", "") || processOf("puppet.", "") {
		t.Error("a proxy without a host is everybody")
	}
}

func TestMayQuery(t *testing.T) {
	conf := &config.Config{FQDN: "db.test", Roles: []string{config.PuppetDB}}
	conf.Puppet.CAServer, conf.Core.URL = "ca.test:8140", "https://core.test"
	conf.PuppetDB.Allow = []string{"puppetserver.test"}
	a := &App{Options: Options{Config: conf}}
	for name, want := range map[string]bool{
		"puppetdb.db.test": true, "puppet.db.test": true, "ca.test": true, "core.core.test": true, "puppetserver.test": true,
		"": false, "agent.test": false, "agent.db.test": false, "x.puppetserver.test": false,
	} {
		if got := a.mayQuery(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// listening serves handler with a short patience.
func listening(t *testing.T, piece time.Duration, handler http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: patient(handler, piece), ReadHeaderTimeout: time.Minute}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serveUntil(ctx, srv, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func dial(t *testing.T, addr, request string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestABodyThatNeverEnds(t *testing.T) {
	read := make(chan error, 1)
	addr := listening(t, 50*time.Millisecond, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	})
	dial(t, addr, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome")
	if err := <-read; err == nil {
		t.Error("a body that did not come was read")
	}
}

// TestLongWork holds that patience with clients is no bound on work: the request
// lives on long after its body came, and so does the connection.
func TestLongWork(t *testing.T) {
	const piece = 20 * time.Millisecond
	addr := listening(t, piece, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		select {
		case <-r.Context().Done():
			t.Error("the request was given up")
		case <-time.After(10 * piece):
		}
		_, _ = io.WriteString(w, "done")
	})
	conn := dial(t, addr, "")
	reader := bufio.NewReader(conn)
	for _, request := range []string{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"} {
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(resp.Body); string(text) != "done" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	}
}

func TestAnAnswerThatNobodyTakes(t *testing.T) {
	wrote := make(chan error, 1)
	addr := listening(t, 50*time.Millisecond, func(w http.ResponseWriter, _ *http.Request) {
		piece := strings.Repeat("x", 1<<20)
		for {
			if _, err := io.WriteString(w, piece); err != nil {
				wrote <- err
				return
			}
		}
	})
	dial(t, addr, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := <-wrote; err == nil {
		t.Error("no error")
	}
}
