package orchestrate

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// A rowChange is the arguments of the first step of each plan: the row as it was
// before the change, sealed because it holds passwords. The change itself was
// written in the transaction that stored the plan; the step is there to take it
// back when the outside world cannot follow.
type rowChange struct {
	Host int64  `json:"host"`
	Old  string `json:"old,omitempty"`  // sealed; empty for a creation
	Gone bool   `json:"gone,omitempty"` // the change was a deletion
}

func (o *Orchestrator) rowStep(old, now *inventory.Host) (job.PlanStep, error) {
	change := rowChange{Gone: now == nil}
	h := now
	if h == nil {
		h = old
	}
	change.Host = h.ID
	if old != nil {
		sealed, err := o.seal(old)
		if err != nil {
			return job.PlanStep{}, err
		}
		change.Old = sealed
	}
	return job.PlanStep{Name: "record of " + h.Name, Kind: kindRow, Args: change, Priority: rowChanged}, nil
}

// A snapshot is a host as it is kept: in gob, for JSON masks secrets. Gob makes
// no difference between a pointer to 0 and none, so Undelayed tells which
// interfaces have a delay of 0.
type snapshot struct {
	Host      *inventory.Host
	Undelayed map[int]bool
}

func (o *Orchestrator) seal(h *inventory.Host) (string, error) {
	s := snapshot{Host: h, Undelayed: map[int]bool{}}
	for i := range h.Interfaces {
		if d := h.Interfaces[i].NICDelay; d != nil && *d == 0 {
			s.Undelayed[i] = true
		}
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(s); err != nil {
		return "", errs.WrapAs(errs.Internal, err, "keep the host as it was")
	}
	sealed, err := o.sealer.Seal(base64.StdEncoding.EncodeToString(b.Bytes()))
	return sealed, errs.Wrap(err, "seal the host as it was")
}

func unseal(sealer noun.Sealer, sealed string) (*inventory.Host, error) {
	text, err := sealer.Open(sealed)
	if err != nil {
		return nil, errs.Wrap(err, "open the host as it was")
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "open the host as it was")
	}
	var s snapshot
	if err := gob.NewDecoder(bytes.NewReader(raw)).Decode(&s); err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "read the host as it was")
	}
	if s.Host == nil {
		return nil, errs.New(errs.Internal, "the host as it was is missing")
	}
	for i := range s.Host.Interfaces {
		if s.Undelayed[i] {
			s.Host.Interfaces[i].NICDelay = new(int64)
		}
	}
	return s.Host, nil
}

// Rows is what the step that takes a change of rows back works with.
type Rows struct {
	Nouns  func() *noun.Registry
	Sealer noun.Sealer
	Caller noun.Caller // whose name the change back is made in
	SQL    func(*noun.Tx) *sqldb.Tx
}

// RegisterRows adds the step kind that takes a change of rows back.
func RegisterRows(r *job.Registry, rows Rows) {
	job.Register(r, kindRow, func(a rowChange) (job.Step, error) {
		return rowStep{Rows: rows, change: a}, nil
	})
}

type rowStep struct {
	Rows
	change rowChange
}

// Check says "not yet", so that a failing plan undoes the step.
func (s rowStep) Check(context.Context) (bool, error) { return false, nil }

// Do has nothing to do: the row was written with the plan.
func (s rowStep) Do(context.Context) error { return nil }

// Undo makes the rows what they were, as long as the step is this engine's: one
// that stood still while another took over must not put an old row over a newer.
func (s rowStep) Undo(ctx context.Context) error {
	hosts := noun.Of[inventory.Host](s.Nouns())
	return s.Nouns().Write(ctx, func(tx *noun.Tx) error {
		if err := job.Guard(ctx, s.SQL(tx)); err != nil {
			return err
		}
		if s.change.Old == "" {
			return hosts.Forget(ctx, tx, s.Caller, s.change.Host)
		}
		old, err := unseal(s.Sealer, s.change.Old)
		if err != nil {
			return err
		}
		if err := keepReports(ctx, tx, old); err != nil {
			return err
		}
		return hosts.Restore(ctx, tx, s.Caller, old)
	})
}

// keepReports takes over what the machine told while the plan ran.
func keepReports(ctx context.Context, tx *noun.Tx, old *inventory.Host) error {
	now, err := noun.Load[inventory.Host](ctx, tx, old.ID)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err == nil && now.LastReport.After(old.LastReport) {
		old.LastReport, old.LastOrigin, old.GlobalStatus = now.LastReport, now.LastOrigin, now.GlobalStatus
		old.ConfigurationStatus, old.ConfigurationLabel = now.ConfigurationStatus, now.ConfigurationLabel
	}
	return err
}
