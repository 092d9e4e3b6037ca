package server_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/proxy/dns"
	"github.com/chargehand/chargehand/proxy/logs"
	"github.com/chargehand/chargehand/proxy/proxytest"
	"github.com/chargehand/chargehand/proxy/remote"
	"github.com/chargehand/chargehand/proxy/server"
)

// inProcess is a client of a server of this process.
func inProcess(t *testing.T, o server.Options) *remote.Client {
	t.Helper()
	transport := fetch.Handler(server.New(o).InProcess())
	c, err := remote.New("http://in-process", fetch.New(fetch.Options{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// overSocket is a client of the same server behind a real connection.
func overSocket(t *testing.T, o server.Options) *remote.Client {
	t.Helper()
	srv := httptest.NewUnstartedServer(server.New(o).HTTP())
	srv.Start()
	t.Cleanup(srv.Close)
	c, err := remote.New(srv.URL+"/", fetch.New(fetch.Options{TLS: &tls.Config{MinVersion: tls.VersionTLS12}}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// homes are the ways from a client to a provider.
var homes = map[string]func(*testing.T, server.Options) *remote.Client{"in-process": inProcess, "socket": overSocket}

var everywhere = server.Module{Exposure: server.Everywhere}

func TestDNS(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		proxytest.DNS(t, func(*testing.T) proxytest.DNSHome { return memoryDNS(&proxytest.MemoryDNS{}, nil) })
	})
	for name, client := range homes {
		t.Run(name, func(t *testing.T) {
			proxytest.DNS(t, func(t *testing.T) proxytest.DNSHome {
				m := &proxytest.MemoryDNS{}
				return memoryDNS(m, client(t, server.Options{DNS: &server.DNS{Module: everywhere, Provider: m}}))
			})
		})
	}
}

func memoryDNS(m *proxytest.MemoryDNS, over *remote.Client) proxytest.DNSHome {
	h := proxytest.DNSHome{
		Provider: m,
		Lookup:   func(_ *testing.T, name string, typ dns.Type) []string { return m.Lookup(name, typ) },
		Outage: &proxytest.Outage{
			Begin: func(*testing.T) {
				for _, op := range []string{"create", "delete"} {
					m.Before(op, errs.New(errs.Upstream, "server is gone"))
				}
			},
			End: func(*testing.T) {},
		},
	}
	if over != nil {
		h.Provider = over.DNS()
	}
	return h
}

func TestDHCP(t *testing.T) {
	home := func(m *proxytest.MemoryDHCP) proxytest.DHCPHome {
		return proxytest.DHCPHome{Provider: m, Lease: leaser(m)}
	}
	t.Run("memory", func(t *testing.T) {
		proxytest.DHCP(t, func(*testing.T) proxytest.DHCPHome { return home(proxytest.NewMemoryDHCP()) })
	})
	for name, client := range homes {
		t.Run(name, func(t *testing.T) {
			proxytest.DHCP(t, func(t *testing.T) proxytest.DHCPHome {
				m := proxytest.NewMemoryDHCP()
				h := home(m)
				h.Provider = client(t, server.Options{DHCP: &server.DHCP{Module: everywhere, Provider: m}}).DHCP()
				return h
			})
		})
	}
}

func TestTFTP(t *testing.T) {
	home := func(m *proxytest.MemoryTFTP) proxytest.TFTPHome {
		return proxytest.TFTPHome{Provider: m, ReadFile: func(_ *testing.T, name string) ([]byte, bool) { return m.ReadFile(name) }}
	}
	t.Run("memory", func(t *testing.T) {
		proxytest.TFTP(t, func(*testing.T) proxytest.TFTPHome { return home(&proxytest.MemoryTFTP{}) })
	})
	for name, client := range homes {
		t.Run(name, func(t *testing.T) {
			proxytest.TFTP(t, func(t *testing.T) proxytest.TFTPHome {
				m := &proxytest.MemoryTFTP{}
				h := home(m)
				h.Provider = client(t, server.Options{TFTP: &server.TFTP{Module: everywhere, Provider: m}}).TFTP()
				return h
			})
		})
	}
}

func TestPuppetCA(t *testing.T) {
	request := func(m *proxytest.MemoryCA) func(*testing.T, string) {
		return func(_ *testing.T, certname string) { m.Request(certname) }
	}
	t.Run("memory", func(t *testing.T) {
		proxytest.CA(t, func(*testing.T) proxytest.CAHome {
			m := &proxytest.MemoryCA{}
			return proxytest.CAHome{Provider: m, Request: request(m)}
		})
		proxytest.Autosign(t, func(*testing.T) proxytest.AutosignHome {
			return proxytest.AutosignHome{Provider: &proxytest.MemoryAutosign{}}
		})
	})
	for name, client := range homes {
		t.Run(name, func(t *testing.T) {
			options := func(m *proxytest.MemoryCA) server.Options {
				return server.Options{PuppetCA: &server.PuppetCA{Module: everywhere, CA: m, Autosign: &proxytest.MemoryAutosign{}}}
			}
			proxytest.CA(t, func(t *testing.T) proxytest.CAHome {
				m := &proxytest.MemoryCA{}
				return proxytest.CAHome{Provider: client(t, options(m)).PuppetCA(), Request: request(m)}
			})
			proxytest.Autosign(t, func(t *testing.T) proxytest.AutosignHome {
				return proxytest.AutosignHome{Provider: client(t, options(&proxytest.MemoryCA{})).Autosign()}
			})
		})
	}
}

// TestLogs: what the buffer says is what a client reads.
func TestLogs(t *testing.T) {
	b := logs.NewBuffer(3, 1)
	b.Fail("bmc", "no ipmitool")
	for i, level := range []string{"ERROR", "INFO", "WARN", "DEBUG"} {
		b.Add(logs.Record{Time: time.UnixMicro(1_700_000_000_123_456 + int64(i)).UTC(), Level: level, Message: "☃ <" + level + ">", RequestID: "01234567", Backtrace: []string{"a", "b"}})
	}
	for name, client := range homes {
		c := client(t, server.Options{Logs: &server.Logs{Module: everywhere, Source: b}})
		for _, since := range []time.Time{{}, time.UnixMicro(1_700_000_000_123_458)} {
			want, err := b.Since(t.Context(), since)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Logs().Since(t.Context(), since)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", name, err, diff)
			}
		}
	}
}

// TestKindsCrossTheWire: what a provider says is what its remote user hears.
func TestKindsCrossTheWire(t *testing.T) {
	m := &proxytest.MemoryDNS{}
	c := inProcess(t, server.Options{DNS: &server.DNS{Provider: m}})
	r, err := dns.NewRecord("h.example.test", "192.0.2.1", "A")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range errs.Kinds() {
		m.Before("create", errs.New(kind, "canary"))
		want := kind
		if kind == errs.Internal {
			want = errs.Upstream // a defect there is a failure of another system here
		}
		if err := c.DNS().Create(t.Context(), r); !errs.Is(err, want) {
			t.Errorf("%v arrived as %v: %v", kind, errs.KindOf(err), err)
		}
	}
}

// TestOnlyReadsAreRetried: a change whose answer is lost is not made twice by
// the client.
func TestOnlyReadsAreRetried(t *testing.T) {
	m := proxytest.NewMemoryDHCP()
	c := inProcess(t, server.Options{DHCP: &server.DHCP{Provider: m}})
	lost := errs.New(errs.Upstream, "answer lost")
	m.Before("subnets", lost)
	if _, err := c.DHCP().Subnets(t.Context()); err != nil {
		t.Errorf("a read: %v", err)
	}
	all, err := m.Subnets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := record(all[0])
	m.After("create", lost)
	if err := c.DHCP().Create(t.Context(), r, nil); !errs.Is(err, errs.Upstream) || m.Calls("create") != 1 {
		t.Errorf("a change: %v after %d calls", err, m.Calls("create"))
	}
	if err := c.DHCP().Create(t.Context(), r, nil); err != nil {
		t.Errorf("the change repeated by whoever asked: %v", err)
	}
}

func TestUnreachableProxy(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c, err := remote.New(srv.URL, fetch.New(fetch.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Features(t.Context()); !errs.Is(err, errs.Upstream) {
		t.Error(err)
	}
	broken := fetch.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(errors.New("broken")) }))
	c, _ = remote.New("http://x", fetch.New(fetch.Options{Transport: broken}))
	if err := c.PuppetCA().Sign(t.Context(), "h.example.test"); !errs.Is(err, errs.Upstream) {
		t.Error(err)
	}
}
