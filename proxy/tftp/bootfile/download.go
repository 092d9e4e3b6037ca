package bootfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/rootfs"
)

// A transfer is a download over its attempts: what is there of the file, and
// what identifies the version it is of.
type transfer struct {
	pending   *rootfs.Pending
	size      int64
	validator string // ETag or Last-Modified of the part that is there
}

// current is what download gives when there is nothing newer.
const current = -1

// download fetches a job's file, or finds it current. An attempt that breaks off
// is taken up where it broke, if the server still has the same version.
func (f *Fetcher) download(ctx context.Context, j job) (size int64, err error) {
	t := &transfer{}
	defer t.drop()
	for attempt := 1; ; attempt++ {
		size, err = f.try(ctx, j, t)
		if err == nil || attempt >= f.o.Attempts || !worthAnother(err) {
			return size, err
		}
		f.o.Log.Warn("boot file will be tried again", "file", j.Dst, "attempt", attempt, "error", err)
		timer := time.NewTimer(f.o.Pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return 0, ctx.Err()
		case <-timer.C:
		}
	}
}

func worthAnother(err error) bool {
	return errs.Is(err, errs.Upstream) || errs.Is(err, errs.Unavailable)
}

func (t *transfer) drop() {
	if t.pending != nil {
		t.pending.Abort()
	}
	*t = transfer{}
}

func (f *Fetcher) try(ctx context.Context, j job, t *transfer) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, j.Src, nil)
	if err != nil {
		return 0, errs.WrapAs(errs.Malformed, err, "boot file %s", j.Dst)
	}
	req.Header.Set("Accept-Encoding", "identity")
	if t.size > 0 && t.validator != "" {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.size))
		req.Header.Set("If-Range", t.validator)
	} else if info, err := f.o.Root.Stat(j.Dst); err == nil && info.Mode().IsRegular() {
		req.Header.Set("If-Modified-Since", info.ModTime().UTC().Format(http.TimeFormat))
	}
	resp, err := f.o.Client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified:
		return current, nil
	case resp.StatusCode == http.StatusPartialContent && t.size > 0 &&
		strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", t.size)):
	case resp.StatusCode == http.StatusOK:
		t.drop()
	case resp.StatusCode == http.StatusPartialContent, resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		t.drop()
		return 0, errs.New(errs.Upstream, "boot file %s: the medium answered another range", j.Dst)
	default:
		return 0, refusal(j, resp)
	}
	return f.receive(j, t, resp)
}

// refusal is an answer that is no file. What the server may yet have is Upstream.
func refusal(j job, resp *http.Response) error {
	kind := errs.KindOfStatus(resp.StatusCode)
	if resp.StatusCode >= 500 || kind == errs.Limited {
		kind = errs.Upstream
	}
	return errs.New(kind, "boot file %s: the medium answered %s", j.Dst, resp.Status)
}

// receive appends the body, and commits the file when it is whole.
func (f *Fetcher) receive(j job, t *transfer, resp *http.Response) (int64, error) {
	if resp.ContentLength > f.o.MaxSize-t.size {
		return 0, errs.New(errs.TooLarge, "boot file %s has more than %d bytes", j.Dst, f.o.MaxSize)
	}
	if t.pending == nil {
		p, err := f.o.Root.Create(j.Dst, 0o644)
		if err != nil {
			return 0, err
		}
		t.pending = p
		t.validator = resp.Header.Get("ETag")
		if t.validator == "" || strings.HasPrefix(t.validator, "W/") {
			t.validator = resp.Header.Get("Last-Modified")
		}
	}
	out := &written{w: t.pending}
	n, err := io.Copy(out, bounded.Reader(resp.Body, f.o.MaxSize-t.size))
	t.size += n
	if out.err != nil {
		t.drop()
		return 0, errs.Wrap(out.err, "boot file %s", j.Dst)
	}
	if err != nil {
		return 0, errs.Wrap(err, "boot file %s broke off after %d bytes", j.Dst, t.size)
	}
	if when, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		t.pending.SetTime(when)
	}
	size := t.size
	err = t.pending.Commit()
	*t = transfer{}
	return size, errs.Wrap(err, "boot file %s", j.Dst)
}

// written tells errors of the disk from those of the network.
type written struct {
	w   io.Writer
	err error
}

func (w *written) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil && w.err == nil {
		w.err = err
	}
	return n, errors.Join(err)
}
