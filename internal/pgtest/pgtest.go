// Package pgtest starts a private PostgreSQL server for tests: in a temporary
// folder, on a unix socket, as an unprivileged user, gone when the test ends.
//
// It may import testing and internal/sqldb; only tests import it.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/sqldb"
)

// Bin is where the server's programs are.
const Bin = "/usr/lib/postgresql/15/bin"

// A Server is one running PostgreSQL.
type Server struct {
	dir  string
	next atomic.Int64
}

// Start starts a server that stops with the test. A missing PostgreSQL fails
// the test: it is a peer, not an option.
func Start(t testing.TB) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{dir: dir}
	credential := unprivileged(t, dir)
	data := filepath.Join(dir, "data")
	run(t, s.command(context.Background(), credential, "initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"))
	ctx, cancel := context.WithCancel(context.Background())
	server := s.command(ctx, credential, "postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200")
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	server.Cancel = func() error { return server.Process.Signal(syscall.SIGINT) }
	server.WaitDelay = 10 * time.Second
	if err := server.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() { cancel(); <-ended })
	s.wait(t, ended, &log)
	return s
}

// unprivileged gives dir to a user that the server agrees to run as; nil when
// the test is not root's.
func unprivileged(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (s *Server) command(ctx context.Context, credential *syscall.Credential, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(Bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGINT}
	return cmd
}

func run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, out)
	}
}

// wait returns when the server answers.
func (s *Server) wait(t testing.TB, ended chan error, log *bytes.Buffer) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		db, err := sqldb.Open(context.Background(), s.DSN("postgres"), sqldb.Options{Conns: 1})
		if err == nil {
			_ = db.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("PostgreSQL ended: %v\n%s", err, log)
		case <-deadline:
			t.Fatalf("PostgreSQL does not answer: %v", err)
		case <-tick.C:
		}
	}
}

// DSN is the address of a database.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://test@/%s?host=%s&sslmode=disable", database, s.dir)
}

// New creates an empty database and gives its address.
func (s *Server) New(t testing.TB) string {
	t.Helper()
	db, err := sqldb.Open(context.Background(), s.DSN("postgres"), sqldb.Options{Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	name := fmt.Sprintf("test%d", s.next.Add(1))
	// CREATE DATABASE cannot run in a transaction.
	rows, err := db.Query(context.Background(), "CREATE DATABASE "+name)
	if err != nil {
		t.Fatal(err)
	}
	_ = rows.Close()
	return s.DSN(name)
}

// Open creates an empty database and opens it; it closes with the test.
func (s *Server) Open(t testing.TB) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(context.Background(), s.New(t), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
