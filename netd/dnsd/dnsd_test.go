package dnsd

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/chargehand/chargehand/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const keyName = "update.example.test."

func secret() []byte { return []byte("a secret of thirty-two bytes ...") }

func parse(tb testing.TB, text string) dns.RR {
	tb.Helper()
	rr, err := dns.NewRR(text)
	if err != nil || rr == nil {
		tb.Fatalf("%q: %v", text, err)
	}
	return rr
}

func openStore(tb testing.TB, dir string) *Store {
	tb.Helper()
	s, err := OpenStore(dir, clock.Fixed(time.Unix(1000, 0)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// fill makes the zones that the tests ask about.
func fill(tb testing.TB, s *Store) *Store {
	tb.Helper()
	for _, z := range []string{"example.test", "2.0.192.in-addr.arpa", "other.test"} {
		if err := s.CreateZone(z, "ns1.example.test"); err != nil {
			tb.Fatal(err)
		}
	}
	add(tb, s, "example.test",
		"ns1.example.test. 3600 A 192.0.2.1",
		"web.example.test. 86400 A 192.0.2.10",
		"web.example.test. 86400 A 192.0.2.11",
		"web.example.test. 86400 AAAA 2001:db8::10",
		"www.example.test. 86400 CNAME Web.example.test.",
		"far.example.test. 86400 CNAME host.other.test.",
		"out.example.test. 86400 CNAME host.elsewhere.test.",
		"dangling.example.test. 86400 CNAME none.example.test.",
		"loop.example.test. 86400 CNAME loop.example.test.",
		"a.b.c.example.test. 86400 A 192.0.2.12",
		"_sip._tcp.example.test. 86400 SRV 1 2 5060 web.example.test.",
		"child.example.test. 86400 NS ns.child.example.test.",
		"ns.child.example.test. 86400 A 192.0.2.53",
		"big.example.test. 86400 TXT "+strings.Repeat(`"`+strings.Repeat("x", 200)+`" `, 20))
	add(tb, s, "other.test", "host.other.test. 60 A 192.0.2.99")
	add(tb, s, "2.0.192.in-addr.arpa", "10.2.0.192.in-addr.arpa. 86400 PTR web.example.test.")
	return s
}

func add(tb testing.TB, s *Store, zone string, rrs ...string) {
	tb.Helper()
	err := s.Change(zone, func(tx *Tx) error {
		for _, text := range rrs {
			tx.Add(parse(tb, text))
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func serve(tb testing.TB, store *Store) *Server {
	tb.Helper()
	s, err := Listen(tb.Context(), Config{
		Address: "127.0.0.1:0", Store: store, Log: slog.New(slog.DiscardHandler),
		Keys: []Key{{keyName, dns.HmacSHA256, secret()}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	return s
}

func client(network string) *dns.Client {
	return &dns.Client{Net: network, TsigSecret: map[string]string{keyName: base64.StdEncoding.EncodeToString(secret())}, Timeout: 5 * time.Second}
}

// brief says a message's outcome, flags and records on a few lines.
func brief(m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(dns.RcodeToString[m.Rcode])
	for _, f := range []struct {
		name string
		set  bool
	}{{"aa", m.Authoritative}, {"tc", m.Truncated}, {"ra", m.RecursionAvailable}} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	for i, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			if rr.Header().Rrtype == dns.TypeOPT {
				continue
			}
			fmt.Fprintf(&b, "\n%s %s", []string{"answer", "authority", "additional"}[i], strings.Join(strings.Fields(rr.String()), " "))
		}
	}
	return b.String()
}

func TestQuestions(t *testing.T) {
	s := serve(t, fill(t, openStore(t, t.TempDir())))
	const soa = "\nauthority example.test. 60 IN SOA ns1.example.test. hostmaster.example.test. 1001 3600 600 1209600 60"
	for _, tc := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"web.example.test.", dns.TypeA, "NOERROR aa\nanswer web.example.test. 86400 IN A 192.0.2.10\nanswer web.example.test. 86400 IN A 192.0.2.11"},
		{"WEB.Example.TEST.", dns.TypeAAAA, "NOERROR aa\nanswer WEB.Example.TEST. 86400 IN AAAA 2001:db8::10"},
		{"10.2.0.192.in-addr.arpa.", dns.TypePTR, "NOERROR aa\nanswer 10.2.0.192.in-addr.arpa. 86400 IN PTR web.example.test."},
		{"_sip._tcp.example.test.", dns.TypeSRV, "NOERROR aa\nanswer _sip._tcp.example.test. 86400 IN SRV 1 2 5060 web.example.test."},
		{"example.test.", dns.TypeNS, "NOERROR aa\nanswer example.test. 3600 IN NS ns1.example.test."},
		{"example.test.", dns.TypeSOA, "NOERROR aa\nanswer example.test. 3600 IN SOA ns1.example.test. hostmaster.example.test. 1001 3600 600 1209600 60"},
		{"www.example.test.", dns.TypeA, "NOERROR aa\nanswer www.example.test. 86400 IN CNAME Web.example.test.\nanswer Web.example.test. 86400 IN A 192.0.2.10\nanswer Web.example.test. 86400 IN A 192.0.2.11"},
		{"www.example.test.", dns.TypeCNAME, "NOERROR aa\nanswer www.example.test. 86400 IN CNAME Web.example.test."},
		{"www.example.test.", dns.TypeTXT, "NOERROR aa\nanswer www.example.test. 86400 IN CNAME Web.example.test." + soa},
		{"far.example.test.", dns.TypeA, "NOERROR aa\nanswer far.example.test. 86400 IN CNAME host.other.test.\nanswer host.other.test. 60 IN A 192.0.2.99"},
		{"out.example.test.", dns.TypeA, "NOERROR aa\nanswer out.example.test. 86400 IN CNAME host.elsewhere.test."},
		{"dangling.example.test.", dns.TypeA, "NXDOMAIN aa\nanswer dangling.example.test. 86400 IN CNAME none.example.test." + soa},
		{"none.example.test.", dns.TypeA, "NXDOMAIN aa" + soa},
		{"none.web.example.test.", dns.TypeA, "NXDOMAIN aa" + soa},
		{"web.example.test.", dns.TypeMX, "NOERROR aa" + soa},
		{"b.c.example.test.", dns.TypeA, "NOERROR aa" + soa},
		{"web.example.test.", dns.TypeANY, "NOERROR aa\nanswer web.example.test. 3600 IN HINFO \"RFC8482\" \"\""},
		{"none.example.test.", dns.TypeANY, "NXDOMAIN aa" + soa},
		{"x.child.example.test.", dns.TypeA, "NOERROR\nauthority child.example.test. 86400 IN NS ns.child.example.test.\nadditional ns.child.example.test. 86400 IN A 192.0.2.53"},
		{"elsewhere.test.", dns.TypeA, "REFUSED"},
		{".", dns.TypeNS, "REFUSED"},
		{"example.test.", dns.TypeAXFR, "REFUSED"},
	} {
		t.Run(tc.name+"/"+dns.TypeToString[tc.qtype], func(t *testing.T) {
			m := new(dns.Msg).SetQuestion(tc.name, tc.qtype)
			got, _, err := client("udp").Exchange(m, s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, brief(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
	loop, _, err := client("udp").Exchange(new(dns.Msg).SetQuestion("loop.example.test.", dns.TypeA), s.Addr().String())
	if err != nil || len(loop.Answer) > maxChain {
		t.Errorf("a loop of CNAMEs: %v, %v", loop, err)
	}
}

func TestSizes(t *testing.T) {
	s := serve(t, fill(t, openStore(t, t.TempDir())))
	ask := func(network string, size uint16) *dns.Msg {
		m := new(dns.Msg).SetQuestion("big.example.test.", dns.TypeTXT)
		if size > 0 {
			m.SetEdns0(size, false)
		}
		c := client(network)
		c.UDPSize = 65535
		got, _, err := c.Exchange(m, s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, size := range []uint16{0, 512, 1232, 4096, 65535} {
		if got := ask("udp", size); !got.Truncated || got.Len() > maxUDP || (size <= 512 && got.Len() > 512) {
			t.Errorf("asked with %d: %d bytes, truncated %v", size, got.Len(), got.Truncated)
		}
	}
	if got := ask("tcp", 0); got.Truncated || len(got.Answer) != 1 {
		t.Errorf("over TCP: %v", got)
	}
	m := new(dns.Msg).SetQuestion("web.example.test.", dns.TypeA).SetEdns0(1232, false)
	m.IsEdns0().SetVersion(1)
	if got, _, err := client("udp").Exchange(m, s.Addr().String()); err != nil || got.Rcode != dns.RcodeBadVers {
		t.Errorf("EDNS version 1: %v, %v", got, err)
	}
}

func TestTransferIsWholeAndSigned(t *testing.T) {
	store := fill(t, openStore(t, t.TempDir()))
	err := store.Change("example.test", func(tx *Tx) error {
		for i := range 3000 {
			tx.Add(parse(t, fmt.Sprintf("h%d.example.test. 60 A 192.0.2.%d", i, i%250)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, store)
	fetch := func(key bool) (int, error) {
		tr := &dns.Transfer{TsigSecret: client("").TsigSecret}
		m := new(dns.Msg).SetAxfr("example.test.")
		if key {
			m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
		}
		envelopes, err := tr.In(m, s.Addr().String())
		if err != nil {
			return 0, err
		}
		n := 0
		for e := range envelopes {
			if e.Error != nil {
				err = e.Error
			}
			n += len(e.RR)
		}
		return n, err
	}
	if n, err := fetch(true); err != nil || n != 3000+14+3 { // with the SOA twice and the NS
		t.Errorf("%d records, %v", n, err)
	}
	if n, err := fetch(false); err == nil {
		t.Errorf("a transfer without key gave %d records", n)
	}
}

func TestChangesAndQuestionsAtOnce(t *testing.T) {
	store := fill(t, openStore(t, t.TempDir()))
	s := serve(t, store)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				add(t, store, "example.test", fmt.Sprintf("h%d-%d.example.test. 60 A 192.0.2.%d", i, j, j))
				got, _, err := client("udp").Exchange(new(dns.Msg).SetQuestion(fmt.Sprintf("h%d-%d.example.test.", i, j), dns.TypeA), s.Addr().String())
				if err != nil || len(got.Answer) != 1 {
					t.Errorf("what was acknowledged is not answered: %v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestTCPConnectionsAreBounded(t *testing.T) {
	s := serve(t, fill(t, openStore(t, t.TempDir())))
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range maxConns + 10 {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	last := conns[len(conns)-1]
	last.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := last.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection beyond the bound stays open: %v", err)
	}
	if s.Counters().Dropped == 0 {
		t.Error("no connection was dropped")
	}
}

func FuzzRespond(f *testing.F) {
	store := fill(f, openStore(f, f.TempDir()))
	keys := keyring{keyName: {keyName, dns.HmacSHA256, secret()}}
	s := &Server{cfg: Config{Store: store, Log: slog.New(slog.DiscardHandler)}, keys: keys}
	for _, m := range []*dns.Msg{
		new(dns.Msg).SetQuestion("web.example.test.", dns.TypeA).SetEdns0(4096, true),
		new(dns.Msg).SetQuestion("big.example.test.", dns.TypeTXT),
		new(dns.Msg).SetAxfr("example.test."),
		new(dns.Msg).SetUpdate("example.test.").SetTsig(keyName, dns.HmacSHA256, 300, 1),
	} {
		raw, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, tcp bool) {
		err := s.respond(raw, tcp, func(reply []byte) error {
			if m := new(dns.Msg); m.Unpack(reply) != nil || !m.Response {
				t.Errorf("answered with %x", reply)
			}
			if !tcp && len(reply) > maxUDP {
				t.Errorf("%d bytes over UDP", len(reply))
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkQueries(b *testing.B) {
	s := serve(b, fill(b, openStore(b, b.TempDir())))
	b.RunParallel(func(pb *testing.PB) {
		conn, err := dns.Dial("udp", s.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		m := new(dns.Msg).SetQuestion("web.example.test.", dns.TypeA)
		for pb.Next() {
			if err := conn.WriteMsg(m); err != nil {
				b.Error(err)
			}
			if _, err := conn.ReadMsg(); err != nil {
				b.Error(err)
			}
		}
	})
}
