package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Listeners are where Run answers; one of the two may be nil.
type Listeners struct {
	HTTPS net.Listener
	HTTP  net.Listener

	// TLS holds the server's certificate and, in ClientCAs, who may sign
	// clients'. It must be set with HTTPS.
	TLS *tls.Config
}

// shutdownTime is how long requests under way may take to end.
const shutdownTime = 10 * time.Second

// Run answers until ctx ends, then lets requests under way finish. It closes the
// listeners.
func (s *Server) Run(ctx context.Context, l Listeners) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 2)
	count := 0
	start := func(ln net.Listener, h http.Handler) {
		count++
		go func() {
			ended <- serveOn(ctx, ln, h, s.log)
			cancel()
		}()
	}
	if l.HTTPS != nil {
		start(tls.NewListener(l.HTTPS, TLSConfig(l.TLS)), s.HTTPS())
	}
	if l.HTTP != nil {
		start(l.HTTP, s.HTTP())
	}
	var err error
	for range count {
		err = errors.Join(err, <-ended)
	}
	return err
}

// TLSConfig is base with Smart Proxy's manners: TLS 1.2 or better, a client
// certificate that is asked for and must then be valid, HTTP/1.1.
func TLSConfig(base *tls.Config) *tls.Config {
	c := base.Clone()
	if c.MinVersion < tls.VersionTLS12 {
		c.MinVersion = tls.VersionTLS12
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	c.NextProtos = []string{"http/1.1"}
	return c
}

func serveOn(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      180 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			_ = srv.Close()
		}
	}()
	err := srv.Serve(ln)
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}
