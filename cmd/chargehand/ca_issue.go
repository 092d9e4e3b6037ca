package main

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/chargehand/chargehand/app"
	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/service"
)

// A lifetime is a duration as the configuration has them, such as 14d, or a
// number of seconds, as `puppetserver ca` takes it.
type lifetime time.Duration

// UnmarshalText reads a lifetime, which is more than nothing.
func (l *lifetime) UnmarshalText(text []byte) error {
	s := string(text)
	if strings.Trim(s, "0123456789") == "" {
		s += "s"
	}
	d, err := config.ParseDuration(s)
	if err == nil && d <= 0 {
		err = errs.New(errs.Malformed, "want more than nothing")
	}
	*l = lifetime(d)
	return err
}

type caGenerateCmd struct {
	named
	SubjectAltNames []string `placeholder:"NAME,NAME" help:"Further names, as DNS:a.example.com or IP:192.0.2.1."`
	CaClient        bool     `help:"The certificates may use the CA's API."`
	SslDir          string   `placeholder:"DIR" help:"Where to write, laid out as an agent's ssldir; ssl in data_dir when not given."`
}

func (c *caGenerateCmd) Run(ctx context.Context, term *terminal) error {
	order := app.Generation{Admin: c.CaClient, Dir: c.SslDir}
	for _, text := range c.SubjectAltNames {
		kind, value, typed := strings.Cut(text, ":")
		ip := net.ParseIP(value)
		switch {
		case !typed:
			order.DNSNames = append(order.DNSNames, text)
		case kind == "DNS":
			order.DNSNames = append(order.DNSNames, value)
		case kind == "IP" && ip != nil:
			order.IPs = append(order.IPs, ip)
		default:
			return errs.New(errs.Malformed, "--subject-alt-names: %s is neither DNS:name nor IP:address", text)
		}
	}
	return c.with(ctx, term, func(ca *app.CA) error {
		return c.each(term, "generated", c.Certname, func(name string) error {
			order.Name = name
			_, err := ca.Generate(ctx, order)
			return err
		})
	})
}

type caJoinCmd struct {
	authoritative
	Certname string   `required:"" placeholder:"PATTERN" help:"Certname the process will have, or *.domain."`
	TTL      lifetime `default:"1d" placeholder:"DURATION" help:"How long the word is good for; it is good once."`
}

func (c *caJoinCmd) Run(ctx context.Context, term *terminal) error {
	return c.with(ctx, term, func(ca *app.CA) error {
		expires := time.Now().Add(time.Duration(c.TTL))
		token, err := ca.NewToken(ctx, pki.Token{Pattern: c.Certname, Expires: expires, Once: true})
		if err != nil {
			return err
		}
		word := service.Join(ca.Authority(), token)
		return c.say(term, map[string]string{"join": word, "expires": expires.UTC().Format(time.RFC3339)}, "%s", word)
	})
}
