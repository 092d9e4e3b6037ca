// Package dhcpd is a DHCPv4 server for machines that boot over the network:
// reservations by hardware address, ranges with durable leases, relays, and the
// choice of the boot file by what the firmware says of itself.
//
// It knows nothing of Foreman. It imports the DHCP codec, internal/clock,
// internal/errs and netd's journal and udp; providers and the wiring import it.
package dhcpd

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/udp"
)

const (
	clientPort = 68
	serverPort = 67
	maxPacket  = 1500
	readBuffer = 4 << 20 // what the kernel keeps for us while all workers are busy
)

// Config is what a Server needs.
type Config struct {
	Address    string   // to listen on, "0.0.0.0:67"
	Interfaces []string // to answer on; all when empty
	Store      *Store
	Boot       Boot

	// Advertise answers machines that look for an IPv6 router with word that this
	// is none, on the links of its subnets: firmware waits long for such a word.
	Advertise bool

	Observe func(Exchange) // told of each answer; must not block; may be nil
	Log     *slog.Logger
}

// An Exchange is a request that was answered, or one that needs no answer.
type Exchange struct {
	Time     time.Time
	MAC      string
	Request  string // DISCOVER, REQUEST, DECLINE, RELEASE or INFORM
	Reply    string // OFFER, ACK, NAK, or "" for DECLINE and RELEASE
	IP       netip.Addr
	BootFile string
	Server   string // next-server
	Hostname string // as the client says
	Network  netip.Prefix
}

// A Server answers DHCP requests from a Store. On a loopback address it answers
// every request to where it came from, so that it can be tried without privileges.
type Server struct {
	cfg        Config
	conn       *udp.Conn
	raw        rawSender
	links      *links
	advertiser *advertiser // nil: none
	plain      bool
	count      counters

	deliver func(*dhcpv4.DHCPv4, udp.Peer) error // send; tests listen in
}

// Listen opens the server's socket; Run answers on it. Errors: Unavailable when
// the address cannot be bound.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	conn, err := udp.Listen(ctx, cfg.Address)
	if err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "listen for DHCP")
	}
	if err := conn.Buffer(readBuffer); err != nil {
		cfg.Log.Debug("DHCP socket keeps its small buffer", "error", err)
	}
	s := &Server{cfg: cfg, conn: conn, links: newLinks(cfg.Interfaces)}
	s.deliver = s.send
	s.plain = conn.Addr().Addr().IsLoopback()
	if !s.plain {
		if s.raw, err = openRaw(); err != nil {
			cfg.Log.Warn("DHCP answers machines without an address by broadcast only", "error", err)
		}
	}
	if cfg.Advertise && !s.plain {
		serve := func(l link) bool { return cfg.Store.servesAny(l.addrs) }
		if s.advertiser, err = listenAdvertiser(ctx, s.links, serve, cfg.Log); err != nil {
			cfg.Log.Warn("nobody tells booting machines that there is no IPv6 router", "error", err)
		}
	}
	return s, nil
}

// Addr is the address that the server listens on.
func (s *Server) Addr() netip.AddrPort { return s.conn.Addr() }

// Run answers requests until ctx ends, and returns when all that was accepted is
// stored and answered. The socket is closed then.
func (s *Server) Run(ctx context.Context) error {
	defer s.raw.close()
	defer s.conn.Close()
	defer context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Unix(1, 0)) })()

	committing, stop := context.WithCancel(context.WithoutCancel(ctx))
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		s.commitLoop(committing)
	}()
	var workers sync.WaitGroup
	if s.advertiser != nil {
		workers.Go(func() { s.advertiser.run(ctx) })
	}
	for range max(2, runtime.GOMAXPROCS(0)) {
		workers.Go(s.work)
	}
	workers.Wait()
	stop()
	<-committed
	if ctx.Err() == nil {
		return errs.New(errs.Unavailable, "the DHCP socket was closed")
	}
	return nil
}

// commitLoop writes what the workers stage, as much at once as has come together
// while the disk was busy.
func (s *Server) commitLoop(ctx context.Context) {
	for {
		select {
		case <-s.cfg.Store.wake:
			s.cfg.Store.commit()
			if err := s.cfg.Store.compact(); err != nil {
				s.cfg.Log.Error("rewrite the DHCP journal", "error", err)
			}
		case <-ctx.Done():
			s.cfg.Store.commit()
			return
		}
	}
}

// work reads and answers one datagram after another. The kernel's buffer is the
// queue before the workers.
func (s *Server) work() {
	buf, oob := make([]byte, maxPacket), make([]byte, udp.OOBSize)
	for {
		n, from, err := s.conn.Read(buf, oob)
		if errors.Is(err, os.ErrDeadlineExceeded) || udp.Closed(err) {
			return
		}
		if err != nil {
			s.count.failed.Add(1)
			continue
		}
		s.count.received.Add(1)
		s.handle(buf[:n], from)
	}
}

