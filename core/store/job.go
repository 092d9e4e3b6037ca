package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// Jobs keeps plans; it is the job.Store over SQL.
type Jobs struct{ db *sqldb.DB }

var _ job.Store = (*Jobs)(nil)

// NewJobs gives the store of plans in a database.
func NewJobs(db *sqldb.DB) *Jobs { return &Jobs{db: db} }

const planColumns = "id, kind, label, subject, actor, request_id, state, cancelled, failure, created_at, started_at, ended_at, wake_at"

const stepColumns = "position, name, kind, args, priority, needs, optional, post, most, timeout, " + stepChanging

// stepChanging are the columns that a running plan changes, as stepValues gives them.
const stepChanging = "state, attempts, touched, undos, begun, next_at, failure, output, started_at, ended_at, owner, fence"

// Insert writes a new run.
func (j *Jobs) Insert(ctx context.Context, tx *sqldb.Tx, r *job.Run, refuse bool) error {
	var active any
	if refuse && r.Subject != "" && !r.State.Final() {
		busy := 0
		err := tx.QueryRow(ctx, "SELECT count(*) FROM job_plans WHERE subject = ? AND state IN (?, ?, ?)",
			[]any{r.Subject, job.Queued, job.Running, job.Undoing}, &busy)
		if err != nil {
			return err
		}
		if busy > 0 {
			return errs.New(errs.Conflict, "another plan works on %s", r.Subject)
		}
		active = r.Subject
	}
	_, err := tx.Exec(ctx, "INSERT INTO job_plans (active_subject, "+planColumns+") VALUES ("+sqldb.Marks(14)+")",
		active, r.ID, r.Kind, r.Label, r.Subject, r.Actor, r.RequestID, r.State, truth(r.Cancelled), failure(r.Failure),
		micros(r.CreatedAt), micros(r.StartedAt), micros(r.EndedAt), micros(r.WakeAt))
	if errs.Is(err, errs.Conflict) {
		return errs.WrapAs(errs.Conflict, err, "another plan works on %s", r.Subject)
	}
	for i := range r.Steps {
		if err == nil {
			err = insertStep(ctx, tx, r.ID, &r.Steps[i])
		}
	}
	return err
}

func insertStep(ctx context.Context, tx *sqldb.Tx, id string, s *job.StepRun) error {
	needs, err := json.Marshal(s.Needs)
	if err != nil {
		return errs.WrapAs(errs.Internal, err, "needs of step %s", s.Name)
	}
	values := append([]any{
		id, s.Position, s.Name, s.Kind, string(s.Args), s.Priority, string(needs),
		truth(s.Optional), truth(s.Post), s.Most, s.Timeout.Microseconds(),
	}, stepValues(s)...)
	_, err = tx.Exec(ctx, "INSERT INTO job_steps (beat, plan_id, "+stepColumns+") VALUES (0, "+sqldb.Marks(len(values))+")", values...)
	return err
}

