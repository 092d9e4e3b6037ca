// Package timeline keeps what happens to a machine on its way from the first
// DHCP packet to its first Puppet report, so that whoever looks sees where it is
// and, when it stands still, why.
//
// It may import internal packages only; the SQL behind Store lives in core/store.
package timeline

import (
	"context"
	"log/slog"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
)

// A Stage is one leg of the way. Every event belongs to one.
type Stage string

// The stages, in order.
const (
	DHCP       Stage = "dhcp"
	Loader     Stage = "loader"
	BootConfig Stage = "config"
	Kernel     Stage = "kernel"
	Template   Stage = "template"
	Installed  Stage = "built"
	CSR        Stage = "csr"
	Signed     Stage = "signed"
	Catalog    Stage = "catalog"
	Report     Stage = "report"
)

// A Leg says what a stage is for people, which of the 19 steps of a provisioning
// it covers, and what to look at when nothing comes after it.
type Leg struct {
	Stage   Stage
	Title   string
	Steps   string
	Stalled string
}

// Legs lists the stages in order.
func Legs() []Leg {
	return []Leg{
		{DHCP, "Address from DHCP", "1–2", "No DHCP request came from this MAC address: is the machine on, set to boot from the network, and on the right VLAN?"},
		{Loader, "Boot loader", "3–4", "The machine has an address but asked for no boot loader: does it reach the TFTP server (UDP 69), and does the reservation name a loader that its firmware can run?"},
		{BootConfig, "Boot configuration", "5–8", "The loader runs but asked for no configuration for its MAC address: is build mode on, and does the host's PXE loader match its firmware?"},
		{Kernel, "Kernel and initial RAM disk", "9–10", "The configuration was read but no kernel was fetched: are the boot files on the TFTP server?"},
		{Template, "Installer's template", "11–12", "The kernel was loaded but no installer asked for its template: does the installer reach this server over HTTP, and is its network driver in the image?"},
		{Installed, "Installation reported", "13–14", "The installer has its template and is at work, or stands still: look at its console; a build token may have expired."},
		{CSR, "Certificate request", "15", "The machine is installed but sent no certificate request: did the post-install script set up the agent, and does it reach port 8140?"},
		{Signed, "Certificate signed", "16–17", "The request waits to be signed: sign it, or look why autosigning did not."},
		{Catalog, "First catalog", "18", "The agent has its certificate but asked for no catalog: is its clock right?"},
		{Report, "First report", "19", "The agent is applying its catalog."},
	}
}

// An Event is one thing that happened. One of Host, MAC, Address, Token or
// Certname says to whom.
type Event struct {
	ID       int64
	Host     int64
	MAC      string
	Address  string // IP of the machine
	Certname string

	Stage    Stage
	At       time.Time
	Text     string // one line: "ACK 192.0.2.5, pxelinux.0"
	Bytes    int64
	Duration time.Duration
	Failure  string // why it went wrong; empty when it did not
}

// A Store keeps events. Safe for concurrent use.
type Store interface {
	// Append keeps an event, finding its host by what identifies it; an event
	// of no known host is dropped. Events over a bound per host push out old ones.
	Append(ctx context.Context, e Event) error
	// Events gives a host's events since a time, oldest first.
	Events(ctx context.Context, host int64, since time.Time) ([]Event, error)
}

// queued bounds the events that wait to be written; what comes beyond is
// dropped and counted, for a timeline must never slow a boot down.
const queued = 4096

// A Recorder writes events behind the back of whoever reports them.
type Recorder struct {
	store  Store
	now    clock.Clock
	log    *slog.Logger
	events chan Event
}

// NewRecorder makes a recorder; Run writes.
func NewRecorder(store Store, now clock.Clock, log *slog.Logger) *Recorder {
	return &Recorder{store: store, now: now, log: log, events: make(chan Event, queued)}
}

// Record notes an event; it never blocks.
func (r *Recorder) Record(e Event) {
	if e.At.IsZero() {
		e.At = r.now()
	}
	select {
	case r.events <- e:
	default:
		r.log.Warn("timeline: too many events, one is dropped", "stage", e.Stage)
	}
}

// Run writes events until ctx ends, then what still waits.
func (r *Recorder) Run(ctx context.Context) error {
	for {
		select {
		case e := <-r.events:
			r.write(ctx, e)
		case <-ctx.Done():
			return r.drain(context.WithoutCancel(ctx))
		}
	}
}

func (r *Recorder) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for {
		select {
		case e := <-r.events:
			r.write(ctx, e)
		default:
			return nil
		}
	}
}

func (r *Recorder) write(ctx context.Context, e Event) {
	if err := r.store.Append(ctx, e); err != nil {
		r.log.Warn("timeline: an event is lost", "stage", e.Stage, "error", err)
	}
}

// Progress is one leg as it stands for a host.
type Progress struct {
	Leg
	Events []Event
	State  State
}

// A State says how a leg stands.
type State string

// The states of a leg.
const (
	Waiting State = "waiting" // nothing yet, and earlier legs are not over
	Active  State = "active"  // the one that is expected next
	Stalled State = "stalled" // expected for too long
	Passed  State = "passed"
	Failed  State = "failed"
)

// patience is how long the next leg may take before it counts as stalled.
func patience(s Stage) time.Duration {
	switch s {
	case Installed:
		return time.Hour
	case Catalog, Report:
		return 45 * time.Minute
	}
	return 5 * time.Minute
}

// Follow orders a host's events into legs. A leg that is followed by a later
// one has passed even if nothing told of it (another server's DHCP, say).
// started is when the build began; the zero time means that none is under way.
func Follow(events []Event, started, now time.Time) []Progress {
	legs := Legs()
	all := make([]Progress, len(legs))
	furthest, latest := -1, started
	for i, leg := range legs {
		all[i] = Progress{Leg: leg, State: Waiting}
		for _, e := range events {
			if e.Stage != leg.Stage {
				continue
			}
			all[i].Events = append(all[i].Events, e)
			if e.Failure == "" {
				furthest = i
			}
			if e.At.After(latest) {
				latest = e.At
			}
		}
	}
	for i := range all {
		last := len(all[i].Events) - 1
		switch {
		case i <= furthest:
			all[i].State = Passed
		case last >= 0:
			all[i].State = Failed
		case i == furthest+1 && !started.IsZero():
			all[i].State = Active
			if now.Sub(latest) > patience(all[i].Stage) {
				all[i].State = Stalled
			}
		}
	}
	return all
}
