package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/app"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
)

// caCmd is the certificate authority at the command line, with the words of
// `puppetserver ca`. All of it works beside a running server.
type caCmd struct {
	Setup    caSetupCmd    `cmd:"" help:"Make the CA and this server's certificate; the first start does it too."`
	Import   caImportCmd   `cmd:"" help:"Take over the CA of a Puppet Server."`
	List     caListCmd     `cmd:"" help:"List waiting requests, or all certificates."`
	Sign     caSignCmd     `cmd:"" help:"Sign waiting requests."`
	Revoke   caRevokeCmd   `cmd:"" help:"Revoke certificates."`
	Clean    caCleanCmd    `cmd:"" help:"Revoke and remove certificates, remove requests."`
	Generate caGenerateCmd `cmd:"" help:"Make keys and certificates for hosts."`
	Renew    caRenewCmd    `cmd:"" help:"Issue new certificates for the same keys; agents fetch them."`
	Prune    caPruneCmd    `cmd:"" help:"Drop what has expired from the revocation list and the records."`
	Join     caJoinCmd     `cmd:"" help:"Print the word with which another process gets its certificate (puppet.join)."`
}

// authoritative is embedded by commands that work on the CA.
type authoritative struct {
	configured
	JSON bool `help:"For programs."`
}

// with opens the CA for the time of f.
func (c *authoritative) with(ctx context.Context, term *terminal, f func(ca *app.CA) error) error {
	conf, err := c.load(term)
	if err != nil {
		return err
	}
	ca, err := app.OpenCA(ctx, conf, warner(conf, term.stderr))
	if err != nil {
		return err
	}
	return errors.Join(f(ca), ca.Close())
}

// say prints a line for people, or v for programs.
func (c *authoritative) say(term *terminal, v any, format string, args ...any) error {
	if c.JSON {
		return term.printJSON(v)
	}
	_, err := fmt.Fprintf(term.stdout, format+"\n", args...)
	return errs.WrapAs(errs.Unavailable, err, "write")
}

// authority describes the CA itself.
func (c *authoritative) authority(term *terminal, verb string, ca *app.CA) error {
	cert := ca.Authority().Certificate()
	v := map[string]string{"name": ca.Authority().Name(), "fingerprint": pki.Fingerprint(cert.Raw), "not_after": cert.NotAfter.UTC().Format(time.RFC3339)}
	return c.say(term, v, "%s %s, fingerprint (SHA256) %s", verb, v["name"], v["fingerprint"])
}

type caSetupCmd struct{ authoritative }

func (c *caSetupCmd) Run(ctx context.Context, term *terminal) error {
	conf, err := c.load(term)
	if err != nil {
		return err
	}
	ca, err := app.SetupCA(ctx, conf, warner(conf, term.stderr))
	if err != nil {
		return err
	}
	return errors.Join(c.authority(term, "made", ca), ca.Close())
}

type caImportCmd struct {
	authoritative
	Cadir      string `xor:"cadir,key" placeholder:"DIR" help:"A Puppet Server's CA folder, with its serial, inventory and certificates."`
	PrivateKey string `xor:"cadir" and:"pair" placeholder:"FILE" help:"The CA's private key, where there is no folder."`
	CertBundle string `xor:"key" and:"pair" placeholder:"FILE" help:"The CA's certificate and those above it."`
	CrlChain   string `placeholder:"FILE" help:"The revocation lists of the CA and those above it."`
}

func (c *caImportCmd) Run(ctx context.Context, term *terminal) error {
	conf, err := c.load(term)
	if err != nil {
		return err
	}
	var from fs.FS
	switch {
	case c.Cadir != "":
		root, err := os.OpenRoot(c.Cadir)
		if err != nil {
			return errs.WrapAs(errs.NotFound, err, "--cadir")
		}
		defer func() { _ = root.Close() }()
		from = root.FS()
	case c.PrivateKey != "":
		from = renamed{"ca_key.pem": c.PrivateKey, "ca_crt.pem": c.CertBundle, "ca_crl.pem": c.CrlChain}
	default:
		return errs.New(errs.Malformed, "give --cadir, or --private-key and --cert-bundle")
	}
	ca, err := app.ImportCA(ctx, conf, warner(conf, term.stderr), from)
	if err != nil {
		return err
	}
	return errors.Join(c.authority(term, "imported", ca), ca.Close())
}

// renamed are files under other names, as if they were in one folder.
type renamed map[string]string

