// Package bootfile fetches boot files (kernels, initial RAM disks) from
// installation media into a TFTP root: in the background, newer ones only, and
// again after a restart until it is done.
//
// It imports the standard library, internal/fetch, internal/rootfs,
// internal/bounded, internal/errs and proxy/tftp.
package bootfile

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/proxy/tftp"
)

// The defaults of Options.
const (
	DefaultMaxSize  = 2 << 30
	DefaultTimeout  = time.Hour
	DefaultPause    = 10 * time.Second
	DefaultAttempts = 4
	DefaultParallel = 2
)

// maxWaiting bounds the downloads that are accepted and not done.
const maxWaiting = 256

// todoDir holds a file for each download that is accepted and not done.
const todoDir = ".fetch"

// Options say where files go and how they are fetched.
type Options struct {
	Root *rootfs.Root

	// Client fetches; it should have no bound on bodies and a timeout that is
	// long enough. nil is NewClient(nil).
	Client *fetch.Client

	MaxSize  int64         // of a file
	Attempts int           // before a download is given up
	Pause    time.Duration // between attempts
	Parallel int           // downloads at once
	Log      *slog.Logger  // nil: nothing is logged
}

// NewClient is a client fit for boot files. A nil change leaves the defaults:
// one hour, ten redirects, no link-local addresses.
func NewClient(change func(*fetch.Options)) *fetch.Client {
	o := fetch.Options{Timeout: DefaultTimeout, MaxBody: -1, FollowRedirects: 10}
	if change != nil {
		change(&o)
	}
	return fetch.New(o)
}

// A Fetcher fetches boot files. Make one with New and keep Run running; it is
// safe for concurrent use.
type Fetcher struct {
	o     Options
	queue chan job

	mu      sync.Mutex
	waiting map[string]bool // by destination
}

var _ tftp.Fetcher = (*Fetcher)(nil)

// A job is a download that is accepted.
type job struct {
	Dst string `json:"dst"`
	Src string `json:"src"`
}

// New makes a Fetcher.
func New(o Options) *Fetcher {
	if o.Client == nil {
		o.Client = NewClient(nil)
	}
	o.MaxSize = cmp.Or(o.MaxSize, DefaultMaxSize)
	o.Attempts = cmp.Or(o.Attempts, DefaultAttempts)
	o.Pause = cmp.Or(o.Pause, DefaultPause)
	o.Parallel = cmp.Or(o.Parallel, DefaultParallel)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Fetcher{o: o, queue: make(chan job, maxWaiting), waiting: map[string]bool{}}
}

// Fetch implements tftp.Fetcher. Beyond what that says: Unavailable when too many
// downloads are waiting, or what is accepted cannot be written down. Media on
// NFS are mounted, not fetched: nothing is done about them.
func (f *Fetcher) Fetch(_ context.Context, prefix, src string) error {
	dst, err := tftp.BootFile(prefix, src)
	if err != nil {
		return err
	}
	u, err := url.Parse(src)
	if err != nil {
		return errs.New(errs.Malformed, "TFTP: Invalid path %.200q", src)
	}
	switch {
	case u.Scheme == "nfs":
		return nil
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return errs.New(errs.Malformed, "TFTP: boot files are fetched over http and https, not from %.200q", fetch.Name(u))
	case strings.HasPrefix(dst, todoDir) || rootfs.IsTemporary(path.Base(dst)):
		return errs.New(errs.Malformed, "TFTP: %.200q is not a name for a boot file", dst)
	}
	return f.accept(job{dst, src})
}

func (f *Fetcher) accept(j job) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting[j.Dst] {
		return nil
	}
	if len(f.waiting) >= maxWaiting {
		return errs.New(errs.Unavailable, "TFTP: %d boot files are waiting to be fetched", maxWaiting)
	}
	note, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := f.o.Root.WriteFile(j.note(), note, 0o644); err != nil {
		return errs.Wrap(err, "TFTP: remember the boot file %s", j.Dst)
	}
	f.waiting[j.Dst] = true
	f.queue <- j // has room for all that wait
	return nil
}

// note is the file that remembers the job.
func (j job) note() string {
	sum := sha256.Sum256([]byte(j.Dst))
	return todoDir + "/" + hex.EncodeToString(sum[:16])
}

// Run fetches what was accepted, now and before a restart, until ctx ends.
func (f *Fetcher) Run(ctx context.Context) error {
	f.recall()
	var wg sync.WaitGroup
	for range f.o.Parallel {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case j := <-f.queue:
					f.work(ctx, j)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// recall takes up what an earlier process accepted.
func (f *Fetcher) recall() {
	notes, err := f.o.Root.List(todoDir)
	if err != nil {
		f.o.Log.Error("boot files to fetch cannot be listed", "error", err)
	}
	for _, n := range notes {
		var j job
		data, err := f.o.Root.ReadFile(todoDir+"/"+n.Name(), 64<<10)
		if err == nil {
			err = bounded.JSON(data, &j)
		}
		if err == nil {
			err = f.accept(j)
		}
		if err != nil {
			f.o.Log.Error("a boot file to fetch is not taken up", "note", n.Name(), "error", err)
		}
	}
}

// work does one job to its end. When ctx ends first, the note stays.
func (f *Fetcher) work(ctx context.Context, j job) {
	start := time.Now()
	size, err := f.download(ctx, j)
	if ctx.Err() != nil {
		return
	}
	switch {
	case err != nil:
		f.o.Log.Error("boot file cannot be fetched", "file", j.Dst, "error", err)
	case size < 0:
		f.o.Log.Info("boot file is current", "file", j.Dst)
	default:
		f.o.Log.Info("boot file fetched", "file", j.Dst, "bytes", size, "ms", time.Since(start).Milliseconds())
	}
	if err := f.o.Root.Remove(j.note()); err != nil {
		f.o.Log.Error("a fetched boot file is not forgotten", "file", j.Dst, "error", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiting, j.Dst)
}

// Waiting counts the downloads that are accepted and not done.
func (f *Fetcher) Waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting)
}
