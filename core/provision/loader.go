package provision

import (
	"slices"
	"strings"
)

// A Loader is a boot loader that a machine's firmware fetches from the network.
type Loader struct {
	Name string
	Kind Kind   // of the template that configures it; "" with None
	file string // with ARCH for the architecture; "http:" and "https:" are on the HTTP boot proxy
}

// Loaders lists the boot loaders in the order that forms show them.
func Loaders() []Loader {
	return []Loader{
		{"None", "", ""},
		{"PXELinux BIOS", PXELinux, "pxelinux.0"},
		{"PXELinux UEFI", PXELinux, "pxelinux.efi"},
		{"Grub UEFI", PXEGrub, "grub/grubARCH.efi"},
		{"Grub2 BIOS", PXEGrub2, "grub2/grubARCH.0"},
		{"Grub2 ELF", PXEGrub2, "grub2/grubARCH.elf"},
		{"Grub2 UEFI", PXEGrub2, "grub2/grubARCH.efi"},
		{"Grub2 UEFI SecureBoot", PXEGrub2, "grub2/shimARCH.efi"},
		{"Grub2 UEFI HTTP", PXEGrub2, "http:grub2/grubARCH.efi"},
		{"Grub2 UEFI HTTPS", PXEGrub2, "https:grub2/grubARCH.efi"},
		{"Grub2 UEFI HTTPS SecureBoot", PXEGrub2, "https:grub2/shimARCH.efi"},
		{"iPXE Embedded", IPXE, ""},
		{"iPXE UEFI HTTP", IPXE, "http:ipxe-ARCH.efi"},
		{"iPXE Chain BIOS", IPXE, "undionly-ipxe.0"},
		{"iPXE Chain UEFI", IPXE, "ipxe.efi"},
	}
}

// LoaderByName finds a boot loader; None stands for names that are not known.
func LoaderByName(name string) Loader {
	all := Loaders()
	if i := slices.IndexFunc(all, func(l Loader) bool { return l.Name == name }); i >= 0 {
		return all[i]
	}
	return all[0]
}

// Firmware is "none", "uefi" or "bios".
func (l Loader) Firmware() string {
	switch {
	case l.Kind == "":
		return "none"
	case strings.Contains(l.Name, "UEFI"):
		return "uefi"
	}
	return "bios"
}

// A BootServer is what Loader.File needs to know of where a machine boots.
type BootServer struct {
	HTTPBoot string // HOST:PORT of the HTTP boot proxy, for http and for https
	HTTPS    string
	IPXEURL  string // of the host's iPXE template
}

// File is what DHCP gives a machine as its boot file: a path under the TFTP root
// or a URL. "" is none, also where the server that it needs is not known.
func (l Loader) File(arch string, at BootServer) string {
	if l.Name == "iPXE Embedded" {
		return at.IPXEURL
	}
	file := strings.Replace(l.file, "ARCH", loaderArch(arch), 1)
	for scheme, host := range map[string]string{"http": at.HTTPBoot, "https": at.HTTPS} {
		if path, ok := strings.CutPrefix(file, scheme+":"); ok {
			if host == "" {
				return ""
			}
			return scheme + "://" + host + "/httpboot/" + path
		}
	}
	return file
}

// loaderArch is an architecture as names of boot loader files have it.
func loaderArch(arch string) string {
	switch arch {
	case "x86_64", "amd64", "x64", "":
		return "x64"
	case "i386", "i486", "i586", "i686", "x86":
		return "ia32"
	case "aarch64", "arm64":
		return "aa64"
	}
	return strings.ToLower(arch)
}

// SuggestLoader is the boot loader for a new host: what the operating system's
// parameter pxe-loader says, else what fits the first of its family's kinds that
// it has a default template of. None when nothing fits.
func SuggestLoader(os *OperatingSystem, hasDefault func(Kind) bool) Loader {
	if name, ok := os.Params["pxe-loader"].(string); ok && name != "" {
		return LoaderByName(name)
	}
	usual := map[Kind]string{
		PXELinux: "PXELinux BIOS", PXEGrub2: "Grub2 UEFI", PXEGrub: "Grub UEFI", IPXE: "iPXE Chain BIOS",
	}
	for _, k := range FamilyByName(os.Family).Kinds {
		if usual[k] != "" && hasDefault(k) {
			return LoaderByName(usual[k])
		}
	}
	return LoaderByName("None")
}
