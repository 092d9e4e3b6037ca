package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chargehand/chargehand/internal/errs"
)

const (
	puppetVersion = "7.23.0"
	userAgent     = "Puppet/7.23.0 Ruby/3.1.7-p261 (x86_64-linux-gnu)"
	acceptJSON    = "application/json, text/pson"
)

// A call is one of the agent's requests.
type call struct {
	method, path, accept, contentType string
	query                             url.Values
	body                              []byte
}

// call makes a request of the Puppet server. A 404 is NotFound; other statuses
// than 2xx are Upstream with what the server says.
func (m *Machine) call(ctx context.Context, c call) ([]byte, error) {
	server, name := m.server(c.path)
	u := &url.URL{Scheme: "https", Host: server, Path: c.path, RawQuery: c.query.Encode()}
	at, host := m.place(u)
	var body io.Reader = http.NoBody
	if c.body != nil {
		body = bytes.NewReader(c.body)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, at.String(), body)
	if err != nil {
		return nil, errs.Wrap(err, "%s %s", c.method, c.path)
	}
	req.Host = host
	req.Header.Set("X-Puppet-Version", puppetVersion)
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", c.accept)
	if c.body != nil {
		req.Header.Set("Content-Type", c.contentType)
	}
	resp, got, err := m.client(name).Read(req)
	if err != nil {
		return nil, errs.Wrap(err, "%s %s", c.method, c.path)
	}
	if resp.StatusCode/100 == 2 {
		return got, nil
	}
	kind := errs.Upstream
	if resp.StatusCode == http.StatusNotFound {
		kind = errs.NotFound
	}
	return nil, errs.New(kind, "%s %s: %s: %.500s", c.method, c.path, resp.Status, strings.TrimSpace(string(got)))
}

// json makes a call of the server's and reads its JSON.
func (m *Machine) json(ctx context.Context, c call, into any) error {
	if c.accept == "" {
		c.accept = acceptJSON
	}
	got, err := m.call(ctx, c)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(got, into); err != nil {
		return errs.WrapAs(errs.Upstream, err, "read the answer to %s %s", c.method, c.path)
	}
	return nil
}

// A run is one run of the agent.
type run struct {
	m           *Machine
	start       time.Time
	transaction string
	env         string
	log         []logLine
	phases      map[string]float64 // seconds, for the report's metrics
	detail      []string
}

// RunAgent is steps 18 and 19: one run of the agent, which asks for its catalog,
// applies it and sends a report. It may be called again and again once the
// machine has its certificate.
func (m *Machine) RunAgent(ctx context.Context) error {
	if m.identity.cert == nil {
		return errs.New(errs.Invalid, "%s has no certificate yet", m.certname)
	}
	r := &run{m: m, start: time.Now(), transaction: uuid.NewString(), env: m.plan.env, phases: map[string]float64{}}
	if r.env == "" {
		r.env = "production"
	}
	for _, phase := range []struct {
		name string
		do   func(context.Context) error
	}{{"node_retrieval", r.node}, {"plugin_sync", r.plugins}} {
		if err := r.timed(phase.name, func() error { return phase.do(ctx) }); err != nil {
			return err
		}
	}
	var cat catalog
	if err := r.timed("config_retrieval", func() error { return r.catalog(ctx, &cat) }); err != nil {
		return err
	}
	var states []*status
	err := r.timed("catalog_application", func() (err error) {
		states, err = r.apply(ctx, &cat)
		return err
	})
	if err != nil {
		return err
	}
	rep := r.report(&cat, states)
	m.step(18, r.detail, "First Puppet run: catalog of %d resources applied, %d changed", len(cat.Resources), rep.changed())
	return r.send(ctx, rep)
}

func (r *run) timed(phase string, do func() error) error {
	start := time.Now()
	defer func() { r.phases[phase] += time.Since(start).Seconds() }()
	return do()
}

// node asks what the server knows of the machine; only an agent's first run does.
func (r *run) node(ctx context.Context) error {
	if r.m.runs++; r.m.runs > 1 {
		return nil
	}
	var n struct{ Environment string }
	err := r.m.json(ctx, call{method: http.MethodGet, path: "/puppet/v3/node/" + r.m.certname, query: url.Values{
		"environment": {r.env}, "configured_environment": {r.env}, "transaction_uuid": {r.transaction},
	}}, &n)
	if err == nil && n.Environment != "" {
		r.env = n.Environment
	}
	return err
}

// catalog sends the facts and gets the catalog.
func (r *run) catalog(ctx context.Context, into *catalog) error {
	factsStart := time.Now()
	values := r.m.facts(r.env)
	now := time.Now()
	facts, err := json.Marshal(map[string]any{
		"name": r.m.certname, "values": values,
		"timestamp": stamp(now), "expiration": stamp(now.Add(30 * time.Minute)),
	})
	if err != nil {
		return errs.Wrap(err, "write the facts")
	}
	r.phases["fact_generation"] = time.Since(factsStart).Seconds()
	form := [][2]string{
		{"facts_format", "application/json"},
		{"facts", percent(string(facts))},
		{"environment", r.env},
		{"configured_environment", r.env},
		{"check_environment", "true"},
		{"transaction_uuid", r.transaction},
		{"job_uuid", ""},
		{"static_catalog", "true"},
		{"checksum_type", "sha256.sha384.sha512.sha224.md5"},
	}
	var body strings.Builder
	for i, f := range form {
		if i > 0 {
			body.WriteByte('&')
		}
		body.WriteString(f[0] + "=" + percent(f[1]))
	}
	err = r.m.json(ctx, call{
		method: http.MethodPost, path: "/puppet/v3/catalog/" + r.m.certname, query: url.Values{"environment": {r.env}},
		accept:      "application/vnd.puppet.rich+json, application/json, text/pson",
		contentType: "application/x-www-form-urlencoded", body: []byte(body.String()),
	}, into)
	if err != nil {
		return err
	}
	r.env = into.Environment
	r.note("info", "Puppet", "Caching catalog for %s", r.m.certname)
	r.note("info", "Puppet", "Applying configuration version '%s'", into.version())
	r.detail = append(r.detail, fmt.Sprintf("POST /puppet/v3/catalog/%s with %d facts: %d resources, classes %s",
		r.m.certname, len(values), len(into.Resources), strings.Join(slices.DeleteFunc(slices.Clone(into.Classes), func(c string) bool { return c == "settings" }), ", ")))
	return nil
}

// percent encodes as the agent does: %20 for a blank, never +.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000+00:00") }
