// Package dnsd is an authoritative DNS server for zones that change all the time:
// answers over UDP and TCP, dynamic updates and zone transfers for those who hold
// a TSIG key, and a store that keeps every acknowledged change.
//
// It knows nothing of Foreman, and refuses recursion. It imports the DNS codec,
// internal/clock, internal/errs and netd's journal and udp; providers and the
// wiring import it.
package dnsd

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/udp"
)

const (
	maxConns    = 256              // TCP connections at once; more are closed at once
	idleTimeout = 10 * time.Second // of a TCP connection between questions
	sendTimeout = 10 * time.Second
	readBuffer  = 1 << 20
)

// Config is what a Server needs.
type Config struct {
	Address string // to listen on, UDP and TCP, "0.0.0.0:53"
	Store   *Store
	Keys    []Key // that may update and transfer zones
	Log     *slog.Logger
}

// A Key is a TSIG key.
type Key struct {
	Name      string
	Algorithm string // "hmac-sha256"
	Secret    []byte
}

// A Server answers DNS questions from a Store.
type Server struct {
	cfg   Config
	keys  keyring
	udp   *udp.Conn
	tcp   net.Listener
	count counters
}

// Listen opens the server's sockets, the same port for both; Run answers on them.
// Errors: Unavailable when the address cannot be bound, Invalid keys.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, keys: keyring{}}
	for _, k := range cfg.Keys {
		if _, ok := hmacs()[dns.CanonicalName(k.Algorithm)]; !ok || len(k.Secret) == 0 {
			return nil, errs.New(errs.Invalid, "TSIG key %s: unknown algorithm %q, or no secret", k.Name, k.Algorithm)
		}
		s.keys[dns.CanonicalName(k.Name)] = k
	}
	var err error
	for range 10 { // with port 0, the port that UDP gets may be taken in TCP
		if s.udp, err = udp.Listen(ctx, cfg.Address); err != nil {
			break
		}
		host, port, _ := net.SplitHostPort(cfg.Address)
		network := "tcp"
		if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
			network = "tcp4"
		}
		address := net.JoinHostPort(host, strconv.Itoa(int(s.udp.Addr().Port())))
		if s.tcp, err = (&net.ListenConfig{}).Listen(ctx, network, address); err == nil {
			break
		}
		s.udp.Close()
		if port != "0" {
			break
		}
	}
	if err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "listen for DNS")
	}
	if err := s.udp.Buffer(readBuffer); err != nil {
		cfg.Log.Debug("DNS socket keeps its small buffer", "error", err)
	}
	return s, nil
}

// Addr is the address that the server listens on, the same for UDP and TCP.
func (s *Server) Addr() netip.AddrPort { return s.udp.Addr() }

// Run answers until ctx ends, and returns when what was accepted is answered. The
// sockets are closed then.
func (s *Server) Run(ctx context.Context) error {
	defer s.udp.Close()
	defer context.AfterFunc(ctx, func() {
		s.udp.SetReadDeadline(time.Unix(1, 0))
		s.tcp.Close()
	})()
	var all sync.WaitGroup
	for range max(4, 2*runtime.GOMAXPROCS(0)) {
		all.Go(s.workUDP)
	}
	all.Go(func() { s.acceptTCP(ctx) })
	all.Wait()
	s.tcp.Close()
	if ctx.Err() == nil {
		return errs.New(errs.Unavailable, "the DNS sockets were closed")
	}
	return nil
}

// workUDP reads and answers one datagram after another. The kernel's buffer is
// the queue before the workers.
func (s *Server) workUDP() {
	buf, oob := make([]byte, dns.MaxMsgSize), make([]byte, udp.OOBSize)
	for {
		n, from, err := s.udp.Read(buf, oob)
		if errors.Is(err, os.ErrDeadlineExceeded) || udp.Closed(err) {
			return
		}
		if err != nil {
			continue // an ICMP error that another client's going caused
		}
		s.respond(buf[:n], false, func(reply []byte) error { return s.udp.Write(reply, from) })
	}
}

func (s *Server) acceptTCP(ctx context.Context) {
	var conns sync.WaitGroup
	defer conns.Wait()
	slots := make(chan struct{}, maxConns)
	for {
		conn, err := s.tcp.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors: wait for some to come back
			s.cfg.Log.Warn("accept a DNS connection", "error", err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		select {
		case slots <- struct{}{}:
			conns.Go(func() {
				defer func() { <-slots }()
				s.serveTCP(ctx, conn)
			})
		default:
			s.count.dropped.Add(1)
			conn.Close()
		}
	}
}

// serveTCP answers the questions of one connection, one by one.
func (s *Server) serveTCP(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()
	for ctx.Err() == nil {
		conn.SetDeadline(time.Now().Add(idleTimeout))
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		msg := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, msg); err != nil {
			return
		}
		err := s.respond(msg, true, func(reply []byte) error {
			conn.SetWriteDeadline(time.Now().Add(sendTimeout))
			framed := binary.BigEndian.AppendUint16(make([]byte, 0, len(reply)+2), uint16(len(reply)))
			_, err := conn.Write(append(framed, reply...))
			return err
		})
		if err != nil {
			return
		}
	}
}
