package dns_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dns"
)

func TestNewRecord(t *testing.T) {
	for _, c := range []struct {
		fqdn, value, typ string
		want             dns.Record // zero: Malformed
	}{
		{"h.example.test", "192.0.2.1", "a", dns.Record{Name: "h.example.test", Type: dns.A, Value: "192.0.2.1"}},
		{"h.example.test.", "192.0.2.1", "A", dns.Record{Name: "h.example.test", Type: dns.A, Value: "192.0.2.1"}},
		{"h.example.test", "10.50.0.5/24", "A", dns.Record{Name: "h.example.test", Type: dns.A, Value: "10.50.0.0"}},
		{"h.example.test", "2001:DB8::0:5", "AAAA", dns.Record{Name: "h.example.test", Type: dns.AAAA, Value: "2001:db8::5"}},
		{"h.example.test", "::ffff:192.0.2.1", "AAAA", dns.Record{Name: "h.example.test", Type: dns.AAAA, Value: "::ffff:192.0.2.1"}},
		{"h.example.test", "x.example.test.", "CNAME", dns.Record{Name: "h.example.test", Type: dns.CNAME, Value: "x.example.test"}},
		{"h.example.test", "1.2.0.192.IN-ADDR.ARPA", "PTR", dns.Record{Name: "1.2.0.192.in-addr.arpa", Type: dns.PTR, Value: "h.example.test"}},
		{"_a._tcp.example.test", "0 05 80 x_y.example.test.", "SRV", dns.Record{Name: "_a._tcp.example.test", Type: dns.SRV, Value: "0 5 80 x_y.example.test"}},
		{"h.example.test", "2001:db8::1", "A", dns.Record{}},
		{"h.example.test", "192.0.2.1", "AAAA", dns.Record{}},
		{"h.example.test", "192.0.2.01", "A", dns.Record{}},
		{"h.example.test", "fe80::1%eth0", "AAAA", dns.Record{}},
		{"h.example.test", "192.0.2.1", "PTR", dns.Record{}},
		{"h.example.test", "x.example.test", "PTR", dns.Record{}},
		{"h.example.test", "192.0.2.1", "MX", dns.Record{}},
		{"h.example.test", "1 2 3", "SRV", dns.Record{}},
		{"h.example.test", "1 2 65536 x", "SRV", dns.Record{}},
		{"h.example.test", "1 2 0 x", "SRV", dns.Record{}},
		{"h_1.example.test", "192.0.2.1", "A", dns.Record{}},
		{"*.example.test", "192.0.2.1", "A", dns.Record{}},
		{"h.example.test\n", "192.0.2.1", "A", dns.Record{}},
		{"h example.test", "192.0.2.1", "A", dns.Record{}},
		{"", "192.0.2.1", "A", dns.Record{}},
		{".", "192.0.2.1", "A", dns.Record{}},
		{strings.Repeat("a", 64) + ".test", "192.0.2.1", "A", dns.Record{}},
		{strings.Repeat("a.", 127) + "test", "192.0.2.1", "A", dns.Record{}},
	} {
		got, err := dns.NewRecord(c.fqdn, c.value, c.typ)
		if (c.want == dns.Record{}) {
			if !errs.Is(err, errs.Malformed) {
				t.Errorf("%s %s %s: %+v %v", c.fqdn, c.value, c.typ, got, err)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s %s %s: %v %s", c.fqdn, c.value, c.typ, err, diff)
		}
	}
}

func TestReverse(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1":        "1.2.0.192.in-addr.arpa",
		"::ffff:192.0.2.1": "1.2.0.192.in-addr.arpa",
		"2001:db8::1":      "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		r, err := dns.Reverse("h.example.test", netip.MustParseAddr(addr))
		if err != nil || r.Name != want || r.Value != "h.example.test" || r.Type != dns.PTR {
			t.Errorf("%s: %+v %v", addr, r, err)
		}
		f, err := dns.ForAddr("h.example.test", netip.MustParseAddr(addr))
		if err != nil || (f.Type == dns.A) != strings.Contains(addr, "192") {
			t.Errorf("%s: %+v %v", addr, f, err)
		}
	}
}

