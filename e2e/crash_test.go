//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/e2e/site"
	"github.com/chargehand/chargehand/internal/sqldb"
)

const (
	kills    = 50 // ends of the process without warning
	outages  = 10 // ends of the name server
	machines = 4  // that are created and deleted all the time

	settleWithin = time.Minute
)

// A yard is a process, the name server it writes to, and machines that come and
// go. What must hold whenever it is at rest: a host is there with all its
// records, or neither is.
type yard struct {
	*testing.T
	p     *site.Process
	world *site.World
	dns   func() string
	acked [machines]*bool // what the last answer said, nil while a question is open
	done  struct{ created, deleted, refused, cut int }
	why   map[int]int // refusals by status
	mu    sync.Mutex
}

func machine(i int) (name, mac, ip string) {
	return fmt.Sprintf("m%d.e2e.test", i), fmt.Sprintf("52:54:00:00:01:%02x", i), fmt.Sprintf("192.0.2.%d", 20+i)
}

func newYard(t *testing.T, set map[string]string, dns func() string) *yard {
	t.Helper()
	y := &yard{T: t, p: site.Start(t, site.Options{Binary: binary, Cache: cache, Set: set}), dns: dns, why: map[int]int{}}
	y.p.Pin() // proxies are registered by address
	if dns == nil {
		y.dns = func() string { return y.p.Endpoints["dns.listen"] }
	}
	y.world = y.p.API().Fill(site.Plan{Medium: site.Medium(t, site.BootFiles())})
	for i := range machines {
		y.acked[i] = new(bool)
	}
	return y
}

// work creates and deletes machines until stop is closed.
func (y *yard) work(stop <-chan struct{}) (wait func()) {
	var group sync.WaitGroup
	api := y.p.API()
	ids := y.hosts()
	for i := range machines {
		group.Go(func() { y.toggle(api, i, ids, stop) })
	}
	return group.Wait
}

func (y *yard) toggle(api *site.API, i int, ids map[string]int64, stop <-chan struct{}) {
	name, mac, ip := machine(i)
	id := ids[name]
	for {
		select {
		case <-stop:
			return
		default:
		}
		there := id != 0
		y.acked[i] = nil
		var status int
		var body []byte
		var err error
		if there {
			status, _, err = api.Try(http.MethodDelete, fmt.Sprintf("/api/v2/hosts/%d", id), nil)
		} else {
			status, body, err = api.Try(http.MethodPost, "/api/v2/hosts", y.world.Host(name, mac, ip))
		}
		y.count(there, status, err)
		if err != nil {
			return // the process is no more
		}
		if status >= 300 {
			y.acked[i] = &there // nothing has changed
			continue
		}
		there, id = !there, 0
		y.acked[i] = &there
		if there {
			var made site.Object
			if err := json.Unmarshal(body, &made); err != nil {
				y.Error(err)
				return
			}
			id = site.ID(made)
		}
	}
}

func (y *yard) count(deleted bool, status int, err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	switch {
	case err != nil:
		y.done.cut++
	case status >= 300:
		y.done.refused++
		y.why[status]++
	case deleted:
		y.done.deleted++
	default:
		y.done.created++
	}
}

func (y *yard) hosts() map[string]int64 {
	all := map[string]int64{}
	for _, h := range y.world.List("hosts", "") {
		all[h["name"].(string)] = site.ID(h)
	}
	return all
}