// Due locks one run that has something to do.
func (j *Jobs) Due(ctx context.Context, now, far time.Time, f func(r *job.Run, free bool)) (bool, error) {
	found := false
	err := j.db.Transact(ctx, func(tx *sqldb.Tx) error {
		found = false
		query := "SELECT id FROM job_plans WHERE wake_at <= ? OR wake_at > ? ORDER BY wake_at LIMIT 1"
		if tx.Dialect() != sqldb.SQLite {
			query += " FOR UPDATE SKIP LOCKED"
		}
		id := ""
		err := tx.QueryRow(ctx, query, []any{micros(now), micros(far)}, &id)
		if errs.Is(err, errs.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		found = true
		return change(ctx, tx, id, func(r *job.Run) error {
			free, err := subjectFree(ctx, tx, r)
			if err == nil {
				f(r, free)
			}
			return err
		})
	})
	return found, err
}

// subjectFree tells whether a queued run may become its subject's active one.
func subjectFree(ctx context.Context, tx *sqldb.Tx, r *job.Run) (bool, error) {
	if r.State != job.Queued {
		return true, nil
	}
	others := 0
	err := tx.QueryRow(ctx, `SELECT count(*) FROM job_plans
		WHERE subject = ? AND id <> ? AND (active_subject IS NOT NULL OR (state = ? AND id < ?))`,
		[]any{r.Subject, r.ID, job.Queued, r.ID}, &others)
	return others == 0, err
}

// Change locks a run and writes what f changed.
func (j *Jobs) Change(ctx context.Context, id string, f func(r *job.Run) error) error {
	return j.db.Transact(ctx, func(tx *sqldb.Tx) error { return change(ctx, tx, id, f) })
}

func change(ctx context.Context, tx *sqldb.Tx, id string, f func(r *job.Run) error) error {
	r, err := loadRun(ctx, tx, id, tx.Dialect() != sqldb.SQLite)
	if err != nil {
		return err
	}
	before := planValues(r)
	steps := make([][]any, len(r.Steps))
	for i := range r.Steps {
		steps[i] = stepValues(&r.Steps[i])
	}
	if err := f(r); err != nil {
		return err
	}
	for i := range r.Steps {
		if after := stepValues(&r.Steps[i]); !slices.Equal(after, steps[i]) {
			if err := updateStep(ctx, tx, id, i, after); err != nil {
				return err
			}
		}
	}
	after := planValues(r)
	if slices.Equal(after, before) {
		return nil
	}
	return updatePlan(ctx, tx, r, after)
}

func updateStep(ctx context.Context, tx *sqldb.Tx, id string, position int, values []any) error {
	set := strings.ReplaceAll(stepChanging, ",", " = ?,") + " = ?"
	_, err := tx.Exec(ctx, "UPDATE job_steps SET "+set+" WHERE plan_id = ? AND position = ?", append(slices.Clone(values), id, position)...)
	return err
}

func updatePlan(ctx context.Context, tx *sqldb.Tx, r *job.Run, values []any) error {
	_, err := tx.Exec(ctx, `UPDATE job_plans SET active_subject = ?, state = ?, cancelled = ?, failure = ?,
		started_at = ?, ended_at = ?, wake_at = ? WHERE id = ?`, append(slices.Clone(values), r.ID)...)
	if err != nil || !r.State.Final() || r.Subject == "" {
		return err
	}
	// Whoever waits for the subject is next.
	_, err = tx.Exec(ctx, "UPDATE job_plans SET wake_at = ? WHERE subject = ? AND state = ?", micros(r.EndedAt), r.Subject, job.Queued)
	return err
}

// planValues are the columns that a running plan changes, in updatePlan's order.
func planValues(r *job.Run) []any {
	var active any
	if r.Subject != "" && (r.State == job.Running || r.State == job.Undoing) {
		active = r.Subject
	}
	return []any{
		active, string(r.State), truth(r.Cancelled), failure(r.Failure),
		micros(r.StartedAt), micros(r.EndedAt), micros(r.WakeAt),
	}
}

func stepValues(s *job.StepRun) []any {
	return []any{
		string(s.State), s.Attempts, truth(s.Touched), s.Undos, s.Order, micros(s.NextAt), failure(s.Failure),
		s.Output, micros(s.StartedAt), micros(s.EndedAt), s.Owner, s.Fence,
	}
}

// Beat moves a lease's counter.
func (j *Jobs) Beat(ctx context.Context, run string, position int, fence int64, output string) (held, wanted bool, err error) {
	err = j.db.Transact(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE job_steps SET beat = beat + 1, output = ?
			WHERE plan_id = ? AND position = ? AND fence = ? AND owner <> ''`, output, run, position, fence)
		held, wanted = n > 0, false
		if err != nil || !held {
			return err
		}
		state, cancelled := job.State(""), 0
		err = tx.QueryRow(ctx, "SELECT state, cancelled FROM job_plans WHERE id = ?", []any{run}, &state, &cancelled)
		wanted = state == job.Running && cancelled == 0
		return err
	})
	return held, wanted, err
}

// Leases lists the leases that are out.
func (j *Jobs) Leases(ctx context.Context) ([]job.Lease, error) {
	var leases []job.Lease
	rows, err := j.db.Query(ctx, "SELECT plan_id, position, owner, fence, beat FROM job_steps WHERE owner <> ''")
	err = sqldb.Each(rows, err, func(rows *sql.Rows) error {
		var l job.Lease
		err := rows.Scan(&l.Run, &l.Position, &l.Owner, &l.Fence, &l.Beat)
		leases = append(leases, l)
		return err
	})
	return leases, err
}

// Guard locks a lease until the transaction ends.
func (j *Jobs) Guard(ctx context.Context, tx *sqldb.Tx, run string, position int, fence int64) error {
	query := "SELECT fence FROM job_steps WHERE plan_id = ? AND position = ? AND owner <> ''"
	if tx.Dialect() != sqldb.SQLite {
		query += " FOR UPDATE"
	}
	var current int64
	err := tx.QueryRow(ctx, query, []any{run, position}, &current)
	if errs.Is(err, errs.NotFound) || err == nil && current != fence {
		return errs.New(errs.Conflict, "another engine has taken the step over")
	}
	return err
}

// Load reads one run with its steps.
func (j *Jobs) Load(ctx context.Context, id string) (*job.Run, error) {
	var r *job.Run
	err := j.db.Snapshot(ctx, func(tx *sqldb.Tx) error {
		var err error
		r, err = loadRun(ctx, tx, id, false)
		return err
	})
	return r, err
}

func loadRun(ctx context.Context, q sqldb.Querier, id string, lock bool) (*job.Run, error) {
	query := "SELECT " + planColumns + " FROM job_plans WHERE id = ?"
	if lock {
		query += " FOR UPDATE"
	}
	var r job.Run
	row := newPlanRow(&r)
	if err := q.QueryRow(ctx, query, []any{id}, row.dest()...); err != nil {
		return nil, errs.Wrap(err, "plan %s", id)
	}
	if err := row.finish(); err != nil {
		return nil, err
	}
	rows, err := q.Query(ctx, "SELECT "+stepColumns+" FROM job_steps WHERE plan_id = ? ORDER BY position", id)
	err = sqldb.Each(rows, err, func(rows *sql.Rows) error {
		s, err := scanStep(rows)
		r.Steps = append(r.Steps, s)
		return err
	})
	return &r, err
}

// List reads runs without their steps, newest first.
func (j *Jobs) List(ctx context.Context, query job.Query) ([]job.Run, error) {
	where, args := []string{"1 = 1"}, []any{}
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if query.Subject != "" {
		add("subject = ?", query.Subject)
	}
	if query.Kind != "" {
		add("kind = ?", query.Kind)
	}
	if query.Active {
		add("ended_at IS NULL")
	}
	if query.Before != "" {
		add("id < ?", query.Before)
	}
	limit := query.Limit
	if limit <= 0 {
		limit = 50
	}
	args = append(args, min(limit, 1000))
	var runs []job.Run
	rows, err := j.db.Query(ctx, "SELECT "+planColumns+" FROM job_plans WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?", args...)
	err = sqldb.Each(rows, err, func(rows *sql.Rows) error {
		var r job.Run
		row := newPlanRow(&r)
		if err := rows.Scan(row.dest()...); err != nil {
			return err
		}
		err := row.finish()
		runs = append(runs, r)
		return err
	})
	return runs, err
}

// Prune deletes final runs that ended before a time, oldest first.
func (j *Jobs) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := j.db.Exec(ctx, `DELETE FROM job_plans WHERE id IN (
		SELECT id FROM job_plans WHERE ended_at < ? AND wake_at IS NULL ORDER BY ended_at LIMIT ?)`, micros(before), limit)
	return int(n), err
}
