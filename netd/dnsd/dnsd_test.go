package dnsd

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
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

// signed sends a message with the key and gives the answer's code.
func signed(t *testing.T, s *Server, network string, m *dns.Msg) string {
	t.Helper()
	m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
	got, _, err := client(network).Exchange(m, s.Addr().String())
	if got == nil { // NOTAUTH comes with an error beside
		t.Fatal(err)
	}
	return dns.RcodeToString[got.Rcode]
}

func TestUpdates(t *testing.T) {
	rr := func(s string) []dns.RR { return []dns.RR{parse(t, s)} }
	for _, tc := range []struct {
		name string
		zone string
		edit func(m *dns.Msg)
		code string
		at   string // afterwards the records of this name are
		want string
	}{
		{"add", "", func(m *dns.Msg) { m.Insert(rr("new.example.test. 60 A 192.0.2.50")) }, "NOERROR", "new", "60 A 192.0.2.50"},
		{"add beside", "", func(m *dns.Msg) { m.Insert(rr("web.example.test. 60 A 192.0.2.50")) }, "NOERROR", "web", "60 A 192.0.2.10; 60 A 192.0.2.11; 60 A 192.0.2.50; 86400 AAAA 2001:db8::10"},
		{"add the same", "", func(m *dns.Msg) { m.Insert(rr("WEB.example.test. 86400 A 192.0.2.10")) }, "NOERROR", "web", "86400 A 192.0.2.10; 86400 A 192.0.2.11; 86400 AAAA 2001:db8::10"},
		{"remove one", "", func(m *dns.Msg) { m.Remove(rr("web.example.test. 0 A 192.0.2.10")) }, "NOERROR", "web", "86400 A 192.0.2.11; 86400 AAAA 2001:db8::10"},
		{"remove a set", "", func(m *dns.Msg) { m.RemoveRRset(rr("web.example.test. 0 A 192.0.2.1")) }, "NOERROR", "web", "86400 AAAA 2001:db8::10"},
		{"remove a name", "", func(m *dns.Msg) { m.RemoveName(rr("web.example.test. 0 A 192.0.2.1")) }, "NOERROR", "web", ""},
		{"remove what is not there", "", func(m *dns.Msg) { m.RemoveName(rr("none.example.test. 0 A 192.0.2.1")) }, "NOERROR", "none", ""},
		{"CNAME on data", "", func(m *dns.Msg) { m.Insert(rr("web.example.test. 60 CNAME x.example.test.")) }, "NOERROR", "web", "86400 A 192.0.2.10; 86400 A 192.0.2.11; 86400 AAAA 2001:db8::10"},
		{"data on CNAME", "", func(m *dns.Msg) { m.Insert(rr("www.example.test. 60 A 192.0.2.1")) }, "NOERROR", "www", "86400 CNAME Web.example.test."},
		{"the last NS", "", func(m *dns.Msg) { m.Remove(rr("example.test. 0 NS ns1.example.test.")) }, "NOERROR", "", "3600 NS ns1.example.test."},
		{"all of the zone's name", "", func(m *dns.Msg) { m.RemoveName(rr("example.test. 0 A 192.0.2.1")) }, "NOERROR", "", "3600 NS ns1.example.test."},
		{"prerequisite holds", "", func(m *dns.Msg) {
			m.RRsetNotUsed(rr("new.example.test. 0 A 192.0.2.1"))
			m.Insert(rr("new.example.test. 60 A 192.0.2.50"))
		}, "NOERROR", "new", "60 A 192.0.2.50"},
		{"set is in use", "", func(m *dns.Msg) {
			m.RRsetNotUsed(rr("web.example.test. 0 A 192.0.2.1"))
			m.Insert(rr("new.example.test. 60 A 192.0.2.50"))
		}, "YXRRSET", "new", ""},
		{"set is not in use", "", func(m *dns.Msg) {
			m.RRsetUsed(rr("new.example.test. 0 A 192.0.2.1"))
			m.Insert(rr("new.example.test. 60 A 192.0.2.50"))
		}, "NXRRSET", "new", ""},
		{"name is in use", "", func(m *dns.Msg) {
			m.NameNotUsed(rr("web.example.test. 0 A 192.0.2.1"))
			m.Insert(rr("new.example.test. 60 A 192.0.2.50"))
		}, "YXDOMAIN", "new", ""},
		{"name is not in use", "", func(m *dns.Msg) { m.NameUsed(rr("new.example.test. 0 A 192.0.2.1")) }, "NXDOMAIN", "new", ""},
		{"set has other records", "", func(m *dns.Msg) { m.Used(rr("web.example.test. 0 A 192.0.2.10")) }, "NXRRSET", "new", ""},
		{"another zone's name", "", func(m *dns.Msg) { m.Insert(rr("new.other.test. 60 A 192.0.2.50")) }, "NOTZONE", "new", ""},
		{"a zone that is not here", "elsewhere.test.", func(m *dns.Msg) { m.Insert(rr("new.elsewhere.test. 60 A 192.0.2.50")) }, "NOTAUTH", "new", ""},
		{"all or nothing", "", func(m *dns.Msg) {
			m.Insert(rr("new.example.test. 60 A 192.0.2.50"))
			m.Insert(rr("new.other.test. 60 A 192.0.2.50"))
		}, "NOTZONE", "new", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			store := fill(t, openStore(t, dir))
			s := serve(t, store)
			m := new(dns.Msg).SetUpdate("example.test.")
			if tc.zone != "" {
				m.SetUpdate(tc.zone)
			}
			tc.edit(m)
			if code := signed(t, s, "tcp", m); code != tc.code {
				t.Errorf("answered %s, want %s", code, tc.code)
			}
			again := openStore(t, dir) // what kill -9 leaves
			for _, st := range []*Store{store, again} {
				if got := at(t, st, tc.at); got != tc.want {
					t.Errorf("afterwards: %s\nwant: %s", got, tc.want)
				}
			}
		})
	}
}

