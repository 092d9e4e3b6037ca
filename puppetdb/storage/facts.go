package storage

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb/command"
)

// replaceFacts writes only the facts that differ from what is stored.
func (s *Store) replaceFacts(ctx context.Context, c *command.Facts) error {
	values := make(map[string]string, len(c.Values))
	for name, raw := range c.Values {
		v, err := canonical(raw)
		if err != nil {
			return errs.Wrap(err, "fact %s", name)
		}
		values[clean(name)] = v
	}
	hash, err := sum(values)
	if err != nil {
		return err
	}
	document := factDocument(values)
	return s.db.Transact(ctx, func(tx *sqldb.Tx) error {
		id, err := s.node(ctx, tx, c.Certname, c.ProducerTimestamp.Time)
		if err != nil {
			return err
		}
		var stored int64
		var storedHash string
		err = tx.QueryRow(ctx, "SELECT producer_timestamp, hash FROM factsets WHERE node_id = ?", []any{id}, &stored, &storedHash)
		known := err == nil
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		if known && stored > millis(c.ProducerTimestamp.Time) {
			return nil
		}
		if err := s.writeFactset(ctx, tx, id, known, storedHash != hash, c, hash, document); err != nil {
			return err
		}
		if err := writePackages(ctx, tx, id, c.PackageInventory); err != nil {
			return err
		}
		if known && storedHash == hash {
			return nil
		}
		return writeFacts(ctx, tx, id, values)
	})
}

func factDocument(values map[string]string) string {
	b := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := marshal(name)
		if err != nil {
			continue // a string always encodes
		}
		b = append(append(append(b, key...), ':'), values[name]...)
	}
	return string(append(b, '}'))
}

func (s *Store) writeFactset(ctx context.Context, tx *sqldb.Tx, id int64, known, changed bool, c *command.Facts, hash, document string) error {
	args := []any{clean(c.Environment), cleanPtr(c.Producer), millis(s.now()), millis(c.ProducerTimestamp.Time), hash}
	query := "UPDATE factsets SET environment = ?, producer = ?, received = ?, producer_timestamp = ?, hash = ? WHERE node_id = ?"
	switch {
	case !known:
		query = "INSERT INTO factsets (environment, producer, received, producer_timestamp, hash, facts, node_id) VALUES (?, ?, ?, ?, ?, ?, ?)"
		args = append(args, document)
	case changed:
		query = "UPDATE factsets SET environment = ?, producer = ?, received = ?, producer_timestamp = ?, hash = ?, facts = ? WHERE node_id = ?"
		args = append(args, document)
	}
	_, err := tx.Exec(ctx, query, append(args, id)...)
	return err
}

func writeFacts(ctx context.Context, tx *sqldb.Tx, id int64, values map[string]string) error {
	var gone []any
	fresh := maps.Clone(values)
	rows, err := tx.Query(ctx, "SELECT name, value FROM facts WHERE node_id = ?", id)
	err = sqldb.Each(rows, err, func(rows *sql.Rows) error {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		switch now, ok := values[name]; {
		case !ok:
			gone = append(gone, name)
		case sameJSON(now, value):
			delete(fresh, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(gone, 500) {
		if _, err := tx.Exec(ctx, "DELETE FROM facts WHERE node_id = ? AND name IN ("+sqldb.Marks(len(chunk))+")", append([]any{id}, chunk...)...); err != nil {
			return err
		}
	}
	names := slices.Sorted(maps.Keys(fresh))
	return bulk(ctx, tx, "INSERT INTO facts (node_id, name, value) VALUES ", 3, len(names),
		" ON CONFLICT (node_id, name) DO UPDATE SET value = excluded.value",
		func(i int) []any { return []any{id, names[i], fresh[names[i]]} })
}

// sameJSON compares the canonical text with what the database gives back, which
// on PostgreSQL is spaced and ordered in its own way.
func sameJSON(canonicalText, stored string) bool {
	if canonicalText == stored {
		return true
	}
	again, err := canonical([]byte(stored))
	return err == nil && again == canonicalText
}

// bulk inserts n rows of width values each, as many in one statement as bind
// limits allow.
func bulk(ctx context.Context, tx *sqldb.Tx, head string, width, n int, tail string, row func(i int) []any) error {
	const binds = 6000
	per := max(1, binds/width)
	one := "(" + sqldb.Marks(width) + ")"
	for start := 0; start < n; start += per {
		end := min(n, start+per)
		args := make([]any, 0, (end-start)*width)
		query := make([]byte, 0, len(head)+(end-start)*(len(one)+2)+len(tail))
		query = append(query, head...)
		for i := start; i < end; i++ {
			if i > start {
				query = append(query, ", "...)
			}
			query = append(query, one...)
			args = append(args, row(i)...)
		}
		query = append(query, tail...)
		if _, err := tx.Exec(ctx, string(query), args...); err != nil {
			return err
		}
	}
	return nil
}
