// Package settings reads the configuration directory of a Smart Proxy
// (/etc/foreman-proxy), so that a Chargehand proxy can take its place. It says of
// each key whether it was understood, has no meaning here, or cannot be honoured.
//
// It imports the standard library, internal/bounded and internal/errs.
package settings

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
)

// maxFile bounds each file.
const maxFile = 1 << 20

// Enabled says on which listeners a feature is; the zero value is off.
type Enabled struct{ HTTP, HTTPS bool }

// On reports whether the feature is on at all.
func (e Enabled) On() bool { return e.HTTP || e.HTTPS }

// Settings are what a Smart Proxy was told, with its defaults where it was not.
type Settings struct {
	BindHost      []string
	HTTPPort      int // 0: no plain listener
	HTTPSPort     int
	TLS           Identity
	TrustedHosts  []string // nil: every verified client; empty: nobody
	ForwardVerify bool

	ForemanURL string
	Foreman    Identity // towards core

	LogLevel        string
	LogBuffer       int
	LogBufferErrors int

	DNS          DNS
	DHCP         DHCP
	TFTP         TFTP
	PuppetCA     PuppetCA
	Templates    Templates
	Registration Registration
	Logs         Enabled
}

// An Identity is a certificate, its key, and who is trusted; all are file names.
type Identity struct{ CA, Certificate, Key string }

// DNS is dns.yml with dns_nsupdate.yml.
type DNS struct {
	Enabled
	Provider string
	TTL      int // seconds
	Server   string
	KeyFile  string
}

// DHCP is dhcp.yml with dhcp_isc.yml.
type DHCP struct {
	Enabled
	Provider   string
	Server     string
	Subnets    []string
	PingFreeIP bool
	Config     string
	Leases     string
	OMAPIPort  int
	KeyName    string
	KeySecret  string
}

// TFTP is tftp.yml.
type TFTP struct {
	Enabled
	Root             string
	ServerName       string
	ConnectTimeout   int // seconds
	VerifyServerCert bool
}

// PuppetCA is puppetca.yml with its providers' files.
type PuppetCA struct {
	Enabled
	Providers    []string
	URL          string
	TLS          Identity
	AutosignFile string
	TokensFile   string
	TokenTTL     int // minutes
}

// Templates is templates.yml.
type Templates struct {
	Enabled
	URL string
}

// Registration is registration.yml.
type Registration struct {
	Enabled
	URL string
}

// A Finding is what became of a key; Key is empty when it is about a whole file.
// Values are never shown: they may be secrets.
type Finding struct {
	File, Key, Reason string
}

// A Result is what was read and what is to be said about it, by file and key.
type Result struct {
	Settings   Settings
	Understood []Finding
	Ignored    []Finding // without meaning or effect here
	Refused    []Finding // meant something that is not honoured; look at each
}

// Read reads a configuration directory: settings.yml and settings.d. NotFound
// when there is no settings.yml; a file that cannot be read at all is Malformed.
func Read(dir fs.FS) (*Result, error) {
	s := defaults()
	r := &reader{result: &Result{}, fields: s.fields(), seen: map[string]bool{}}
	if err := r.file(dir, "settings.yml"); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(dir, "settings.d")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errs.WrapAs(errs.Malformed, err, "read settings.d")
	}
	for _, e := range entries {
		if path.Ext(e.Name()) != ".yml" {
			continue
		}
		if err := r.file(dir, "settings.d/"+e.Name()); err != nil {
			return nil, err
		}
	}
	r.result.Settings = *s
	r.judge()
	for _, list := range [][]Finding{r.result.Understood, r.result.Ignored, r.result.Refused} {
		slices.SortFunc(list, func(a, b Finding) int {
			return strings.Compare(a.File+"\x00"+a.Key, b.File+"\x00"+b.Key)
		})
	}
	return r.result, nil
}

type reader struct {
	result *Result
	fields map[string]field // by "file key"
	seen   map[string]bool
}

