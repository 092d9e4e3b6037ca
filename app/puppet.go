package app

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/core/report"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/puppet/fileserve"
	"github.com/chargehand/chargehand/puppet/server"
	"github.com/chargehand/chargehand/puppet/server/codedir"
	"github.com/chargehand/chargehand/puppet/server/terminus"
	"github.com/chargehand/chargehand/puppetdb"
)

// buildPuppet adds the puppet role: the CA's API, catalogs, files and reports.
func buildPuppet(_ context.Context, a *App) error {
	code := codedir.New(codedir.Options{Dir: a.Config.Puppet.CodeDir, Log: a.Log})
	files, err := fileserve.New(code, clock.System)
	if err != nil {
		return err
	}
	bucket, err := rootfs.Open(a.path("puppet", "bucket"))
	if err != nil {
		return err
	}
	a.onClose(bucket.Close)
	opts := server.Options{
		Name: a.certname(), CA: a.ca, Compiler: observedCompiler{code, a}, Environments: code, Files: files, Bucket: fileserve.NewBucket(bucket),
		DefaultEnvironment: a.Config.Puppet.Environment, Log: a.Log,
	}
	a.addPuppetDB(&opts)
	if err := a.addClassifier(&opts); err != nil {
		return err
	}
	srv := server.New(opts)
	a.serve("puppet.https", a.observeCA(srv), tlsconf.Server(a.identity, tlsconf.RequestCert, "http/1.1"))
	return nil
}

// addPuppetDB sends what agents say to PuppetDB: the one in this process, or the
// one at puppetdb.url.
func (a *App) addPuppetDB(opts *server.Options) {
	var commands terminus.Commands
	switch {
	case a.puppetdb != nil:
		commands = localCommands{a.puppetdb}
	case a.Config.PuppetDB.URL != "":
		commands = remoteCommands{url: strings.TrimRight(a.Config.PuppetDB.URL, "/"), client: a.client(30 * time.Second)}
	default:
		return
	}
	t := terminus.New(terminus.Options{Commands: commands, Producer: a.certname(), Clock: clock.System})
	opts.Facts = append(opts.Facts, server.Feed[server.FactSink]{Name: "puppetdb", Required: true, Sink: t})
	opts.Catalogs = append(opts.Catalogs, server.Feed[server.CatalogSink]{Name: "puppetdb", Required: true, Sink: t})
	opts.Reports = append(opts.Reports, server.Feed[server.ReportSink]{Name: "puppetdb", Required: true, Sink: t})
}

type localCommands struct{ service *puppetdb.Service }

func (l localCommands) Submit(ctx context.Context, c terminus.Command) error {
	_, err := l.service.Submit(ctx, c.Name, c.Version, c.Certname, c.Payload)
	return err
}

type remoteCommands struct {
	url    string
	client *fetch.Client
}

func (r remoteCommands) Submit(ctx context.Context, c terminus.Command) error {
	q := url.Values{
		"command": {strings.ReplaceAll(c.Name, " ", "_")}, "version": {strconv.Itoa(c.Version)}, "certname": {c.Certname},
		"producer-timestamp": {c.Produced.UTC().Format("2006-01-02T15:04:05.000Z")},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/pdb/cmd/v1?"+q.Encode(), bytes.NewReader(c.Payload))
	if err != nil {
		return errs.WrapAs(errs.Malformed, err, "puppetdb.url")
	}
	req.Header.Set("Content-Type", "application/json")
	return exchange(r.client, req, nil)
}

// exchange makes a call, checks its status and decodes the answer into v, which
// may be nil.
func exchange(client *fetch.Client, req *http.Request, v any) error {
	resp, body, err := client.Read(req)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		kind := errs.KindOfStatus(resp.StatusCode)
		if kind != errs.NotFound && kind != errs.Unavailable {
			kind = errs.Upstream
		}
		return errs.New(kind, "%s answers %s", fetch.Name(req.URL), resp.Status)
	}
	if v == nil {
		return nil
	}
	return errs.WrapAs(errs.Upstream, json.Unmarshal(body, v), "read the answer of %s", fetch.Name(req.URL))
}

// addClassifier asks core what a node is and tells it what the node says: in
// this process, or over its API.
func (a *App) addClassifier(opts *server.Options) error {
	var core interface {
		server.Classifier
		server.FactSink
		server.ReportSink
	}
	switch {
	case a.Config.HasRole(config.Core):
		core = localCore{a}
	case a.Config.Core.URL != "":
		if _, err := url.Parse(a.Config.Core.URL); err != nil {
			return errs.WrapAs(errs.Malformed, err, "core.url")
		}
		core = remoteCore{url: strings.TrimRight(a.Config.Core.URL, "/"), client: a.client(30 * time.Second)}
	default:
		return nil
	}
	opts.Classifier = core
	opts.Facts = append(opts.Facts, server.Feed[server.FactSink]{Name: "core", Sink: core})
	opts.Reports = append(opts.Reports, server.Feed[server.ReportSink]{Name: "core", Sink: core})
	return nil
}

// localCore is core in this process.
type localCore struct{ app *App }

