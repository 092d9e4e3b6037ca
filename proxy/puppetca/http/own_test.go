package http_test

import (
	"crypto/rand"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/pkitest"
	"github.com/chargehand/chargehand/proxy/proxytest"
	"github.com/chargehand/chargehand/proxy/puppetca/http"
	"github.com/chargehand/chargehand/puppet/server"
)

// identity has the CA issue a certificate to a part of the program.
func identity(t *testing.T, ca *pki.CA, name string, admin bool) tls.Certificate {
	t.Helper()
	key, err := pki.NewKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(t.Context(), pki.Service{Name: name, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, PublicKey: key.Public(), Admin: admin})
	if err != nil {
		t.Fatal(err)
	}
	keyPEM, err := pki.EncodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// ownServer is Chargehand's own puppet server with its CA, behind mutual TLS.
func ownServer(t *testing.T) (ca *pki.CA, url string) {
	t.Helper()
	authority, err := pki.NewAuthority(pki.AuthorityOptions{Name: "test CA", Key: pki.P256, Now: clock.System()}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca, err = pki.New(t.Context(), pki.Options{Authority: authority, Store: pkitest.NewMemory(), Clock: clock.System})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(server.New(server.Options{Name: "puppet.example.test", CA: ca}))
	srv.TLS = &tls.Config{
		Certificates: []tls.Certificate{identity(t, ca, "puppet.example.test", false)},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: authority.Pool(), MinVersion: tls.VersionTLS12,
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return ca, srv.URL
}

func ownClient(t *testing.T, ca *pki.CA, url, name string, admin bool) *http.CA {
	t.Helper()
	conf := &tls.Config{
		RootCAs: ca.Authority().Pool(), Certificates: []tls.Certificate{identity(t, ca, name, admin)}, MinVersion: tls.VersionTLS12,
	}
	c, err := http.New(url, fetch.New(fetch.Options{TLS: conf}), clock.System)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOwnServer(t *testing.T) {
	proxytest.CA(t, func(t *testing.T) proxytest.CAHome {
		ca, url := ownServer(t)
		return proxytest.CAHome{Provider: ownClient(t, ca, url, "proxy.example.test", true), Request: func(t *testing.T, certname string) {
			key, err := pki.NewKey(pki.P256, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			csr, err := pki.NewRequest(pki.RequestOptions{Name: certname}, key, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ca.Submit(t.Context(), certname, csr); err != nil {
				t.Fatal(err)
			}
		}}
	})
}

func TestOwnServerRefusesOthers(t *testing.T) {
	ca, url := ownServer(t)
	c := ownClient(t, ca, url, "agent.example.test", false)
	if _, err := c.List(t.Context()); !errs.Is(err, errs.Upstream) {
		t.Errorf("an agent's certificate: %v", err)
	}
	if err := c.Clean(t.Context(), "puppet.example.test"); !errs.Is(err, errs.Upstream) {
		t.Errorf("an agent's certificate: %v", err)
	}
}
