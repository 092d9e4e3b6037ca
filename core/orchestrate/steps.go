package orchestrate

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/dns"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/puppetca"
	"github.com/chargehand/chargehand/proxy/tftp"
)

// A Proxy is one Smart Proxy: its features over whatever wire.
type Proxy interface {
	DNS() dns.Provider
	DHCP() dhcp.Provider
	TFTP() tftp.Provider
	BootFiles() tftp.Fetcher
	PuppetCA() puppetca.CA
	Autosign() puppetca.Autosigner
	// TFTPServerName is the boot server's name or address that the proxy hands
	// out; empty when it leaves that to the caller.
	TFTPServerName(ctx context.Context) (string, error)
}

// Proxies finds proxies by the URL that they are registered under.
type Proxies interface {
	Proxy(url string) (Proxy, error)
}

// Boot renders boot loader configurations.
type Boot interface {
	// Config renders the host's configuration of a kind, for the installation
	// or (!build) for booting from disk. It reads the host's rows afresh.
	Config(ctx context.Context, host int64, kind string, build bool) (string, error)
}

// autosignTTL bounds how long a machine that is being built may send its request.
const autosignTTL = 24 * time.Hour

// Register adds the step kinds that touch Smart Proxies.
func Register(r *job.Registry, proxies Proxies, boot Boot) {
	job.Register(r, kindRecord, func(a Record) (job.Step, error) { return recordStepOf(proxies, a, false) })
	job.Register(r, kindNoRecord, func(a Record) (job.Step, error) { return recordStepOf(proxies, a, true) })
	job.Register(r, kindReserve, func(a Reservation) (job.Step, error) { return reservationStepOf(proxies, a, false) })
	job.Register(r, kindRelease, func(a Reservation) (job.Step, error) { return reservationStepOf(proxies, a, true) })
	job.Register(r, kindBoot, func(a bootChange) (job.Step, error) {
		return setting{bootStep{proxies: proxies, render: boot, config: a.Config}, a.Keep}, nil
	})
	job.Register(r, kindKeepBoot, func(a BootConfig) (job.Step, error) {
		return keepStep{bootStep{proxies: proxies, render: boot, config: a}}, nil
	})
	job.Register(r, kindNoBoot, func(a BootConfig) (job.Step, error) {
		return noBootStep{bootStep{proxies: proxies, render: boot, config: a}}, nil
	})
	job.Register(r, kindFetch, func(a BootFile) (job.Step, error) { return fetchStep{proxies, a}, nil })
	job.Register(r, kindAutosign, func(a Certificate) (job.Step, error) { return setting{autosignStep{proxies, a}, false}, nil })
	job.Register(r, kindNoAutosign, func(a Certificate) (job.Step, error) { return inverse{autosignStep{proxies, a}}, nil })
	job.Register(r, kindCleanCert, func(a Certificate) (job.Step, error) { return cleanStep{proxies, a}, nil })
}

type recordStep struct {
	proxies Proxies
	url     string
	record  dns.Record
}

func recordStepOf(proxies Proxies, a Record, remove bool) (job.Step, error) {
	r := dns.Record{Name: a.Name, Type: dns.Type(a.Type), Value: a.Value}
	return step(recordStep{proxies: proxies, url: a.Proxy, record: r}, remove, a.Keep), nil
}

func (s recordStep) set(ctx context.Context) error {
	p, err := s.proxy()
	if err != nil {
		return err
	}
	return errs.Wrap(p.DNS().Create(ctx, s.record), "create DNS record %s %s %s", s.record.Name, s.record.Type, s.record.Value)
}

func (s recordStep) unset(ctx context.Context) error {
	p, err := s.proxy()
	if err != nil {
		return err
	}
	return errs.Wrap(p.DNS().Delete(ctx, s.record.Name, s.record.Type), "delete DNS record %s %s", s.record.Name, s.record.Type)
}

// withdraw takes the record back. The Smart Proxy API cannot be asked for
// records, but it refuses to create one where another's is: that one stays.
func (s recordStep) withdraw(ctx context.Context) error {
	err := s.set(ctx)
	if refused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.unset(ctx)
}

// isSet is not known. Creating and deleting are idempotent, so nothing depends on it.
func (s recordStep) isSet(context.Context) (set, known bool, err error) { return false, false, nil }

func (s recordStep) proxy() (Proxy, error) { return s.proxies.Proxy(s.url) }

type reservationStep struct {
	proxies Proxies
	args    Reservation
	record  dhcp.Record
	related []mac.Addr
}

