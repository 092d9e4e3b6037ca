package app

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/errs"
)

// A listenerKey is a TCP listener of the contract.
type listenerKey struct {
	key  string
	role string
	addr string
}

func (a *App) tcpListeners() []listenerKey {
	c := a.Config
	return []listenerKey{
		{"web.http", config.Core, c.Web.HTTP},
		{"web.https", config.Core, c.Web.HTTPS},
		{"proxy.https", config.Proxy, c.Proxy.HTTPS},
		{"proxy.http", config.Proxy, c.Proxy.HTTP},
		{"puppet.https", config.Puppet, c.Puppet.HTTPS},
		{"puppetdb.https", config.PuppetDB, c.PuppetDB.HTTPS},
		{"puppetdb.http", config.PuppetDB, c.PuppetDB.HTTP},
	}
}

// bind opens every TCP listener first, so that a port that is taken stops the
// start before anything has changed, and so that all ports are known to all.
func (a *App) bind() error {
	for _, l := range a.tcpListeners() {
		if l.addr == config.Off || !a.Config.HasRole(l.role) {
			continue
		}
		ln, err := net.Listen("tcp", l.addr)
		if err != nil {
			return errs.WrapAs(errs.Unavailable, err, "%s: cannot listen on %s; set %s to another address, or to off", l.key, l.addr, l.key)
		}
		a.listeners[l.key] = ln
		a.endpoints[l.key] = ln.Addr().String()
	}
	return nil
}

// Bounds on what a client may cost. A request that has arrived may take as long
// as its work takes; what is bounded is how long a client may keep us waiting
// for the next piece of its body, or keep from taking the next piece of an answer.
const (
	headerTimeout  = 10 * time.Second // for the TLS handshake, and for the header
	pieceTimeout   = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	answerTimeout  = time.Hour // for what no handler writes
	maxHeaderBytes = 64 << 10
	drainTimeout   = 10 * time.Second
)

// serve adds a part that serves HTTP on a bound listener; a nil tls is plain.
// Nothing is added when the listener is off.
func (a *App) serve(key string, handler http.Handler, conf *tls.Config) {
	ln, bound := a.listeners[key]
	if !bound {
		return
	}
	srv := &http.Server{
		Handler:           patient(handler, pieceTimeout),
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.Log.With("listener", key).Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100, SendPingTimeout: 30 * time.Second},
	}
	if conf != nil {
		ln = tls.NewListener(ln, conf)
	}
	a.parts = append(a.parts, part{name: key, front: true, run: func(ctx context.Context) error {
		return serveUntil(ctx, srv, ln)
	}})
}

// serveUntil serves until ctx ends, then lets requests under way come to an end,
// for a while.
func serveUntil(ctx context.Context, srv *http.Server, ln net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	select {
	case err := <-ended:
		return errors.Join(err, srv.Close())
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := srv.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	<-ended
	return err
}

// patient bounds how long a client may take for each piece of a body or answer.
func patient(next http.Handler, piece time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if r.Body != nil && r.Body != http.NoBody {
			_ = control.SetReadDeadline(time.Now().Add(piece))
			r.Body = &patientBody{ReadCloser: r.Body, control: control, piece: piece}
		}
		next.ServeHTTP(&patientWriter{ResponseWriter: w, control: control, piece: piece}, r)
		_ = control.SetWriteDeadline(time.Now().Add(piece)) // for what is still buffered
	})
}

// A patientBody moves the deadline on with each piece that arrives. At the end
// of the body it takes it off: the server then reads on by itself, and would
// take a deadline that passes for a client that has gone.
type patientBody struct {
	io.ReadCloser
	control *http.ResponseController
	piece   time.Duration
}

// Read reads the next piece.
func (b *patientBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(b.piece))
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// A patientWriter moves the deadline on with each piece that is taken.
type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	piece   time.Duration
}

// Write writes the next piece.
func (p *patientWriter) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(p.piece))
	return p.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (p *patientWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }
