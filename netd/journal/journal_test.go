package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func open(t *testing.T, path string) (*Journal, []string) {
	t.Helper()
	var got []string
	j, err := Open(path, func(r []byte) error { got = append(got, string(r)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, got
}

func add(t *testing.T, j *Journal, recs ...string) {
	t.Helper()
	var raw [][]byte
	for _, r := range recs {
		raw = append(raw, []byte(r))
	}
	if err := j.Append(raw...); err != nil {
		t.Fatal(err)
	}
}

func TestAppendedRecordsComeBackInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := open(t, path)
	add(t, j, "one")
	add(t, j, "two", "", "three")
	j.Close()
	if _, got := open(t, path); !slices.Equal(got, []string{"one", "two", "", "three"}) {
		t.Fatalf("got %q", got)
	}
}

// A power cut leaves any prefix of the last frame; what was acknowledged before
// must come back, and the journal must take further appends.
func TestEveryCutLosesOnlyTheLastFrame(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "j")
	j, _ := open(t, path)
	add(t, j, "kept", "kept too")
	whole := j.size
	add(t, j, "lost", "lost too")
	j.Close()
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := whole; cut < int64(len(image)); cut++ {
		p := filepath.Join(dir, fmt.Sprint("cut", cut))
		if err := os.WriteFile(p, image[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		c, got := open(t, p)
		if !slices.Equal(got, []string{"kept", "kept too"}) {
			t.Fatalf("cut at %d: got %q", cut, got)
		}
		add(t, c, "again")
		c.Close()
		if _, got := open(t, p); !slices.Equal(got, []string{"kept", "kept too", "again"}) {
			t.Fatalf("cut at %d, after append: got %q", cut, got)
		}
	}
}

func TestDamageInTheMiddleIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := open(t, path)
	add(t, j, "first")
	add(t, j, "second")
	j.Close()
	image, _ := os.ReadFile(path)
	at := bytes.Index(image, []byte("first"))
	image[at] ^= 1
	os.WriteFile(path, image, 0o600)
	if _, err := Open(path, func([]byte) error { return nil }); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("got %v, want ErrCorrupt", err)
	}
}

func TestRewriteReplacesTheContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := open(t, path)
	for range 100 {
		add(t, j, "same thing again")
	}
	if !j.Grown(100) {
		t.Fatal("a hundred records are no growth?")
	}
	if err := j.Rewrite(func(emit func([]byte)) { emit([]byte("once")) }); err != nil {
		t.Fatal(err)
	}
	if j.Grown(10) {
		t.Fatal("still grown after Rewrite")
	}
	add(t, j, "more")
	j.Close()
	if _, got := open(t, path); !slices.Equal(got, []string{"once", "more"}) {
		t.Fatalf("got %q", got)
	}
	if rest, _ := filepath.Glob(path + ".new-*"); len(rest) > 0 {
		t.Fatalf("left behind: %v", rest)
	}
}

// A failing disk (here: a file opened for reading) refuses the append and keeps
// what was there.
func TestFailedAppendKeepsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := open(t, path)
	add(t, j, "kept")
	good := j.file
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	j.file = readOnly
	if err := j.Append([]byte("refused")); err == nil {
		t.Fatal("append to a read-only file succeeded")
	}
	j.file = good
	add(t, j, "after")
	j.Close()
	if _, got := open(t, path); !slices.Equal(got, []string{"kept", "after"}) {
		t.Fatalf("got %q", got)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(magic))
	f.Add(appendFrame([]byte(magic), [][]byte{[]byte("a"), []byte("b")}))
	f.Add([]byte("chjournal1\n\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, image []byte) {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
		var first, second int
		j, err := Open(path, func([]byte) error { first++; return nil })
		if err != nil {
			return
		}
		if err := j.Append([]byte("x")); err != nil {
			t.Fatal(err)
		}
		j.Close()
		j, err = Open(path, func([]byte) error { second++; return nil })
		if err != nil || second != first+1 {
			t.Fatalf("reopened: %v, %d records after %d", err, second, first)
		}
		j.Close()
	})
}
