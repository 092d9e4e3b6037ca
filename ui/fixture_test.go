package ui

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/access"
	"github.com/chargehand/chargehand/core/audit"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/param"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/proxy/puppetca"
)

const password = "correct horse"

// hostile is a name that becomes markup where a page forgets to escape it.
const hostile = `<script>alert("x")</script>`

// A site is the interface over a database of its own, with a small park in it.
type site struct {
	reg    *noun.Registry
	world  *storetest.World
	server *httptest.Server
	log    *strings.Builder
	ca     *fakeCA
	host   string
	viewer int64 // the id of that user
}

// newSite gives a site with the users admin and viewer.
func newSite(t *testing.T) *site {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ui.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := store.Migrate(t.Context(), db, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	hasher, err := access.NewHasher(access.Cost{Memory: 64, Passes: 1, Threads: 1}, clock.System)
	if err != nil {
		t.Fatal(err)
	}
	nouns := append(inventory.Nouns(inventory.Options{}), access.UserNoun(hasher), access.RoleNoun(), access.FilterNoun(), access.PermissionNoun(), audit.Noun())
	trail := audit.New(store.Audits{}, []byte("a key of the tests' own"))
	s := &site{log: &strings.Builder{}, ca: &fakeCA{}}
	if s.reg, err = noun.New(noun.Options{Backend: store.New(db, storetest.Plain{}), Auditor: trail, Now: clock.System}, nouns...); err != nil {
		t.Fatal(err)
	}
	gate := access.NewGate(s.reg, store.NewAccess(db), hasher, access.Options{Log: slog.New(slog.DiscardHandler)})
	s.fill(t, gate)
	pages, err := New(Options{
		Registry: s.reg, Auth: gateAuth{gate}, Hosts: fakeHosts{}, Plans: job.New(store.NewJobs(db), job.NewRegistry(), job.Options{}),
		CA: func(context.Context) (CA, error) { return s.ca, nil }, Clock: clock.System, Log: slog.New(slog.NewTextHandler(s.log, nil)), Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(pages)
	t.Cleanup(s.server.Close)
	return s
}

func (s *site) fill(t *testing.T, gate *access.Gate) {
	t.Helper()
	if err := access.Seed(t.Context(), s.reg); err != nil {
		t.Fatal(err)
	}
	s.world = storetest.Make(t, s.reg)
	if _, err := gate.Bootstrap(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	viewer, err := noun.Of[access.Role](s.reg).Get(t.Context(), storetest.Admin{}, "Viewer")
	if err != nil {
		t.Fatal(err)
	}
	user := &access.User{
		Login: "viewer", Password: password, RoleIDs: []int64{viewer.ID},
		Taxed: noun.Taxed{OrganizationIDs: []int64{s.world.Org}, LocationIDs: []int64{s.world.Loc}},
	}
	if err := noun.Of[access.User](s.reg).Create(t.Context(), access.System("test"), user); err != nil {
		t.Fatal(err)
	}
	s.viewer = user.ID
	host := s.world.Host("web01.example.com", 1)
	host.Comment = hostile
	id := storetest.Create(t, s.reg, host)
	s.host = "web01.example.com"
	storetest.Create(t, s.reg, &inventory.ConfigReport{
		HostID: id, ReportedAt: time.Now().Add(-time.Hour), Status: 1 << 20, Origin: "Puppet", Logs: []inventory.ReportLog{{Level: "err", Source: "Puppet", Message: hostile}},
	})
	storetest.Create(t, s.reg, &inventory.Model{Name: hostile})
	storetest.Create(t, s.reg, &inventory.Model{Name: "=1+2"})
	storetest.Create(t, s.reg, &inventory.Domain{
		Name: "other.example", Taxed: noun.Taxed{OrganizationIDs: []int64{s.world.Org}, LocationIDs: []int64{s.world.Loc}},
		Parameters: []noun.Parameter{{Name: "ntp", Value: "time.example", Type: "string"}, {Name: "key", Value: "hush", Type: "string", Hidden: true}},
	})
}

type gateAuth struct{ gate *access.Gate }

func (a gateAuth) Login(ctx context.Context, login, password, address string) (string, error) {
	remote, _ := netip.ParseAddr(address)
	p, err := a.gate.Login(ctx, access.Login{Login: login, Password: password, Remote: remote})
	if err != nil {
		return "", err
	}
	cookie, _, err := a.gate.NewSession(ctx, p, address, false)
	return cookie, err
}

func (a gateAuth) Session(ctx context.Context, cookie string) (*access.Principal, error) {
	_, p, err := a.gate.Session(ctx, cookie)
	return p, err
}

func (a gateAuth) Logout(ctx context.Context, cookie string) error {
	return a.gate.EndSession(ctx, cookie)
}

// fakeHosts answers with something to show in every place.
type fakeHosts struct{}

func (fakeHosts) Node(context.Context, int64) (*param.Node, error) {
	return &param.Node{Classes: []string{"motd"}, Parameters: []*inventory.ResolvedParameter{{Parameter: &noun.Parameter{Name: "ntp", Value: hostile}, Source: "global"}}}, nil
}

func (fakeHosts) Facts(context.Context, int64) ([]Fact, error) {
	return []Fact{{Name: "os::name", Value: hostile}}, nil
}

func (fakeHosts) Timeline(context.Context, *inventory.Host) ([]timeline.Progress, error) {
	return []timeline.Progress{{State: timeline.Stalled, Leg: timeline.Leg{Title: "Boot loader", Stalled: "nothing came"}, Events: []timeline.Event{{Text: hostile, At: time.Now(), Bytes: 2048}}}}, nil
}

func (fakeHosts) TemplateKinds(context.Context, int64) ([]string, error) {
	return []string{"PXELinux"}, nil
}

func (fakeHosts) Render(context.Context, int64, string) (string, error) { return hostile, nil }

func (fakeHosts) RenderText(_ context.Context, _ int64, name, text string) (string, error) {
	if strings.Contains(text, "<%=") {
		return "", errs.New(errs.Invalid, "%s:1: syntax error", name)
	}
	return text, nil
}

func (fakeHosts) SetBuild(context.Context, noun.Caller, int64, bool) error { return nil }

func (fakeHosts) FreeIP(context.Context, int64, string) (string, error) { return "192.0.2.11", nil }

// fakeCA has one request and one certificate.
type fakeCA struct{ done []string }

func (*fakeCA) List(context.Context) ([]puppetca.Certificate, error) {
	return []puppetca.Certificate{
		{Certname: "signed.example.com", State: puppetca.Valid, Fingerprint: "AA:BB", NotAfter: time.Now().Add(time.Hour)},
		{Certname: "new.example.com", State: puppetca.Pending, Fingerprint: "CC:DD"},
	}, nil
}

func (c *fakeCA) Sign(_ context.Context, name string) error {
	c.done = append(c.done, "sign "+name)
	return nil
}

func (c *fakeCA) Clean(_ context.Context, name string) error {
	c.done = append(c.done, "clean "+name)
	return nil
}

// A browser keeps cookies, and follows no redirect unless told.
type browser struct {
	t    *testing.T
	site *site
	http *http.Client
}

// as gives a browser, logged in unless login is empty.
func (s *site) as(t *testing.T, login string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, site: s, http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if login != "" {
		if r := b.post("/users/login", url.Values{"login": {login}, "password": {password}}); r.status != http.StatusSeeOther {
			t.Fatalf("log in as %s: %d", login, r.status)
		}
	}
	return b
}

// An answer is what a test looks at of a response.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b *browser) get(path string) answer { return b.do(http.MethodGet, path, nil, nil) }

func (b *browser) post(path string, form url.Values) answer {
	return b.do(http.MethodPost, path, form, nil)
}

func (b *browser) do(method, path string, form url.Values, header http.Header) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.site.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// want is get that demands a status.
func (b *browser) want(status int, path string) string {
	b.t.Helper()
	r := b.get(path)
	if r.status != status {
		b.t.Fatalf("%s: status %d, want %d: %s", path, r.status, status, firstProblem(r.body))
	}
	return r.body
}

func firstProblem(page string) string {
	_, rest, found := strings.Cut(page, `class="problem"`)
	if !found {
		return fmt.Sprintf("%.200s", page)
	}
	text, _, _ := strings.Cut(rest, "</")
	return text
}
