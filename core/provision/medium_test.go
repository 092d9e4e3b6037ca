package provision

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestInstallation(t *testing.T) {
	type want struct{ URI, Kernel, Initrd, KernelURI, InitrdURI, Server, Path string }
	for _, tt := range []struct {
		name string
		os   OperatingSystem
		arch string
		path string
		want want
	}{
		{
			"Debian",
			OperatingSystem{Name: "Debian", Family: "Debian", Major: "12", ReleaseName: "bookworm"},
			"x86_64", "http://deb.debian.org/debian/",
			want{
				"http://deb.debian.org/debian", "boot/my-mirror-HASH-linux", "boot/my-mirror-HASH-initrd.gz",
				"http://deb.debian.org/debian/dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64/linux",
				"http://deb.debian.org/debian/dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64/initrd.gz",
				"deb.debian.org:80", "/debian",
			},
		},
		{
			"Ubuntu with the older installer",
			OperatingSystem{Name: "Ubuntu", Family: "Debian", Major: "20", Minor: "04", ReleaseName: "focal"},
			"aarch64", "https://mirror:8443/ubuntu",
			want{
				"https://mirror:8443/ubuntu", "boot/my-mirror-HASH-linux", "boot/my-mirror-HASH-initrd.gz",
				"https://mirror:8443/ubuntu/dists/focal/main/installer-arm64/current/images/netboot/ubuntu-installer/arm64/linux",
				"https://mirror:8443/ubuntu/dists/focal/main/installer-arm64/current/images/netboot/ubuntu-installer/arm64/initrd.gz",
				"mirror:8443", "/ubuntu",
			},
		},
		{
			"Ubuntu with the newer installer",
			OperatingSystem{Name: "Ubuntu", Family: "Debian", Major: "24", Minor: "04", ReleaseName: "noble"},
			"x86_64", "http://mirror/noble",
			want{
				"http://mirror/noble", "boot/my-mirror-HASH-vmlinuz", "boot/my-mirror-HASH-initrd",
				"http://mirror/noble/casper/vmlinuz", "http://mirror/noble/casper/initrd", "mirror:80", "/noble",
			},
		},
		{
			"AlmaLinux",
			OperatingSystem{Name: "AlmaLinux", Family: "Redhat", Major: "9", Minor: "5"},
			"x86_64", "https://repo/alma/$version/$major.$minor/BaseOS/$arch/os/",
			want{
				"https://repo/alma/9.5/9.5/BaseOS/x86_64/os", "boot/my-mirror-HASH-vmlinuz", "boot/my-mirror-HASH-initrd.img",
				"https://repo/alma/9.5/9.5/BaseOS/x86_64/os/images/pxeboot/vmlinuz", "https://repo/alma/9.5/9.5/BaseOS/x86_64/os/images/pxeboot/initrd.img",
				"repo:443", "/alma/9.5/9.5/BaseOS/x86_64/os",
			},
		},
		{
			"a family without boot files",
			OperatingSystem{Name: "AIX", Family: "AIX", Major: "7"},
			"ppc64", "ftp://nim",
			want{"ftp://nim", "", "", "", "", "nim:21", "/"},
		},
	} {
		h := &Host{OperatingSystem: &tt.os, Architecture: &Architecture{tt.arch}, Medium: &Medium{Name: "My Mirror!", Path: tt.path}}
		in, err := InstallationOf(h)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := want{in.URI, in.Kernel(), in.Initrd(), in.KernelURI(), in.InitrdURI(), in.Server(), in.Path()}
		hash := in.Prefix[strings.LastIndex(in.Prefix, "-")+1:]
		got.Kernel, got.Initrd = strings.Replace(got.Kernel, hash, "HASH", 1), strings.Replace(got.Initrd, hash, "HASH", 1)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		for _, url := range in.BootFiles() {
			if file := in.Prefix + "-" + url[strings.LastIndex(url, "/")+1:]; file != in.Kernel() && file != in.Initrd() {
				t.Errorf("%s: the proxy keeps %s as %s, which nothing asks for", tt.name, url, file)
			}
		}
	}
}

func TestInstallationsDiffer(t *testing.T) {
	base := func() *Host {
		return &Host{
			OperatingSystem: &OperatingSystem{Name: "Debian", Family: "Debian", ReleaseName: "bookworm"},
			Architecture:    &Architecture{"x86_64"}, Medium: &Medium{Name: "m", Path: "http://m"},
		}
	}
	prefixes := map[string]bool{}
	for _, change := range []func(*Host){
		func(*Host) {},
		func(h *Host) { h.OperatingSystem.ReleaseName = "trixie" },
		func(h *Host) { h.Architecture.Name = "i386" },
		func(h *Host) { h.Medium.Path = "http://n" },
		func(h *Host) { h.Medium.Name = "n" },
	} {
		h := base()
		change(h)
		in, err := InstallationOf(h)
		if err != nil {
			t.Fatal(err)
		}
		prefixes[in.Prefix] = true
	}
	if len(prefixes) != 5 {
		t.Errorf("the prefixes are %v", prefixes)
	}
}

func TestInstallationLacks(t *testing.T) {
	os, arch, medium := &OperatingSystem{Name: "x"}, &Architecture{"x"}, &Medium{Path: "http://m"}
	for field, h := range map[string]*Host{
		"operatingsystem": {Architecture: arch, Medium: medium},
		"architecture":    {OperatingSystem: os, Medium: medium},
		"medium":          {OperatingSystem: os, Architecture: arch, Medium: &Medium{Path: "no url"}},
	} {
		_, err := InstallationOf(h)
		if f := errs.FieldsOf(err); !errs.Is(err, errs.Invalid) || len(f) != 1 || f[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
