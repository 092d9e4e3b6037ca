package tftpd

import (
	"context"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/chargehand/chargehand/netd/udp"
)

// A wire carries one transfer's packets.
type wire interface {
	// blockSize says how large the packets of sendBlocks will be.
	blockSize(size int)
	send(packet []byte) error
	// sendBlocks sends packets that lie back to back, all of the size but the last.
	sendBlocks(packets []byte, size int) error
	// receive waits for a packet, valid until the next call. When ctx is done it
	// still gives one packet that has come before that, often the last ACK.
	// Errors: os.ErrDeadlineExceeded, errStopped when ctx is done, the network's.
	receive(ctx context.Context, deadline time.Time) ([]byte, error)
	close()
}

// ackSize is more than any ACK; a longer ERROR text is cut.
const ackSize = 516

func (x *session) openWire() (wire, error) {
	if x.inbox != nil {
		return &sharedPort{x.server.conn, x.peer, x.inbox}, nil
	}
	var local *net.UDPAddr
	if a := x.peer.Local; a.IsValid() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		local = net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0))
	}
	conn, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(x.peer.Remote))
	if err != nil {
		return nil, err
	}
	return &ownPort{conn: conn, buf: make([]byte, ackSize)}, nil
}

// ownPort is a socket of the transfer's own, connected to the client, as RFC
// 1350 has it.
type ownPort struct {
	conn    *net.UDPConn
	buf     []byte
	segment bool // the kernel cuts batches into packets
	drained bool // the one packet after the end was asked for
}

func (w *ownPort) blockSize(size int) { w.segment = segment(w.conn, size) == nil }

func (w *ownPort) send(packet []byte) error {
	_, err := w.conn.Write(packet)
	return err
}

func (w *ownPort) sendBlocks(packets []byte, size int) error {
	if w.segment && len(packets) > size {
		if _, err := w.conn.Write(packets); err == nil {
			return nil
		}
		// The route cannot: blocks larger than its packets, or an old driver.
		w.segment = false
		if err := segment(w.conn, 0); err != nil {
			return err
		}
	}
	return eachBlock(packets, size, w.send)
}

func (w *ownPort) receive(ctx context.Context, deadline time.Time) ([]byte, error) {
	unwatch := context.AfterFunc(ctx, func() { w.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer unwatch()
	if err := w.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	if ctx.Err() == nil {
		n, err := w.conn.Read(w.buf)
		if err == nil || ctx.Err() == nil {
			return w.buf[:n], err
		}
	}
	if w.drained {
		return nil, errStopped
	}
	w.drained = true
	unwatch()
	w.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, err := w.conn.Read(w.buf); err == nil {
		return w.buf[:n], nil
	}
	return nil, errStopped
}

func (w *ownPort) close() { w.conn.Close() }

// sharedPort answers from the listening port.
type sharedPort struct {
	conn  *udp.Conn
	peer  udp.Peer
	inbox <-chan []byte
}

func (w *sharedPort) blockSize(int)            {}
func (w *sharedPort) close()                   {}
func (w *sharedPort) send(packet []byte) error { return w.conn.Write(packet, w.peer) }

func (w *sharedPort) sendBlocks(packets []byte, size int) error {
	return eachBlock(packets, size, w.send)
}

func (w *sharedPort) receive(ctx context.Context, deadline time.Time) ([]byte, error) {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case packet := <-w.inbox:
		return packet, nil
	case <-timer.C:
		return nil, os.ErrDeadlineExceeded
	case <-ctx.Done():
	}
	select {
	case packet := <-w.inbox:
		return packet, nil // as many as the inbox holds, no more come
	default:
		return nil, errStopped
	}
}

func eachBlock(packets []byte, size int, send func([]byte) error) error {
	for len(packets) > 0 {
		n := min(size, len(packets))
		if err := send(packets[:n]); err != nil {
			return err
		}
		packets = packets[n:]
	}
	return nil
}
