package provision

import (
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestChoose(t *testing.T) {
	plain := Candidate{ID: 1, Kind: Finish, Default: true}
	other := Candidate{ID: 2, Kind: Provision, Default: true, Combinations: []Combination{{10, 0}}}
	group := Candidate{ID: 3, Kind: Finish, Combinations: []Combination{{10, 0}}}
	env := Candidate{ID: 4, Kind: Finish, Combinations: []Combination{{0, 20}}}
	both := Candidate{ID: 5, Kind: Finish, Combinations: []Combination{{11, 20}, {10, 20}}}
	any := Candidate{ID: 6, Kind: Finish, Combinations: []Combination{{0, 0}}}
	for _, tt := range []struct {
		name       string
		candidates []Candidate
		group, env int64
		want       int64
	}{
		{"the default", []Candidate{other, plain}, 10, 20, 1},
		{"host group before the default", []Candidate{plain, other, group}, 10, 0, 3},
		{"environment before the default", []Candidate{plain, env}, 10, 20, 4},
		{"host group before the environment", []Candidate{env, group, plain}, 10, 20, 3},
		{"both before each", []Candidate{env, group, plain, both}, 10, 20, 5},
		{"another host group", []Candidate{group, plain}, 11, 0, 1},
		{"no host group", []Candidate{group, any, plain}, 0, 0, 1},
		{"the first of equals", []Candidate{{ID: 9, Kind: Finish, Combinations: group.Combinations}, group}, 10, 0, 9},
		{"none associated", []Candidate{other}, 10, 20, 0},
		{"neither default nor combined", []Candidate{{ID: 8, Kind: Finish}}, 10, 20, 0},
	} {
		got, err := Choose(tt.candidates, Finish, tt.group, tt.env)
		if got.ID != tt.want || errs.Is(err, errs.NotFound) != (tt.want == 0) {
			t.Errorf("%s: template %d, %v; want %d", tt.name, got.ID, err, tt.want)
		}
	}
}

func TestLocalBootName(t *testing.T) {
	h := &Host{Params: map[string]any{"local_boot_PXELinux": "mine"}}
	for _, tt := range []struct {
		kind          Kind
		setting, want string
	}{
		{PXELinux, "site's", "mine"},
		{PXEGrub2, "site's", "site's"},
		{PXEGrub2, "", "PXEGrub2 default local boot"},
	} {
		if got := LocalBootName(h, tt.kind, tt.setting); got != tt.want {
			t.Errorf("%s, setting %q: %q, want %q", tt.kind, tt.setting, got, tt.want)
		}
	}
}

func TestLoaders(t *testing.T) {
	at := BootServer{HTTPBoot: "proxy:8000", HTTPS: "proxy:8443", IPXEURL: "http://foreman/unattended/iPXE"}
	for _, tt := range []struct {
		name, arch, file, firmware string
		kind                       Kind
	}{
		{"None", "x86_64", "", "none", ""},
		{"no such loader", "x86_64", "", "none", ""},
		{"PXELinux BIOS", "x86_64", "pxelinux.0", "bios", PXELinux},
		{"PXELinux UEFI", "x86_64", "pxelinux.efi", "uefi", PXELinux},
		{"Grub UEFI", "i386", "grub/grubia32.efi", "uefi", PXEGrub},
		{"Grub2 BIOS", "x86_64", "grub2/grubx64.0", "bios", PXEGrub2},
		{"Grub2 ELF", "ppc64le", "grub2/grubppc64le.elf", "bios", PXEGrub2},
		{"Grub2 UEFI", "aarch64", "grub2/grubaa64.efi", "uefi", PXEGrub2},
		{"Grub2 UEFI SecureBoot", "amd64", "grub2/shimx64.efi", "uefi", PXEGrub2},
		{"Grub2 UEFI HTTP", "x86_64", "http://proxy:8000/httpboot/grub2/grubx64.efi", "uefi", PXEGrub2},
		{"Grub2 UEFI HTTPS", "x86_64", "https://proxy:8443/httpboot/grub2/grubx64.efi", "uefi", PXEGrub2},
		{"Grub2 UEFI HTTPS SecureBoot", "x86_64", "https://proxy:8443/httpboot/grub2/shimx64.efi", "uefi", PXEGrub2},
		{"iPXE Embedded", "x86_64", "http://foreman/unattended/iPXE", "bios", IPXE},
		{"iPXE UEFI HTTP", "x86_64", "http://proxy:8000/httpboot/ipxe-x64.efi", "uefi", IPXE},
		{"iPXE Chain BIOS", "x86_64", "undionly-ipxe.0", "bios", IPXE},
		{"iPXE Chain UEFI", "x86_64", "ipxe.efi", "uefi", IPXE},
	} {
		l := LoaderByName(tt.name)
		if got := l.File(tt.arch, at); got != tt.file || l.Kind != tt.kind || l.Firmware() != tt.firmware {
			t.Errorf("%s on %s: file %q, kind %q, firmware %q", tt.name, tt.arch, got, l.Kind, l.Firmware())
		}
	}
	if got := LoaderByName("Grub2 UEFI HTTP").File("x86_64", BootServer{}); got != "" {
		t.Errorf("without an HTTP boot proxy: %q", got)
	}
}

func TestSuggestLoader(t *testing.T) {
	for _, tt := range []struct {
		os       OperatingSystem
		defaults []Kind
		want     string
	}{
		{OperatingSystem{Family: "Debian"}, []Kind{PXEGrub2, PXELinux}, "PXELinux BIOS"},
		{OperatingSystem{Family: "Debian"}, []Kind{IPXE, PXEGrub2}, "Grub2 UEFI"},
		{OperatingSystem{Family: "Debian"}, []Kind{IPXE}, "iPXE Chain BIOS"},
		{OperatingSystem{Family: "Solaris"}, []Kind{PXELinux, PXEGrub}, "Grub UEFI"},
		{OperatingSystem{Family: "Junos"}, []Kind{ZTP}, "None"},
		{OperatingSystem{Family: "Redhat"}, nil, "None"},
		{OperatingSystem{Family: "Redhat", Params: map[string]any{"pxe-loader": "Grub2 UEFI HTTP"}}, nil, "Grub2 UEFI HTTP"},
	} {
		has := func(k Kind) bool {
			for _, d := range tt.defaults {
				if d == k {
					return true
				}
			}
			return false
		}
		if got := SuggestLoader(&tt.os, has); got.Name != tt.want {
			t.Errorf("%s with %v: %s, want %s", tt.os.Family, tt.defaults, got.Name, tt.want)
		}
	}
}

func TestFamilies(t *testing.T) {
	for name, want := range map[string]string{"Debian": "preseed", "Redhat": "kickstart", "Suse": "yast", "Gentoo": "", "unknown": ""} {
		if f := FamilyByName(name); f.Installer != want || f.Name != name || len(f.Kinds) == 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if len(families()) != 18 || len(Kinds()) != 16 || len(Loaders()) != 15 {
		t.Errorf("%d families, %d kinds, %d loaders", len(families()), len(Kinds()), len(Loaders()))
	}
}
