package provision

import (
	"crypto/sha256"
	"encoding/base32"
	"net/url"
	"path"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// An Installation is where a host's installer comes from, and under which names
// the boot loader finds it on the TFTP server.
type Installation struct {
	URI     string // of the installation tree, without a slash at the end
	Prefix  string // boot/NAME-HASH, the same for the same tree
	kernel  string // paths within the tree
	initrd  string
	archive string // the architecture as the tree has it
}

// InstallationOf works out a host's installation. Invalid names what is missing.
func InstallationOf(h *Host) (*Installation, error) {
	switch {
	case h.OperatingSystem == nil:
		return nil, errs.InvalidField("operatingsystem", "can't be blank")
	case h.Architecture == nil:
		return nil, errs.InvalidField("architecture", "can't be blank")
	case h.Medium == nil || h.Medium.Path == "":
		return nil, errs.InvalidField("medium", "can't be blank")
	}
	in := &Installation{archive: treeArch(h.OperatingSystem, h.Architecture.Name)}
	in.URI = strings.TrimRight(expandMedium(h.Medium.Path, h.OperatingSystem, in.archive), "/")
	if u, err := url.Parse(in.URI); err != nil || u.Scheme == "" {
		return nil, errs.InvalidField("medium", "%q is not a URL", in.URI)
	}
	in.Prefix = "boot/" + parameterize(h.Medium.Name) + "-" + treeHash(in.URI, in.archive, h.OperatingSystem)
	in.kernel, in.initrd = bootFiles(h.OperatingSystem, in.archive)
	return in, nil
}

// Kernel is the path of the kernel under the TFTP root; "" when the operating
// system has none that is known.
func (in *Installation) Kernel() string { return in.local(in.kernel) }

// Initrd is the path of the initial RAM disk under the TFTP root.
func (in *Installation) Initrd() string { return in.local(in.initrd) }

// KernelURI is the kernel on the installation medium.
func (in *Installation) KernelURI() string { return in.remote(in.kernel) }

// InitrdURI is the initial RAM disk on the installation medium.
func (in *Installation) InitrdURI() string { return in.remote(in.initrd) }

// BootFiles are the URLs that a TFTP proxy is to fetch under Prefix.
func (in *Installation) BootFiles() []string {
	if in.kernel == "" {
		return nil
	}
	return []string{in.KernelURI(), in.InitrdURI()}
}

func (in *Installation) local(file string) string {
	if file == "" {
		return ""
	}
	return in.Prefix + "-" + path.Base(file)
}

func (in *Installation) remote(file string) string {
	if file == "" {
		return ""
	}
	return in.URI + "/" + file
}

// Server and Path are the two halves of the URI as a preseed file wants them.
func (in *Installation) Server() string {
	u, err := url.Parse(in.URI)
	if err != nil {
		return ""
	}
	if u.Port() != "" {
		return u.Host
	}
	return u.Host + map[string]string{"http": ":80", "https": ":443", "ftp": ":21"}[u.Scheme]
}

// Path is the path of the URI, beginning with a slash.
func (in *Installation) Path() string {
	u, err := url.Parse(in.URI)
	if err != nil || u.Path == "" {
		return "/"
	}
	return u.Path
}

// bootFiles are kernel and initial RAM disk within an installation tree.
func bootFiles(os *OperatingSystem, arch string) (kernel, initrd string) {
	switch FamilyByName(os.Family).Installer {
	case "preseed":
		if isUbuntu(os) && autoinstalled(os) {
			return "casper/vmlinuz", "casper/initrd"
		}
		vendor := "debian"
		if isUbuntu(os) {
			vendor = "ubuntu"
		}
		dir := "dists/" + os.ReleaseName + "/main/installer-" + arch + "/current/images/netboot/" + vendor + "-installer/" + arch + "/"
		return dir + "linux", dir + "initrd.gz"
	case "kickstart":
		return "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"
	case "yast":
		return "boot/" + arch + "/loader/linux", "boot/" + arch + "/loader/initrd"
	}
	return "", ""
}

func isUbuntu(os *OperatingSystem) bool { return strings.Contains(strings.ToLower(os.Name), "ubuntu") }

// autoinstalled reports whether an Ubuntu has the newer installer, which came
// with 20.10 and replaced the Debian one.
func autoinstalled(os *OperatingSystem) bool {
	major := strings.TrimLeft(os.Major, "0")
	return len(major) > 2 || major > "20" || major == "20" && strings.HasPrefix(os.Minor, "1")
}

// treeArch is the architecture as installation trees of the family call it.
func treeArch(os *OperatingSystem, arch string) string {
	if os.Family != "Debian" {
		return arch
	}
	if name, ok := map[string]string{"x86_64": "amd64", "aarch64": "arm64", "i686": "i386", "i586": "i386"}[arch]; ok {
		return name
	}
	return arch
}

func expandMedium(path string, os *OperatingSystem, arch string) string {
	version := os.Major
	if os.Minor != "" {
		version += "." + os.Minor
	}
	return strings.NewReplacer(
		"$arch", arch, "$major", os.Major, "$minor", os.Minor, "$version", version, "$release", os.ReleaseName,
	).Replace(path)
}

// treeHash tells trees apart that come from one medium.
func treeHash(uri, arch string, os *OperatingSystem) string {
	sum := sha256.Sum256([]byte(uri + "\x00" + arch + "\x00" + os.ReleaseName))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:8])[:12])
}

// parameterize makes a name fit for a path: lower-case letters, digits and dashes.
func parameterize(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}
