package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// Timeline keeps the events of builds.
type Timeline struct{ db *sqldb.DB }

var _ timeline.Store = Timeline{}

// NewTimeline makes a timeline store on an open database.
func NewTimeline(db *sqldb.DB) Timeline { return Timeline{db: db} }

// Append keeps an event, and every so often drops the oldest of its host.
func (t Timeline) Append(ctx context.Context, e timeline.Event) error {
	return t.db.Transact(ctx, func(tx *sqldb.Tx) error {
		host, err := eventHost(ctx, tx, e)
		if err != nil || host == 0 {
			return err
		}
		id, err := tx.Insert(ctx, `INSERT INTO build_events (host_id, stage, at, text, address, bytes, took, failure)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, host, string(e.Stage), e.At.UnixMilli(), eventText(e.Text), eventText(e.Address), e.Bytes, e.Duration.Microseconds(), eventText(e.Failure))
		if err != nil || id%64 != 0 {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM build_events WHERE host_id = ? AND id <=
			(SELECT id FROM (SELECT id FROM build_events WHERE host_id = ? ORDER BY id DESC LIMIT 1 OFFSET 500) AS old)`, host, host)
		return err
	})
}

// eventText bounds what machines say of themselves, and makes it text that every
// database takes.
func eventText(s string) string {
	const most = 1024
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\ufffd"), "\ufffd")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// eventHost finds whose event it is; 0 when it is nobody's that is known.
func eventHost(ctx context.Context, tx *sqldb.Tx, e timeline.Event) (int64, error) {
	for _, q := range []struct {
		known bool
		query string
		args  []any
	}{
		{e.Host != 0, `SELECT id FROM hosts WHERE id = ?`, []any{e.Host}},
		{e.MAC != "", `SELECT host_id FROM interfaces WHERE mac = ? ORDER BY id LIMIT 1`, []any{e.MAC}},
		{e.Certname != "", `SELECT id FROM hosts WHERE certname = ? ORDER BY id LIMIT 1`, []any{e.Certname}},
		{e.Certname != "", `SELECT id FROM hosts WHERE name = ?`, []any{e.Certname}},
		{e.Address != "", `SELECT host_id FROM interfaces WHERE ip = ? OR ip6 = ? ORDER BY id LIMIT 1`, []any{e.Address, e.Address}},
	} {
		if !q.known {
			continue
		}
		var id int64
		err := tx.QueryRow(ctx, q.query, q.args, &id)
		if err == nil {
			return id, nil
		}
		if !errs.Is(err, errs.NotFound) {
			return 0, err
		}
	}
	return 0, nil
}

// Events gives a host's events since a time, oldest first.
func (t Timeline) Events(ctx context.Context, host int64, since time.Time) ([]timeline.Event, error) {
	var all []timeline.Event
	from := int64(0)
	if !since.IsZero() {
		from = since.UnixMilli()
	}
	rows, err := t.db.Query(ctx, `SELECT id, stage, at, text, address, bytes, took, failure FROM build_events
		WHERE host_id = ? AND at >= ? ORDER BY at, id`, host, from)
	err = sqldb.Each(rows, err, func(rows *sql.Rows) error {
		e := timeline.Event{Host: host}
		var stage string
		var at, took int64
		if err := rows.Scan(&e.ID, &stage, &at, &e.Text, &e.Address, &e.Bytes, &took, &e.Failure); err != nil {
			return err
		}
		e.Stage, e.At, e.Duration = timeline.Stage(stage), time.UnixMilli(at).UTC(), time.Duration(took)*time.Microsecond
		all = append(all, e)
		return nil
	})
	return all, err
}
