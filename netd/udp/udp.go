// Package udp is a UDP socket for servers: it tells for each datagram which
// local address and interface it came to, and answers from there, so that one
// socket on the wildcard address serves machines with several networks.
//
// It imports the standard library and golang.org/x only; netd's servers import it.
package udp

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// A Peer is the other end of a datagram and our own: where it came from, the
// local address it was sent to and the interface it came in by. Writing to a
// Peer that Read gave answers the way the datagram came; Local and Interface
// may be zero, and then the system chooses.
type Peer struct {
	Remote    netip.AddrPort
	Local     netip.Addr
	Interface int
}

// A Conn is an open socket. Its methods are safe for concurrent use.
type Conn struct {
	*net.UDPConn
	is4 bool
}

// OOBSize is how large the oob buffer of Read must be.
const OOBSize = 128

// Listen opens a socket on address ("host:port"). A host that is an IPv4
// address listens to IPv4 alone; an empty one to everything. The socket may
// broadcast.
func Listen(ctx context.Context, address string) (*Conn, error) {
	network := "udp"
	if host, _, err := net.SplitHostPort(address); err == nil {
		if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
			network = "udp4"
		}
	}
	pc, err := (&net.ListenConfig{}).ListenPacket(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &Conn{UDPConn: pc.(*net.UDPConn)}
	c.is4 = c.Addr().Addr().Is4()
	if err := c.askForPeers(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) askForPeers() error {
	if c.is4 {
		return ipv4.NewPacketConn(c.UDPConn).SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true)
	}
	return ipv6.NewPacketConn(c.UDPConn).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
}

// Addr is the address that the socket is bound to.
func (c *Conn) Addr() netip.AddrPort {
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Read waits for a datagram and copies it to buf, what does not fit being lost.
// oob is scratch space of OOBSize.
func (c *Conn) Read(buf, oob []byte) (n int, from Peer, err error) {
	n, oobn, _, remote, err := c.ReadMsgUDPAddrPort(buf, oob)
	if err != nil {
		return 0, Peer{}, err
	}
	from.Remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	from.Local, from.Interface = c.parse(oob[:oobn])
	return n, from, nil
}

func (c *Conn) parse(oob []byte) (local netip.Addr, ifindex int) {
	var dst net.IP
	if c.is4 {
		var cm ipv4.ControlMessage
		if cm.Parse(oob) == nil {
			dst, ifindex = cm.Dst, cm.IfIndex
		}
	} else {
		var cm ipv6.ControlMessage
		if cm.Parse(oob) == nil {
			dst, ifindex = cm.Dst, cm.IfIndex
		}
	}
	local, _ = netip.AddrFromSlice(dst)
	return local.Unmap(), ifindex
}

// Write sends b to the peer. A multicast or broadcast Local is not used as the
// source address.
func (c *Conn) Write(b []byte, to Peer) error {
	remote := to.Remote
	if !c.is4 && remote.Addr().Is4() {
		remote = netip.AddrPortFrom(netip.AddrFrom16(remote.Addr().As16()), remote.Port())
	}
	_, _, err := c.WriteMsgUDPAddrPort(b, c.control(to), remote)
	return err
}

func (c *Conn) control(to Peer) []byte {
	local := to.Local
	if local.IsMulticast() || local == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || local.IsUnspecified() {
		local = netip.Addr{}
	}
	if !local.IsValid() && to.Interface == 0 {
		return nil
	}
	// A dual-stack socket takes IPv4's control messages for IPv4 destinations.
	if c.is4 || to.Remote.Addr().Is4() {
		cm := ipv4.ControlMessage{IfIndex: to.Interface}
		if local.IsValid() {
			cm.Src = local.AsSlice()
		}
		return cm.Marshal()
	}
	cm := ipv6.ControlMessage{IfIndex: to.Interface, Src: local.AsSlice()}
	return cm.Marshal()
}

// Closed reports whether err came from a socket that was closed, which is how a
// server's read loop ends.
func Closed(err error) bool { return errors.Is(err, net.ErrClosed) }