// Open opens the file that stands for name.
func (r renamed) Open(name string) (fs.File, error) {
	if path := r[name]; path != "" {
		return os.Open(path)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

type caListCmd struct {
	authoritative
	All      bool     `xor:"which" help:"Signed and revoked certificates too."`
	Certname []string `xor:"which" placeholder:"NAME,NAME" help:"These names only."`
}

// A listing is what `puppetserver ca list --format json` prints.
type listing struct {
	Requested []pki.Status `json:"requested"`
	Signed    []pki.Status `json:"signed,omitempty"`
	Revoked   []pki.Status `json:"revoked,omitempty"`
	Missing   []string     `json:"missing,omitempty"`
}

func (c *caListCmd) Run(ctx context.Context, term *terminal) error {
	return c.with(ctx, term, func(ca *app.CA) error {
		statuses, err := ca.Statuses(ctx, "")
		if err != nil {
			return err
		}
		found := c.choose(statuses)
		if c.JSON {
			err = term.printJSON(found)
		} else {
			_, err = fmt.Fprint(term.stdout, found.text())
			err = errs.WrapAs(errs.Unavailable, err, "write")
		}
		if err == nil && len(found.Missing) > 0 {
			err = quiet{code: 1}
		}
		return err
	})
}

func (c *caListCmd) choose(statuses []pki.Status) listing {
	found := listing{Requested: []pki.Status{}, Missing: slices.Clone(c.Certname)}
	for _, s := range statuses {
		if len(c.Certname) > 0 && !slices.Contains(c.Certname, s.Name) {
			continue
		}
		found.Missing = slices.DeleteFunc(found.Missing, func(name string) bool { return name == s.Name })
		wanted := c.All || len(c.Certname) > 0
		switch {
		case s.State == "requested":
			found.Requested = append(found.Requested, s)
		case s.State == "signed" && wanted:
			found.Signed = append(found.Signed, s)
		case s.State == "revoked" && wanted:
			found.Revoked = append(found.Revoked, s)
		}
	}
	return found
}

func (l listing) text() string {
	var b strings.Builder
	for _, group := range []struct {
		title    string
		statuses []pki.Status
	}{{"Requested", l.Requested}, {"Signed", l.Signed}, {"Revoked", l.Revoked}} {
		if len(group.statuses) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s Certificates:\n", group.title)
		width := 0
		for _, s := range group.statuses {
			width = max(width, len(s.Name))
		}
		for _, s := range group.statuses {
			fmt.Fprintf(&b, "    %-*s (SHA256)  %s", width+6, s.Name, s.Fingerprint)
			if len(s.SubjectAltNames) > 0 {
				fmt.Fprintf(&b, "\talt names: %q", s.SubjectAltNames)
			}
			b.WriteString("\n")
		}
	}
	if len(l.Missing) > 0 {
		fmt.Fprintf(&b, "Missing Certificates:\n    %s\n", strings.Join(l.Missing, "\n    "))
	}
	if b.Len() == 0 {
		return "No certificates to list\n"
	}
	return b.String()
}

type caSignCmd struct {
	authoritative
	All                          bool     `xor:"which" required:"" help:"Sign every waiting request."`
	Certname                     []string `xor:"which" required:"" placeholder:"NAME,NAME" help:"Sign these."`
	TTL                          lifetime `placeholder:"DURATION" help:"How long the certificates last, such as 30d (default five years)."`
	AllowSubjectAltNames         bool     `help:"Sign requests that ask for other names too."`
	AllowAuthorizationExtensions bool     `help:"Sign requests that ask for rights."`
}

// Run signs what it can; one request that cannot be signed stops no other.
func (c *caSignCmd) Run(ctx context.Context, term *terminal) error {
	return c.with(ctx, term, func(ca *app.CA) error {
		names := c.Certname
		if c.All {
			waiting, err := ca.Statuses(ctx, "requested")
			if err != nil {
				return err
			}
			for _, s := range waiting {
				names = append(names, s.Name)
			}
		}
		opts := pki.SignOptions{TTL: time.Duration(c.TTL), AllowAltNames: c.AllowSubjectAltNames, AllowAuthExtensions: c.AllowAuthorizationExtensions}
		return c.each(term, "signed", names, func(name string) error { return ca.Sign(ctx, name, opts) })
	})
}

// each does f for every name and prints the names for which it went well.
func (c *authoritative) each(term *terminal, verb string, names []string, f func(name string) error) error {
	done, failures := []string{}, []error{}
	for _, name := range names {
		if err := f(name); err != nil {
			failures = append(failures, errs.Wrap(err, "%s", name))
			continue
		}
		done = append(done, name)
	}
	var err error
	switch {
	case c.JSON:
		err = term.printJSON(map[string][]string{verb: done})
	case len(done) > 0:
		err = c.say(term, nil, "%s %s", verb, strings.Join(done, ", "))
	case len(names) == 0:
		err = c.say(term, nil, "nothing to do")
	}
	return errors.Join(append(failures, err)...)
}

// named is embedded by commands that need names.
type named struct {
	authoritative
	Certname []string `required:"" placeholder:"NAME,NAME" help:"Names of the certificates."`
}

type caRevokeCmd struct{ named }

func (c *caRevokeCmd) Run(ctx context.Context, term *terminal) error {
	return c.with(ctx, term, func(ca *app.CA) error {
		return c.each(term, "revoked", c.Certname, func(name string) error { return ca.Revoke(ctx, name) })
	})
}

type caCleanCmd struct{ named }

func (c *caCleanCmd) Run(ctx context.Context, term *terminal) error {
	return c.with(ctx, term, func(ca *app.CA) error {
		return c.each(term, "cleaned", c.Certname, func(name string) error {
			if _, err := ca.Status(ctx, name); err != nil {
				return err
			}
			_, err := ca.Clean(ctx, name)
			return err
		})
	})
}

type caRenewCmd struct{ named }

func (c *caRenewCmd) Run(ctx context.Context, term *terminal) error {
	return c.with(ctx, term, func(ca *app.CA) error {
		return c.each(term, "renewed", c.Certname, func(name string) error {
			current, err := certificate(ctx, ca, name)
			if err == nil {
				_, err = ca.Renew(ctx, current)
			}
			return err
		})
	})
}

func certificate(ctx context.Context, ca *app.CA, name string) (*x509.Certificate, error) {
	text, err := ca.Certificate(ctx, name)
	if err != nil {
		return nil, err
	}
	certs, err := pki.ParseCertificates(text)
	if err != nil {
		return nil, err
	}
	return certs[0], nil
}

type caPruneCmd struct{ authoritative }

func (c *caPruneCmd) Run(ctx context.Context, term *terminal) error {
	return c.with(ctx, term, func(ca *app.CA) error {
		if err := ca.Prune(ctx); err != nil {
			return err
		}
		ends, err := ca.Expirations(ctx)
		if err != nil {
			return err
		}
		return c.say(term, ends, "pruned")
	})
}
