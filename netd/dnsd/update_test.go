package dnsd

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

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
