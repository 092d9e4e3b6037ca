package tftp

import (
	"net/url"
	"path"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/mac"
)

// A Variant is a kind of boot loader, which decides names and places of files.
type Variant string

// The variants. Syslinux is the older name of PXELinux.
const (
	Syslinux Variant = "syslinux"
	PXELinux Variant = "pxelinux"
	PXEGrub  Variant = "pxegrub"
	PXEGrub2 Variant = "pxegrub2"
	ZTP      Variant = "ztp"
	POAP     Variant = "poap"
	IPXE     Variant = "ipxe"
)

// Variants lists all, for tests that walk them.
func Variants() []Variant {
	return []Variant{Syslinux, PXELinux, PXEGrub, PXEGrub2, ZTP, POAP, IPXE}
}

// ParseVariant reads a variant in any case.
func ParseVariant(s string) (Variant, error) {
	for _, v := range Variants() {
		if strings.EqualFold(s, string(v)) {
			return v, nil
		}
	}
	return "", errs.New(errs.Forbidden, "Unrecognized pxeboot config type: %.40s", s)
}

// Title is the variant as core spells it in requests.
func (v Variant) Title() string {
	switch v {
	case PXELinux:
		return "PXELinux"
	case PXEGrub:
		return "PXEGrub"
	case PXEGrub2:
		return "PXEGrub2"
	case ZTP, POAP:
		return strings.ToUpper(string(v))
	case IPXE:
		return "iPXE"
	}
	return string(v)
}

// Files are the names, relative to the TFTP root, of a machine's configuration;
// the first is the one that is read back.
func (v Variant) Files(m mac.Addr) []string {
	upper := strings.ToUpper(m.Plain())
	switch v {
	case Syslinux, PXELinux:
		return []string{"pxelinux.cfg/01-" + m.Dashed()}
	case PXEGrub:
		return []string{"grub/menu.lst.01" + upper, "grub/01-" + strings.ToUpper(m.Dashed())}
	case PXEGrub2:
		return []string{"grub2/grub.cfg-01-" + m.Dashed(), "grub2/grub.cfg-" + m.String()}
	case ZTP:
		return []string{"ztp.cfg/" + upper, "ztp.cfg/" + upper + ".cfg"}
	case POAP:
		return []string{"poap.cfg/" + upper}
	case IPXE:
		return []string{"pxelinux.cfg/01-" + m.Dashed() + ".ipxe"}
	}
	return nil
}

// DefaultFiles are the names of the variant's default menu. For ZTP and POAP
// Smart Proxy uses the name of the directory itself, which fails as soon as a
// machine has a file there; the menu lies inside the directory here.
func (v Variant) DefaultFiles() []string {
	switch v {
	case Syslinux, PXELinux:
		return []string{"pxelinux.cfg/default"}
	case PXEGrub:
		return []string{"grub/menu.lst", "grub/efidefault"}
	case PXEGrub2:
		return []string{"grub2/grub.cfg"}
	case ZTP:
		return []string{"ztp.cfg/default"}
	case POAP:
		return []string{"poap.cfg/default"}
	case IPXE:
		return []string{"pxelinux.cfg/default.ipxe"}
	}
	return nil
}

// BootFile is where a boot file of src goes, relative to the TFTP root:
// "<prefix>-<last segment>", or inside prefix when that ends in a slash.
// Malformed when it would leave the root.
func BootFile(prefix, src string) (string, error) {
	u, err := url.Parse(src)
	if err != nil {
		return "", errs.New(errs.Malformed, "TFTP: Invalid path %.200q", src)
	}
	base := path.Base(u.Path)
	if prefix == "" || base == "." || base == "/" || base == ".." {
		return "", errs.New(errs.Malformed, "TFTP: prefix %.100q and path %.200q name no file", prefix, src)
	}
	name := prefix + "-" + base
	if strings.HasSuffix(prefix, "/") {
		name = prefix + base
	}
	name = strings.TrimPrefix(name, "/")
	if clean := path.Clean(name); clean == "." || !localPath(clean) || strings.ContainsAny(clean, "\x00\\") {
		return "", errs.New(errs.Malformed, "TFTP: Destination %.200q is outside of the TFTP root", name)
	}
	return path.Clean(name), nil
}

func localPath(p string) bool {
	return p != ".." && !strings.HasPrefix(p, "../") && !strings.HasPrefix(p, "/")
}
