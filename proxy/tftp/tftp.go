// Package tftp is the TFTP feature of the Smart Proxy: boot loader
// configuration by MAC address, default menus, and boot files fetched from
// installation media.
//
// It is pure and imports only the standard library, internal/errs and
// proxy/mac. Providers and the boot-file fetcher are its sub-packages.
package tftp

import (
	"context"

	"github.com/chargehand/chargehand/proxy/mac"
)

// A Provider keeps boot loader configuration where a TFTP server finds it. All
// methods are safe for concurrent use, change files atomically (a client sees
// the old content or the new one) and durably before they return nil, and may be
// retried. The names of the files are Variant.Files and Variant.DefaultFiles.
//
// Errors: NotFound from Get; Unavailable when storage is full or failing, after
// which some of the files may have been written.
type Provider interface {
	// Set writes every file of the variant for m, replacing what was there.
	Set(ctx context.Context, v Variant, m mac.Addr, config []byte) error

	// Get reads the first file of the variant; the slice is the caller's.
	Get(ctx context.Context, v Variant, m mac.Addr) ([]byte, error)

	// Delete removes every file of the variant for m; absent ones are no error.
	Delete(ctx context.Context, v Variant, m mac.Addr) error

	// SetDefault writes the menu that machines without own files get.
	SetDefault(ctx context.Context, v Variant, menu []byte) error
}

// A Fetcher brings boot files (kernels, initial RAM disks) from installation
// media under the TFTP root.
type Fetcher interface {
	// Fetch accepts a download of src to BootFile(prefix, src) and returns
	// before it is done. Repeating it while one is under way does nothing;
	// repeating it later downloads only what is newer. Malformed: the URL or
	// prefix cannot be read, or leads out of the root.
	Fetch(ctx context.Context, prefix, src string) error
}
