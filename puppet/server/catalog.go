package server

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
)

// catalog compiles for the agent that asks. Admission comes first, so that a herd
// of agents is sent away before anything of theirs is read.
func (s *Server) catalog(w *response, r *request) error {
	if s.Compiler == nil {
		return errs.New(errs.Unsupported, "this server compiles no catalogs")
	}
	switch asked := r.param("environment"); {
	case asked == "":
		return badEnvironment("null")
	case !ValidEnvironment(asked):
		return badEnvironment(asked)
	}
	media, err := negotiate(r, mediaRich, mediaJSON, mediaPSON)
	if err != nil {
		return err
	}
	if accept := r.Header.Get("Accept"); media == mediaRich && !strings.Contains(accept, mediaRich) {
		media = mediaJSON // who takes anything did not say that it reads rich data
	}
	if err := s.compilations.enter(); err != nil {
		return err
	}
	defer s.compilations.leave()
	form, err := catalogForm(w, r)
	if err != nil {
		return err
	}
	facts, err := s.factsFor(r, form)
	if err != nil {
		return err
	}
	request, err := s.compileRequest(r, form, facts)
	if err != nil {
		return err
	}
	request.Rich = media == mediaRich
	catalog, err := s.compile(r.Context(), request)
	if err != nil {
		return err
	}
	w.send(http.StatusOK, contentTypeOf(media), catalog.Wire)
	return nil
}

// catalogForm gives the fields of a POST's body, or of the URL of a GET.
func catalogForm(w *response, r *request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return r.URL.Query(), nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, &fault{
			status: http.StatusUnsupportedMediaType, issue: "UNSUPPORTED_MEDIA_TYPE",
			text: "Client sent a mime-type (" + media + ") that doesn't correspond to a format we support",
		}
	}
	body, err := w.read(maxFacts)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errs.New(errs.Malformed, "the request's form cannot be read")
	}
	return form, nil
}

// factsFor takes the request's facts in, or finds those known already.
func (s *Server) factsFor(r *request, form url.Values) (Facts, error) {
	certname := r.params["name"]
	facts, err := formFacts(form, certname)
	if err != nil {
		return facts, err
	}
	if facts.Values != nil {
		facts.Environment, facts.Trusted = r.param("environment"), trusted(r)
		return facts, s.takeFacts(r.Context(), facts)
	}
	return s.knownFacts(r.Context(), certname)
}

func (s *Server) knownFacts(ctx context.Context, certname string) (Facts, error) {
	none := Facts{Certname: certname}
	if s.KnownFacts == nil {
		return none, nil
	}
	facts, err := s.KnownFacts.Facts(ctx, certname)
	if errs.Is(err, errs.NotFound) {
		return none, nil
	}
	return facts, err
}

// classify asks the classifier; a node that it does not know has no classes.
func (s *Server) classify(ctx context.Context, certname string) (Classification, error) {
	if s.Classifier == nil {
		return Classification{}, nil
	}
	c, err := s.Classifier.Classify(ctx, certname)
	if errs.Is(err, errs.NotFound) {
		return Classification{}, nil
	}
	return c, errs.Wrap(err, "classify %s", certname)
}

func (s *Server) compileRequest(r *request, form url.Values, facts Facts) (CompileRequest, error) {
	certname := r.params["name"]
	class, err := s.classify(r.Context(), certname)
	if err != nil {
		return CompileRequest{}, err
	}
	environment, err := s.decide(r, class.Environment, r.param("environment"))
	if err != nil {
		return CompileRequest{}, err
	}
	var sums []string
	if list := form.Get("checksum_type"); list != "" {
		sums = strings.Split(list, ".")
	}
	return CompileRequest{
		Certname: certname, Environment: environment, Facts: facts, Trusted: *trusted(r),
		Classes: class.Classes, Parameters: class.Parameters,
		TransactionUUID: form.Get("transaction_uuid"), JobUUID: form.Get("job_uuid"),
		Static: form.Get("static_catalog") == "true", ChecksumTypes: sums,
		ServerName: s.Name, ServerVersion: CompatVersion,
	}, nil
}

// trusted reads the agent's certificate.
func trusted(r *request) *Trusted {
	name := r.cert.Subject.CommonName
	t := &Trusted{
		Authenticated: "remote", Certname: name, Hostname: name,
		Extensions: pki.TrustedExtensions(r.cert), External: map[string]any{},
	}
	if host, domain, dotted := strings.Cut(name, "."); dotted {
		t.Hostname, t.Domain = host, &domain
	}
	return t
}

// compile waits for its turn, compiles and hands the catalog on.
func (s *Server) compile(ctx context.Context, request CompileRequest) (Catalog, error) {
	var catalog Catalog
	err := s.compilations.work(ctx, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, s.CompileTimeout)
		defer cancel()
		catalog, err = s.Compiler.Compile(ctx, request)
		if err != nil && ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			err = errs.WrapAs(errs.Invalid, err, "the compilation took longer than %s", s.CompileTimeout)
		}
		return err
	})
	if err != nil {
		s.counters.catalogErrors.Add(1)
		return catalog, compileFault(err, request.Certname)
	}
	s.counters.catalogs.Add(1)
	if catalog.Environment == "" {
		catalog.Environment = request.Environment
	}
	done := CompiledCatalog{
		Certname: request.Certname, TransactionUUID: request.TransactionUUID, JobUUID: request.JobUUID,
		Producer: s.Name, Time: s.Clock(), Catalog: catalog,
	}
	err = deliver(ctx, s, s.Catalogs, func(ctx context.Context, sink CatalogSink) error { return sink.StoreCatalog(ctx, done) })
	return catalog, err
}

// compileFault words a failed compilation as agents know it: the manifest's
// error with the node behind it.
func compileFault(err error, certname string) error {
	if !errs.Is(err, errs.Invalid) {
		return err
	}
	text := errs.PublicText(err)
	if on := " on node " + certname; !strings.HasSuffix(text, on) {
		text += on
	}
	return &fault{status: http.StatusInternalServerError, text: text}
}