// settles waits until no plan is open.
func (y *yard) settles() {
	y.Helper()
	db, err := sqldb.Open(y.Context(), "sqlite:"+filepath.Join(y.p.Dir, "core.db"), sqldb.Options{})
	if err != nil {
		y.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	site.Eventually(y, settleWithin, func() string {
		var open int
		var which string
		err := db.QueryRow(context.Background(), "SELECT COUNT(*), COALESCE(MAX(label || ' ' || state), '') FROM job_plans WHERE state NOT IN ('done', 'undone')", nil, &open, &which)
		if err != nil {
			return err.Error()
		}
		if open > 0 {
			return fmt.Sprintf("%d plans are open, such as %s", open, which)
		}
		return ""
	})
}

// atRest compares the whole world and gives what is wrong with it: records
// without a host, and hosts that lack records.
func (y *yard) atRest() (orphans, halves, lost []string) {
	y.Helper()
	hosts := y.hosts()
	_, leases := y.p.Smart(http.MethodGet, y.p.Endpoints["proxy.https"], "/dhcp/192.0.2.0")
	_, autosign := y.p.Smart(http.MethodGet, y.p.Endpoints["proxy.https"], "/puppet/ca/autosign")
	files, err := filepath.Glob(filepath.Join(y.p.Dir, "tftp", "pxelinux.cfg", "*"))
	if err != nil {
		y.Fatal(err)
	}
	for i := range machines {
		name, mac, ip := machine(i)
		_, there := hosts[name]
		if said := y.acked[i]; said != nil && *said != there {
			lost = append(lost, fmt.Sprintf("%s: said to be there %t, is %t", name, *said, there))
		}
		for what, found := range map[string]bool{
			"A":        slices.Contains(site.Dig(y, y.dns(), name, "A"), ip),
			"PTR":      slices.Contains(site.Dig(y, y.dns(), ip, "PTR"), name+"."),
			"DHCP":     strings.Contains(leases, mac),
			"PXE":      slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, "01-"+strings.ReplaceAll(mac, ":", "-")) }),
			"autosign": strings.Contains(autosign, name),
		} {
			if found && !there {
				orphans = append(orphans, what+" of "+name)
			}
			if there && !found {
				halves = append(halves, name+" without "+what)
			}
		}
	}
	return orphans, halves, lost
}

func (y *yard) mustRest(when string) {
	y.Helper()
	y.settles()
	orphans, halves, lost := y.atRest()
	if len(orphans)+len(halves)+len(lost) > 0 {
		y.Fatalf("%s: orphans %v, half hosts %v, lost answers %v\n%s", when, orphans, halves, lost, y.p.Written())
	}
}

// TestKill ends the process as a power cut does while hosts come and go.
func TestKill(t *testing.T) {
	y := newYard(t, nil, nil)
	y.warm()
	for i := range kills {
		stop := make(chan struct{})
		wait := y.work(stop)
		time.Sleep(time.Duration(rand.Int64N(int64(1500 * time.Millisecond))))
		y.p.Kill()
		close(stop)
		wait()
		y.p.Start()
		y.mustRest(fmt.Sprintf("kill %d", i+1))
	}
	t.Logf("%d kills: 0 orphans, 0 half hosts, 0 lost answers; hosts created %d, deleted %d; %d requests refused %v, %d cut off",
		kills, y.done.created, y.done.deleted, y.done.refused, y.why, y.done.cut)
}

// warm creates and deletes one host, so that the interpreter is there.
func (y *yard) warm() {
	y.Helper()
	y.p.AwaitRuby()
	name, mac, ip := machine(0)
	h := y.world.Call(http.MethodPost, "/api/v2/hosts", y.world.Host(name, mac, ip))
	y.world.Call(http.MethodDelete, fmt.Sprintf("/api/v2/hosts/%d", site.ID(h)), nil)
}

// TestNameServerStops takes a real BIND away in the middle of the work.
func TestNameServerStops(t *testing.T) {
	b := site.StartNamed(t, "e2e.test", "2.0.192.in-addr.arpa")
	y := newYard(t, map[string]string{"dns.listen": "off", "dns.server": b.Address, "dns.keyname": b.KeyName, "dns.key": b.Key}, func() string { return b.Address })
	y.warm()
	for i := range outages {
		stop := make(chan struct{})
		wait := y.work(stop)
		time.Sleep(time.Duration(rand.Int64N(int64(time.Second))))
		b.Stop()
		time.Sleep(time.Duration(rand.Int64N(int64(2 * time.Second))))
		close(stop)
		b.Start()
		wait()
		y.mustRest(fmt.Sprintf("outage %d", i+1))
	}
	t.Logf("%d outages: 0 orphans, 0 half hosts, 0 lost answers; hosts created %d, deleted %d; %d requests refused %v",
		outages, y.done.created, y.done.deleted, y.done.refused, y.why)
}
