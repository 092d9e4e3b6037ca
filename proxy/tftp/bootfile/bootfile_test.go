package bootfile_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/proxy/tftp/bootfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var modified = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

// A medium serves one file, and may break off or fail on the way.
type medium struct {
	mu      sync.Mutex
	content []byte
	etag    string
	breaks  []int // after how many bytes the next answers break off
	status  int
	asked   []string
	hold    chan struct{} // answers wait for it
	then    []byte        // content of later answers, with the tag "then"
}

func (m *medium) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.asked = append(m.asked, r.Header.Get("Range"))
	content, etag, hold, status := m.content, m.etag, m.hold, m.status
	if m.then != nil {
		m.content, m.etag, m.then = m.then, `"then"`, nil
	}
	var limit int
	if len(m.breaks) > 0 {
		limit, m.breaks = m.breaks[0], m.breaks[1:]
	}
	m.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	if limit > 0 {
		w = &cut{w, limit}
	}
	http.ServeContent(w, r, "", modified, bytes.NewReader(content))
}

// cut breaks the connection after so many bytes.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	_, _ = c.ResponseWriter.Write(p[:n])
	if c.left -= n; c.left == 0 {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

// A bench is a fetcher over a temporary root.
type bench struct {
	*bootfile.Fetcher
	dir string
	log *logText
}

type logText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newBench(t *testing.T, dir string, change func(*bootfile.Options)) *bench {
	t.Helper()
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	b := &bench{dir: dir, log: &logText{}}
	o := bootfile.Options{Root: root, Pause: time.Millisecond, Log: slog.New(slog.NewTextHandler(b.log, nil))}
	if change != nil {
		change(&o)
	}
	b.Fetcher = bootfile.New(o)
	return b
}

// run works until nothing waits, then stops.
func (b *bench) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	for deadline := time.Now().Add(10 * time.Second); b.Waiting() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting: %s", b.log)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func (b *bench) fetch(t *testing.T, prefix, src string) {
	t.Helper()
	if err := b.Fetch(t.Context(), prefix, src); err != nil {
		t.Fatal(err)
	}
	b.run(t)
}

func (b *bench) want(t *testing.T, name string, content []byte) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%s has %d bytes, want %d (%v)\n%s", name, len(got), len(content), err, b.log)
	}
}