// file reads one file of symbol keys.
func (r *reader) file(dir fs.FS, name string) error {
	f, err := dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return errs.New(errs.NotFound, "there is no %s", name)
	}
	if err != nil {
		return errs.WrapAs(errs.Malformed, err, "open %s", name)
	}
	defer f.Close()
	data, err := bounded.ReadAll(f, maxFile)
	if err != nil {
		return errs.WrapAs(errs.Malformed, err, "read %s", name)
	}
	keys := map[string]any{}
	if err := bounded.YAML(data, &keys); err != nil {
		return errs.WrapAs(errs.Malformed, err, "%s is not a file of settings", name)
	}
	base := path.Base(name)
	for key, value := range keys {
		r.key(base, key, value)
	}
	return nil
}

// key takes one key in. Only keys that are symbols count in a Smart Proxy.
func (r *reader) key(file, key string, value any) {
	plain, isSymbol := strings.CutPrefix(key, ":")
	refuse := func(reason string) { r.result.Refused = append(r.result.Refused, Finding{file, plain, reason}) }
	if !isSymbol {
		refuse("is written without its leading colon, so that Smart Proxy does not see it")
		return
	}
	if why, ok := ignored[file+" "+plain]; ok {
		r.result.Ignored = append(r.result.Ignored, Finding{file, plain, why})
		return
	}
	if module := strings.TrimSuffix(file, ".yml"); elsewhere[module] {
		if plain == "enabled" && enabled(value).On() {
			refuse("the feature is not served here")
			return
		}
		r.result.Ignored = append(r.result.Ignored, Finding{file, plain, "of a feature or provider that is not served here"})
		return
	}
	f, ok := r.fields[file+" "+plain]
	if !ok {
		refuse("is not known")
		return
	}
	if value == nil {
		r.result.Ignored = append(r.result.Ignored, Finding{file, plain, "is empty; the default holds"})
		return
	}
	if err := f(value); err != "" {
		refuse(err)
		return
	}
	r.seen[file+" "+plain] = true
	r.result.Understood = append(r.result.Understood, Finding{File: file, Key: plain})
}

// judge refuses what was read well and cannot be done.
func (r *reader) judge() {
	s := &r.result.Settings
	refuse := func(on bool, file, key, reason string) {
		if on {
			r.result.Refused = append(r.result.Refused, Finding{file, key, reason})
		}
	}
	refuse(s.DNS.On() && s.DNS.Provider != "dns_nsupdate", "dns.yml", "use_provider", "only dns_nsupdate is taken over")
	refuse(s.DHCP.On() && s.DHCP.Provider != "dhcp_isc", "dhcp.yml", "use_provider", "only dhcp_isc is understood")
	refuse(s.Templates.On() && s.Templates.URL == "", "templates.yml", "template_url", "must be set")
	refuse(s.PuppetCA.On() && s.PuppetCA.URL == "", "puppetca_http_api.yml", "puppet_url", "must be set")
	refuse(s.HTTPPort == 0 && (s.TLS == Identity{} || s.TLS.Certificate == "" || s.TLS.Key == "" || s.TLS.CA == ""),
		"settings.yml", "", "names neither a plain port nor a whole TLS identity, so that Smart Proxy would not start")
	for _, p := range s.PuppetCA.Providers {
		known := p == "puppetca_hostname_whitelisting" || p == "puppetca_token_whitelisting" || p == "puppetca_http_api"
		refuse(s.PuppetCA.On() && !known, "puppetca.yml", "use_provider", "names an unknown provider")
	}
	for i, name := range s.TrustedHosts {
		if lower := strings.ToLower(name); lower != name {
			refuse(true, "settings.yml", "trusted_hosts", "holds a name in capitals, which never matched; it is taken in lower case now")
			s.TrustedHosts[i] = lower
		}
	}
	for _, id := range []struct{ own, from *string }{
		{&s.Foreman.CA, &s.TLS.CA}, {&s.Foreman.Certificate, &s.TLS.Certificate}, {&s.Foreman.Key, &s.TLS.Key},
	} {
		if *id.own == "" {
			*id.own = *id.from
		}
	}
}
