package run_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/run"
)

func TestRun(t *testing.T) {
	res, err := run.Run(t.Context(), run.Cmd{Program: "cat", Stdin: []byte("$(hello); 'x'")})
	if err != nil || string(res.Stdout) != "$(hello); 'x'" {
		t.Errorf("%q, %v", res.Stdout, err)
	}
	t.Setenv("SECRET", "canary")
	res, err = run.Run(t.Context(), run.Cmd{Program: "env", Env: []string{"MINE=1"}})
	if err != nil || strings.Contains(string(res.Stdout), "canary") || !strings.Contains(string(res.Stdout), "MINE=1") {
		t.Errorf("environment %q, %v", res.Stdout, err)
	}
}

func TestFailures(t *testing.T) {
	res, err := run.Run(t.Context(), run.Cmd{Program: "ls", Args: []string{"/no/such/file"}})
	if !errs.Is(err, errs.Upstream) || res.Exit != 2 || !strings.Contains(err.Error(), "No such file") {
		t.Errorf("%d, %v", res.Exit, err)
	}
	if _, err = run.Run(t.Context(), run.Cmd{Program: "no-such-program"}); !errs.Is(err, errs.Unsupported) {
		t.Error(err)
	}
	start := time.Now()
	_, err = run.Run(t.Context(), run.Cmd{Program: "sleep", Args: []string{"60"}, Timeout: 50 * time.Millisecond})
	if !errs.Is(err, errs.Unavailable) || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = run.Run(ctx, run.Cmd{Program: "sleep", Args: []string{"60"}}); !errs.Is(err, errs.Unavailable) {
		t.Error(err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	res, err := run.Run(t.Context(), run.Cmd{Program: "head", Args: []string{"-c", "100000", "/dev/zero"}, MaxOutput: 1000})
	if err != nil || len(res.Stdout) != 1000 || !res.Truncated {
		t.Errorf("%d bytes, truncated %v, %v", len(res.Stdout), res.Truncated, err)
	}
}
