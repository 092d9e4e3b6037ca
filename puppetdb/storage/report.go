package storage

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb/command"
)

// storeReport stores a report once, however often it comes, and makes it the
// node's latest unless a newer one is there.
func (s *Store) storeReport(ctx context.Context, c *command.Report) error {
	hash, err := sum(c)
	if err != nil {
		return err
	}
	metrics, err := canonical(c.Metrics)
	if err != nil {
		return errs.Wrap(err, "metrics")
	}
	logs, err := canonical(c.Logs)
	if err != nil {
		return errs.Wrap(err, "logs")
	}
	events, err := eventRows(c)
	if err != nil {
		return err
	}
	return s.db.Transact(ctx, func(tx *sqldb.Tx) error {
		node, err := s.node(ctx, tx, c.Certname, c.ProducerTimestamp.Time)
		if err != nil {
			return err
		}
		var id int64
		if err := tx.QueryRow(ctx, "SELECT id FROM reports WHERE hash = ?", []any{hash}, &id); err == nil || !errs.Is(err, errs.NotFound) {
			return err
		}
		if id, err = s.insertReport(ctx, tx, node, c, hash, metrics, logs); err != nil {
			return err
		}
		if err := insertEvents(ctx, tx, id, events); err != nil {
			return err
		}
		at := millis(c.ProducerTimestamp.Time)
		_, err = tx.Exec(ctx, `UPDATE nodes SET latest_report_id = ?, latest_report_timestamp = ?
			WHERE id = ? AND (latest_report_timestamp IS NULL OR latest_report_timestamp <= ?)`, id, at, node, at)
		return err
	})
}

func (s *Store) insertReport(ctx context.Context, tx *sqldb.Tx, node int64, c *command.Report, hash, metrics, logs string) (int64, error) {
	return tx.Insert(ctx, `INSERT INTO reports (hash, node_id, puppet_version, report_format, configuration_version,
			start_time, end_time, producer_timestamp, receive_time, producer, environment, status, noop, noop_pending,
			transaction_uuid, catalog_uuid, code_id, job_id, cached_catalog_status, type, metrics, logs)
		VALUES (`+sqldb.Marks(22)+`)`,
		hash, node, clean(c.PuppetVersion), c.ReportFormat, clean(c.ConfigurationVersion),
		millis(c.StartTime.Time), millis(c.EndTime.Time), millis(c.ProducerTimestamp.Time), millis(s.now()),
		cleanPtr(c.Producer), clean(c.Environment), cleanPtr(c.Status), c.Noop, c.NoopPending,
		cleanPtr(c.TransactionUUID), cleanPtr(c.CatalogUUID), cleanPtr(c.CodeID), cleanPtr(c.JobID), cleanPtr(c.CachedCatalogStatus),
		clean(c.Type), metrics, logs)
}

const eventColumns = 14

// eventRows flattens the resources of a report into one row per event, each
// once; a skipped resource without events counts as one.
func eventRows(c *command.Report) ([][]any, error) {
	var all [][]any
	seen := map[string]bool{}
	for _, r := range c.Resources {
		path, err := marshal(r.ContainmentPath)
		if err != nil {
			return nil, err
		}
		events := r.Events
		if len(events) == 0 && r.Skipped {
			events = []command.Event{{Status: "skipped", Timestamp: r.Timestamp}}
		}
		for _, e := range events {
			fresh, err := optionalJSON(e.NewValue)
			if err != nil {
				return nil, err
			}
			old, err := optionalJSON(e.OldValue)
			if err != nil {
				return nil, err
			}
			at := e.Timestamp.Time
			if at.IsZero() {
				at = r.Timestamp.Time
			}
			row := []any{
				nil, clean(e.Status), millis(orStart(at, c)), clean(r.Type), clean(r.Title), cleanPtr(e.Name), cleanPtr(e.Property),
				fresh, old, cleanPtr(e.Message), cleanPtr(r.File), r.Line, string(path), containingClass(r.ContainmentPath),
			}
			id, err := sum(row)
			if err != nil {
				return nil, err
			}
			if !seen[id] {
				seen[id] = true
				all = append(all, row)
			}
		}
	}
	return all, nil
}

func orStart(t time.Time, c *command.Report) time.Time {
	if t.IsZero() {
		return c.StartTime.Time
	}
	return t
}

func optionalJSON(raw json.RawMessage) (*string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	text, err := canonical(raw)
	return &text, err
}

// containingClass is the innermost class of a containment path such as
// ["Stage[main]", "Role::Web", "File[/a]"].
func containingClass(path []string) *string {
	for i := len(path) - 1; i >= 0; i-- {
		if !strings.HasSuffix(path[i], "]") && path[i] != "" {
			c := clean(path[i])
			return &c
		}
	}
	return nil
}

func insertEvents(ctx context.Context, tx *sqldb.Tx, report int64, events [][]any) error {
	return bulk(ctx, tx, `INSERT INTO events (report_id, status, timestamp, resource_type, resource_title, name, property,
		new_value, old_value, message, file, line, containment_path, containing_class) VALUES `, eventColumns, len(events), "",
		func(i int) []any {
			events[i][0] = report
			return events[i]
		})
}

// Expire marks nodes that have been silent since before as expired, deletes
// nodes inactive since before purge, and reports produced before reports. A zero
// time switches that part off.
func (s *Store) Expire(ctx context.Context, before, purge, reports time.Time) error {
	if !before.IsZero() {
		_, err := s.db.Exec(ctx, `UPDATE nodes SET expired = ? WHERE deactivated IS NULL AND expired IS NULL
			AND coalesce(latest_report_timestamp, 0) < ? AND coalesce(inputs_timestamp, 0) < ?
			AND (expires_facts_updated IS NULL OR (expires_facts = `+boolean(s.db.Dialect(), true)+` AND expires_facts_updated < ?))
			AND NOT EXISTS (SELECT 1 FROM factsets f WHERE f.node_id = nodes.id AND f.producer_timestamp >= ?)
			AND NOT EXISTS (SELECT 1 FROM catalogs c WHERE c.node_id = nodes.id AND c.producer_timestamp >= ?)`,
			millis(s.now()), millis(before), millis(before), millis(before), millis(before), millis(before))
		if err != nil {
			return errs.Wrap(err, "expire nodes")
		}
	}
	if !purge.IsZero() {
		if _, err := s.db.Exec(ctx, "DELETE FROM nodes WHERE coalesce(deactivated, expired) < ?", millis(purge)); err != nil {
			return errs.Wrap(err, "purge nodes")
		}
	}
	if _, err := s.db.Exec(ctx, "DELETE FROM packages WHERE NOT EXISTS (SELECT 1 FROM node_packages h WHERE h.package_id = packages.id)"); err != nil {
		return errs.Wrap(err, "delete packages that nobody has")
	}
	if reports.IsZero() {
		return nil
	}
	for { // in slices, so that intake never waits long
		n, err := s.db.Exec(ctx, `DELETE FROM reports WHERE id IN
			(SELECT id FROM reports WHERE producer_timestamp < ? ORDER BY producer_timestamp LIMIT 500)`, millis(reports))
		if err != nil || n < 500 {
			return errs.Wrap(err, "delete old reports")
		}
	}
}

// boolean writes a truth value; SQLite keeps them as numbers.
func boolean(d sqldb.Dialect, v bool) string {
	if d == sqldb.Postgres {
		return strconv.FormatBool(v)
	}
	return map[bool]string{false: "0", true: "1"}[v]
}
