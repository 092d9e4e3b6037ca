// Package queue is PuppetDB's durable inbox: what it has acknowledged survives a
// power cut, is handled at least once, and in order for each key.
//
// Records go to append-only segment files; many appends share one fsync. A
// segment is removed when all of its records are done; after a restart every
// record of the segments that are left is handled again, so handling must be
// idempotent (PuppetDB's commands are: the newest producer timestamp wins).
//
// It imports internal/errs and the standard library.
package queue

import (
	"context"
	"hash/fnv"
	"log/slog"
	"os"
	"sync"

	"github.com/chargehand/chargehand/internal/errs"
	"golang.org/x/sync/errgroup"
)

// Options bound a queue. Zero values take the defaults.
type Options struct {
	MaxBytes     int64 // waiting records, in bytes; over it Append answers Unavailable (1 GiB)
	SegmentBytes int64 // size at which a new segment file begins (16 MiB)
	Workers      int   // streams handled at the same time (4)
	Log          *slog.Logger
}

// A Queue is safe for concurrent use. Appends are possible before Run starts.
type Queue struct {
	root *os.Root
	opts Options

	writes  chan *write   // to the committer, which alone touches the open segment
	stopped chan struct{} // closed when the committer is gone

	mu       sync.Mutex
	lanes    []*lane // one per worker; a key always goes to the same lane
	segments map[uint64]*segment
	nextSeq  uint64
	bytes    int64 // waiting, over all lanes
	depth    int
	done     uint64 // handled since start
	dead     uint64 // discarded since start
}

// A lane holds the waiting records of the keys that one worker serves.
type lane struct {
	waiting []*record
	wake    chan struct{} // buffered by one: something was added
}

type record struct {
	key     string
	segment *segment
	offset  int64
	length  int
	tries   int
	done    chan error // buffered by one; nil result when handled, else why it was discarded
}

type write struct {
	key     string
	payload []byte
	result  chan writeResult
}

type writeResult struct {
	record *record
	err    error
}

// Open opens the queue that lives in root and reads what an earlier run left
// behind. A torn record at the very end of a segment (a crash before its
// acknowledgement) is dropped; damage elsewhere is an error.
func Open(root *os.Root, opts Options) (*Queue, error) {
	if opts.MaxBytes == 0 {
		opts.MaxBytes = 1 << 30
	}
	if opts.SegmentBytes == 0 {
		opts.SegmentBytes = 16 << 20
	}
	if opts.Workers == 0 {
		opts.Workers = 4
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	q := &Queue{
		root: root, opts: opts,
		writes:   make(chan *write, 256),
		stopped:  make(chan struct{}),
		segments: map[uint64]*segment{},
	}
	for range opts.Workers {
		q.lanes = append(q.lanes, &lane{wake: make(chan struct{}, 1)})
	}
	if err := q.recover(); err != nil {
		return nil, err
	}
	return q, nil
}

// A Receipt stands for one acknowledged record.
type Receipt struct{ record *record }

// Wait blocks until the record is handled: nil, or the reason why it was
// discarded. It gives ctx's error when that ends first.
func (r Receipt) Wait(ctx context.Context) error {
	select {
	case err := <-r.record.done:
		r.record.done <- err
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Append stores payload durably and gives a receipt: once it returns without an
// error the record will be handled, whatever happens to this process. Records of
// one key are handled in the order of their appends. It answers Unavailable when
// the queue is full, stopped, or the disk fails; then nothing was stored that
// the caller may rely on. Run must be running.
func (q *Queue) Append(ctx context.Context, key string, payload []byte) (Receipt, error) {
	q.mu.Lock()
	full := q.bytes+int64(len(payload)) > q.opts.MaxBytes
	q.mu.Unlock()
	if full {
		return Receipt{}, errs.New(errs.Unavailable, "the command queue is full (%d bytes); try again later", q.opts.MaxBytes)
	}
	w := &write{key: key, payload: payload, result: make(chan writeResult, 1)}
	select {
	case q.writes <- w:
	case <-q.stopped:
		return Receipt{}, errStopping()
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
	select {
	case r := <-w.result:
		return Receipt{record: r.record}, r.err
	case <-q.stopped:
		return Receipt{}, errStopping()
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
}

func errStopping() error { return errs.New(errs.Unavailable, "the command queue is stopping") }

// A Handler handles one payload. An error of kind Malformed, Invalid, TooLarge
// or Unsupported discards the record with its reason; any other is tried again,
// Unavailable for ever and the rest a few times.
type Handler func(ctx context.Context, payload []byte) error

// Run commits appends and handles records until ctx ends. It then answers
// appends that wait with Unavailable and returns nil; what is not handled stays
// for the next start.
func (q *Queue) Run(ctx context.Context, handle Handler) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return q.commit(ctx) })
	for _, l := range q.lanes {
		group.Go(func() error { return q.serve(ctx, l, handle) })
	}
	err := group.Wait()
	q.closeSegments()
	return err
}

// A Status is the queue as it stands.
type Status struct {
	Depth     int    // records waiting
	Bytes     int64  // their size
	Processed uint64 // handled since start
	Discarded uint64 // dead letters since start
}

// Status tells how full the queue is.
func (q *Queue) Status() Status {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Status{Depth: q.depth, Bytes: q.bytes, Processed: q.done, Discarded: q.dead}
}

func (q *Queue) laneOf(key string) *lane {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return q.lanes[int(h.Sum32())%len(q.lanes)]
}

// enlist makes a stored record visible to its worker.
func (q *Queue) enlist(r *record) {
	q.mu.Lock()
	l := q.laneOf(r.key)
	l.waiting = append(l.waiting, r)
	q.depth++
	q.bytes += int64(r.length)
	q.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
