package server

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

// A queue lets so many do a thing at a time and so many wait; one more is told
// to come again later, before anything of its request has been read.
type queue struct {
	slots    chan struct{}
	inside   atomic.Int64 // working or waiting
	most     int64
	retry    time.Duration
	rejected atomic.Int64
}

func newQueue(working, waiting int, retry time.Duration) *queue {
	return &queue{slots: make(chan struct{}, working), most: int64(working + waiting), retry: retry}
}

// enter admits the caller to the queue, or not; leave ends it.
func (q *queue) enter() error {
	if q.inside.Add(1) <= q.most {
		return nil
	}
	q.inside.Add(-1)
	q.rejected.Add(1)
	return &fault{
		status: http.StatusServiceUnavailable, text: "too many requests wait; try again later",
		retry: time.Second + rand.N(q.retry), // spread, so that they do not come back together
	}
}

func (q *queue) leave() { q.inside.Add(-1) }

// work waits for a slot and runs fn in it.
func (q *queue) work(ctx context.Context, fn func() error) error {
	select {
	case q.slots <- struct{}{}:
		defer func() { <-q.slots }()
		return fn()
	case <-ctx.Done():
		return ctx.Err()
	}
}
