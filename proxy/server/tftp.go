package server

import (
	"encoding/json"
	"net/http"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/tftp"
)

func (f *TFTP) module() module {
	if f == nil {
		return described("tftp", "/tftp", nil, map[string]any{"tftp_servername": nil})
	}
	m := described("tftp", "/tftp", &f.Module, map[string]any{"tftp_servername": name(f.ServerName)})
	m.routes = func(*Server) []route {
		return []route{
			on(http.MethodGet, "/tftp/serverName", trusted, f.serverName),
			on(http.MethodPost, "/tftp/fetch_boot_file", trusted, f.fetchBootFile),
			on(http.MethodPost, "/tftp/create_default", trusted, f.createDefault),
			on(http.MethodPost, "/tftp/:variant/create_default", trusted, f.createDefault),
			on(http.MethodPost, "/tftp/:variant/:mac", trusted, f.set),
			on(http.MethodGet, "/tftp/:variant/:mac", trusted, f.get),
			on(http.MethodDelete, "/tftp/:variant/:mac", trusted, f.remove),
			on(http.MethodPost, "/tftp/:mac", trusted, f.set),
			on(http.MethodDelete, "/tftp/:mac", trusted, f.remove),
		}
	}
	return m
}

// target reads variant and MAC; the routes without a variant are Syslinux.
// Smart Proxy answers 403 when either is wrong.
func target(c *call) (tftp.Variant, mac.Addr, error) {
	v, err := variant(c)
	if err != nil {
		return "", mac.Addr{}, err
	}
	m, err := mac.Parse(c.param("mac"))
	if err != nil {
		return "", mac.Addr{}, errs.WrapAs(errs.Forbidden, err, "Invalid MAC address")
	}
	return v, m, nil
}

func variant(c *call) (tftp.Variant, error) {
	if s := c.param("variant"); s != "" {
		return tftp.ParseVariant(s)
	}
	return tftp.Syslinux, nil
}

func (f *TFTP) set(c *call) error {
	v, m, err := target(c)
	if err != nil {
		return err
	}
	config := c.param("pxeconfig")
	if config == "" {
		config = c.param("syslinux_config")
	}
	if config == "" {
		return errs.New(errs.Malformed, "TFTP: Failed to create pxe config file: no configuration given")
	}
	if err := f.Provider.Set(c.ctx(), v, m, []byte(config)); err != nil {
		return errs.Wrap(err, "TFTP: Failed to create pxe config file")
	}
	return c.w.doneHTML()
}

func (f *TFTP) get(c *call) error {
	v, m, err := target(c)
	if err != nil {
		return err
	}
	config, err := f.Provider.Get(c.ctx(), v, m)
	if err != nil {
		return err
	}
	return c.w.text(config)
}

func (f *TFTP) remove(c *call) error {
	v, m, err := target(c)
	if err != nil {
		return err
	}
	if err := f.Provider.Delete(c.ctx(), v, m); err != nil {
		return err
	}
	return c.w.doneHTML()
}

func (f *TFTP) createDefault(c *call) error {
	v, err := variant(c)
	if err != nil {
		return err
	}
	menu := c.param("menu")
	if menu == "" {
		return errs.New(errs.Malformed, "TFTP: no menu given")
	}
	if err := f.Provider.SetDefault(c.ctx(), v, []byte(menu)); err != nil {
		return errs.Wrap(err, "TFTP: Failed to create the default menu")
	}
	return c.w.doneHTML()
}

func (f *TFTP) fetchBootFile(c *call) error {
	prefix, src := c.param("prefix"), c.param("path")
	if prefix == "" || src == "" {
		return errs.New(errs.Malformed, "TFTP: Invalid prefix or path parameter")
	}
	if f.Fetcher == nil {
		return errs.New(errs.Unsupported, "TFTP: boot files are not fetched here")
	}
	if err := f.Fetcher.Fetch(c.ctx(), prefix, src); err != nil {
		return err
	}
	return c.w.doneHTML()
}

func (f *TFTP) serverName(c *call) error {
	body, err := json.Marshal(map[string]string{"serverName": f.ServerName})
	if err != nil {
		return err
	}
	return c.w.text(body)
}
