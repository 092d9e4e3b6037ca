package machine

import (
	"slices"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// A bootEntry is what a boot loader's configuration starts when nobody touches
// the keyboard.
type bootEntry struct {
	label  string
	title  string // as people see it
	kernel string
	initrd []string
	args   string
}

// readBootConfig reads the entry that starts by default: of pxelinux, or of GRUB
// where there are menu entries.
func readBootConfig(text string) (bootEntry, error) {
	entries, wanted := pxelinuxEntries(text)
	if strings.Contains(text, "menuentry") {
		entries, wanted = grubEntries(text)
	}
	if len(entries) == 0 {
		return bootEntry{}, errs.New(errs.Malformed, "no entry to boot")
	}
	if i := slices.IndexFunc(entries, func(e bootEntry) bool { return e.label == wanted }); i >= 0 {
		return entries[i], nil
	}
	return entries[0], nil
}

// pxelinuxEntries reads LABEL, KERNEL (or LINUX), INITRD and APPEND, in any case.
func pxelinuxEntries(text string) (entries []bootEntry, wanted string) {
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		switch strings.ToLower(word) {
		case "default", "ontimeout":
			wanted = rest
			continue
		case "label":
			entries = append(entries, bootEntry{label: rest})
			continue
		}
		if len(entries) == 0 {
			continue
		}
		e := &entries[len(entries)-1]
		switch strings.ToLower(word) {
		case "kernel", "linux":
			e.kernel = rest
		case "menu":
			if title, ok := strings.CutPrefix(rest, "LABEL "); ok {
				e.title = title
			}
		case "initrd":
			e.initrd = strings.Split(rest, ",")
		case "append":
			e.args = rest
			for _, arg := range strings.Fields(rest) {
				if files, ok := strings.CutPrefix(arg, "initrd="); ok {
					e.initrd = strings.Split(files, ",")
				}
			}
		}
	}
	for i := range entries {
		if base := entries[i].kernel; strings.HasSuffix(base, ".c32") || base == "localboot" {
			entries[i].kernel = "" // a module such as chain.c32: no installer
		}
	}
	return entries, wanted
}

// grubEntries reads menuentry, linux and initrd commands, and set default=N.
func grubEntries(text string) (entries []bootEntry, wanted string) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch {
		case fields[0] == "menuentry":
			_, rest, _ := strings.Cut(line, fields[1][:1])
			label, _, _ := strings.Cut(rest, fields[1][:1])
			entries = append(entries, bootEntry{label: label, title: label})
		case len(entries) == 0:
		case strings.HasPrefix(fields[0], "linux"):
			entries[len(entries)-1].kernel = grubFile(fields[1])
			entries[len(entries)-1].args = strings.Join(fields[2:], " ")
		case strings.HasPrefix(fields[0], "initrd"):
			for _, f := range fields[1:] {
				entries[len(entries)-1].initrd = append(entries[len(entries)-1].initrd, grubFile(f))
			}
		}
	}
	return entries, ""
}

// grubFile drops the device, "(tftp)/x" or "(tftp,192.0.2.1)/x".
func grubFile(name string) string {
	if strings.HasPrefix(name, "(") {
		_, name, _ = strings.Cut(name, ")")
	}
	return strings.TrimPrefix(name, "/")
}

// arg finds an argument of the kernel's command line, by the first of its names
// that is there.
func (e bootEntry) arg(names ...string) string {
	for _, name := range names {
		for _, a := range strings.Fields(e.args) {
			if value, ok := strings.CutPrefix(a, name+"="); ok {
				return strings.Trim(value, `"'`)
			}
		}
	}
	return ""
}
