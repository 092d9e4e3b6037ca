package storage

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb/command"
)

// A resourceRow is a resource ready to be stored, with the hash of its content.
type resourceRow struct {
	command.Target
	tags, parameters, hash string
	exported               bool
	file                   *string
	line                   *int64
}

// replaceCatalog writes only what differs: nothing but the catalog's own row
// when the content is the same.
func (s *Store) replaceCatalog(ctx context.Context, c *command.Catalog) error {
	rows, err := resourceRows(c.Resources)
	if err != nil {
		return err
	}
	edges := sortedEdges(c.Edges)
	hash, err := contentHash(rows, edges)
	if err != nil {
		return err
	}
	return s.db.Transact(ctx, func(tx *sqldb.Tx) error {
		id, err := s.node(ctx, tx, c.Certname, c.ProducerTimestamp.Time)
		if err != nil {
			return err
		}
		var stored int64
		var storedHash string
		err = tx.QueryRow(ctx, "SELECT producer_timestamp, hash FROM catalogs WHERE node_id = ?", []any{id}, &stored, &storedHash)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		if err == nil && stored > millis(c.ProducerTimestamp.Time) {
			return nil
		}
		if err := s.writeCatalog(ctx, tx, id, c, hash); err != nil || storedHash == hash {
			return err
		}
		if err := writeResources(ctx, tx, id, rows); err != nil {
			return err
		}
		return writeEdges(ctx, tx, id, edges)
	})
}

func resourceRows(resources []command.Resource) ([]resourceRow, error) {
	rows := make([]resourceRow, len(resources))
	for i, r := range resources {
		parameters, err := canonical(r.Parameters)
		if err != nil {
			return nil, errs.Wrap(err, "%s[%s]", r.Type, r.Title)
		}
		tags := make([]string, len(r.Tags))
		for j, t := range r.Tags {
			tags[j] = clean(t)
		}
		slices.Sort(tags)
		tagText, err := marshal(slices.Compact(tags))
		if err != nil {
			return nil, err
		}
		row := resourceRow{
			Target: command.Target{Type: clean(r.Type), Title: clean(r.Title)},
			tags:   string(tagText), parameters: parameters, exported: r.Exported, file: cleanPtr(r.File), line: r.Line,
		}
		if row.hash, err = sum([]any{row.Type, row.Title, row.tags, row.exported, row.file, row.line, parameters}); err != nil {
			return nil, err
		}
		rows[i] = row
	}
	return rows, nil
}

func sortedEdges(edges []command.Edge) []command.Edge {
	clone := slices.Clone(edges)
	for i, e := range clone {
		clone[i].Source = command.Target{Type: clean(e.Source.Type), Title: clean(e.Source.Title)}
		clone[i].Target = command.Target{Type: clean(e.Target.Type), Title: clean(e.Target.Title)}
	}
	slices.SortFunc(clone, func(a, b command.Edge) int {
		return cmp.Or(cmp.Compare(a.Source.Type, b.Source.Type), cmp.Compare(a.Source.Title, b.Source.Title),
			cmp.Compare(a.Target.Type, b.Target.Type), cmp.Compare(a.Target.Title, b.Target.Title), cmp.Compare(a.Relationship, b.Relationship))
	})
	return slices.Compact(clone)
}

// contentHash is the identity of what a catalog says, not of when it was made.
func contentHash(rows []resourceRow, edges []command.Edge) (string, error) {
	hashes := make([]string, len(rows))
	for i := range rows {
		hashes[i] = rows[i].hash
	}
	slices.Sort(hashes)
	return sum([]any{hashes, edges})
}

func (s *Store) writeCatalog(ctx context.Context, tx *sqldb.Tx, id int64, c *command.Catalog, hash string) error {
	_, err := tx.Exec(ctx, `INSERT INTO catalogs (node_id, version, environment, hash, transaction_uuid, catalog_uuid,
			code_id, job_id, producer, received, producer_timestamp) VALUES (`+sqldb.Marks(11)+`)
		ON CONFLICT (node_id) DO UPDATE SET version = excluded.version, environment = excluded.environment,
			hash = excluded.hash, transaction_uuid = excluded.transaction_uuid, catalog_uuid = excluded.catalog_uuid,
			code_id = excluded.code_id, job_id = excluded.job_id, producer = excluded.producer,
			received = excluded.received, producer_timestamp = excluded.producer_timestamp`,
		id, clean(c.Version), clean(c.Environment), hash, cleanPtr(c.TransactionUUID), cleanPtr(c.CatalogUUID),
		cleanPtr(c.CodeID), cleanPtr(c.JobID), cleanPtr(c.Producer), millis(s.now()), millis(c.ProducerTimestamp.Time))
	return err
}

func writeResources(ctx context.Context, tx *sqldb.Tx, id int64, resources []resourceRow) error {
	fresh := make(map[command.Target]resourceRow, len(resources))
	for _, r := range resources {
		fresh[r.Target] = r
	}
	var stale []any
	rows, err := tx.Query(ctx, "SELECT id, type, title, hash FROM resources WHERE node_id = ?", id)
	err = sqldb.Each(rows, err, func(rows *sql.Rows) error {
		var rowID int64
		var key command.Target
		var hash string
		if err := rows.Scan(&rowID, &key.Type, &key.Title, &hash); err != nil {
			return err
		}
		if r, ok := fresh[key]; ok && r.hash == hash {
			delete(fresh, key)
		} else {
			stale = append(stale, rowID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(stale, 2000) {
		if _, err := tx.Exec(ctx, "DELETE FROM resources WHERE id IN ("+sqldb.Marks(len(chunk))+")", chunk...); err != nil {
			return err
		}
	}
	insert := make([]resourceRow, 0, len(fresh))
	for _, r := range resources { // in the catalog's own order
		if _, ok := fresh[r.Target]; ok {
			insert = append(insert, r)
		}
	}
	return bulk(ctx, tx, "INSERT INTO resources (node_id, type, title, tags, exported, file, line, parameters, hash) VALUES ", 9, len(insert), "",
		func(i int) []any {
			r := insert[i]
			return []any{id, r.Type, r.Title, r.tags, r.exported, r.file, r.line, r.parameters, r.hash}
		})
}

func writeEdges(ctx context.Context, tx *sqldb.Tx, id int64, edges []command.Edge) error {
	if _, err := tx.Exec(ctx, "DELETE FROM edges WHERE node_id = ?", id); err != nil {
		return err
	}
	return bulk(ctx, tx, "INSERT INTO edges (node_id, relationship, source_type, source_title, target_type, target_title) VALUES ", 6, len(edges), "",
		func(i int) []any {
			e := edges[i]
			return []any{id, e.Relationship, e.Source.Type, e.Source.Title, e.Target.Type, e.Target.Title}
		})
}
