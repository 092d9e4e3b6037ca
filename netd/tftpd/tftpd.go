// Package tftpd is a read-only TFTP server for boot files: block size, transfer
// size, timeout and window options, many transfers at once, and not-found at
// once, since boot loaders probe for many names.
//
// It knows nothing of Foreman. It imports netd's udp and tftp (the codec),
// internal/errs, the standard library and golang.org/x/sys; the wiring imports it.
package tftpd

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/tftpd/tftp"
	"github.com/chargehand/chargehand/netd/udp"
)

// Config is what a Server needs.
type Config struct {
	Address    string   // to listen on, "0.0.0.0:69"
	Root       *os.Root // of the files; stays the caller's to close, after Run
	SinglePort bool     // answer from the listening port, for firewalls that know no TFTP
	Sessions   int      // transfers at once; 0: DefaultSessions
	Observe    func(Transfer)
	Log        *slog.Logger
}

// DefaultSessions is how many transfers run at once where Config does not say;
// a quarter of them may be one client's.
const DefaultSessions = 1024

// A Transfer is a request that came to its end, well or not.
type Transfer struct {
	Time     time.Time // of the request
	Client   netip.AddrPort
	Name     string // relative to the root, slashes forward
	Bytes    int64  // acknowledged by the client
	Duration time.Duration
	Err      error // nil when the client has the whole file; a *tftp.Error is what it was told, or told us
}

// A Server answers read requests from an os.Root.
type Server struct {
	cfg   Config
	conn  *udp.Conn
	count counters

	strict bool // loopback is a client like any other; for tests

	mu       sync.Mutex
	sessions map[netip.AddrPort]*session
	clients  map[netip.Addr]int
	running  sync.WaitGroup
}

const (
	maxRequest = 4096 // datagrams on the listening port; DATA never comes in
	readBuffer = 1 << 20
)

// Listen opens the server's socket; Run answers on it. Errors: Unavailable when
// the address cannot be bound.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	conn, err := udp.Listen(ctx, cfg.Address)
	if err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "listen for TFTP")
	}
	if err := conn.Buffer(readBuffer); err != nil {
		cfg.Log.Debug("TFTP socket keeps its small buffer", "error", err)
	}
	if cfg.Sessions <= 0 {
		cfg.Sessions = DefaultSessions
	}
	return &Server{
		cfg: cfg, conn: conn,
		sessions: map[netip.AddrPort]*session{},
		clients:  map[netip.Addr]int{},
	}, nil
}

// Addr is the address that the server listens on.
func (s *Server) Addr() netip.AddrPort { return s.conn.Addr() }

// Run serves until ctx ends, tells the clients then, and returns when all
// transfers have ended. The socket is closed then.
func (s *Server) Run(ctx context.Context) error {
	defer s.conn.Close()
	defer context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Unix(1, 0)) })()
	buf, oob := make([]byte, maxRequest), make([]byte, udp.OOBSize)
	for {
		n, from, err := s.conn.Read(buf, oob)
		if errors.Is(err, os.ErrDeadlineExceeded) || udp.Closed(err) {
			break
		}
		if err != nil {
			continue // an ICMP error that another client's going caused
		}
		s.dispatch(ctx, buf[:n], from)
	}
	s.running.Wait()
	if ctx.Err() == nil {
		return errs.New(errs.Unavailable, "the TFTP socket was closed")
	}
	return nil
}

// dispatch gives a datagram to its transfer, or begins one.
func (s *Server) dispatch(ctx context.Context, packet []byte, from udp.Peer) {
	switch tftp.Kind(packet) {
	case tftp.OpRead:
		s.count.requests.Add(1)
		req, err := tftp.ParseRequest(packet)
		if err != nil {
			s.refuse(from, tftp.CodeIllegal, "malformed request")
			return
		}
		s.begin(ctx, req, from)
	case tftp.OpWrite:
		s.count.requests.Add(1)
		s.refuse(from, tftp.CodeAccess, "this server is read-only")
	case tftp.OpAck, tftp.OpError:
		s.mu.Lock()
		x := s.sessions[from.Remote]
		s.mu.Unlock()
		if x == nil || !x.deliver(packet) {
			s.count.malformed.Add(1)
		}
	default:
		s.count.malformed.Add(1)
	}
}

// begin starts a transfer, within the bounds. A client that asks again before it
// acknowledged anything repeats itself: the transfer under way will answer. One
// that asks from the same port after that has done with the old transfer.
func (s *Server) begin(ctx context.Context, req tftp.Request, from udp.Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.sessions[from.Remote]; old != nil {
		if old.request.Name == req.Name && !old.heard.Load() {
			return
		}
		old.cancel(errSuperseded)
		s.remove(old)
	}
	client := from.Remote.Addr()
	if len(s.sessions) >= s.cfg.Sessions || s.clients[client] >= s.perClient(client) {
		s.count.dropped.Add(1) // without a word, so that the client asks again in a second, and does not give up
		return
	}
	x := newSession(ctx, s, req, from)
	s.sessions[from.Remote] = x
	s.clients[client]++
	s.running.Go(func() {
		x.run()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.sessions[from.Remote] == x {
			s.remove(x)
		}
	})
}

// perClient bounds one client's transfers. On loopback many simulated machines
// share an address.
func (s *Server) perClient(client netip.Addr) int {
	if client.IsLoopback() && !s.strict {
		return s.cfg.Sessions
	}
	return max(1, s.cfg.Sessions/4)
}

// remove takes a transfer out of the books; the caller holds mu.
func (s *Server) remove(x *session) {
	delete(s.sessions, x.peer.Remote)
	client := x.peer.Remote.Addr()
	if s.clients[client]--; s.clients[client] <= 0 {
		delete(s.clients, client)
	}
}

func (s *Server) refuse(to udp.Peer, code uint16, message string) {
	s.count.refused.Add(1)
	if err := s.conn.Write(tftp.AppendError(nil, &tftp.Error{Code: code, Message: message}), to); err != nil {
		s.cfg.Log.Debug("refuse a TFTP request", "client", to.Remote, "error", err)
	}
}
