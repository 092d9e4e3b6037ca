package journal

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const victim = "CHARGEHAND_JOURNAL_VICTIM"

// TestKilledProcessLosesNothing starts itself as a process that appends numbers
// and says each one that is acknowledged, kills it at a random moment, and looks
// whether all of them are there. Now and then the victim rewrites its journal.
func TestKilledProcessLosesNothing(t *testing.T) {
	if path := os.Getenv(victim); path != "" {
		appendForEver(t, path)
	}
	path := filepath.Join(t.TempDir(), "j")
	last := -1
	for range 20 {
		said := killWhileAppending(t, path)
		if said >= 0 {
			last = said
		}
		n := -1
		j, err := Open(path, func(r []byte) error {
			v, err := strconv.Atoi(string(r))
			if v < n {
				return fmt.Errorf("%d after %d", v, n)
			}
			n = v
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		j.Close()
		if n < last {
			t.Fatalf("%d was acknowledged, and %d is the last one there", last, n)
		}
	}
	t.Logf("%d appends acknowledged", last+1)
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// killWhileAppending gives the last number that the victim said.
func killWhileAppending(t *testing.T, path string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcessLosesNothing$")
	cmd.Env = append(os.Environ(), victim+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, lines := -1, bufio.NewScanner(out)
	if lines.Scan() { // it is at work
		said, _ = strconv.Atoi(lines.Text())
	}
	time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, func() { cmd.Process.Kill() })
	for lines.Scan() {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			said = n
		}
	}
	cmd.Wait() // killed, as it should be
	return said
}

func appendForEver(t *testing.T, path string) {
	n := -1
	j, err := Open(path, func(r []byte) error { n, _ = strconv.Atoi(string(r)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	for {
		n++
		if err := j.Append([]byte(strconv.Itoa(n))); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString(strconv.Itoa(n) + "\n")
		if n%17 == 0 {
			if err := j.Rewrite(func(emit func([]byte)) { emit([]byte(strconv.Itoa(n))) }); err != nil {
				t.Fatal(err)
			}
		}
	}
}
