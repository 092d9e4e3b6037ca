package provision

import (
	"context"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

// shelf finds default templates by name, and for a host the one of its installer.
type shelf struct{ t *testing.T }

func (s shelf) Named(_ context.Context, name string) (Template, error) {
	all, err := Defaults()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range all {
		if d.Name == name && d.Model == "ProvisioningTemplate" {
			return Template{d.Name, d.Text}, nil
		}
	}
	return Template{}, errs.New(errs.NotFound, "no template %q", name)
}

func (s shelf) ForHost(ctx context.Context, h *Host, kind Kind) (Template, error) {
	name := map[string]string{"Debian": "Preseed", "Redhat": "Kickstart"}[h.OperatingSystem.Family]
	return s.Named(ctx, name+" default "+string(kind))
}

func TestBootConfig(t *testing.T) {
	r := newRenderer(t, nil)
	site := exampleSite()
	h := debian(t)
	c, err := r.BootConfig(t.Context(), Subject{Host: h, Site: site}, shelf{t})
	if err != nil {
		t.Fatal(err)
	}
	in, err := InstallationOf(h)
	if err != nil {
		t.Fatal(err)
	}
	if c.Kind != PXELinux || c.MAC != "52:54:00:12:34:56" || !strings.Contains(c.Text, "KERNEL "+in.Kernel()) || len(c.Files) != 2 || c.Prefix != in.Prefix {
		t.Errorf("in build: %+v", c)
	}
	h.Build = false
	if c, err = r.BootConfig(t.Context(), Subject{Host: h, Site: site}, shelf{t}); err != nil || !strings.Contains(c.Text, "LOCALBOOT 0") || c.Files != nil {
		t.Errorf("installed: %+v, %v", c, err)
	}
	site.Settings = map[string]any{"local_boot_PXELinux": "PXEGrub2 default local boot"}
	if c, err = r.BootConfig(t.Context(), Subject{Host: h, Site: site}, shelf{t}); err != nil || !strings.Contains(c.Text, "menuentry") {
		t.Errorf("another local boot template: %+v, %v", c, err)
	}
	h.PXELoader = "None"
	if c, err = r.BootConfig(t.Context(), Subject{Host: h, Site: site}, shelf{t}); err != nil || c.Kind != "" {
		t.Errorf("no boot loader: %+v, %v", c, err)
	}
	h.PXELoader, h.Interfaces = "Grub2 UEFI", nil
	if _, err = r.BootConfig(t.Context(), Subject{Host: h, Site: site}, shelf{t}); !errs.Is(err, errs.Invalid) {
		t.Errorf("no interface: %v", err)
	}
}

func TestGlobalConfig(t *testing.T) {
	r := newRenderer(t, nil)
	profiles := []map[string]string{{"name": "debian-12", "kernel": "boot/k", "initrd": "boot/i", "options": "quiet"}}
	site := exampleSite()
	site.Settings = map[string]any{"default_pxe_item_global": "debian-12"}
	got, err := r.GlobalConfig(t.Context(), PXELinux, site, profiles, shelf{t})
	if err != nil || !strings.Contains(got, "DEFAULT debian-12\n") || !strings.Contains(got, "APPEND initrd=boot/i quiet\n") {
		t.Errorf("%s, %v", got, err)
	}
}