// handle answers one datagram, now or when its lease is stored.
func (s *Server) handle(packet []byte, from udp.Peer) {
	msg, err := dhcpv4.FromBytes(packet)
	if err != nil || msg.OpCode != dhcpv4.OpcodeBootRequest || len(msg.ClientHWAddr) == 0 {
		s.count.malformed.Add(1)
		return
	}
	q, ok := s.inquire(msg, from)
	if !ok {
		s.count.ignored.Add(1)
		return
	}
	s.count.request(msg.MessageType())
	store := s.cfg.Store
	finish := func(v verdict) { s.finish(q, v, from) }

	store.mu.Lock()
	v := store.judge(q)
	staged := v.save && store.stage(v.lease, func(err error) {
		if err != nil {
			s.count.failed.Add(1)
			s.cfg.Log.Error("no DHCP answer: the lease cannot be stored", "mac", q.mac, "error", err)
			return
		}
		finish(v)
	})
	store.mu.Unlock()

	switch {
	case staged:
	case v.save:
		s.count.dropped.Add(1)
	case v.kind == dhcpv4.MessageTypeNone:
		s.count.ignored.Add(1)
	default:
		finish(v)
	}
}

// finish sends the answer, if there is one, and tells the observer.
func (s *Server) finish(q *inquiry, v verdict, from udp.Peer) {
	now := s.cfg.Store.now()
	e := Exchange{
		Time: now, MAC: q.mac, Request: q.msg.MessageType().String(), IP: v.lease.IP,
		Hostname: hostname(q.msg), Network: v.sub.Prefix,
	}
	if v.kind != dhcpv4.MessageTypeNone {
		m := s.cfg.Boot.reply(q, v, now)
		e.Reply, e.BootFile, e.Server = v.kind.String(), s.cfg.Boot.file(q.firmware, v.res.Filename), s.cfg.Boot.server(q, v)
		if err := s.deliver(m, from); err != nil {
			s.count.failed.Add(1)
			s.cfg.Log.Warn("send a DHCP answer", "mac", q.mac, "error", err)
			return
		}
		s.count.reply(v.kind)
	}
	if s.cfg.Observe != nil {
		s.cfg.Observe(e)
	}
}

// inquire gathers what the answer depends on; false means that the request is
// not for us.
func (s *Server) inquire(msg *dhcpv4.DHCPv4, from udp.Peer) (*inquiry, bool) {
	q := &inquiry{msg: msg, mac: msg.ClientHWAddr.String(), firmware: firmwareOf(msg), strict: true}
	link, ok := s.links.byIndex(from.Interface)
	if !ok {
		return nil, false
	}
	relay := addr(msg.GatewayIPAddr)
	if raw := msg.RelayAgentInfo(); raw != nil && relay.IsValid() {
		if sel := addr(raw.Options.Get(dhcpv4.LinkSelectionSubOption)); sel.IsValid() {
			relay = sel
		}
	}
	served := s.cfg.Store.served()
	switch {
	case relay.IsValid():
		q.prefixes = containing(served, relay)
	case s.plain:
		q.prefixes, q.strict = served, false
	case addr(msg.ClientIPAddr).IsValid() && len(containing(served, addr(msg.ClientIPAddr))) > 0:
		q.prefixes = containing(served, addr(msg.ClientIPAddr))
	default:
		q.prefixes = containing(served, link.addrs...)
	}
	q.server = s.identity(link, q.prefixes, from)
	return q, len(q.prefixes) > 0
}

// identity is the address by which the client knows this server: the one it
// wrote to, else ours in its subnet, else any of the interface.
func (s *Server) identity(l link, prefixes []netip.Prefix, from udp.Peer) netip.Addr {
	if slices.Contains(l.addrs, from.Local) || (from.Local.IsValid() && from.Local.IsLoopback()) {
		return from.Local
	}
	for _, a := range l.addrs {
		if slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return a
		}
	}
	if len(l.addrs) > 0 {
		return l.addrs[0]
	}
	return s.Addr().Addr()
}

// served lists the subnets that have answers.
func (s *Store) served() []netip.Prefix {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]netip.Prefix, 0, len(s.order))
	for _, n := range s.order {
		if n.served {
			out = append(out, n.prefix)
		}
	}
	return out
}

func containing(prefixes []netip.Prefix, addrs ...netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range prefixes {
		if slices.ContainsFunc(addrs, p.Contains) {
			out = append(out, p)
		}
	}
	return out
}

// send brings an answer to its client (RFC 2131, 4.1): through the relay, to the
// address the client has, to everyone, or straight to its hardware address,
// since it cannot answer ARP yet.
func (s *Server) send(m *dhcpv4.DHCPv4, from udp.Peer) error {
	packet := m.ToBytes()
	to := udp.Peer{Local: from.Local, Interface: from.Interface}
	relay, has, gets := addr(m.GatewayIPAddr), addr(m.ClientIPAddr), addr(m.YourIPAddr)
	switch {
	case s.plain:
		return s.conn.Write(packet, from)
	case relay.IsValid():
		to.Remote, to.Interface = netip.AddrPortFrom(relay, serverPort), 0
		return s.conn.Write(packet, to)
	case m.MessageType() == dhcpv4.MessageTypeNak:
	case has.IsValid():
		to.Remote, to.Interface = netip.AddrPortFrom(has, clientPort), 0
		return s.conn.Write(packet, to)
	case from.Remote.Addr() == gets: // it renews: it has the address already
		to.Remote, to.Interface = netip.AddrPortFrom(gets, clientPort), 0
		return s.conn.Write(packet, to)
	case !m.IsBroadcast() && s.raw.open():
		source := addr(m.ServerIdentifier())
		return s.raw.send(packet, from.Interface, m.ClientHWAddr, source, gets)
	}
	to.Remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), clientPort)
	to.Local = addr(m.ServerIdentifier())
	return s.conn.Write(packet, to)
}
