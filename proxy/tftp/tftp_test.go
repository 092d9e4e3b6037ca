package tftp_test

import (
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/tftp"
)

func TestNames(t *testing.T) {
	m := mac.MustParse("AA:bb:0:1:2:3")
	for v, want := range map[tftp.Variant][]string{
		"syslinux": {"pxelinux.cfg/01-aa-bb-00-01-02-03", "pxelinux.cfg/default"},
		"pxelinux": {"pxelinux.cfg/01-aa-bb-00-01-02-03", "pxelinux.cfg/default"},
		"pxegrub":  {"grub/menu.lst.01AABB00010203", "grub/01-AA-BB-00-01-02-03", "grub/menu.lst", "grub/efidefault"},
		"pxegrub2": {"grub2/grub.cfg-01-aa-bb-00-01-02-03", "grub2/grub.cfg-aa:bb:00:01:02:03", "grub2/grub.cfg"},
		"ztp":      {"ztp.cfg/AABB00010203", "ztp.cfg/AABB00010203.cfg", "ztp.cfg/default"},
		"poap":     {"poap.cfg/AABB00010203", "poap.cfg/default"},
		"ipxe":     {"pxelinux.cfg/01-aa-bb-00-01-02-03.ipxe", "pxelinux.cfg/default.ipxe"},
	} {
		if diff := cmp.Diff(want, append(v.Files(m), v.DefaultFiles()...)); diff != "" {
			t.Errorf("%s: %s", v, diff)
		}
		if got, err := tftp.ParseVariant(strings.ToUpper(v.Title())); err != nil || got != v {
			t.Errorf("%s: %s %v", v, got, err)
		}
	}
	if len(tftp.Variants()) != 7 {
		t.Error("a variant is not in this table")
	}
	if _, err := tftp.ParseVariant("lilo"); !errs.Is(err, errs.Forbidden) {
		t.Error(err)
	}
}

func TestBootFile(t *testing.T) {
	for _, c := range []struct{ prefix, src, want string }{
		{"boot/debian-12", "http://deb/dists/linux", "boot/debian-12-linux"},
		{"boot/debian/", "http://deb/dists/linux?x=/y", "boot/debian/linux"},
		{"/boot/x", "https://deb/initrd.gz#f", "boot/x-initrd.gz"},
		{"boot/../x", "http://deb/linux", "x-linux"},
		{"../x", "http://deb/linux", ""},
		{"a/../../x", "http://deb/linux", ""},
		{"//x", "http://deb/linux", ""},
		{"boot/x", "http://deb/", ""},
		{"boot/x", "http://deb", ""},
		{"boot/", "http://deb/..", ""},
		{"", "http://deb/linux", ""},
		{"boot/x", "http://deb/%00", ""},
		{"boot\\x", "http://deb/linux", ""},
		{"boot/x", "%zz", ""},
	} {
		got, err := tftp.BootFile(c.prefix, c.src)
		if got != c.want || (err == nil) != (c.want != "") || (err != nil && !errs.Is(err, errs.Malformed)) {
			t.Errorf("%+v: %q %v", c, got, err)
		}
	}
}

func FuzzBootFile(f *testing.F) {
	f.Add("boot/x", "http://deb/linux")
	f.Add("../", "http://deb/%2e%2e/x")
	f.Fuzz(func(t *testing.T, prefix, src string) {
		name, err := tftp.BootFile(prefix, src)
		if err != nil {
			return
		}
		if path.IsAbs(name) || path.Clean("/"+name) != "/"+name || strings.Contains(name, "\x00") {
			t.Errorf("%q %q: %q", prefix, src, name)
		}
	})
}
