// Package files is the TFTP provider over a directory: boot loader configuration
// where Chargehand's own TFTP server, or any other, finds it.
//
// It imports the TFTP feature, proxy/mac, internal/errs and internal/rootfs; the wiring alone
// imports it.
package files

import (
	"context"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/tftp"
)

const (
	// maxConfig bounds what Get reads; nobody writes a menu of this size.
	maxConfig = 4 << 20
	perm      = 0o644 // a foreign TFTP server runs as a user of its own
)

// A Provider writes files below a root.
type Provider struct{ root *rootfs.Root }

// New makes a provider; the root stays the caller's to close.
func New(root *rootfs.Root) *Provider { return &Provider{root} }

var _ tftp.Provider = (*Provider)(nil)

// Set implements tftp.Provider.
func (p *Provider) Set(ctx context.Context, v tftp.Variant, m mac.Addr, config []byte) error {
	return p.write(ctx, v.Files(m), config)
}

// SetDefault implements tftp.Provider.
func (p *Provider) SetDefault(ctx context.Context, v tftp.Variant, menu []byte) error {
	return p.write(ctx, v.DefaultFiles(), menu)
}

func (p *Provider) write(ctx context.Context, names []string, content []byte) error {
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return errs.WrapAs(errs.Unavailable, err, "write %s", name)
		}
		if err := p.root.WriteFile(name, content, perm); err != nil {
			return errs.Wrap(err, "write %s", name)
		}
	}
	return nil
}

// Get implements tftp.Provider.
func (p *Provider) Get(_ context.Context, v tftp.Variant, m mac.Addr) ([]byte, error) {
	return p.root.ReadFile(v.Files(m)[0], maxConfig)
}

// Delete implements tftp.Provider.
func (p *Provider) Delete(_ context.Context, v tftp.Variant, m mac.Addr) error {
	for _, name := range v.Files(m) {
		if err := p.root.Remove(name); err != nil {
			return errs.Wrap(err, "remove %s", name)
		}
	}
	return nil
}
