package dhcpd

import (
	"path"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// A Boot decides which file a machine boots when its reservation does not say.
// The zero Boot names none.
type Boot struct {
	NextServer string               // boot server of machines and subnets that name none; the DHCP server itself when empty
	Script     string               // URL of the iPXE script
	Files      map[iana.Arch]string // by what the firmware says of itself
	HTTP       map[iana.Arch]string // URLs, for firmware that boots over HTTP
}

// DefaultFiles are the boot loaders that Foreman's PXE loaders name, for BIOS
// and for the UEFI machines that are about.
func DefaultFiles() map[iana.Arch]string {
	return map[iana.Arch]string{
		iana.INTEL_X86PC: "pxelinux.0",
		iana.EFI_IA32:    "grub2/shimia32.efi",
		iana.EFI_X86_64:  "grub2/shimx64.efi",
		iana.EFI_BC:      "grub2/shimx64.efi",
		iana.EFI_ARM64:   "grub2/shimaa64.efi",
	}
}

// A firmware is what a client tells about how it boots.
type firmware struct {
	arch  iana.Arch
	known bool // it told its architecture
	ipxe  bool
	http  bool
	pxe   bool
}

// httpClient is the vendor class of firmware that boots over HTTP; the answer
// must carry it too.
const httpClient = "HTTPClient"

func firmwareOf(m *dhcpv4.DHCPv4) firmware {
	var f firmware
	if raw := m.Options.Get(dhcpv4.OptionClientSystemArchitectureType); len(raw) >= 2 {
		f.arch, f.known = iana.Arch(uint16(raw[0])<<8|uint16(raw[1])), true
	}
	class := m.Options.Get(dhcpv4.OptionClassIdentifier)
	f.http = strings.HasPrefix(string(class), httpClient)
	f.pxe = strings.HasPrefix(string(class), "PXEClient")
	// RFC 3004 puts a length before each class; iPXE sends the bare text.
	user := string(m.Options.Get(dhcpv4.OptionUserClassInformation))
	f.ipxe = user == "iPXE" || user == "\x04iPXE"
	return f
}

func (f firmware) boots() bool { return f.http || f.pxe || f.ipxe || f.known }

// file chooses the boot file. A reservation's own file comes first, since
// someone chose it for that machine, with one exception: iPXE that was told to
// load iPXE has arrived there and gets its script. (The firmware of virtual
// machines often is iPXE, and must still be able to load pxelinux.0.)
func (b Boot) file(f firmware, reserved string) string {
	switch {
	case f.ipxe && b.Script != "" && (reserved == "" || isIPXE(reserved)):
		return b.Script
	case f.http && !isURL(reserved):
		return b.HTTP[f.arch]
	case reserved != "":
		return reserved
	case !f.boots():
		return ""
	default:
		return b.Files[f.arch] // no architecture told: 0, as BIOS clients mean it
	}
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

func isIPXE(file string) bool {
	base := strings.ToLower(path.Base(file))
	for _, prefix := range []string{"ipxe", "undionly", "snponly", "snp"} {
		if strings.HasPrefix(base, prefix) {
			return true
		}
	}
	return false
}
