package castore_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/castore"
	"github.com/chargehand/chargehand/pki/pkitest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("CASTORE_TEST_SIGN"); dir != "" {
		signForever(dir, os.Getenv("CASTORE_TEST_NAME"))
	}
	if dir := os.Getenv("CASTORE_TEST_FULL"); dir != "" {
		os.Exit(fillDisk(dir))
	}
	os.Exit(m.Run())
}

func open(t testing.TB, dir string) *castore.Store {
	t.Helper()
	s, err := castore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func openCA(t testing.TB, dir string) *pki.CA {
	t.Helper()
	ca, err := caOver(t.Context(), open(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestSuite(t *testing.T) {
	pkitest.Run(t, func(t *testing.T) pki.Store { return open(t, t.TempDir()) })
}

// TestTwoProcesses lets two stores share a directory, as two processes do.
func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	stores := []*castore.Store{open(t, dir), open(t, dir)}
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			for n := range 25 {
				err := s.Update(t.Context(), func(tx pki.Tx) error {
					count := 0
					value, _, err := tx.Get("x", "n")
					_, _ = fmt.Sscan(string(value), &count)
					if err == nil {
						err = tx.Put("x", "n", fmt.Append(nil, count+1))
					}
					if err == nil {
						err = tx.Put("by", fmt.Sprint(i, n), []byte("1"))
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, s := range append(stores, open(t, dir)) {
		err := s.View(t.Context(), func(tx pki.Tx) error {
			if value, _, _ := tx.Get("x", "n"); string(value) != "50" {
				t.Errorf("counted to %s, not 50", value)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestTornLineIsDropped(t *testing.T) {
	whole := filledLog(t)
	last := len(whole) - 1 - bytes.IndexByte(whole, '\n')
	for cut := 1; cut <= last; cut++ {
		dir := t.TempDir()
		writeLog(t, dir, whole[:len(whole)-cut])
		s := open(t, dir)
		if _, found := lookup(t, s, "last"); found {
			t.Fatalf("cut by %d bytes, and yet the last update is there", cut)
		}
		if v, _ := lookup(t, s, "first"); v != `"1"` {
			t.Fatalf("cut by %d bytes: the first update reads %q", cut, v)
		}
		put(t, s, "again")
		if _, found := lookup(t, open(t, dir), "again"); !found {
			t.Fatalf("cut by %d bytes: an update after it is lost", cut)
		}
	}
}

func TestDamageIsAnError(t *testing.T) {
	whole := filledLog(t)
	whole[20] ^= 1
	dir := t.TempDir()
	writeLog(t, dir, whole)
	if _, err := castore.Open(dir); err == nil || !strings.Contains(err.Error(), "damaged at byte 0") {
		t.Errorf("opened a damaged log: %v", err)
	}
}

func TestCompaction(t *testing.T) {
	dir := t.TempDir()
	other := open(t, dir)
	s := open(t, dir)
	value := []byte(`"` + strings.Repeat("x", 100_000) + `"`)
	for range 30 {
		if err := s.Update(t.Context(), func(tx pki.Tx) error { return tx.Put("x", "big", value) }); err != nil {
			t.Fatal(err)
		}
	}
	compacted := open(t, dir)
	if info, err := os.Stat(filepath.Join(dir, "ca.log")); err != nil || info.Size() > 200_000 {
		t.Errorf("the log was not compacted: %v, %v", info.Size(), err)
	}
	put(t, compacted, "after")
	for _, s := range []*castore.Store{other, s} { // these still hold the old file
		if _, found := lookup(t, s, "after"); !found {
			t.Error("another process does not see the new log")
		}
		put(t, s, "more")
	}
	if v, _ := lookup(t, open(t, dir), "big"); v != string(value) {
		t.Error("compaction lost a record")
	}
}

// TestCompactionWhileRunning rewrites one record until the log must shrink.
func TestCompactionWhileRunning(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	value := []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	for range 40 {
		if err := s.Update(t.Context(), func(tx pki.Tx) error { return tx.Put("x", "big", value) }); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "ca.log"))
		if err != nil || info.Size() > 18<<20 {
			t.Fatalf("the log has grown to %d bytes (%v)", info.Size(), err)
		}
	}
	if v, _ := lookup(t, open(t, dir), "big"); v != string(value) {
		t.Error("compaction lost a record")
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	openCA(t, dir)
	for name, want := range map[string]fs.FileMode{".": 0o700 | fs.ModeDir, "ca_key.pem": 0o600, "ca.log": 0o600, "ca_crt.pem": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&^0o022 != want&^0o022 || info.Mode().Perm()&0o077&^want.Perm() != 0 {
			t.Errorf("%s has mode %s, wanted %s", name, info.Mode(), want)
		}
	}
}

func TestLostKeyIsNotMadeAnew(t *testing.T) {
	dir := t.TempDir()
	openCA(t, dir)
	if err := os.Remove(filepath.Join(dir, "ca_key.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := caOver(t.Context(), open(t, dir)); !errs.Is(err, errs.Internal) {
		t.Errorf("opened without its key: %v", err)
	}
}

// TestKill kills a process that signs, again and again, and looks for what it
// had acknowledged: requests, certificates and the order of serials.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	openCA(t, dir) // so that the rounds do not race for the key
	acknowledged := map[string]bool{}
	for round := range 12 {
		for _, name := range signUntilKilled(t, dir, fmt.Sprintf("r%d", round)) {
			acknowledged[name] = true
		}
	}
	ca := openCA(t, dir)
	for name := range acknowledged {
		if _, err := ca.Certificate(t.Context(), name); err != nil {
			t.Errorf("%s was signed before the kill: %v", name, err)
		}
	}
	lines, err := ca.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, l := range lines {
		if seen[l.Serial] {
			t.Errorf("serial %s was given twice", l.Serial)
		}
		seen[l.Serial] = true
	}
	t.Logf("%d certificates acknowledged over 12 kills, none lost", len(acknowledged))
	if len(acknowledged) < 12 {
		t.Errorf("only %d certificates were signed", len(acknowledged))
	}
}

// signUntilKilled runs this test program as one that signs, and kills it after
// some answers and a random moment more.
func signUntilKilled(t *testing.T, dir, prefix string) (names []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CASTORE_TEST_SIGN="+dir, "CASTORE_TEST_NAME="+prefix)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 3 + mrand.IntN(10); n > 0 && lines.Scan(); n-- {
		names = append(names, lines.Text())
	}
	time.AfterFunc(time.Duration(mrand.IntN(3000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
	for lines.Scan() {
		names = append(names, lines.Text())
	}
	_ = cmd.Wait()
	return names
}

// TestFullDisk lets a process write against a bound on file sizes: the update
// that does not fit is refused and leaves nothing, and once there is room again
// the store goes on.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CASTORE_TEST_FULL="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := open(t, dir)
	for key, want := range map[string]bool{"before": true, "huge": false, "after": true} {
		if _, found := lookup(t, s, key); found != want {
			t.Errorf("%s: found %v", key, found)
		}
	}
}
