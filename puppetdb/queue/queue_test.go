package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A site is a queue that runs, with what its handler has seen.
type site struct {
	*Queue
	stop func()
	mu   sync.Mutex
	seen []string
}

func start(t *testing.T, dir string, opts Options, fail func(payload string) error) *site {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	q, err := Open(root, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &site{Queue: q}
	ended := make(chan error, 1)
	go func() {
		ended <- q.Run(ctx, func(_ context.Context, payload []byte) error {
			if fail != nil {
				if err := fail(string(payload)); err != nil {
					return err
				}
			}
			s.mu.Lock()
			s.seen = append(s.seen, string(payload))
			s.mu.Unlock()
			return nil
		})
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = root.Close()
	})
	t.Cleanup(s.stop)
	return s
}

func (s *site) append(t *testing.T, key, payload string) Receipt {
	t.Helper()
	r, err := s.Append(t.Context(), key, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOrderPerKey(t *testing.T) {
	s := start(t, t.TempDir(), Options{SegmentBytes: 64}, nil)
	var receipts []Receipt
	for i := range 50 {
		receipts = append(receipts, s.append(t, "a", fmt.Sprintf("a%02d", i)), s.append(t, "b", fmt.Sprintf("b%02d", i)))
	}
	for _, r := range receipts {
		if err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a", "b"} {
		var mine []string
		for _, p := range s.seen {
			if p[:1] == key {
				mine = append(mine, p)
			}
		}
		if len(mine) != 50 || !slices.IsSorted(mine) {
			t.Errorf("%s: %v", key, mine)
		}
	}
	if st := s.Status(); st.Depth != 0 || st.Bytes != 0 || st.Processed != 100 {
		t.Errorf("status %+v", st)
	}
}

// TestRestartHandlesWhatWasAcknowledged stops a queue whose handler never gets
// anything done and starts it again.
func TestRestartHandlesWhatWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	down := start(t, dir, Options{SegmentBytes: 100}, func(string) error { return errs.New(errs.Unavailable, "down") })
	for i := range 20 {
		down.append(t, "k", fmt.Sprintf("%02d", i))
	}
	down.stop()
	up := start(t, dir, Options{}, nil)
	if err := up.append(t, "k", "20").Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(up.seen) != 21 || !slices.IsSorted(up.seen) {
		t.Errorf("seen %v", up.seen)
	}
	up.stop()
	again := start(t, dir, Options{}, nil)
	if st := again.Status(); st.Depth > 1 {
		t.Errorf("finished segments stayed: %+v", st)
	}
}

func TestTornTailIsDropped(t *testing.T) {
	for cut := int64(1); cut < headerBytes+3; cut += 3 {
		dir := t.TempDir()
		down := start(t, dir, Options{}, func(string) error { return errs.New(errs.Unavailable, "down") })
		down.append(t, "k", "one")
		down.append(t, "k", "two")
		down.stop()
		files, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
		info, err := os.Stat(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(files[0], info.Size()-cut); err != nil {
			t.Fatal(err)
		}
		up := start(t, dir, Options{}, nil)
		if err := up.append(t, "k", "three").Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(up.seen, []string{"one", "three"}) {
			t.Errorf("cut %d: seen %v", cut, up.seen)
		}
		up.stop()
	}
}

func TestPoisonGoesToTheDeadLetters(t *testing.T) {
	dir := t.TempDir()
	poison := errs.New(errs.Invalid, "values: missing")
	s := start(t, dir, Options{}, func(p string) error {
		if p == "poison" {
			return poison
		}
		return nil
	})
	if err := s.append(t, "k", "poison").Wait(t.Context()); !errors.Is(err, poison) {
		t.Errorf("err = %v", err)
	}
	if err := s.append(t, "k", "good").Wait(t.Context()); err != nil {
		t.Error(err)
	}
	letters, err := fs.Glob(os.DirFS(dir), "discard/*.json")
	if err != nil || len(letters) != 1 {
		t.Fatalf("letters %v, %v", letters, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, letters[0]))
	if err != nil {
		t.Fatal(err)
	}
	var letter DeadLetter
	if err := json.Unmarshal(text, &letter); err != nil || letter.Key != "k" || string(letter.Payload) != "poison" || letter.Reason == "" {
		t.Errorf("letter %+v, %v", letter, err)
	}
}

func TestFullQueueAsksToComeBack(t *testing.T) {
	release := make(chan struct{})
	s := start(t, t.TempDir(), Options{MaxBytes: 10}, func(string) error { <-release; return nil })
	first := s.append(t, "k", "12345678")
	if _, err := s.Append(t.Context(), "k", []byte("12345678")); !errs.Is(err, errs.Unavailable) {
		t.Errorf("err = %v", err)
	}
	close(release)
	if err := first.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.append(t, "k", "12345678")
}

func TestAppendAfterStopIsRefused(t *testing.T) {
	s := start(t, t.TempDir(), Options{}, nil)
	s.stop()
	if _, err := s.Append(t.Context(), "k", []byte("x")); !errs.Is(err, errs.Unavailable) {
		t.Errorf("err = %v", err)
	}
}

func TestAnInternalErrorIsTriedAgain(t *testing.T) {
	var mu sync.Mutex
	tries := 0
	s := start(t, t.TempDir(), Options{}, func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries < 3 {
			return errors.New("deadlock")
		}
		return nil
	})
	if err := s.append(t, "k", "x").Wait(t.Context()); err != nil || tries != 3 {
		t.Errorf("err %v after %d tries", err, tries)
	}
}

func FuzzReplay(f *testing.F) {
	f.Add(appendRecord(nil, "key", []byte("payload")))
	f.Add([]byte{0, 0, 0, 9, 0, 0, 0, 99, 1, 2, 3, 4, 5})
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, segmentName(0)), data, 0o600); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = root.Close() }()
		q, err := Open(root, Options{})
		if err != nil {
			t.Fatal(err)
		}
		q.closeSegments()
	})
}

func BenchmarkAppend(b *testing.B) {
	root, err := os.OpenRoot(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	q, err := Open(root, Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx, func(context.Context, []byte) error { return nil }) }()
	payload := make([]byte, 20_000)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := q.Append(ctx, "k", payload); err != nil {
				b.Error(err)
			}
		}
	})
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}
