package provision

import (
	"context"

	"github.com/chargehand/chargehand/internal/errs"
)

// Templates finds the templates of hosts. NotFound when there is none.
type Templates interface {
	// ForHost is what Choose chose for a host.
	ForHost(ctx context.Context, h *Host, kind Kind) (Template, error)
	// Named is a template by its name.
	Named(ctx context.Context, name string) (Template, error)
}

// A BootConfig is what the TFTP proxy is to keep for a host.
type BootConfig struct {
	Kind   Kind
	MAC    string   // of the interface that the host boots from
	Text   string   // of the boot loader's file
	Prefix string   // of the boot files, while the host is in build
	Files  []string // URLs of the boot files
}

// BootConfig renders what a host's boot loader reads: the installer's template
// while it is in build, else the one that boots from disk. The settings that name
// the latter are those of the site. A host without a boot loader has an empty Kind.
func (r *Renderer) BootConfig(ctx context.Context, s Subject, templates Templates) (*BootConfig, error) {
	kind, install := BootKind(s.Host)
	if kind == "" {
		return &BootConfig{}, nil
	}
	nic := s.Host.ProvisionInterface()
	if nic == nil || nic.MAC == "" {
		return nil, errs.InvalidField("mac", "can't be blank")
	}
	c := &BootConfig{Kind: kind, MAC: nic.MAC}
	t, err := bootTemplate(ctx, s, kind, templates)
	if err != nil {
		return nil, err
	}
	if install {
		in, err := InstallationOf(s.Host)
		if err != nil {
			return nil, err
		}
		c.Prefix, c.Files = in.Prefix, in.BootFiles()
	}
	c.Text, err = r.Render(ctx, t, s)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func bootTemplate(ctx context.Context, s Subject, kind Kind, templates Templates) (Template, error) {
	if s.Host.Build {
		return templates.ForHost(ctx, s.Host, kind)
	}
	return templates.Named(ctx, LocalBootName(s.Host, kind, s.Site.setting(kind.LocalBoot())))
}

// GlobalConfig renders what boot loaders of a kind read on machines that are not
// known. Profiles are the entries of its menu, as the variable @profiles.
func (r *Renderer) GlobalConfig(ctx context.Context, kind Kind, site Site, profiles []map[string]string, templates Templates) (string, error) {
	name := site.setting(kind.Global())
	if name == "" {
		name = kind.DefaultGlobal()
	}
	t, err := templates.Named(ctx, name)
	if err != nil {
		return "", err
	}
	return r.Render(ctx, t, Subject{Site: site, Vars: map[string]any{"profiles": profiles}})
}

func (s Site) setting(name string) string {
	text, _ := s.Settings[name].(string)
	return text
}
