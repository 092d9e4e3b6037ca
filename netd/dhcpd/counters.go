package dhcpd

import (
	"sync/atomic"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Counters is what a Server has done since it was made.
type Counters struct {
	Received  uint64 // datagrams
	Malformed uint64 // not DHCP requests
	Ignored   uint64 // no business of ours, or nothing to offer
	Dropped   uint64 // too many leases waited for the disk
	Failed    uint64 // not stored or not sent

	Discover, Request, Decline, Release, Inform uint64
	Offer, Ack, Nak                             uint64
}

type counters struct {
	received, malformed, ignored, dropped, failed atomic.Uint64

	kinds [16]struct{ in, out atomic.Uint64 } // by message type
}

func (c *counters) request(t dhcpv4.MessageType) { c.kinds[t&15].in.Add(1) }
func (c *counters) reply(t dhcpv4.MessageType)   { c.kinds[t&15].out.Add(1) }

// Counters tells what the server has done.
func (s *Server) Counters() Counters {
	c := &s.count
	in := func(t dhcpv4.MessageType) uint64 { return c.kinds[t].in.Load() }
	out := func(t dhcpv4.MessageType) uint64 { return c.kinds[t].out.Load() }
	return Counters{
		Received: c.received.Load(), Malformed: c.malformed.Load(), Ignored: c.ignored.Load(),
		Dropped: c.dropped.Load(), Failed: c.failed.Load(),
		Discover: in(dhcpv4.MessageTypeDiscover), Request: in(dhcpv4.MessageTypeRequest),
		Decline: in(dhcpv4.MessageTypeDecline), Release: in(dhcpv4.MessageTypeRelease),
		Inform: in(dhcpv4.MessageTypeInform),
		Offer:  out(dhcpv4.MessageTypeOffer), Ack: out(dhcpv4.MessageTypeAck), Nak: out(dhcpv4.MessageTypeNak),
	}
}
