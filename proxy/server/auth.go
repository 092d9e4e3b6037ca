package server

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Resolver finds names of addresses and back. *net.Resolver is one.
type Resolver interface {
	LookupAddr(ctx context.Context, addr string) ([]string, error)
	LookupHost(ctx context.Context, host string) ([]string, error)
}

type systemResolver struct{}

func (systemResolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	return net.DefaultResolver.LookupAddr(ctx, addr)
}

func (systemResolver) LookupHost(ctx context.Context, host string) ([]string, error) {
	return net.DefaultResolver.LookupHost(ctx, host)
}

// authorize applies Smart Proxy's two checks in its order: trusted hosts, then
// the client certificate. path is what the refusal names.
func (s *Server) authorize(r *http.Request, from listener, path string) error {
	if s.opts.TrustedHosts != nil {
		name, err := s.clientName(r, from)
		if err != nil {
			return err
		}
		if !slices.Contains(s.opts.TrustedHosts, name) {
			return errs.New(errs.Forbidden,
				"Untrusted client %s attempted to access %s. Check :trusted_hosts: in settings.yml", name, path)
		}
	}
	if from == overHTTPS && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0) {
		return errs.New(errs.Forbidden, "No client SSL certificate supplied")
	}
	return nil
}

// clientName is who calls, in lower case: the common name of the certificate,
// or the name of the address.
func (s *Server) clientName(r *http.Request, from listener) (string, error) {
	if from == overHTTP {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
		defer cancel()
		return s.nameOfAddress(ctx, r.RemoteAddr)
	}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return "", errs.New(errs.Forbidden, "could not read client cert from environment")
	}
	cn := r.TLS.VerifiedChains[0][0].Subject.CommonName
	if cn == "" {
		return "", errs.New(errs.Forbidden, "could not read CN from the client certificate")
	}
	return strings.ToLower(cn), nil
}

func (s *Server) nameOfAddress(ctx context.Context, remote string) (string, error) {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return "", errs.New(errs.Forbidden, "unable to resolve hostname for ip address %.64s", remote)
	}
	addr := ap.Addr().Unmap()
	if addr.Zone() != "" {
		return addr.String(), nil
	}
	names, err := s.opts.Resolver.LookupAddr(ctx, addr.String())
	if err != nil || len(names) == 0 {
		return "", errs.New(errs.Forbidden, "unable to resolve hostname for ip address %s", addr)
	}
	name := strings.ToLower(strings.TrimSuffix(names[0], "."))
	if !s.opts.ForwardVerify {
		return name, nil
	}
	back, err := s.opts.Resolver.LookupHost(ctx, name)
	if err != nil || !slices.ContainsFunc(back, func(a string) bool {
		b, err := netip.ParseAddr(a)
		return err == nil && b.Unmap() == addr
	}) {
		return "", errs.New(errs.Forbidden, "untrusted client has no matching forward DNS lookup: %s (%s)", name, addr)
	}
	return name, nil
}
