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
		return bootStep{proxies: proxies, render: boot, config: a.Config, was: a.Was}, nil
	})
	job.Register(r, kindNoBoot, func(a BootConfig) (job.Step, error) {
		return inverse{bootStep{proxies: proxies, render: boot, config: a}}, nil
	})
	job.Register(r, kindFetch, func(a BootFile) (job.Step, error) { return fetchStep{proxies, a}, nil })
	job.Register(r, kindAutosign, func(a Certificate) (job.Step, error) { return autosignStep{proxies, a}, nil })
	job.Register(r, kindNoAutosign, func(a Certificate) (job.Step, error) { return inverse{autosignStep{proxies, a}}, nil })
	job.Register(r, kindCleanCert, func(a Certificate) (job.Step, error) { return cleanStep{proxies, a}, nil })
}

// An opposite is a step that sets something and can look whether it is set.
type opposite interface {
	set(ctx context.Context) error
	unset(ctx context.Context) error
	isSet(ctx context.Context) (set, known bool, err error)
}

// A setting is the step that sets; an inverse the one that unsets.
type (
	setting struct{ opposite }
	inverse struct{ opposite }
)

func (s setting) Do(ctx context.Context) error   { return s.set(ctx) }
func (s setting) Undo(ctx context.Context) error { return s.unset(ctx) }
func (s setting) Check(ctx context.Context) (bool, error) {
	set, known, err := s.isSet(ctx)
	return known && set, err
}

func (s inverse) Do(ctx context.Context) error   { return s.unset(ctx) }
func (s inverse) Undo(ctx context.Context) error { return s.set(ctx) }
func (s inverse) Check(ctx context.Context) (bool, error) {
	set, known, err := s.isSet(ctx)
	return known && !set, err
}

func step(o opposite, remove bool) job.Step {
	if remove {
		return inverse{o}
	}
	return setting{o}
}

type recordStep struct {
	proxies Proxies
	url     string
	record  dns.Record
}

func recordStepOf(proxies Proxies, a Record, remove bool) (job.Step, error) {
	r := dns.Record{Name: a.Name, Type: dns.Type(a.Type), Value: a.Value}
	return step(recordStep{proxies: proxies, url: a.Proxy, record: r}, remove), nil
}

func (s recordStep) set(ctx context.Context) error {
	p, err := s.proxies.Proxy(s.url)
	if err != nil {
		return err
	}
	return errs.Wrap(p.DNS().Create(ctx, s.record), "create DNS record %s %s %s", s.record.Name, s.record.Type, s.record.Value)
}

func (s recordStep) unset(ctx context.Context) error {
	p, err := s.proxies.Proxy(s.url)
	if err != nil {
		return err
	}
	return errs.Wrap(p.DNS().Delete(ctx, s.record.Name, s.record.Type), "delete DNS record %s %s", s.record.Name, s.record.Type)
}

// isSet is not known: the Smart Proxy API cannot be asked for records. Creating
// and deleting are idempotent, so nothing depends on it.
func (s recordStep) isSet(context.Context) (set, known bool, err error) { return false, false, nil }

type reservationStep struct {
	proxies Proxies
	args    Reservation
	network netip.Prefix
	record  dhcp.Record
	related []mac.Addr
}

func reservationStepOf(proxies Proxies, a Reservation, remove bool) (job.Step, error) {
	network, err := netip.ParseAddr(a.Network)
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
	s := reservationStep{proxies: proxies, args: a, network: netip.PrefixFrom(network, network.BitLen())}
	s.record = dhcp.Record{Name: a.Name, MAC: m, IP: ip, Network: s.network, Hostname: a.Hostname, Filename: a.Filename}
	for _, text := range a.Related {
		r, err := mac.Parse(text)
		if err != nil {
			return nil, err
		}
		s.related = append(s.related, r)
	}
	return step(s, remove), nil
}

func (s reservationStep) set(ctx context.Context) error {
	p, err := s.proxies.Proxy(s.args.Proxy)
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
	p, err := s.proxies.Proxy(s.args.Proxy)
	if err != nil {
		return err
	}
	err = p.DHCP().Delete(ctx, s.network.Addr(), dhcp.Query{MAC: s.record.MAC})
	return errs.Wrap(err, "release %s of %s in DHCP", s.args.IP, s.args.MAC)
}