func reservationStepOf(proxies Proxies, a Reservation, remove bool) (job.Step, error) {
	network, err := netip.ParsePrefix(a.Network)
	if err != nil {
		return nil, errs.WrapAs(errs.Invalid, err, "network of the reservation")
	}
	ip, err := netip.ParseAddr(a.IP)
	if err != nil {
		return nil, errs.WrapAs(errs.Invalid, err, "address of the reservation")
	}
	m, err := mac.Parse(a.MAC)
	if err != nil {
		return nil, err
	}
	s := reservationStep{proxies: proxies, args: a}
	s.record = dhcp.Record{Name: a.Name, MAC: m, IP: ip, Network: network, Hostname: a.Hostname, Filename: a.Filename}
	for _, text := range a.Related {
		r, err := mac.Parse(text)
		if err != nil {
			return nil, err
		}
		s.related = append(s.related, r)
	}
	return step(s, remove, a.Keep), nil
}

func (s reservationStep) set(ctx context.Context) error {
	p, err := s.proxy()
	if err != nil {
		return err
	}
	r := s.record
	if r.NextServer, err = s.nextServer(ctx); err != nil {
		return err
	}
	return errs.Wrap(p.DHCP().Create(ctx, r, s.related), "reserve %s for %s in DHCP", s.args.IP, s.args.MAC)
}

// nextServer asks the TFTP proxy for its boot server, else takes the proxy's host.
func (s reservationStep) nextServer(ctx context.Context) (string, error) {
	if s.args.Boot == "" {
		return "", nil
	}
	boot, err := s.proxies.Proxy(s.args.Boot)
	if err != nil {
		return "", err
	}
	name, err := boot.TFTPServerName(ctx)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", errs.Wrap(err, "ask for the boot server's name")
	}
	if name != "" {
		return name, nil
	}
	u, err := url.Parse(s.args.Boot)
	if err != nil {
		return "", errs.WrapAs(errs.Invalid, err, "URL of the TFTP proxy")
	}
	return u.Hostname(), nil
}

func (s reservationStep) unset(ctx context.Context) error {
	p, err := s.proxy()
	if err != nil {
		return err
	}
	err = p.DHCP().Delete(ctx, s.record.Network.Addr(), dhcp.Query{MAC: s.record.MAC})
	return errs.Wrap(err, "release %s of %s in DHCP", s.args.IP, s.args.MAC)
}

// withdraw takes the reservation back if it is this one: where another host's
// was in the way, that one stays.
func (s reservationStep) withdraw(ctx context.Context) error {
	found, err := s.reservations(ctx)
	if err != nil {
		return err
	}
	own := func(r dhcp.Record) bool { return r.IP == s.record.IP && r.Name == s.record.Name }
	if !slices.ContainsFunc(found, own) {
		return nil
	}
	return s.unset(ctx)
}

// isSet answers "no" at most: an existing one is compared by the provider itself.
func (s reservationStep) isSet(ctx context.Context) (set, known bool, err error) {
	found, err := s.reservations(ctx)
	return false, err == nil && len(found) == 0, err
}

// reservations are those of the hardware address.
func (s reservationStep) reservations(ctx context.Context) ([]dhcp.Record, error) {
	p, err := s.proxy()
	if err != nil {
		return nil, err
	}
	found, err := p.DHCP().Records(ctx, s.record.Network.Addr(), dhcp.Query{MAC: s.record.MAC})
	found = slices.DeleteFunc(found, func(r dhcp.Record) bool { return r.Lease != nil })
	return found, errs.Wrap(err, "look for %s in DHCP", s.args.MAC)
}

func (s reservationStep) proxy() (Proxy, error) { return s.proxies.Proxy(s.args.Proxy) }

type bootStep struct {
	proxies Proxies
	render  Boot
	config  BootConfig
}

func (s bootStep) withdraw(ctx context.Context) error { return s.unset(ctx) }

func (s bootStep) isSet(context.Context) (set, known bool, err error) { return false, false, nil }

func (s bootStep) proxy() (Proxy, error) { return s.proxies.Proxy(s.config.Proxy) }

// keepStep does nothing and sets a configuration again on the way back. It
// begins before the rows change, so it comes back after them.
type keepStep struct{ bootStep }

func (s keepStep) Check(context.Context) (bool, error) { return false, nil }
func (s keepStep) Do(context.Context) error            { return nil }
func (s keepStep) Undo(ctx context.Context) error      { return takenBack(ctx, s, s.set(ctx)) }

