package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chargehand/chargehand/app"
	"github.com/chargehand/chargehand/cmd/chargehand/machine"
	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/errs"
)

// demoCmd runs a whole site on loopback and takes a simulated machine through it.
type demoCmd struct {
	DataDir string `placeholder:"DIR" help:"Keep the data here; a temporary folder that is removed at the end when not given."`
	Once    bool   `help:"Stop after the machine's first report, instead of staying up for the browser."`
	Verbose bool   `short:"v" help:"Show what was exchanged in each step, and the server's log."`
}

const (
	demoName     = "foreman.demo.test"
	demoPassword = "changeme"
	demoTimeout  = 3 * time.Minute
)

func (c *demoCmd) Run(ctx context.Context, term *terminal) error {
	dir := c.DataDir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "chargehand-demo-"); err != nil {
			return errs.WrapAs(errs.Unavailable, err, "make a temporary folder")
		}
		defer func() { _ = os.RemoveAll(dir) }()
	}
	conf, err := c.config(dir)
	if err != nil {
		return err
	}
	if err := app.WriteDemoCode(conf.Puppet.CodeDir); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(term.stdout, "Starting a site on loopback: core, smart proxy (DNS, DHCP, TFTP), Puppet server with its CA, PuppetDB.")
	a, err := app.New(ctx, app.Options{
		Config: conf, Version: version, Log: logger(conf, term.stderr), Stderr: quietUnless(c.Verbose, term), AdminPassword: demoPassword,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	err = c.provision(ctx, a, term)
	if err == nil && !c.Once {
		c.invite(a, term)
		select {
		case <-ctx.Done():
		case err = <-ended:
			return err
		}
	}
	stop()
	if rerr := <-ended; err == nil {
		err = rerr
	}
	return err
}

func (c *demoCmd) config(dir string) (*config.Config, error) {
	level := "error"
	if c.Verbose {
		level = "info"
	}
	loopback := []string{
		"web.http", "web.https", "proxy.https", "proxy.http", "puppet.https", "puppetdb.https", "puppetdb.http", "dns.listen", "dhcp.listen", "tftp.listen",
	}
	set := []string{
		"fqdn=" + demoName, "dns.zones=demo.test", "log.level=" + level, "tftp.server=127.0.0.1",
		"puppet.code_dir=" + filepath.Join(dir, "code"),
	}
	if cache, err := os.UserCacheDir(); err == nil {
		set = append(set, "cache_dir="+filepath.Join(cache, "chargehand"))
	}
	for _, key := range loopback {
		set = append(set, key+"=127.0.0.1:0")
	}
	return config.Load(config.Sources{File: os.DevNull, DataDir: filepath.Join(dir, "data"), Set: set})
}

// quietUnless drops the server's own line for people; the demo tells more.
func quietUnless(verbose bool, term *terminal) writer {
	if verbose {
		return term.stderr
	}
	return discard{}
}

type writer interface{ Write(p []byte) (int, error) }

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// provision creates what the machine needs, then switches it on.
func (c *demoCmd) provision(ctx context.Context, a *app.App, term *terminal) error {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	if err := a.WaitReady(ctx); err != nil {
		return err
	}
	mac := net.HardwareAddr{0x52, 0x54, 0x00, 0xde, 0x30, 0x01}
	host, err := a.CreateDemoHost(ctx, mac.String())
	if err != nil {
		return errs.Wrap(err, "create the demo's host")
	}
	_, _ = fmt.Fprintf(term.stdout, "Created host %s (%s, MAC %s): its DNS records, DHCP reservation, boot files and autosign entry are in place.\n\n", host.Name, host.IP, host.MAC)
	if err := a.WaitBootFiles(ctx, host); err != nil {
		return err
	}
	m, err := c.machine(a, mac, host.Name, term)
	if err != nil {
		return err
	}
	return m.Provision(ctx)
}

func (c *demoCmd) machine(a *app.App, mac net.HardwareAddr, certname string, term *terminal) (*machine.Machine, error) {
	at := a.Endpoints()
	dhcp, err := netip.ParseAddrPort(at["dhcp.listen"])
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "DHCP endpoint")
	}
	tftp, err := netip.ParseAddrPort(at["tftp.listen"])
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "TFTP endpoint")
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.CACertificate())
	hosts := map[string]string{}
	for key, addr := range at {
		if strings.HasPrefix(key, "web.") || strings.HasPrefix(key, "proxy.") || strings.HasPrefix(key, "puppet.") {
			_, port, err := net.SplitHostPort(addr)
			if err == nil {
				hosts[net.JoinHostPort(demoName, port)] = addr
			}
		}
	}
	return machine.New(machine.Config{
		MAC: mac, DHCP: dhcp, TFTP: tftp, Hosts: hosts, Web: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		Puppet: at["puppet.https"], Certname: certname, Wait: 200 * time.Millisecond,
		Report: func(s machine.Step) { c.narrate(s, term) },
	})
}

func (c *demoCmd) narrate(s machine.Step, term *terminal) {
	_, _ = fmt.Fprintf(term.stdout, "%2d. %s (%s)\n", s.N, s.Text, s.Took.Round(time.Millisecond/10))
	if !c.Verbose {
		return
	}
	for _, line := range s.Detail {
		_, _ = fmt.Fprintf(term.stdout, "      %s\n", line)
	}
}

func (c *demoCmd) invite(a *app.App, term *terminal) {
	_, _ = fmt.Fprintf(term.stdout, "\nThe machine is installed, configured and has reported. Look at it:\n  https://%s/hosts/web01.demo.test\n  user admin, password %s\n  (the certificate is of the demo's own CA: your browser will ask)\nStop with Ctrl-C; nothing is left behind.\n", a.Endpoints()["web.https"], demoPassword)
}