func (s reservationStep) isSet(ctx context.Context) (set, known bool, err error) {
	p, err := s.proxies.Proxy(s.args.Proxy)
	if err != nil {
		return false, false, err
	}
	records, err := p.DHCP().Records(ctx, s.network.Addr(), dhcp.Query{MAC: s.record.MAC})
	if err != nil {
		return false, false, errs.Wrap(err, "look for %s in DHCP", s.args.MAC)
	}
	reserved := slices.ContainsFunc(records, func(r dhcp.Record) bool { return r.Lease == nil })
	return false, !reserved, nil // an existing one is compared by the provider itself
}

type bootStep struct {
	proxies Proxies
	render  Boot
	config  BootConfig
	was     *BootConfig
}

func (s bootStep) Check(context.Context) (bool, error) { return false, nil }
func (s bootStep) Do(ctx context.Context) error        { return s.write(ctx, s.config) }

func (s bootStep) Undo(ctx context.Context) error {
	if s.was != nil {
		return s.write(ctx, *s.was)
	}
	return s.unset(ctx)
}

func (s bootStep) set(ctx context.Context) error { return s.write(ctx, s.config) }

func (s bootStep) isSet(context.Context) (set, known bool, err error) { return false, false, nil }

func (s bootStep) target() (Proxy, tftp.Variant, mac.Addr, error) {
	v, err := tftp.ParseVariant(s.config.Kind)
	if err != nil {
		return nil, "", mac.Addr{}, err
	}
	m, err := mac.Parse(s.config.MAC)
	if err != nil {
		return nil, "", mac.Addr{}, err
	}
	p, err := s.proxies.Proxy(s.config.Proxy)
	return p, v, m, err
}

func (s bootStep) write(ctx context.Context, c BootConfig) error {
	p, v, m, err := s.target()
	if err != nil {
		return err
	}
	text, err := s.render.Config(ctx, c.Host, c.Kind, c.Build)
	if err != nil {
		return errs.Wrap(err, "render %s configuration", c.Kind)
	}
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

func (s fetchStep) Check(context.Context) (bool, error) { return false, nil }
func (s fetchStep) Undo(context.Context) error          { return nil }
func (s fetchStep) Do(ctx context.Context) error {
	p, err := s.proxies.Proxy(s.file.Proxy)
	if err != nil {
		return err
	}
	return errs.Wrap(p.BootFiles().Fetch(ctx, s.file.Prefix, s.file.URL), "fetch boot file %s", s.file.URL)
}

type autosignStep struct {
	proxies Proxies
	cert    Certificate
}

func (s autosignStep) Check(ctx context.Context) (bool, error) { return setting{s}.Check(ctx) }
func (s autosignStep) Do(ctx context.Context) error            { return s.set(ctx) }
func (s autosignStep) Undo(ctx context.Context) error          { return s.unset(ctx) }

func (s autosignStep) set(ctx context.Context) error {
	p, err := s.proxies.Proxy(s.cert.Proxy)
	if err != nil {
		return err
	}
	_, err = p.Autosign().Add(ctx, s.cert.Certname, autosignTTL)
	return errs.Wrap(err, "let %s be signed", s.cert.Certname)
}

func (s autosignStep) unset(ctx context.Context) error {
	p, err := s.proxies.Proxy(s.cert.Proxy)
	if err != nil {
		return err
	}
	_, err = p.Autosign().Remove(ctx, s.cert.Certname)
	return errs.Wrap(err, "stop signing %s", s.cert.Certname)
}

// isSet answers "no" at most: an entry that is there may be about to end.
func (s autosignStep) isSet(ctx context.Context) (set, known bool, err error) {
	p, err := s.proxies.Proxy(s.cert.Proxy)
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

func (s cleanStep) Check(context.Context) (bool, error) { return false, nil }
func (s cleanStep) Undo(context.Context) error          { return nil }
func (s cleanStep) Do(ctx context.Context) error {
	p, err := s.proxies.Proxy(s.cert.Proxy)
	if err != nil {
		return err
	}
	return errs.Wrap(p.PuppetCA().Clean(ctx, s.cert.Certname), "clean certificate %s", s.cert.Certname)
}
