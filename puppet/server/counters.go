package server

import "sync/atomic"

type counters struct {
	requests, failures, denied atomic.Int64
	catalogs, catalogErrors    atomic.Int64
	facts, reports             atomic.Int64
	sinkErrors                 atomic.Int64
}

func (c *counters) request(status int) {
	c.requests.Add(1)
	if status >= 500 {
		c.failures.Add(1)
	}
}

// Counters are the server's figures since its start, and the two queues now.
type Counters struct {
	Requests      int64
	Failures      int64 // answered with 5xx
	Denied        int64 // by the authorization rules
	Catalogs      int64 // compiled
	CatalogErrors int64
	Facts         int64 // fact sets taken in
	Reports       int64
	SinkErrors    int64 // deliveries that failed, required or not
	Rejected      int64 // sent away because too many waited
	Compiling     int64 // now, the waiting included
}

// Counters gives a snapshot.
func (s *Server) Counters() Counters {
	c := &s.counters
	return Counters{
		Requests: c.requests.Load(), Failures: c.failures.Load(), Denied: c.denied.Load(),
		Catalogs: c.catalogs.Load(), CatalogErrors: c.catalogErrors.Load(), Facts: c.facts.Load(), Reports: c.reports.Load(),
		SinkErrors: c.sinkErrors.Load(), Rejected: s.compilations.rejected.Load() + s.intake.rejected.Load(),
		Compiling: s.compilations.inside.Load(),
	}
}
