package build

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/dossier"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/noun/nountest"
	"github.com/chargehand/chargehand/core/provision"
	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

type park struct {
	*storetest.World
	*Service
	t    *testing.T
	now  time.Time
	host *inventory.Host
}

// newPark has one host in build mode.
func newPark(t *testing.T) *park {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "core.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := &park{t: t, World: storetest.Make(t, storetest.Registry(t, db, inventory.Options{})), now: time.Now()}
	p.Service = New(Options{
		Nouns: func() *noun.Registry { return p.Reg }, Caller: nountest.Admin{}, Clock: func() time.Time { return p.now },
		Defaults: dossier.Defaults{PuppetServer: "puppet.example.com"},
	})
	p.host = p.Host("web01.example.com", 1)
	p.host.IP, p.host.IP6, p.host.Build, p.host.RootPass, p.host.PXELoader = "192.0.2.50", "2001:db8::50", true, "$6$a$b", "PXELinux BIOS"
	storetest.Create(t, p.Reg, p.host)
	return p
}

func (p *park) load() *inventory.Host {
	p.t.Helper()
	d, err := p.Gather(p.t.Context(), p.host.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return d.Host
}

func TestIdentify(t *testing.T) {
	p := newPark(t)
	token := p.load().Token
	if len(token) < 20 {
		t.Fatalf("token %q", token)
	}
	for name, test := range map[string]struct {
		visitor Visitor
		later   time.Duration
		kind    errs.Kind // 0 is found
		fails   bool
	}{
		"token":               {visitor: Visitor{Token: token}},
		"expired":             {visitor: Visitor{Token: token}, later: 7 * time.Hour, kind: errs.Unauthenticated, fails: true},
		"wrong token":         {visitor: Visitor{Token: token + "x", MAC: "52:54:00:00:00:01"}, kind: errs.NotFound, fails: true},
		"token with wildcard": {visitor: Visitor{Token: "%"}, kind: errs.NotFound, fails: true},
		"nothing":             {kind: errs.NotFound, fails: true},
		"MAC":                 {visitor: Visitor{MAC: "52:54:00:00:00:01"}},
		"MAC in capitals":     {visitor: Visitor{MAC: strings.ToUpper("52:54:00:00:00:01")}},
		"no MAC":              {visitor: Visitor{MAC: "' OR 1=1"}, kind: errs.NotFound, fails: true},
		"address":             {visitor: Visitor{Address: netip.MustParseAddr("192.0.2.50")}},
		"mapped address":      {visitor: Visitor{Address: netip.MustParseAddr("::ffff:192.0.2.50")}},
		"IPv6 address":        {visitor: Visitor{Address: netip.MustParseAddr("2001:db8::50")}},
		"another address":     {visitor: Visitor{Address: netip.MustParseAddr("192.0.2.51")}, kind: errs.NotFound, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			defer func(was time.Time) { p.now = was }(p.now)
			p.now = p.now.Add(test.later)
			h, err := p.Identify(t.Context(), test.visitor)
			if test.fails && !errs.Is(err, test.kind) || !test.fails && (err != nil || h.ID != p.host.ID) {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}

func TestBuilt(t *testing.T) {
	p := newPark(t)
	token := p.load().Token
	if err := p.Failed(t.Context(), p.host.ID, strings.Repeat("é", maxBuildErrors)); err != nil {
		t.Fatal(err)
	}
	if h := p.load(); !h.Build || h.BuildStatus != statusFailed || len(h.BuildErrors) > maxBuildErrors || h.Token != token {
		t.Errorf("failed: build %v, status %d, %d bytes", h.Build, h.BuildStatus, len(h.BuildErrors))
	}
	if err := p.Built(t.Context(), p.host.ID); err != nil {
		t.Fatal(err)
	}
	if h := p.load(); h.Build || h.Token != "" || h.BuildErrors != "" || h.BuildStatus != statusBuilt || h.InstalledAt.IsZero() {
		t.Errorf("built: %+v", h)
	}
	for what, do := range map[string]func() error{
		"built twice":  func() error { return p.Built(t.Context(), p.host.ID) },
		"failed after": func() error { return p.Failed(t.Context(), p.host.ID, "too late") },
	} {
		if err := do(); !errs.Is(err, errs.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := p.Identify(t.Context(), Visitor{Token: token}); !errs.Is(err, errs.NotFound) {
		t.Errorf("the token of a build that is over: %v", err)
	}
	if err := p.SetBuild(t.Context(), nountest.Admin{}, p.host.ID, true); err != nil {
		t.Fatal(err)
	}
	if h := p.load(); !h.Build || h.Token == "" || h.Token == token {
		t.Errorf("built anew: build %v, token %q", h.Build, h.Token)
	}
}

// TestTemplateOf: combinations go before the default, and other organizations'
// templates are not seen.
func TestTemplateOf(t *testing.T) {
	p := newPark(t)
	kind := storetest.Create(t, p.Reg, &inventory.TemplateKind{Name: "provision"})
	group := storetest.Create(t, p.Reg, &inventory.Hostgroup{Name: "web"})
	other := storetest.Create(t, p.Reg, &inventory.Organization{Taxonomy: inventory.Taxonomy{Name: "Other"}})
	template := func(name string, orgs []int64, combos ...inventory.TemplateCombination) int64 {
		return storetest.Create(t, p.Reg, &inventory.ProvisioningTemplate{
			Taxed: noun.Taxed{OrganizationIDs: orgs, LocationIDs: []int64{p.Loc}}, Name: name, Template: name, KindID: kind, Combinations: combos,
		})
	}
	plain := template("plain", []int64{p.Org})
	ids := []int64{
		plain, template("web", []int64{p.Org}, inventory.TemplateCombination{HostgroupID: group}),
		template("foreign", []int64{other}, inventory.TemplateCombination{HostgroupID: group}),
	}
	chosen := func(group int64, defaults ...inventory.OSDefaultTemplate) (name string, err error) {
		err = p.Reg.Read(t.Context(), func(tx *noun.Tx) error {
			d, err := dossier.Gather(t.Context(), tx, p.host.ID)
			if err != nil {
				return err
			}
			d.Host.HostgroupID, d.OS.TemplateIDs, d.OS.DefaultTemplates = group, slices.Clone(ids), defaults
			tpl, err := templateOf(t.Context(), tx, d, provision.Kind("provision"))
			name = tpl.Name
			return err
		})
		return name, err
	}
	def := inventory.OSDefaultTemplate{TemplateID: plain, KindID: kind}
	if got, err := chosen(0, def); got != "plain" || err != nil {
		t.Errorf("default: %q, %v", got, err)
	}
	if got, err := chosen(group, def); got != "web" || err != nil {
		t.Errorf("combination: %q, %v", got, err)
	}
	if got, err := chosen(0); !errs.Is(err, errs.NotFound) {
		t.Errorf("none: %q, %v", got, err)
	}
}

func TestClassify(t *testing.T) {
	p := newPark(t)
	c, err := p.Classify(t.Context(), "web01.example.com")
	if err != nil || c.Parameters["foreman_fqdn"] != "web01.example.com" || c.Parameters["domainname"] != "example.com" ||
		c.Parameters["puppetmaster"] != "puppet.example.com" {
		t.Errorf("%+v, %v", c.Parameters, err)
	}
	if _, err := p.Classify(context.Background(), "nobody.example.com"); !errs.Is(err, errs.NotFound) {
		t.Errorf("err = %v", err)
	}
}
