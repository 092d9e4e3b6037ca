package dhcpd

import (
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

func TestBootFileChoice(t *testing.T) {
	boot := Boot{
		Script: "http://boot/script", Files: DefaultFiles(),
		HTTP: map[iana.Arch]string{iana.EFI_X86_64_HTTP: "http://boot/shimx64.efi"},
	}
	arch := func(a iana.Arch) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptClientArch(a)) }
	class := func(s string) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptClassIdentifier(s)) }
	user := func(rfc bool) dhcpv4.Modifier { return dhcpv4.WithUserClass("iPXE", rfc) }
	for _, tc := range []struct {
		name     string
		mods     []dhcpv4.Modifier
		reserved string
		want     string
	}{
		{"a running system", nil, "", ""},
		{"a running system with a reservation", nil, "pxelinux.0", "pxelinux.0"},
		{"BIOS", []dhcpv4.Modifier{class("PXEClient:Arch:00000:UNDI:002001"), arch(0)}, "", "pxelinux.0"},
		{"BIOS that tells no architecture", []dhcpv4.Modifier{class("PXEClient")}, "", "pxelinux.0"},
		{"UEFI", []dhcpv4.Modifier{class("PXEClient:Arch:00007"), arch(7)}, "", "grub2/shimx64.efi"},
		{"UEFI as 9", []dhcpv4.Modifier{arch(9)}, "", "grub2/shimx64.efi"},
		{"arm64", []dhcpv4.Modifier{arch(11)}, "", "grub2/shimaa64.efi"},
		{"an architecture without loader", []dhcpv4.Modifier{arch(2)}, "", ""},
		{"UEFI with its own file", []dhcpv4.Modifier{arch(7)}, "grub2/grubx64.efi", "grub2/grubx64.efi"},
		{"iPXE", []dhcpv4.Modifier{user(false)}, "", "http://boot/script"},
		{"iPXE, RFC 3004", []dhcpv4.Modifier{user(true)}, "", "http://boot/script"},
		{"iPXE loaded from undionly", []dhcpv4.Modifier{user(false)}, "undionly.kpxe", "http://boot/script"},
		{"iPXE as firmware", []dhcpv4.Modifier{user(false), arch(0)}, "pxelinux.0", "pxelinux.0"},
		{"HTTP boot", []dhcpv4.Modifier{class("HTTPClient:Arch:00016:UNDI:003001"), arch(16)}, "", "http://boot/shimx64.efi"},
		{"HTTP boot with a TFTP file", []dhcpv4.Modifier{class("HTTPClient"), arch(16)}, "grub2/grubx64.efi", "http://boot/shimx64.efi"},
		{"HTTP boot with its own URL", []dhcpv4.Modifier{class("HTTPClient"), arch(16)}, "https://own/x.efi", "https://own/x.efi"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := boot.file(firmwareOf(message(t, dhcpv4.MessageTypeDiscover, alice, tc.mods...)), tc.reserved); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestHTTPClientIsEchoedAndLongURLsGoInOption67(t *testing.T) {
	long := "http://boot.example.test/" + strings.Repeat("long/", 25) + "shimx64.efi"
	b := newBench(t, Boot{HTTP: map[iana.Arch]string{16: long}})
	ack := b.dora(alice, inLAN(), dhcpv4.WithOption(dhcpv4.OptClassIdentifier("HTTPClient:Arch:00016")), dhcpv4.WithOption(dhcpv4.OptClientArch(16)))
	if ack.ClassIdentifier() != "HTTPClient" || ack.BootFileNameOption() != long || ack.BootFileName != "" {
		t.Errorf("class %q, 67 %q, file %q", ack.ClassIdentifier(), ack.BootFileNameOption(), ack.BootFileName)
	}
}