// noBootStep removes a configuration; a keepStep sets it on the way back.
type noBootStep struct{ bootStep }

func (s noBootStep) Check(ctx context.Context) (bool, error) { return false, reach(ctx, s) }
func (s noBootStep) Do(ctx context.Context) error            { return s.unset(ctx) }
func (s noBootStep) Undo(context.Context) error              { return nil }

func (s bootStep) target() (Proxy, tftp.Variant, mac.Addr, error) {
	v, err := tftp.ParseVariant(s.config.Kind)
	if err != nil {
		return nil, "", mac.Addr{}, err
	}
	m, err := mac.Parse(s.config.MAC)
	if err != nil {
		return nil, "", mac.Addr{}, err
	}
	p, err := s.proxy()
	return p, v, m, err
}

func (s bootStep) set(ctx context.Context) error {
	c := s.config
	p, v, m, err := s.target()
	if err != nil {
		return err
	}
	rendering, cancel := context.WithTimeout(ctx, renderTime)
	defer cancel()
	text, err := s.render.Config(rendering, c.Host, c.Kind, c.Build)
	if err != nil {
		return errs.Wrap(err, "render %s configuration", c.Kind)
	}
	ctx, cancel = context.WithTimeout(ctx, attemptTime)
	defer cancel()
	return errs.Wrap(p.TFTP().Set(ctx, v, m, []byte(text)), "write %s configuration for %s", c.Kind, c.MAC)
}

func (s bootStep) unset(ctx context.Context) error {
	p, v, m, err := s.target()
	if err != nil {
		return err
	}
	return errs.Wrap(p.TFTP().Delete(ctx, v, m), "remove %s configuration for %s", s.config.Kind, s.config.MAC)
}

// fetchStep asks for a boot file; there is nothing to take back, files are
// shared by all hosts of a release.
type fetchStep struct {
	proxies Proxies
	file    BootFile
}

func (s fetchStep) Check(ctx context.Context) (bool, error) { return false, reach(ctx, s) }
func (s fetchStep) Undo(context.Context) error              { return nil }
func (s fetchStep) proxy() (Proxy, error)                   { return s.proxies.Proxy(s.file.Proxy) }
func (s fetchStep) Do(ctx context.Context) error {
	p, err := s.proxy()
	if err != nil {
		return err
	}
	return errs.Wrap(p.BootFiles().Fetch(ctx, s.file.Prefix, s.file.URL), "fetch boot file %s", s.file.URL)
}

type autosignStep struct {
	proxies Proxies
	cert    Certificate
}

func (s autosignStep) proxy() (Proxy, error)              { return s.proxies.Proxy(s.cert.Proxy) }
func (s autosignStep) withdraw(ctx context.Context) error { return s.unset(ctx) }

func (s autosignStep) set(ctx context.Context) error {
	p, err := s.proxy()
	if err != nil {
		return err
	}
	_, err = p.Autosign().Add(ctx, s.cert.Certname, autosignTTL)
	return errs.Wrap(err, "let %s be signed", s.cert.Certname)
}

func (s autosignStep) unset(ctx context.Context) error {
	p, err := s.proxy()
	if err != nil {
		return err
	}
	_, err = p.Autosign().Remove(ctx, s.cert.Certname)
	return errs.Wrap(err, "stop signing %s", s.cert.Certname)
}

// isSet answers "no" at most: an entry that is there may be about to end.
func (s autosignStep) isSet(ctx context.Context) (set, known bool, err error) {
	p, err := s.proxy()
	if err != nil {
		return false, false, err
	}
	names, err := p.Autosign().List(ctx)
	if err != nil {
		return false, false, errs.Wrap(err, "list autosigned names")
	}
	return false, !slices.Contains(names, s.cert.Certname), nil
}

// cleanStep revokes; a revocation cannot be taken back, and need not: the
// machine that is installed next has a new key.
type cleanStep struct {
	proxies Proxies
	cert    Certificate
}

func (s cleanStep) Check(ctx context.Context) (bool, error) { return false, reach(ctx, s) }
func (s cleanStep) Undo(context.Context) error              { return nil }
func (s cleanStep) proxy() (Proxy, error)                   { return s.proxies.Proxy(s.cert.Proxy) }
func (s cleanStep) Do(ctx context.Context) error {
	p, err := s.proxy()
	if err != nil {
		return err
	}
	return errs.Wrap(p.PuppetCA().Clean(ctx, s.cert.Certname), "clean certificate %s", s.cert.Certname)
}