func (c localCore) Classify(ctx context.Context, certname string) (server.Classification, error) {
	found, err := c.app.builds.Classify(ctx, certname)
	if err != nil {
		return server.Classification{}, err
	}
	out := server.Classification{Environment: found.Environment, Parameters: found.Parameters}
	for _, name := range sortedKeys(found.Classes) {
		out.Classes = append(out.Classes, server.Class{Name: name, Parameters: found.Classes[name]})
	}
	return out, nil
}

func (c localCore) StoreFacts(ctx context.Context, f server.Facts) error {
	up := &report.FactsUpload{Name: f.Certname, Certname: f.Certname, Environment: f.Environment, Facts: map[string]any{}}
	dec := json.NewDecoder(bytes.NewReader(f.Values))
	dec.UseNumber()
	if err := dec.Decode(&up.Facts); err != nil {
		return errs.WrapAs(errs.Malformed, err, "facts of %s", f.Certname)
	}
	_, err := c.app.intake.Facts(ctx, up)
	return err
}

func (c localCore) StoreReport(ctx context.Context, r server.Report) error {
	in, err := report.FromPuppet(r.JSON)
	if err != nil {
		return err
	}
	if _, err := c.app.intake.Report(ctx, in); err != nil {
		return err
	}
	c.app.record(timeline.Event{Certname: r.Certname, Stage: timeline.Report, Text: in.Status.Summary() + ": " + in.Status.String(), Bytes: int64(len(r.JSON))})
	return nil
}

// remoteCore is core over its API, known there by our certificate.
type remoteCore struct {
	url    string
	client *fetch.Client
}

func (c remoteCore) Classify(ctx context.Context, certname string) (server.Classification, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/node/"+url.PathEscape(certname)+"?format=json", nil)
	if err != nil {
		return server.Classification{}, errs.WrapAs(errs.Malformed, err, "core.url")
	}
	var found struct {
		Classes     map[string]map[string]any `json:"classes"`
		Parameters  map[string]any            `json:"parameters"`
		Environment string                    `json:"environment"`
	}
	if err := exchange(c.client, req, &found); err != nil {
		return server.Classification{}, errs.Wrap(err, "classify %s", certname)
	}
	out := server.Classification{Environment: found.Environment, Parameters: found.Parameters}
	for _, name := range sortedKeys(found.Classes) {
		out.Classes = append(out.Classes, server.Class{Name: name, Parameters: found.Classes[name]})
	}
	return out, nil
}

func (c remoteCore) post(ctx context.Context, path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return errs.WrapAs(errs.Internal, err, "encode")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, bytes.NewReader(text))
	if err != nil {
		return errs.WrapAs(errs.Malformed, err, "core.url")
	}
	req.Header.Set("Content-Type", "application/json")
	return exchange(c.client, req, nil)
}

func (c remoteCore) StoreFacts(ctx context.Context, f server.Facts) error {
	return c.post(ctx, "/api/hosts/facts", map[string]any{"name": f.Certname, "certname": f.Certname, "facts": f.Values})
}

func (c remoteCore) StoreReport(ctx context.Context, r server.Report) error {
	in, err := report.FromPuppet(r.JSON)
	if err != nil {
		return err
	}
	return c.post(ctx, "/api/config_reports", map[string]any{"config_report": in.Wire()})
}

// observedCompiler notes each first catalog of a build.
type observedCompiler struct {
	server.Compiler
	app *App
}

func (c observedCompiler) Compile(ctx context.Context, r server.CompileRequest) (server.Catalog, error) {
	started := time.Now()
	cat, err := c.Compiler.Compile(ctx, r)
	e := timeline.Event{Certname: r.Certname, Stage: timeline.Catalog, Text: "catalog compiled in environment " + r.Environment, Bytes: int64(len(cat.Wire)), Duration: time.Since(started)}
	if err != nil {
		e.Failure = errs.PublicText(err)
	}
	c.app.record(e)
	return cat, err
}

// observeCA notes certificate requests and the certificates fetched after them.
func (a *App) observeCA(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, isRequest := strings.CutPrefix(r.URL.Path, "/puppet-ca/v1/certificate_request/")
		cert, isCert := strings.CutPrefix(r.URL.Path, "/puppet-ca/v1/certificate/")
		switch {
		case isRequest && r.Method == http.MethodPut:
			seen := &statusWriter{ResponseWriter: w}
			next.ServeHTTP(seen, r)
			a.caEvent(timeline.CSR, name, "certificate request", seen.status)
		case isCert && cert != "ca" && r.Method == http.MethodGet:
			seen := &statusWriter{ResponseWriter: w}
			next.ServeHTTP(seen, r)
			if seen.status == http.StatusOK {
				a.caEvent(timeline.Signed, cert, "certificate signed and fetched", seen.status)
			}
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (a *App) caEvent(stage timeline.Stage, name, text string, status int) {
	e := timeline.Event{Certname: filepath.Base(name), Stage: stage, Text: text}
	if status >= 400 {
		e.Failure = "refused with status " + strconv.Itoa(status)
	}
	a.record(e)
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (s *statusWriter) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write notes an implied 200.
func (s *statusWriter) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
