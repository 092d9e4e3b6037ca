package dnsd

import "sync/atomic"

// Counters is what a Server has done since it was made.
type Counters struct {
	Received  uint64 // messages
	Malformed uint64 // that could not be read
	Queries   uint64
	Updates   uint64
	Transfers uint64
	Failed    uint64 // not stored, or no answer could be written
	Dropped   uint64 // TCP connections beyond the bound
}

type counters struct {
	received, malformed, queries, updates, transfers, failed, dropped atomic.Uint64
}

// Counters tells what the server has done.
func (s *Server) Counters() Counters {
	c := &s.count
	return Counters{
		Received: c.received.Load(), Malformed: c.malformed.Load(), Queries: c.queries.Load(),
		Updates: c.updates.Load(), Transfers: c.transfers.Load(), Failed: c.failed.Load(), Dropped: c.dropped.Load(),
	}
}
