//go:build e2efull

package machine_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/chargehand/chargehand/e2e/site"
)

// insideKey is the variable that tells the tests inside the namespace where the
// binary and the images are.
const insideKey = "MACHINE_E2E_DIR"

// TestMain prepares what needs the outside world, then runs the tests in network
// and mount namespaces of their own, which go with the last process in them.
func TestMain(m *testing.M) {
	if os.Getenv(insideKey) != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "e2e-machine")
	if err == nil {
		err = prepare(dir)
	}
	if err == nil {
		err = again(dir)
	}
	_ = os.RemoveAll(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// prepare builds the binary and the images into dir.
func prepare(dir string) error {
	if _, err := site.Build(dir); err != nil {
		return err
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	cache := filepath.Join(user, "chargehand-e2e")
	for _, name := range []string{"ruby", "machine"} {
		if err := os.MkdirAll(filepath.Join(cache, name), 0o700); err != nil {
			return err
		}
	}
	if err := os.Symlink(filepath.Join(cache, "ruby"), filepath.Join(dir, "ruby")); err != nil {
		return err
	}
	return images(filepath.Join(cache, "machine"), dir)
}

// again runs this program inside new namespaces.
func again(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideKey+"="+dir)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	return cmd.Run()
}
