package store

import (
	"database/sql"
	"encoding/json"
	"time"

	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/internal/errs"
)

// planRow scans planColumns.
type planRow struct {
	r                               *job.Run
	cancelled                       int
	failure                         string
	created, started, ended, wakeAt sql.NullInt64
}

func newPlanRow(r *job.Run) *planRow { return &planRow{r: r} }

func (p *planRow) dest() []any {
	r := p.r
	return []any{
		&r.ID, &r.Kind, &r.Label, &r.Subject, &r.Actor, &r.RequestID, &r.State, &p.cancelled, &p.failure,
		&p.created, &p.started, &p.ended, &p.wakeAt,
	}
}

func (p *planRow) finish() error {
	r := p.r
	r.Cancelled = p.cancelled != 0
	r.CreatedAt, r.StartedAt, r.EndedAt, r.WakeAt = when(p.created), when(p.started), when(p.ended), when(p.wakeAt)
	var err error
	r.Failure, err = readFailure(p.failure)
	return errs.Wrap(err, "plan %s", r.ID)
}

// scanStep reads stepColumns.
func scanStep(rows *sql.Rows) (job.StepRun, error) {
	var s job.StepRun
	var args, needs, failure string
	var optional, post, touched int
	var timeout int64
	var next, started, ended sql.NullInt64
	err := rows.Scan(&s.Position, &s.Name, &s.Kind, &args, &s.Priority, &needs, &optional, &post, &s.Most, &timeout,
		&s.State, &s.Attempts, &touched, &s.Undos, &s.Order, &next, &failure, &s.Output, &started, &ended, &s.Owner, &s.Fence)
	if err != nil {
		return s, err
	}
	s.Args = json.RawMessage(args)
	s.Optional, s.Post, s.Touched = optional != 0, post != 0, touched != 0
	s.Timeout = time.Duration(timeout) * time.Microsecond
	s.NextAt, s.StartedAt, s.EndedAt = when(next), when(started), when(ended)
	if err := json.Unmarshal([]byte(needs), &s.Needs); err != nil {
		return s, errs.WrapAs(errs.Internal, err, "needs of step %s", s.Name)
	}
	s.Failure, err = readFailure(failure)
	return s, errs.Wrap(err, "step %s", s.Name)
}

func failure(f *job.Failure) string {
	if f == nil {
		return ""
	}
	text, err := json.Marshal(f)
	if err != nil { // strings only: cannot happen
		return `{"kind":"internal error"}`
	}
	return string(text)
}

func readFailure(text string) (*job.Failure, error) {
	if text == "" {
		return nil, nil
	}
	f := new(job.Failure)
	if err := json.Unmarshal([]byte(text), f); err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "stored failure")
	}
	return f, nil
}

// micros is how the tables of plans, sessions and audits store a time.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func when(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
