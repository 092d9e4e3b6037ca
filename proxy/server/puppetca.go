package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/puppetca"
)

// certTime is how the Puppet CA writes times.
const certTime = "2006-01-02T15:04:05UTC"

func (f *PuppetCA) module() module {
	if f == nil {
		return described("puppetca", "/puppet/ca", nil, map[string]any{"puppet_url": nil, "use_provider": nil})
	}
	providers := []string{"puppetca_http_api"} // which Smart Proxy always adds
	if f.UseProvider != "" {
		providers = append([]string{f.UseProvider}, providers...)
	}
	settings := map[string]any{"puppet_url": name(f.PuppetURL), "use_provider": providers}
	m := described("puppetca", "/puppet/ca", &f.Module, settings)
	m.status = caStatus
	m.routes = func(*Server) []route { return append(f.autosignRoutes(), f.caRoutes()...) }
	return m
}

// autosignRoutes come first, being more special than those of certnames.
func (f *PuppetCA) autosignRoutes() []route {
	if f.Autosign == nil {
		return nil
	}
	validate := on(http.MethodPost, "/puppet/ca/validate", trusted, f.validate)
	validate.raw = true
	return []route{
		on(http.MethodGet, "/puppet/ca/autosign", trusted, f.listAutosign),
		on(http.MethodPost, "/puppet/ca/autosign/:certname", trusted, f.addAutosign),
		on(http.MethodDelete, "/puppet/ca/autosign/:certname", trusted, f.removeAutosign),
		validate,
	}
}

func (f *PuppetCA) caRoutes() []route {
	if f.CA == nil {
		return nil
	}
	return []route{
		on(http.MethodGet, "/puppet/ca/", trusted, f.list),
		on(http.MethodPost, "/puppet/ca/:certname", trusted, f.sign),
		on(http.MethodDelete, "/puppet/ca/:certname", trusted, f.clean),
	}
}

// caStatus answers 406 for whatever goes wrong, as Smart Proxy does here, but
// for what the module cannot do at all and defects of ours.
func caStatus(err error) int {
	switch errs.KindOf(err) {
	case errs.Unsupported, errs.Internal, errs.Unavailable, errs.TooLarge:
		return statusOf(err)
	}
	return http.StatusNotAcceptable
}

type certBody struct {
	State       puppetca.State `json:"state"`
	Fingerprint string         `json:"fingerprint"`
	Serial      *json.Number   `json:"serial"`
	NotBefore   *string        `json:"not_before"`
	NotAfter    *string        `json:"not_after"`
}

func (f *PuppetCA) list(c *call) error {
	certs, err := f.CA.List(c.ctx())
	if err != nil {
		return err
	}
	out := make(map[string]certBody, len(certs))
	for _, cert := range certs {
		b := certBody{State: cert.State, Fingerprint: cert.Fingerprint}
		if cert.Serial != "" {
			n := json.Number(cert.Serial)
			b.Serial = &n
		}
		b.NotBefore, b.NotAfter = certStamp(cert.NotBefore), certStamp(cert.NotAfter)
		out[cert.Certname] = b
	}
	return c.w.json(out)
}

func certStamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(certTime)
	return &s
}

func (f *PuppetCA) sign(c *call) error {
	certname, err := certname(c)
	if err != nil {
		return err
	}
	if err := f.CA.Sign(c.ctx(), certname); err != nil {
		return err
	}
	return c.w.doneJSON()
}

func (f *PuppetCA) clean(c *call) error {
	certname, err := certname(c)
	if err != nil {
		return err
	}
	if err := f.CA.Clean(c.ctx(), certname); err != nil {
		return err
	}
	return c.w.doneJSON()
}

func (f *PuppetCA) listAutosign(c *call) error {
	names, err := f.Autosign.List(c.ctx())
	if err != nil {
		return err
	}
	if names == nil {
		names = []string{}
	}
	return c.w.json(names)
}

func (f *PuppetCA) addAutosign(c *call) error {
	certname, err := certname(c)
	if err != nil {
		return err
	}
	var ttl time.Duration
	if s := c.param("token_ttl"); s != "" {
		minutes, err := strconv.Atoi(s)
		if err != nil || minutes <= 0 || minutes > 10*365*24*60 {
			return errs.New(errs.Malformed, "Invalid token_ttl %.20s", s)
		}
		ttl = time.Duration(minutes) * time.Minute
	}
	token, err := f.Autosign.Add(c.ctx(), certname, ttl)
	if err != nil {
		return err
	}
	if token == "" {
		return c.w.doneJSON()
	}
	return c.w.json(map[string]string{"generated_token": token})
}

func (f *PuppetCA) removeAutosign(c *call) error {
	certname, err := certname(c)
	if err != nil {
		return err
	}
	found, err := f.Autosign.Remove(c.ctx(), certname)
	if err != nil {
		return err
	}
	if !found {
		c.w.fail(errs.New(errs.NotFound, "Attempt to remove nonexistent client autosign for %s", certname), http.StatusNotFound)
		return nil
	}
	return c.w.doneJSON()
}

// validate answers by status alone.
func (f *PuppetCA) validate(c *call) error {
	v, ok := f.Autosign.(puppetca.Validator)
	if !ok {
		return errs.New(errs.Unsupported, "the autosign provider does not look into requests")
	}
	yes, err := v.Validate(c.ctx(), c.body)
	if err != nil {
		return err
	}
	status := http.StatusNotFound
	if yes {
		status = http.StatusOK
	}
	c.w.send(status, labelJSON, nil)
	return nil
}

func certname(c *call) (string, error) {
	s := c.param("certname")
	return s, puppetca.CheckCertname(s)
}
