package storage

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb/command"
)

func (s *Store) configureExpiration(ctx context.Context, c *command.Expiration) error {
	at := c.ProducerTimestamp.Time
	if at.IsZero() {
		at = s.now()
	}
	return s.db.Transact(ctx, func(tx *sqldb.Tx) error {
		id, err := s.node(ctx, tx, c.Certname, time.Time{})
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE nodes SET expires_facts = ?, expires_facts_updated = ?
			WHERE id = ? AND (expires_facts_updated IS NULL OR expires_facts_updated < ?)`, *c.Expire.Facts, millis(at), id, millis(at))
		return err
	})
}

func (s *Store) replaceInputs(ctx context.Context, c *command.CatalogInputs) error {
	at := millis(c.ProducerTimestamp.Time)
	return s.db.Transact(ctx, func(tx *sqldb.Tx) error {
		id, err := s.node(ctx, tx, c.Certname, c.ProducerTimestamp.Time)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE nodes SET inputs_uuid = ?, inputs_timestamp = ?
			WHERE id = ? AND (inputs_timestamp IS NULL OR inputs_timestamp < ?)`, clean(c.CatalogUUID), at, id, at)
		if err != nil || n == 0 {
			return err
		}
		wanted := make([]command.Input, len(c.Inputs))
		for i, in := range c.Inputs {
			wanted[i] = command.Input{Type: clean(in.Type), Name: clean(in.Name)}
		}
		rows, err := tx.Query(ctx, "SELECT type, name FROM catalog_inputs WHERE node_id = ?", id)
		fresh, gone, err := difference(rows, err, wanted, func(in *command.Input) []any { return []any{&in.Type, &in.Name} })
		if err != nil {
			return err
		}
		for _, in := range gone {
			if _, err := tx.Exec(ctx, "DELETE FROM catalog_inputs WHERE node_id = ? AND type = ? AND name = ?", id, in.Type, in.Name); err != nil {
				return err
			}
		}
		return bulk(ctx, tx, "INSERT INTO catalog_inputs (node_id, type, name) VALUES ", 3, len(fresh), "",
			func(i int) []any { return []any{id, fresh[i].Type, fresh[i].Name} })
	})
}

// writePackages makes the node's packages the wanted ones; only what differs is
// written.
func writePackages(ctx context.Context, tx *sqldb.Tx, id int64, packages []command.Package) error {
	wanted := make([]command.Package, len(packages))
	for i, p := range packages {
		wanted[i] = command.Package{Name: clean(p.Name), Version: clean(p.Version), Provider: clean(p.Provider)}
	}
	rows, err := tx.Query(ctx, "SELECT p.name, p.version, p.provider FROM node_packages h JOIN packages p ON p.id = h.package_id WHERE h.node_id = ?", id)
	fresh, gone, err := difference(rows, err, wanted, func(p *command.Package) []any { return []any{&p.Name, &p.Version, &p.Provider} })
	if err != nil {
		return err
	}
	values := func(p []command.Package) func(i int) []any {
		return func(i int) []any { return []any{p[i].Name, p[i].Version, p[i].Provider} }
	}
	err = bulk(ctx, tx, "DELETE FROM node_packages WHERE node_id = "+strconv.FormatInt(id, 10)+` AND package_id IN
		(SELECT p.id FROM packages p WHERE (p.name, p.version, p.provider) IN (VALUES `, 3, len(gone), "))", values(gone))
	if err != nil {
		return err
	}
	err = bulk(ctx, tx, "INSERT INTO packages (name, version, provider) VALUES ", 3, len(fresh), " ON CONFLICT (name, version, provider) DO NOTHING", values(fresh))
	if err != nil {
		return err
	}
	return bulk(ctx, tx, "INSERT INTO node_packages (node_id, package_id) SELECT "+strconv.FormatInt(id, 10)+`, p.id FROM packages p
		WHERE (p.name, p.version, p.provider) IN (VALUES `, 3, len(fresh), ")", values(fresh))
}

// difference tells which wanted items are not among the stored rows, and which
// stored ones are not wanted.
func difference[T comparable](rows *sql.Rows, err error, wanted []T, into func(*T) []any) (fresh, gone []T, _ error) {
	missing := make(map[T]bool, len(wanted))
	for _, w := range wanted {
		missing[w] = true
	}
	err = sqldb.Each(rows, err, func(rows *sql.Rows) error {
		var stored T
		if err := rows.Scan(into(&stored)...); err != nil {
			return err
		}
		if missing[stored] {
			delete(missing, stored)
		} else {
			gone = append(gone, stored)
		}
		return nil
	})
	for _, w := range wanted {
		if missing[w] {
			delete(missing, w)
			fresh = append(fresh, w)
		}
	}
	return fresh, gone, err
}
