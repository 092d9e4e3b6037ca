package tftpd

import "sync/atomic"

// Counters is what a Server has done since it was made.
type Counters struct {
	Requests  uint64 // read and write requests
	Completed uint64 // transfers acknowledged to their last block
	NotFound  uint64
	Refused   uint64 // requests answered with another error at once
	Failed    uint64 // transfers that broke off
	Dropped   uint64 // requests passed over, because too many transfers were under way
	Malformed uint64 // datagrams that belong to nothing
	Bytes     uint64 // acknowledged content
	Resent    uint64 // windows that had to be sent again
}

type counters struct {
	requests, completed, notFound, refused, failed, dropped, malformed, bytes, resent atomic.Uint64
}

// Counters tells what the server has done.
func (s *Server) Counters() Counters {
	c := &s.count
	return Counters{
		Requests: c.requests.Load(), Completed: c.completed.Load(), NotFound: c.notFound.Load(),
		Refused: c.refused.Load(), Failed: c.failed.Load(), Dropped: c.dropped.Load(),
		Malformed: c.malformed.Load(), Bytes: c.bytes.Load(), Resent: c.resent.Load(),
	}
}
