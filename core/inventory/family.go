package inventory

import "strings"

// families are the operating system families with the names that belong to each.
func families() [][]string {
	return [][]string{
		{"AIX", "aix"},
		{"Altlinux", "altlinux"},
		{"Archlinux", "archlinux"},
		{"Coreos", "coreos", "flatcar"},
		{"Debian", "debian", "ubuntu"},
		{"Fcos", "fcos", "fedoracoreos"},
		{"Freebsd", "freebsd"},
		{"Gentoo", "gentoo"},
		{"Junos", "junos"},
		{"NXOS", "nx-os"},
		{"Rancheros", "rancheros"},
		{"Rhcos", "rhcos", "redhatcoreos"},
		{"Redhat", "redhat", "centos", "fedora", "scientific", "slc", "oraclelinux", "almalinux", "rocky", "amazon"},
		{"Solaris", "solaris"},
		{"Suse", "opensuse", "sles", "sled"},
		{"VRP", "vrp"},
		{"Windows", "windows"},
		{"Xenserver", "xenserver"},
	}
}

// Families are the names of the operating system families.
func Families() []string {
	var names []string
	for _, f := range families() {
		names = append(names, f[0])
	}
	return names
}

// FamilyOf guesses the family from an operating system's name; "" when none fits.
func FamilyOf(name string) string {
	name = strings.ToLower(name)
	for _, f := range families() {
		for _, pattern := range f[1:] {
			if strings.Contains(name, pattern) {
				return f[0]
			}
		}
	}
	return ""
}
