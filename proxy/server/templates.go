package server

import (
	"cmp"
	"net"
	"net/http"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/templates"
)

func (f *Templates) module() module {
	if f == nil {
		return described("templates", "/unattended", nil, map[string]any{"template_url": nil})
	}
	m := described("templates", "/unattended", &f.Module, map[string]any{"template_url": name(f.URL)})
	m.routes = func(s *Server) []route {
		post := on(http.MethodPost, "/unattended/:kind", open, f.forward)
		post.raw = true
		return []route{
			on(http.MethodGet, "/unattended/templateServer", open, f.server),
			on(http.MethodGet, "/unattended/:kind", open, f.forward),
			on(http.MethodGet, "/unattended/:kind/:template/:hostgroup", open, f.forward),
			post,
			on(http.MethodGet, "/userdata/:kind", open, f.userdata),
		}
	}
	return m
}

func (f *Templates) server(c *call) error {
	base, err := f.Provider.TemplateServer(c.ctx())
	if err != nil {
		return err
	}
	return c.w.json(map[string]string{"templateServer": base})
}

// forward puts a machine's request to core. The machine gets core's body or
// status, never its error page.
func (f *Templates) forward(c *call) error {
	status, body, err := f.ask(c)
	if err != nil {
		return err
	}
	if status >= 400 {
		c.w.fail(errs.New(errs.KindOfStatus(status), "Failed to retrieve %s template: core answered %d %s",
			c.param("kind"), status, http.StatusText(status)), status)
		return nil
	}
	return c.w.text(body)
}

func (f *Templates) userdata(c *call) error {
	status, body, err := f.ask(c)
	if err == nil && status >= 400 {
		err = errs.New(errs.Upstream, "core answered %d %s", status, http.StatusText(status))
	}
	if err != nil {
		c.w.fail(errs.Wrap(err, "Failed to retrieve %s", c.param("kind")), http.StatusInternalServerError)
		return nil
	}
	return c.w.text(body)
}

func (f *Templates) ask(c *call) (int, []byte, error) {
	r := outgoing(c)
	if r.Method == http.MethodPost {
		r.Header.Set("Content-Type", "text/plain")
	}
	answer, err := f.Provider.Forward(c.ctx(), r)
	if err != nil {
		return 0, nil, err
	}
	return answer.Status, answer.Body, nil
}

func outgoing(c *call) templates.Request {
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return templates.Request{
		Method: method, Path: "/" + strings.TrimLeft(c.r.URL.Path, "/"), RawQuery: c.r.URL.RawQuery,
		Header: c.r.Header.Clone(), Peer: peer(c.r), Body: c.body,
	}
}

func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

func (f *Registration) module() module {
	if f == nil {
		return described("registration", "/register", nil, map[string]any{"registration_url": nil})
	}
	m := described("registration", "/register", &f.Module, map[string]any{"registration_url": name(f.URL)})
	m.routes = func(*Server) []route {
		post := on(http.MethodPost, "/register", open, f.forward)
		post.raw = true
		return []route{on(http.MethodGet, "/register", open, f.forward), post}
	}
	return m
}

// forward passes registration through; what goes wrong is told to a shell,
// which is what reads the answer.
func (f *Registration) forward(c *call) error {
	r := outgoing(c)
	r.Peer = "" // Smart Proxy does not tell it here
	r.URL = strings.TrimRight(cmp.Or(f.URL, requestBase(c.r)), "/")
	answer, err := f.Provider.Forward(c.ctx(), r)
	if err != nil {
		c.s.log.ErrorContext(c.ctx(), "registration failed", "error", err)
		c.w.send(http.StatusInternalServerError, labelHTML, shellStub("ERROR: the registration server cannot be reached"))
		return nil
	}
	if answer.Status < 400 {
		return c.w.text(answer.Body)
	}
	body := shellStub("ERROR: " + http.StatusText(answer.Status))
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain") {
		body = answer.Body
	}
	c.w.send(answer.Status, labelHTML, body)
	return nil
}

func requestBase(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// shellStub is a script that fails with a message; text holds no quotes.
func shellStub(text string) []byte {
	return []byte("echo '" + strings.ReplaceAll(text, "'", "") + "'\nexit 1\n")
}