func TestParseDelete(t *testing.T) {
	for _, c := range []struct {
		name, typ, wantName string
		want                dns.Type
	}{
		{"h.example.test", "", "h.example.test", dns.A},
		{"1.2.0.192.in-addr.arpa", "", "1.2.0.192.in-addr.arpa", dns.PTR},
		{"h.example.test.", "AAAA", "h.example.test", dns.AAAA},
		{"_a._tcp.example.test", "SRV", "_a._tcp.example.test", dns.SRV},
		{"h.example.test", "aaaa", "", ""},
		{"h.example.test", "PTR", "", ""},
		{"_a.example.test", "A", "", ""},
	} {
		name, typ, err := dns.ParseDelete(c.name, c.typ)
		if c.want == "" {
			if !errs.Is(err, errs.Malformed) {
				t.Errorf("%+v: %s %s %v", c, name, typ, err)
			}
		} else if err != nil || name != c.wantName || typ != c.want {
			t.Errorf("%+v: %s %s %v", c, name, typ, err)
		}
	}
}

func TestDecide(t *testing.T) {
	rec := func(typ dns.Type, value string) dns.Record {
		return dns.Record{Name: "h.example.test", Type: typ, Value: value}
	}
	for _, c := range []struct {
		what     string
		r        dns.Record
		existing dns.Existing
		needed   bool
		conflict bool
	}{
		{"nothing there", rec(dns.A, "192.0.2.1"), nil, true, false},
		{"the same", rec(dns.A, "192.0.2.1"), dns.Existing{rec(dns.A, "192.0.2.1")}, false, false},
		{"one of several", rec(dns.A, "192.0.2.1"), dns.Existing{rec(dns.A, "192.0.2.9"), rec(dns.A, "192.0.2.1")}, false, false},
		{"none of several", rec(dns.A, "192.0.2.1"), dns.Existing{rec(dns.A, "192.0.2.9"), rec(dns.A, "192.0.2.8")}, false, true},
		{"the other family", rec(dns.AAAA, "2001:db8::1"), dns.Existing{rec(dns.A, "192.0.2.9")}, true, false},
		{"the same, written otherwise", rec(dns.AAAA, "2001:db8::1"), dns.Existing{rec(dns.AAAA, "2001:db8:0::1")}, false, false},
		{"names but for case and dot", rec(dns.CNAME, "X.test"), dns.Existing{rec(dns.CNAME, "x.TEST.")}, false, false},
		{"an alias there", rec(dns.A, "192.0.2.1"), dns.Existing{rec(dns.CNAME, "x.test")}, false, true},
		{"an alias wanted", rec(dns.CNAME, "x.test"), dns.Existing{rec(dns.A, "192.0.2.1")}, false, true},
		{"another service", rec(dns.SRV, "1 2 3 x.test"), dns.Existing{rec(dns.SRV, "1 2 3 y.test")}, true, false},
	} {
		needed, err := dns.Decide(c.r, c.existing)
		if needed != c.needed || errs.Is(err, errs.Conflict) != c.conflict || (err != nil) != c.conflict {
			t.Errorf("%s: %v %v", c.what, needed, err)
		}
	}
}

func FuzzNewRecord(f *testing.F) {
	f.Add("h.example.test", "192.0.2.1", "A")
	f.Add("h.example.test", "1.2.0.192.in-addr.arpa", "PTR")
	f.Add("_a.test", "1 2 3 x", "SRV")
	f.Fuzz(func(t *testing.T, fqdn, value, typ string) {
		r, err := dns.NewRecord(fqdn, value, typ)
		if err != nil {
			return
		}
		if strings.ContainsAny(r.Name+r.Value, "\n\r\t\"\\;{}") {
			t.Errorf("%+v could end a line", r)
		}
		back := [2]string{r.Name, r.Value}
		if r.Type == dns.PTR {
			back[0], back[1] = r.Value, r.Name
		}
		if again, err := dns.NewRecord(back[0], back[1], string(r.Type)); err != nil || again != r {
			t.Errorf("%+v made again is %+v, %v", r, again, err)
		}
	})
}
