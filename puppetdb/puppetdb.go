// Package puppetdb is the whole of PuppetDB behind its HTTP edge: commands go
// through the durable queue into the storage, and questions are answered from it.
//
// It imports its own sub-packages and internal; never an edge.
package puppetdb

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppetdb/command"
	"github.com/chargehand/chargehand/puppetdb/query"
	"github.com/chargehand/chargehand/puppetdb/queue"
	"github.com/chargehand/chargehand/puppetdb/storage"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Options are what a Service needs.
type Options struct {
	Store *storage.Store
	Queue *queue.Queue
	Clock clock.Clock
	Log   *slog.Logger
	// NodeTTL, PurgeTTL and ReportTTL are the ages of puppetdb.node_ttl,
	// puppetdb.node_purge_ttl and puppetdb.report_ttl; 0 never.
	NodeTTL, PurgeTTL, ReportTTL time.Duration
}

// A Service is safe for concurrent use.
type Service struct {
	opts Options
	// large keeps large commands from being decoded side by side: decoding takes
	// several times a command's size.
	large *semaphore.Weighted
}

// maxDecoding is how many bytes of commands are decoded at the same time.
const maxDecoding = 16 << 20

// New makes a service; Run makes it work.
func New(opts Options) *Service {
	return &Service{opts: opts, large: semaphore.NewWeighted(maxDecoding)}
}

// An envelope goes before each payload in the queue, on a line of its own.
type envelope struct {
	Command  command.Name `json:"command"`
	Version  int          `json:"version"`
	Certname string       `json:"certname"`
}

// Submit acknowledges a command once it is durable: what it says is stored soon
// after, whatever happens to this process. Malformed for an unknown or retired
// command, Unavailable when the queue is full. Whether the payload makes sense
// is found out later, as in PuppetDB; Receipt.Wait tells.
func (s *Service) Submit(ctx context.Context, name string, version int, certname string, payload []byte) (queue.Receipt, error) {
	n, err := command.Parse(name, version)
	if err != nil {
		return queue.Receipt{}, err
	}
	if certname == "" {
		return queue.Receipt{}, errs.New(errs.Malformed, "Command %q needs a certname", n)
	}
	head, err := json.Marshal(envelope{Command: n, Version: version, Certname: certname})
	if err != nil {
		return queue.Receipt{}, errs.WrapAs(errs.Internal, err, "encode")
	}
	return s.opts.Queue.Append(ctx, certname, bytes.Join([][]byte{head, payload}, []byte("\n")))
}

// handle takes one command out of the queue.
func (s *Service) handle(ctx context.Context, record []byte) error {
	weight := min(int64(len(record)), maxDecoding)
	if err := s.large.Acquire(ctx, weight); err != nil {
		return err
	}
	defer s.large.Release(weight)
	head, payload, _ := bytes.Cut(record, []byte("\n"))
	var e envelope
	if err := json.Unmarshal(head, &e); err != nil {
		return errs.WrapAs(errs.Malformed, err, "envelope")
	}
	decoded, err := command.Decode(e.Command, e.Version, e.Certname, payload)
	if err != nil {
		return err
	}
	return s.opts.Store.Apply(ctx, decoded)
}

// collectEvery is the pause between two rounds of deleting what is too old.
const collectEvery = 10 * time.Minute

// Run handles commands and deletes what is too old until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.opts.Queue.Run(ctx, s.handle) })
	group.Go(func() error {
		ticker := time.NewTicker(collectEvery)
		defer ticker.Stop()
		for {
			if err := s.Collect(ctx); err != nil && ctx.Err() == nil {
				s.opts.Log.Warn("puppetdb: collecting what is too old", "error", err)
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return nil
			}
		}
	})
	return group.Wait()
}

// Collect runs one round of expiry, purge and report deletion.
func (s *Service) Collect(ctx context.Context) error {
	ago := func(ttl time.Duration) time.Time {
		if ttl == 0 {
			return time.Time{}
		}
		return s.opts.Clock().Add(-ttl)
	}
	return s.opts.Store.Expire(ctx, ago(s.opts.NodeTTL), ago(s.opts.PurgeTTL), ago(s.opts.ReportTTL))
}

// Status tells how full the queue is.
func (s *Service) Status() queue.Status { return s.opts.Queue.Status() }

// Ready reports whether the database answers.
func (s *Service) Ready(ctx context.Context) error { return s.opts.Store.Ping(ctx) }

// Answer streams the rows of a question as a JSON array.
func (s *Service) Answer(ctx context.Context, w io.Writer, q *query.Query) error {
	return s.opts.Store.Write(ctx, w, q)
}

// Count tells how many rows the question has without limit and offset.
func (s *Service) Count(ctx context.Context, q *query.Query) (int64, error) {
	return s.opts.Store.Count(ctx, q)
}

// Ask decodes and answers an AST question of the root endpoint into rows, for
// callers in this process.
func (s *Service) Ask(ctx context.Context, ast any, rows any) error {
	q, err := query.ParseRoot(ast)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := s.Answer(ctx, &b, q); err != nil {
		return err
	}
	return errs.WrapAs(errs.Internal, json.Unmarshal(b.Bytes(), rows), "decode the answer")
}