// at says a name's records without the SOA.
func at(t *testing.T, s *Store, label string) string {
	t.Helper()
	name := strings.TrimPrefix(label+".example.test.", ".")
	var out []string
	err := s.Change("example.test", func(tx *Tx) error {
		for _, rr := range tx.At(name) {
			if f := strings.Fields(rr.String()); f[3] != "SOA" {
				out = append(out, f[1]+" "+strings.Join(f[3:], " "))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "; ")
}

func TestUpdatesNeedTheKey(t *testing.T) {
	store := fill(t, openStore(t, t.TempDir()))
	s := serve(t, store)
	for _, tc := range []struct {
		name, key, secret string
		at                int64
		want              string
	}{
		{"no key", "", "", 0, "REFUSED"},
		{"unknown key", "other.example.test.", string(secret()), time.Now().Unix(), "NOTAUTH"},
		{"wrong secret", keyName, "another secret of many bytes .....", time.Now().Unix(), "NOTAUTH"},
		{"an old signature", keyName, string(secret()), time.Now().Add(-time.Hour).Unix(), "NOTAUTH"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := new(dns.Msg).SetUpdate("example.test.")
			m.Insert([]dns.RR{parse(t, "new.example.test. 60 A 192.0.2.50")})
			c := &dns.Client{Timeout: 5 * time.Second}
			if tc.key != "" {
				m.SetTsig(tc.key, dns.HmacSHA256, 300, tc.at)
				c.TsigSecret = map[string]string{tc.key: base64.StdEncoding.EncodeToString([]byte(tc.secret))}
			}
			got, _, err := c.Exchange(m, s.Addr().String())
			if got == nil {
				t.Fatal(err)
			}
			if code := dns.RcodeToString[got.Rcode]; code != tc.want {
				t.Errorf("answered %s, want %s", code, tc.want)
			}
			if got := at(t, store, "new"); got != "" {
				t.Errorf("and yet there is %s", got)
			}
		})
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

func TestSerialRisesWithEachChangeAndOnlyThen(t *testing.T) {
	store := fill(t, openStore(t, t.TempDir()))
	serial := func() uint32 {
		a := store.answer(dns.Question{Name: "example.test.", Qtype: dns.TypeSOA, Qclass: dns.ClassINET})
		return a.answer[0].(*dns.SOA).Serial
	}
	before := serial()
	add(t, store, "example.test", "web.example.test. 86400 A 192.0.2.10") // there already
	if serial() != before {
		t.Error("the serial rose without a change")
	}
	add(t, store, "example.test", "web.example.test. 86400 A 192.0.2.77")
	if serial() != before+1 {
		t.Errorf("the serial went from %d to %d", before, serial())
	}
}

func TestRemovedNamesLeaveNothing(t *testing.T) {
	store := fill(t, openStore(t, t.TempDir()))
	z := store.zones["example.test."]
	before := len(z.nodes)
	add(t, store, "example.test", "deep.er.and.deeper.example.test. 60 A 192.0.2.1")
	if len(z.nodes) != before+4 {
		t.Errorf("%d names became %d", before, len(z.nodes))
	}
	err := store.Change("example.test", func(tx *Tx) error {
		tx.Set("deep.er.and.deeper.example.test", dns.TypeA)
		return nil
	})
	if err != nil || len(z.nodes) != before {
		t.Errorf("%d names are left of %d, %v", len(z.nodes), before, err)
	}
}

func TestZonesComeAndGo(t *testing.T) {
	dir := t.TempDir()
	store := fill(t, openStore(t, dir))
	if zone, ok := store.ZoneOf("x.y.Example.Test"); !ok || zone != "example.test." {
		t.Errorf("zone of a host is %q", zone)
	}
	if err := store.RemoveZone("other.test."); err != nil {
		t.Fatal(err)
	}
	records, err := store.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := store.journal.Rewrite(func(emit func([]byte)) {
		for _, r := range records {
			emit(r)
		}
	}); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, dir)
	if want := []string{"2.0.192.in-addr.arpa.", "example.test."}; !slices.Equal(again.Zones(), want) {
		t.Errorf("zones %v", again.Zones())
	}
	if diff := cmp.Diff(fmt.Sprint(store.transfer("example.test.")), fmt.Sprint(again.transfer("example.test."))); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", ".", "a..b", strings.Repeat("x", 64) + ".test"} {
		if err := store.CreateZone(bad, "ns.example.test"); !errs.Is(err, errs.Invalid) {
			t.Errorf("zone %q: %v", bad, err)
		}
	}
	if err := store.Change("none.test", func(*Tx) error { return nil }); !errs.Is(err, errs.NotFound) {
		t.Errorf("a change of no zone: %v", err)
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

// FuzzUpdate applies any update as if it were signed: the zone keeps its SOA and
// NS, and what is answered afterwards is also what a restart answers.
func FuzzUpdate(f *testing.F) {
	m := new(dns.Msg).SetUpdate("example.test.")
	rr, _ := dns.NewRR("new.example.test. 60 A 192.0.2.50")
	m.Insert([]dns.RR{rr})
	m.RemoveName([]dns.RR{rr})
	raw, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := new(dns.Msg)
		if m.Unpack(raw) != nil {
			return
		}
		dir := t.TempDir()
		store := openStore(t, dir)
		if err := store.CreateZone("example.test", "ns1.example.test"); err != nil {
			t.Fatal(err)
		}
		if _, err := store.update(m); err != nil {
			t.Fatal(err)
		}
		z := store.zones["example.test."]
		if z.soa() == nil || len(z.rrset(z.name, dns.TypeNS)) == 0 {
			t.Error("the zone lost its SOA or NS")
		}
		if diff := cmp.Diff(fmt.Sprint(store.transfer("example.test.")), fmt.Sprint(openStore(t, dir).transfer("example.test."))); diff != "" {
			t.Error(diff)
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

func BenchmarkChanges(b *testing.B) {
	store := fill(b, openStore(b, b.TempDir()))
	for i := range b.N {
		add(b, store, "example.test", fmt.Sprintf("h%d.example.test. 60 A 192.0.2.1", i))
	}
}
