package server

import (
	"net/http"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dns"
)

func (f *DNS) module() module {
	if f == nil {
		return described("dns", "/dns", nil, map[string]any{"use_provider": nil})
	}
	m := described("dns", "/dns", &f.Module, map[string]any{"use_provider": name(f.UseProvider)})
	m.routes = func(*Server) []route {
		return []route{
			on(http.MethodPost, "/dns/", trusted, f.create),
			on(http.MethodDelete, "/dns/:name", trusted, f.remove),
			on(http.MethodDelete, "/dns/:name/:type", trusted, f.remove),
		}
	}
	return m
}

func (f *DNS) create(c *call) error {
	fqdn, value, typ := c.param("fqdn"), c.param("value"), c.param("type")
	if fqdn == "" || value == "" || typ == "" {
		return errs.New(errs.Malformed, "fqdn, value and type are required")
	}
	r, err := dns.NewRecord(fqdn, value, typ)
	if err != nil {
		return err
	}
	if err := f.Provider.Create(c.ctx(), r); err != nil {
		return err
	}
	return c.w.doneHTML()
}

func (f *DNS) remove(c *call) error {
	name, t, err := dns.ParseDelete(c.param("name"), c.param("type"))
	if err != nil {
		return err
	}
	if err := f.Provider.Delete(c.ctx(), name, t); err != nil {
		return err
	}
	return c.w.doneHTML()
}
