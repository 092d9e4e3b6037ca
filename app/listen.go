package app

import (
	"context"
	"crypto/tls"
	"errors"
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

// Bounds on what a client may cost before it is known who it is.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
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
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.Log.With("listener", key).Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100, SendPingTimeout: 30 * time.Second},
	}
	if conf != nil {
		ln = tls.NewListener(ln, conf)
	}
	a.add(key, func(ctx context.Context) error {
		ended := make(chan error, 1)
		go func() { ended <- srv.Serve(ln) }()
		select {
		case err := <-ended:
			return err
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
	})
}
