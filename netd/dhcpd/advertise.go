package dhcpd

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv6"
)

// An advertiser answers booting machines that ask for an IPv6 router, by saying
// that this is none. Firmware that hears nothing waits some 13 seconds for a
// router before it boots over IPv4; hosts take nothing from such an answer.
type advertiser struct {
	conn  *ipv6.PacketConn
	links *links
	serve func(link) bool // whether the link is one of our subnets'
	log   *slog.Logger
}

const (
	joinEvery = 5 * time.Second // interfaces come and go
	ndHops    = 255             // of all neighbour discovery: it never passed a router
)

func listenAdvertiser(ctx context.Context, l *links, serve func(link) bool, log *slog.Logger) (*advertiser, error) {
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "ip6:ipv6-icmp", "::")
	if err != nil {
		return nil, err
	}
	p := ipv6.NewPacketConn(conn)
	var filter ipv6.ICMPFilter
	filter.SetAll(true)
	filter.Accept(ipv6.ICMPTypeRouterSolicitation)
	for _, set := range []func() error{
		func() error { return p.SetICMPFilter(&filter) },
		func() error { return p.SetControlMessage(ipv6.FlagInterface|ipv6.FlagHopLimit, true) },
		func() error { return p.SetMulticastLoopback(false) },
	} {
		if err := set(); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return &advertiser{conn: p, links: l, serve: serve, log: log}, nil
}

// run answers until ctx ends; the socket is closed then.
func (a *advertiser) run(ctx context.Context) {
	defer a.conn.Close()
	defer context.AfterFunc(ctx, func() { a.conn.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, maxPacket)
	var joined time.Time
	for ctx.Err() == nil {
		if time.Since(joined) >= joinEvery {
			a.join()
			joined = time.Now()
		}
		a.conn.SetReadDeadline(time.Now().Add(joinEvery))
		if ctx.Err() != nil {
			return
		}
		n, cm, from, err := a.conn.ReadFrom(buf)
		if err != nil || n < 8 || cm == nil || cm.HopLimit != ndHops {
			continue // the deadline, or what no neighbour sent
		}
		if err := a.answer(cm.IfIndex, from); err != nil {
			a.log.Debug("answer a router solicitation", "from", from, "error", err)
		}
	}
}

// join listens to the group of all routers on each link that is served.
func (a *advertiser) join() {
	group := &net.UDPAddr{IP: net.IPv6linklocalallrouters}
	for index, l := range a.links.all() {
		if a.serve(l) {
			_ = a.conn.JoinGroup(&net.Interface{Index: index}, group) // it is joined already, or has no IPv6
		}
	}
}

func (a *advertiser) answer(ifindex int, from net.Addr) error {
	l, ok := a.links.byIndex(ifindex)
	if !ok || !a.serve(l) {
		return nil
	}
	to := &net.IPAddr{IP: net.IPv6linklocalallnodes}
	if ip, ok := from.(*net.IPAddr); ok && !ip.IP.IsUnspecified() {
		to = ip
	}
	_, err := a.conn.WriteTo(noRouter(l.mac), &ipv6.ControlMessage{IfIndex: ifindex, HopLimit: ndHops}, to)
	return err
}

// noRouter is a router advertisement (RFC 4861, 4.2) with lifetime 0, no prefix
// and our hardware address. The kernel puts the checksum in.
func noRouter(mac net.HardwareAddr) []byte {
	b := make([]byte, 16, 24)
	b[0] = byte(ipv6.ICMPTypeRouterAdvertisement)
	b[4] = 64                             // hop limit for hosts to use
	binary.BigEndian.PutUint16(b[6:8], 0) // lifetime as a default router: not one
	if len(mac) == 6 {
		b = append(append(b, 1, 1), mac...) // source link-layer address, 8 bytes
	}
	return b
}

// servesAny reports whether one of the link's addresses lies in a subnet.
func (s *Store) servesAny(addrs []netip.Addr) bool {
	return len(containing(s.served(), addrs...)) > 0
}
