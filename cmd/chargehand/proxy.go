package main

import (
	"fmt"
	"os"

	"github.com/chargehand/chargehand/app"
	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
)

// maxKeyFile bounds a file that a Smart Proxy's configuration names, in bytes.
const maxKeyFile = 64 << 10

// proxyCmd works on smart proxies.
type proxyCmd struct {
	Import proxyImportCmd `cmd:"" help:"Print the configuration that takes the place of a Smart Proxy's."`
}

type proxyImportCmd struct {
	Dir string `arg:"" help:"The Smart Proxy's configuration, such as /etc/foreman-proxy: settings.yml and settings.d."`
}

// Run prints a configuration file to stdout and what it could not carry over to
// stderr.
func (c *proxyImportCmd) Run(term *terminal) error {
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return errs.WrapAs(errs.NotFound, err, "open %s", c.Dir)
	}
	defer func() { _ = root.Close() }()
	found, err := app.ImportSmartProxy(root.FS(), readKeyFile)
	if err != nil {
		return errs.Wrap(err, "%s", c.Dir)
	}
	for _, w := range found.Warnings {
		place := w.File
		if w.Key != "" {
			place += ": " + w.Key
		}
		if _, err := fmt.Fprintf(term.stderr, "chargehand: warning: %s: %s\n", place, w.Reason); err != nil {
			return errs.WrapAs(errs.Unavailable, err, "write")
		}
	}
	_, err = term.stdout.Write(found.YAML)
	return errs.WrapAs(errs.Unavailable, err, "write")
}

func readKeyFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return bounded.ReadAll(f, maxKeyFile)
}
