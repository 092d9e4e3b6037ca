//go:build e2e

package machine_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/chargehand/chargehand/e2e/site"
)

// insideKey is the variable that tells the test inside the namespaces where the
// binary and the images are.
const insideKey = "MACHINE_E2E_DIR"

// inside gives that folder to the test in network and mount namespaces of its
// own. Outside it prepares what needs the outside world, runs the test again in
// new namespaces, which go with the last process in them, and gives "".
func inside(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv(insideKey); dir != "" {
		return dir
	}
	dir, began := t.TempDir(), time.Now()
	if err := prepare(dir); err != nil {
		t.Fatal(err)
	}
	t.Logf("%-30s after %s", "prepared", time.Since(began).Round(time.Second))
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v"}
	if deadline, ok := t.Deadline(); ok {
		args = append(args, "-test.timeout="+time.Until(deadline).String())
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), insideKey+"="+dir)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return ""
}

// prepare builds the binary and the images into dir.
func prepare(dir string) error {
	if _, err := site.Build(dir); err != nil {
		return err
	}
	cache, err := site.Cache("machine")
	if err != nil {
		return err
	}
	return images(cache, dir)
}
