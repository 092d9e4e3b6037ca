package orchestrate_test

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/dossier"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/noun/nountest"
	"github.com/chargehand/chargehand/core/orchestrate"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a park on SQLite, a running engine, and one proxy in memory.
type world struct {
	*storetest.World
	*proxy
	t      *testing.T
	engine *job.Engine
	plans  *orchestrate.Orchestrator
	audits *audits
	class  int64
	sql    func(*noun.Tx) *sqldb.Tx // the transaction that rows are put back in
}

type audits struct {
	mu  sync.Mutex
	all []noun.Audit
}

func (a *audits) Record(_ context.Context, _ *noun.Tx, one noun.Audit) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, one)
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "core.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, proxy: newProxy(), audits: &audits{}, sql: store.SQL}
	var nouns *noun.Registry
	steps := job.NewRegistry()
	orchestrate.Register(steps, w.proxy, boot{&nouns})
	orchestrate.RegisterRows(steps, orchestrate.Rows{
		Nouns: func() *noun.Registry { return nouns }, Sealer: nountest.Plain{}, Caller: nountest.Admin{},
		SQL: func(tx *noun.Tx) *sqldb.Tx { return w.sql(tx) },
	})
	w.engine = job.New(store.NewJobs(db), steps, job.Options{Sole: true, Poll: 20 * time.Millisecond, Backoff: func(int) time.Duration { return time.Millisecond }})
	w.plans = orchestrate.New(orchestrate.Options{Engine: w.engine, Sealer: nountest.Plain{}, SQL: store.SQL, Look: look})
	storetest.Registry(t, db, inventory.Options{}) // migrates
	nouns, err = noun.New(noun.Options{Backend: store.New(db, nountest.Plain{}), Auditor: w.audits, Now: clock.System},
		inventory.Nouns(inventory.Options{Hosts: inventory.HostOptions{Orchestrator: w.plans}})...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.engine.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w.furnish(nouns)
	return w
}

func look(ctx context.Context, tx *noun.Tx, h *inventory.Host) (*orchestrate.View, error) {
	d, err := dossier.Around(ctx, tx, h)
	if err != nil {
		return nil, err
	}
	return d.Orchestration(), nil
}

func (w *world) furnish(nouns *noun.Registry) {
	w.World = storetest.Make(w.t, nouns)
	w.class = storetest.Create(w.t, nouns, &inventory.Puppetclass{Name: "motd"})
	_, err := noun.Of[inventory.Subnet](nouns).Update(w.t.Context(), nountest.Admin{}, strconv.FormatInt(w.Subnet, 10), func(s *inventory.Subnet) error {
		s.DHCPID, s.TFTPID, s.DNSID = w.World.Proxy, w.World.Proxy, w.World.Proxy
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// boot renders from the rows, as the real one does: without a host it cannot.
type boot struct{ nouns **noun.Registry }

func (b boot) Config(ctx context.Context, host int64, kind string, build bool) (text string, err error) {
	err = (*b.nouns).Read(ctx, func(tx *noun.Tx) error {
		h, err := noun.Load[inventory.Host](ctx, tx, host)
		if err == nil {
			text = fmt.Sprintf("%s of %s, build %v, token %v", kind, h.Name, build, h.Token != "")
		}
		return err
	})
	return text, err
}

// machine is a host that wants everything.
func (w *world) machine() *inventory.Host {
	h := w.Host("web01.example.com", 1)
	h.SubnetID, h.IP, h.PXELoader, h.PuppetCAProxyID = w.Subnet, "192.0.2.50", "PXELinux BIOS", w.World.Proxy
	h.Build, h.RootPass = true, "$6$salt$canary"
	h.Interfaces = []inventory.Interface{
		{Identifier: "eth0", Type: inventory.InterfaceManaged, Primary: true, Provision: true, Managed: true, NICDelay: new(int64), Link: true},
		{Identifier: "ipmi", Type: inventory.InterfaceBMC, Provider: "IPMI", Username: "root", Password: "canary-bmc"},
	}
	h.PuppetclassIDs = []int64{w.class}
	h.Parameters = []noun.Parameter{{Name: "rôle", Type: "string", Value: "canary-parameter", Hidden: true}}
	return h
}

func (w *world) hosts() *noun.Noun[inventory.Host] { return noun.Of[inventory.Host](w.Reg) }

func (w *world) create(h *inventory.Host) error {
	return w.hosts().Create(w.t.Context(), nountest.Admin{}, h)
}

func (w *world) update(id int64, f func(h *inventory.Host)) error {
	_, err := w.hosts().Update(w.t.Context(), nountest.Admin{}, strconv.FormatInt(id, 10), func(h *inventory.Host) error {
		f(h)
		return nil
	})
	return err
}

func (w *world) remove(id int64) error {
	return w.hosts().Delete(w.t.Context(), nountest.Admin{}, strconv.FormatInt(id, 10))
}

// settle waits until no plan is under way.
func (w *world) settle() {
	w.t.Helper()
	runs, err := w.engine.List(w.t.Context(), job.Query{Active: true})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range runs {
		ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
		if last, err := w.engine.Wait(ctx, r.ID); err != nil {
			w.t.Fatalf("plan %s does not end: %v\n%+v", r.Label, err, last)
		}
		cancel()
	}
}

// rows gives the hosts as they are stored, without what each save moves.
func (w *world) rows() []inventory.Host {
	w.t.Helper()
	var all []inventory.Host
	err := w.Reg.Read(w.t.Context(), func(tx *noun.Tx) error {
		all = nil
		found, err := noun.Find[inventory.Host](w.t.Context(), tx, nil)
		if err != nil {
			return err
		}
		for _, h := range found {
			whole, err := noun.LoadWhole[inventory.Host](w.t.Context(), tx, h.ID)
			if err != nil {
				return err
			}
			whole.LockVersion = 0
			all = append(all, *whole)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// outside is all that the proxy holds.
func (w *world) outside() map[string]string {
	m := map[string]string{}
	for _, r := range w.dns.All() {
		m["dns "+string(r.Type)+" "+r.Name] = r.Value
	}
	records, err := w.dhcp.Records(context.Background(), netip.MustParseAddr("192.0.2.0"), dhcp.Query{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range records {
		m["dhcp "+r.MAC.String()] = r.IP.String() + " " + r.Hostname + " " + r.Filename + " " + r.NextServer
	}
	for _, name := range w.tftp.Names() {
		text, _ := w.tftp.ReadFile(name)
		m["tftp "+name] = string(text)
	}
	names, _ := w.auto.List(context.Background())
	for _, name := range names {
		m["autosign "+name] = "yes"
	}
	return m
}
