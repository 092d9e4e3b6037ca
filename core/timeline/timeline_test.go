package timeline

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
)

func states(events []Event, started, now time.Time) map[Stage]State {
	m := map[Stage]State{}
	for _, p := range Follow(events, started, now) {
		m[p.Stage] = p.State
	}
	return m
}

func TestFollow(t *testing.T) {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	tests := []struct {
		name    string
		events  []Event
		started time.Time
		now     time.Time
		want    map[Stage]State
	}{
		{"no build", nil, time.Time{}, at(0), map[Stage]State{DHCP: Waiting, Report: Waiting}},
		{"just begun", nil, start, at(1), map[Stage]State{DHCP: Active, Loader: Waiting}},
		{"never came", nil, start, at(6), map[Stage]State{DHCP: Stalled}},
		{"on its way", []Event{{Stage: DHCP, At: at(1)}}, start, at(2), map[Stage]State{DHCP: Passed, Loader: Active, BootConfig: Waiting}},
		{"DHCP of others", []Event{{Stage: Kernel, At: at(3)}}, start, at(4), map[Stage]State{DHCP: Passed, Loader: Passed, Template: Active}},
		{"failed", []Event{{Stage: DHCP, At: at(1)}, {Stage: Loader, At: at(2), Failure: "not found"}}, start, at(3), map[Stage]State{Loader: Failed}},
		{"installing is slow", []Event{{Stage: Template, At: at(3)}}, start, at(40), map[Stage]State{Installed: Active}},
		{"done", []Event{{Stage: Report, At: at(30)}}, start, at(90), map[Stage]State{DHCP: Passed, Report: Passed}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := states(test.events, test.started, test.now)
			for stage, want := range test.want {
				if got[stage] != want {
					t.Errorf("%s is %s, want %s", stage, got[stage], want)
				}
			}
		})
	}
}

type memory struct{ events chan Event }

func (m memory) Append(_ context.Context, e Event) error { m.events <- e; return nil }
func (m memory) Events(context.Context, int64, time.Time) ([]Event, error) {
	return nil, nil
}

func TestRecorderDrainsWhenItStops(t *testing.T) {
	m := memory{make(chan Event, 3)}
	r := NewRecorder(m, clock.System, slog.New(slog.DiscardHandler))
	for range 3 {
		r.Record(Event{Stage: DHCP})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(m.events) != 3 {
		t.Errorf("%d of 3 written", len(m.events))
	}
	if e := <-m.events; e.At.IsZero() {
		t.Error("an event has no time")
	}
}

func TestRecorderNeverBlocks(t *testing.T) {
	r := NewRecorder(memory{}, clock.System, slog.New(slog.DiscardHandler))
	for range queued + 10 {
		r.Record(Event{Stage: DHCP})
	}
}
