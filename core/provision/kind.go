package provision

import "slices"

// A Kind is what a template is rendered as. Snippets and partition tables have none.
type Kind string

// The kinds of provisioning templates.
const (
	PXELinux       Kind = "PXELinux"
	PXEGrub        Kind = "PXEGrub"
	PXEGrub2       Kind = "PXEGrub2"
	IPXE           Kind = "iPXE"
	Provision      Kind = "provision"
	Finish         Kind = "finish"
	Script         Kind = "script"
	UserData       Kind = "user_data"
	ZTP            Kind = "ZTP"
	POAP           Kind = "POAP"
	CloudInit      Kind = "cloud-init"
	HostInitConfig Kind = "host_init_config"
	Registration   Kind = "registration"
	Kexec          Kind = "kexec"
	Bootdisk       Kind = "Bootdisk"
	Public         Kind = "public"
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{
		PXELinux, PXEGrub, PXEGrub2, IPXE, Provision, Finish, Script, UserData,
		ZTP, POAP, CloudInit, HostInitConfig, Registration, Kexec, Bootdisk, Public,
	}
}

// LocalBoot names the setting, and the host parameter that wins over it, with the
// name of the template that boots from disk.
func (k Kind) LocalBoot() string { return "local_boot_" + string(k) }

// Global names the setting with the name of the template for unknown machines.
func (k Kind) Global() string { return "global_" + string(k) }

// DefaultLocalBoot is the template that LocalBoot names unless it is set.
func (k Kind) DefaultLocalBoot() string { return string(k) + " default local boot" }

// DefaultGlobal is the template that Global names unless it is set.
func (k Kind) DefaultGlobal() string { return string(k) + " global default" }

// IsPXE reports whether a boot loader reads templates of the kind.
func (k Kind) IsPXE() bool { return slices.Contains([]Kind{PXELinux, PXEGrub, PXEGrub2, IPXE}, k) }

// A Family is what the operating systems of a family have in common.
type Family struct {
	Name      string
	Installer string // "kickstart", "preseed" …; "" has none
	Kinds     []Kind // of the templates that its machines boot with, the usual first
}

// FamilyByName finds a family; one that is not known has no installer and boots by PXE.
func FamilyByName(name string) Family {
	all := families()
	if i := slices.IndexFunc(all, func(f Family) bool { return f.Name == name }); i >= 0 {
		return all[i]
	}
	return Family{Name: name, Kinds: pxeKinds()}
}

func pxeKinds() []Kind { return []Kind{PXELinux, PXEGrub2, PXEGrub, IPXE} }

func families() []Family {
	return []Family{
		{"AIX", "nim", pxeKinds()},
		{"Altlinux", "alterator", pxeKinds()},
		{"Archlinux", "aif", pxeKinds()},
		{"Coreos", "coreos", pxeKinds()},
		{"Debian", "preseed", pxeKinds()},
		{"Fcos", "fcos", pxeKinds()},
		{"Freebsd", "memdisk", pxeKinds()},
		{"Gentoo", "", pxeKinds()},
		{"Junos", "ZTP", []Kind{ZTP}},
		{"NXOS", "", []Kind{POAP}},
		{"Rancheros", "rancheros", pxeKinds()},
		{"Redhat", "kickstart", pxeKinds()},
		{"Rhcos", "rhcos", pxeKinds()},
		{"Solaris", "jumpstart", []Kind{PXEGrub}},
		{"Suse", "yast", pxeKinds()},
		{"VRP", "ZTP", []Kind{ZTP}},
		{"Windows", "waik", pxeKinds()},
		{"Xenserver", "xenserver", pxeKinds()},
	}
}
