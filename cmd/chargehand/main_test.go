package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/castore"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"chargehand": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("DEVNULL", os.DevNull)
			env.Setenv("CHARGEHAND_FQDN", "test.example.com")
			env.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "request": request, "taken": taken,
		},
		RequireUniqueNames: true,
	})
}

// exits runs a program that must end with a code: exits 64 chargehand nonsense.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// request leaves an agent's certificate request with the CA in a folder, as a
// running server would.
func request(ts *testscript.TestScript, _ bool, args []string) {
	store, err := castore.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer func() { ts.Check(store.Close()) }()
	authority, err := store.Authority(func() (*pki.Authority, error) { return nil, os.ErrNotExist })
	ts.Check(err)
	ca, err := pki.New(context.Background(), pki.Options{Authority: authority, Store: store, Clock: clock.System})
	ts.Check(err)
	key, err := pki.NewKey(pki.P256, rand.Reader)
	ts.Check(err)
	csr, err := pki.NewRequest(pki.RequestOptions{Name: args[1]}, key, rand.Reader)
	ts.Check(err)
	_, err = ca.Submit(context.Background(), args[1], csr)
	ts.Check(err)
}

// taken puts the address of a port that is in use into a variable.
func taken(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}
