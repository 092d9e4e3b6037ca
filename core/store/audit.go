package store

import (
	"context"

	"github.com/chargehand/chargehand/core/audit"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// Audits keeps the head of the audit trail; it is the audit.Store over SQL. It
// works in the transactions of nouns.
type Audits struct{}

var _ audit.Store = Audits{}

const headColumns = "last, count, hash, seal"

// LockHead locks and reads the head.
func (Audits) LockHead(ctx context.Context, tx *noun.Tx) (audit.Head, error) {
	query := "SELECT " + headColumns + " FROM audit_heads WHERE id = 1"
	if SQL(tx).Dialect() != sqldb.SQLite {
		query += " FOR UPDATE"
	}
	return readHead(ctx, tx, query)
}

// Head reads the head.
func (Audits) Head(ctx context.Context, tx *noun.Tx) (audit.Head, error) {
	return readHead(ctx, tx, "SELECT "+headColumns+" FROM audit_heads WHERE id = 1")
}

func readHead(ctx context.Context, tx *noun.Tx, query string) (audit.Head, error) {
	var h audit.Head
	err := SQL(tx).QueryRow(ctx, query, nil, &h.Last, &h.Count, &h.Hash, &h.Seal)
	return h, err
}

// SetHead writes the head.
func (Audits) SetHead(ctx context.Context, tx *noun.Tx, h audit.Head) error {
	_, err := SQL(tx).Exec(ctx, "UPDATE audit_heads SET last = ?, count = ?, hash = ?, seal = ? WHERE id = 1", h.Last, h.Count, h.Hash, h.Seal)
	return err
}

// Version gives the highest version of a record's audits.
func (Audits) Version(ctx context.Context, tx *noun.Tx, kind string, id int64) (int64, error) {
	var version int64
	err := SQL(tx).QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM audits WHERE auditable_type = ? AND auditable_id = ?", []any{kind, id}, &version)
	return version, err
}

// Link makes an audit visible in taxonomies.
func (Audits) Link(ctx context.Context, tx *noun.Tx, id int64, taxonomies []int64) error {
	for _, t := range taxonomies {
		if _, err := SQL(tx).Exec(ctx, "INSERT INTO taxable_taxonomies (taxable_type, taxable_id, taxonomy_id) VALUES ('Audit', ?, ?)", id, t); err != nil {
			return err
		}
	}
	return nil
}

// After reads audits in order.
func (Audits) After(ctx context.Context, tx *noun.Tx, id int64, limit int) ([]*audit.Audit, error) {
	n := noun.Of[audit.Audit](tx.Registry())
	key := &noun.Target{Field: n.Field("id")}
	recs, err := tx.Conn().Select(ctx, n.Any, noun.Selection{
		Scope: noun.Everything(), Limit: int64(limit),
		Where: []noun.Test{{Target: key, Kind: search.Greater, Value: id}}, Order: []noun.Order{{Target: key}},
	}, nil)
	audits := make([]*audit.Audit, len(recs))
	for i, rec := range recs {
		audits[i] = rec.(*audit.Audit)
	}
	return audits, err
}
