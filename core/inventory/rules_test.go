package inventory

import (
	"net/netip"
	"testing"
)

func TestSHA512Crypt(t *testing.T) {
	for _, test := range []struct{ password, salt, want string }{
		{"Hello world!", "saltstring", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"},
	} {
		if got := SHA512Crypt(test.password, test.salt); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestFormats(t *testing.T) {
	for in, want := range map[string]string{
		"52-54-00-AB-CD-EF": "52:54:00:ab:cd:ef", "525400abcdef": "52:54:00:ab:cd:ef", "5254.00ab.cdef": "52:54:00:ab:cd:ef",
		"nonsense": "nonsense", "": "",
	} {
		if got := canonicalMAC(in); got != want {
			t.Errorf("canonicalMAC(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"2001:DB8:0:0::1": "2001:db8::1", "::ffff:192.0.2.1": "192.0.2.1", "x": "x"} {
		if got := canonicalIP(in); got != want {
			t.Errorf("canonicalIP(%q) = %q, want %q", in, got, want)
		}
	}
	for _, good := range []string{"52:54:00:ab:cd:ef", "00:11:22:33:44:55"} {
		if m := macText(good); m != "" {
			t.Errorf("%s %s", good, m)
		}
	}
	for _, bad := range []string{"53:54:00:ab:cd:ef", "00:00:00:00:00:00", "52:54:00:ab:cd", "ff:ff:ff:ff:ff:ff", "x"} {
		if macText(bad) == "" {
			t.Errorf("%s is accepted", bad)
		}
	}
	for in, ok := range map[string]bool{"web01.example.com": true, "Web": false, "-a": false, "a..b": false, "a b": false, "xn--bcher-kva": true, "": false} {
		if (hostName(in) == "") != ok {
			t.Errorf("hostName(%q) = %q", in, hostName(in))
		}
	}
}

func TestFamilies(t *testing.T) {
	for name, want := range map[string]string{"Debian": "Debian", "Ubuntu": "Debian", "CentOS_Stream": "Redhat", "AlmaLinux": "Redhat", "OpenSuSE": "Suse", "Haiku": ""} {
		if got := FamilyOf(name); got != want {
			t.Errorf("FamilyOf(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestFreeAddresses(t *testing.T) {
	s := &Subnet{Type: SubnetIPv4, Network: "192.0.2.0", CIDR: 30}
	from, to := s.span()
	if from.String() != "192.0.2.1" || to.String() != "192.0.2.2" {
		t.Errorf("span %v %v", from, to)
	}
	known := map[netip.Addr]bool{}
	for _, want := range []string{"192.0.2.1", "192.0.2.2", "invalid IP"} {
		got := firstFree(from, from, to, known)
		if got.String() != want {
			t.Errorf("got %v, want %s", got, want)
		}
		known[got] = true
	}
	for range 100 {
		if a := randomBetween(from, to); a.Less(from) || to.Less(a) {
			t.Fatalf("%v is outside", a)
		}
	}
	if got := eui64(netip.MustParsePrefix("2001:db8::/64"), "52:54:00:ab:cd:ef"); got.String() != "2001:db8::5054:ff:feab:cdef" {
		t.Errorf("eui64 %v", got)
	}
	if _, last := (&Subnet{Type: SubnetIPv6, Network: "2001:db8::", CIDR: 64}).span(); last.String() != "2001:db8::ffff:ffff:ffff:fffe" {
		t.Errorf("last %v", last)
	}
}

func TestInheritTakesTheNearest(t *testing.T) {
	own := &HostDefaults{DomainID: 1}
	Inherit(own, []*Hostgroup{{HostDefaults: HostDefaults{DomainID: 2, ArchitectureID: 3}}, {HostDefaults: HostDefaults{ArchitectureID: 4, MediumID: 5, PXELoader: "None"}}})
	if own.DomainID != 1 || own.ArchitectureID != 3 || own.MediumID != 5 || own.PXELoader != "None" {
		t.Errorf("%+v", own)
	}
	if len(own.ids()) != len(idNames()) {
		t.Error("ids and their names differ in number")
	}
}

func TestCounters(t *testing.T) {
	r := &ConfigReport{Status: 3 | 2<<20}
	if c := Counters(r.Status); c["applied"] != 3 || c["failed"] != 2 || c["pending"] != 0 || r.Summary() != "Failed" {
		t.Errorf("%v %s", c, r.Summary())
	}
}
