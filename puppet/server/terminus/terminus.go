// Package terminus turns what the Puppet Server edge takes in and makes into
// PuppetDB's commands, as Puppet Server's own PuppetDB terminus does: facts with
// $trusted among them, catalogs without secrets and with their relationships,
// reports cut down to what happened.
//
// It imports puppet/server, internal/clock and internal/errs.
package terminus

import (
	"context"
	"encoding/json"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppet/server"
)

// A Command is one for PuppetDB.
type Command struct {
	Name     string // replace facts, replace catalog, store report
	Version  int
	Certname string
	Produced time.Time
	Payload  []byte // JSON
}

// Commands is where they go: PuppetDB's queue in this process, or its HTTP API.
type Commands interface {
	// Submit hands one over. Nil means that it is queued durably. It may be called
	// again with the same command.
	Submit(ctx context.Context, c Command) error
}

// A Terminus is a sink for facts, catalogs and reports.
type Terminus struct {
	to       Commands
	producer string
	now      clock.Clock
	// unchanged keeps the resources of a report that nothing happened to.
	unchanged bool
}

var (
	_ server.FactSink    = (*Terminus)(nil)
	_ server.CatalogSink = (*Terminus)(nil)
	_ server.ReportSink  = (*Terminus)(nil)
)

// Options are what a Terminus is made of. All but the last are required.
type Options struct {
	Commands Commands
	Producer string // this server's certificate name
	Clock    clock.Clock
	// Unchanged keeps the resources of a report that nothing happened to.
	Unchanged bool
}

// New makes a Terminus.
func New(o Options) *Terminus {
	return &Terminus{to: o.Commands, producer: o.Producer, now: o.Clock, unchanged: o.Unchanged}
}

// timeForm is how the terminus writes times: cut to milliseconds.
const timeForm = "2006-01-02T15:04:05.000-07:00"

func stamp(t time.Time) string { return t.UTC().Truncate(time.Millisecond).Format(timeForm) }

func (t *Terminus) submit(ctx context.Context, name string, version int, certname string, produced time.Time, payload any) error {
	data, err := json.Marshal(payload)
	if err != nil {
		return errs.Wrap(err, "encode %s of %s", name, certname)
	}
	return t.to.Submit(ctx, Command{Name: name, Version: version, Certname: certname, Produced: produced, Payload: data})
}

type factsPayload struct {
	Certname    string                     `json:"certname"`
	Values      map[string]json.RawMessage `json:"values"`
	Environment string                     `json:"environment"`
	Produced    string                     `json:"producer_timestamp"`
	Producer    string                     `json:"producer"`
	Packages    json.RawMessage            `json:"package_inventory,omitempty"`
}

// inventoryFact is where agents put their list of packages.
const inventoryFact = "_puppet_inventory_1"

// StoreFacts submits replace facts.
func (t *Terminus) StoreFacts(ctx context.Context, f server.Facts) error {
	produced := t.now()
	p := factsPayload{Certname: f.Certname, Environment: f.Environment, Produced: stamp(produced), Producer: t.producer}
	if err := json.Unmarshal(f.Values, &p.Values); err != nil {
		return errs.WrapAs(errs.Malformed, err, "read the facts of %s", f.Certname)
	}
	if raw, ok := p.Values[inventoryFact]; ok {
		var inventory struct {
			Packages json.RawMessage `json:"packages"`
		}
		if json.Unmarshal(raw, &inventory) == nil {
			p.Packages = inventory.Packages
		}
		delete(p.Values, inventoryFact)
	}
	if f.Trusted != nil {
		trusted, err := json.Marshal(f.Trusted)
		if err != nil {
			return errs.Wrap(err, "encode the trusted facts of %s", f.Certname)
		}
		p.Values["trusted"] = trusted
	}
	return t.submit(ctx, "replace facts", 5, f.Certname, produced, p)
}
