package inventory

// PXELoaders are the boot loaders that a host can be given, as bodies name them.
func PXELoaders() []string {
	return []string{
		"None", "PXELinux BIOS", "PXELinux UEFI", "Grub UEFI", "Grub2 BIOS", "Grub2 ELF", "Grub2 UEFI",
		"Grub2 UEFI SecureBoot", "Grub2 UEFI HTTP", "Grub2 UEFI HTTPS", "Grub2 UEFI HTTPS SecureBoot",
		"iPXE Embedded", "iPXE UEFI HTTP", "iPXE Chain BIOS", "iPXE Chain UEFI",
	}
}
