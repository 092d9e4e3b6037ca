package app

import (
	"context"
	"time"

	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/proxy/puppetca"
	"github.com/chargehand/chargehand/proxy/puppetca/autosignfile"
	puppetcahttp "github.com/chargehand/chargehand/proxy/puppetca/http"
	"github.com/chargehand/chargehand/proxy/puppetca/local"
	"github.com/chargehand/chargehand/proxy/puppetca/tokens"
	"github.com/chargehand/chargehand/proxy/server"
)

// addPuppetCA offers the CA at puppetca.url, else the one of this process.
func addPuppetCA(_ context.Context, a *App, opts *server.Options) error {
	if a.Config.PuppetCA.URL != "" {
		return addRemoteCA(a, opts)
	}
	if a.ca == nil {
		return nil
	}
	opts.PuppetCA = &server.PuppetCA{
		Module: server.Module{UseProvider: "puppetca_builtin"},
		CA:     local.CA{CA: a.ca, Clock: clock.System}, Autosign: local.Autosign{CA: a.ca, Clock: clock.System},
		PuppetURL: a.url("https", "puppet.https"),
	}
	return nil
}

// addRemoteCA works on a CA over its HTTP API, as a Smart Proxy does.
func addRemoteCA(a *App, opts *server.Options) error {
	identity, err := a.caIdentity()
	if err != nil {
		return err
	}
	client := fetch.New(fetch.Options{TLS: tlsconf.Client(identity), Timeout: time.Minute, KeepAlive: 4})
	ca, err := puppetcahttp.New(a.Config.PuppetCA.URL, client, clock.System)
	if err != nil {
		return errs.Wrap(err, "puppetca.url")
	}
	autosign, provider, err := a.autosigner()
	if err != nil {
		return errs.Wrap(err, "puppetca.autosign")
	}
	opts.PuppetCA = &server.PuppetCA{
		Module: server.Module{UseProvider: provider}, CA: ca, Autosign: autosign, PuppetURL: a.Config.PuppetCA.URL,
	}
	return nil
}

// caIdentity is the certificate that the CA lets administer it: of files, or the
// process's own.
func (a *App) caIdentity() (tlsconf.Source, error) {
	c := a.Config.PuppetCA
	if c.Certificate == "" {
		return a.identity, nil
	}
	source := tlsconf.Files(tlsconf.Paths{Certificate: c.Certificate, Key: c.PrivateKey, CA: c.CA}, a.Log)
	if _, err := source.Material(); err != nil {
		return nil, errs.WrapAs(errs.Malformed, err, "puppetca.certificate, puppetca.private_key and puppetca.ca")
	}
	return source, nil
}

// autosigner is the provider that puppetca.autosign asks for, and its name as
// other Smart Proxies have it.
func (a *App) autosigner() (puppetca.Autosigner, string, error) {
	c := a.Config.PuppetCA
	if c.Autosign == config.Tokens {
		store, err := tokens.Open(a.path("puppetca", "tokens.json"), c.TokenTTL, clock.System)
		if err != nil {
			return nil, "", err
		}
		a.onClose(store.Close)
		return store, "puppetca_token_whitelisting", nil
	}
	file, err := autosignfile.Open(c.Autosign)
	if err != nil {
		return nil, "", err
	}
	a.onClose(file.Close)
	return file, "puppetca_hostname_whitelisting", nil
}