func (b *bench) entries(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(b.dir, path)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func serve(t *testing.T, m *medium) string {
	t.Helper()
	srv := httptest.NewServer(m)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestFetch(t *testing.T) {
	m := &medium{content: bytes.Repeat([]byte("kernel"), 100_000)}
	url := serve(t, m)
	b := newBench(t, t.TempDir(), nil)
	b.fetch(t, "boot/debian-12", url+"/dists/linux")
	b.want(t, "boot/debian-12-linux", m.content)
	info, err := os.Stat(filepath.Join(b.dir, "boot/debian-12-linux"))
	if err != nil || !info.ModTime().Equal(modified) || info.Mode().Perm() != 0o644 {
		t.Errorf("%v %v %v", info.ModTime(), info.Mode(), err)
	}
	b.fetch(t, "boot/debian-12", url+"/dists/linux")
	if !strings.Contains(b.log.String(), "is current") {
		t.Errorf("a second time it was not seen that nothing changed: %s", b.log)
	}
	if got := b.entries(t); len(got) != 1 {
		t.Errorf("the root holds %v", got)
	}
}

func TestBrokenOffIsTakenUp(t *testing.T) {
	for _, etag := range []string{"", `"v1"`} {
		m := &medium{content: bytes.Repeat([]byte("0123456789"), 50_000), breaks: []int{100_000, 200_000}, etag: etag}
		b := newBench(t, t.TempDir(), nil)
		b.fetch(t, "boot/x", serve(t, m)+"/initrd")
		b.want(t, "boot/x-initrd", m.content)
		if len(m.asked) != 3 || m.asked[1] == "" || m.asked[2] == "" {
			t.Errorf("ranges asked: %q", m.asked)
		}
	}
}

// TestChangedInBetween: the second part is of another version, so that the file
// begins anew.
func TestChangedInBetween(t *testing.T) {
	then := bytes.Repeat([]byte("b"), 90_000)
	m := &medium{content: bytes.Repeat([]byte("a"), 100_000), breaks: []int{50_000}, etag: `"first"`, then: then}
	b := newBench(t, t.TempDir(), nil)
	b.fetch(t, "x", serve(t, m)+"/f")
	b.want(t, "x-f", then)
}

func TestGivenUp(t *testing.T) {
	old := []byte("old")
	for _, c := range []struct {
		what     string
		m        *medium
		change   func(*bootfile.Options)
		attempts int
	}{
		{"missing", &medium{status: 404}, nil, 1},
		{"failing", &medium{status: 503}, nil, 4},
		{"too large, said", &medium{content: make([]byte, 1001)}, func(o *bootfile.Options) { o.MaxSize = 1000 }, 1},
		{"refused address", &medium{content: []byte("x")}, func(o *bootfile.Options) {
			o.Client = bootfile.NewClient(func(f *fetch.Options) { f.Refuse = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
		}, 0},
	} {
		b := newBench(t, t.TempDir(), c.change)
		if err := os.WriteFile(filepath.Join(b.dir, "x-f"), old, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(b.dir, "x-f"), time.Time{}, modified.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		b.fetch(t, "x", serve(t, c.m)+"/f")
		b.want(t, "x-f", old)
		if len(c.m.asked) != c.attempts || !strings.Contains(b.log.String(), "cannot be fetched") {
			t.Errorf("%s: %d attempts, %s", c.what, len(c.m.asked), b.log)
		}
		if got := b.entries(t); len(got) != 1 {
			t.Errorf("%s: the root holds %v", c.what, got)
		}
	}
}

func TestMalformed(t *testing.T) {
	b := newBench(t, t.TempDir(), nil)
	for _, c := range [][2]string{
		{"x", "ftp://h/f"},
		{"x", "file:///etc/passwd"},
		{"x", "http:///f"},
		{"x", "f"},
		{"../x", "http://h/f"},
		{".fetch/", "http://h/f"},
		{"a/", "http://h/.new-x"},
		{"", "http://h/f"},
	} {
		if err := b.Fetch(t.Context(), c[0], c[1]); !errs.Is(err, errs.Malformed) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if err := b.Fetch(t.Context(), "x", "nfs://h/f"); err != nil || b.Waiting() != 0 {
		t.Errorf("nfs: %v", err)
	}
}

// TestOnceAtATime: a repetition while a download waits does nothing, and too many
// are refused.
func TestOnceAtATime(t *testing.T) {
	b := newBench(t, t.TempDir(), nil)
	for range 3 {
		if err := b.Fetch(t.Context(), "x", "http://127.0.0.1:1/f"); err != nil {
			t.Fatal(err)
		}
	}
	if b.Waiting() != 1 {
		t.Errorf("%d are waiting", b.Waiting())
	}
	var err error
	for i := 0; i < 300 && err == nil; i++ {
		err = b.Fetch(t.Context(), fmt.Sprint(i), "http://127.0.0.1:1/f")
	}
	if !errs.Is(err, errs.Unavailable) {
		t.Error(err)
	}
}

// TestRestart: what was accepted before the process ended is fetched after it.
func TestRestart(t *testing.T) {
	m := &medium{content: []byte("kernel"), hold: make(chan struct{})}
	url := serve(t, m)
	dir := t.TempDir()
	first := newBench(t, dir, nil)
	if err := first.Fetch(t.Context(), "boot/x", url+"/linux"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- first.Run(ctx) }()
	for {
		m.mu.Lock()
		n := len(m.asked)
		m.mu.Unlock()
		if n > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	close(m.hold)
	second := newBench(t, dir, nil)
	runCtx, stop := context.WithCancel(t.Context())
	go func() { done <- second.Run(runCtx) }()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "boot/x-linux")); err == nil && second.Waiting() == 0 {
			break
		}
	}
	stop()
	<-done
	second.want(t, "boot/x-linux", m.content)
	if got := second.entries(t); len(got) != 1 {
		t.Errorf("the root holds %v", got)
	}
}

// TestSymlinkOut: a link in the root that leads out is not followed.
func TestSymlinkOut(t *testing.T) {
	b := newBench(t, t.TempDir(), nil)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(b.dir, "boot")); err != nil {
		t.Fatal(err)
	}
	b.fetch(t, "boot/x", serve(t, &medium{content: []byte("x")})+"/f")
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("written outside: %v", left)
	}
}
