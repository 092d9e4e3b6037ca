package audit

import (
	"context"
	"crypto/subtle"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A Fault is the first place where the trail is not what was written.
type Fault struct {
	ID     int64 // of the audit at which it shows; 0 at the head
	Reason string
}

// A Report is what Verify found.
type Report struct {
	Count int64  // audits that were checked
	Hash  string // of the last: noted elsewhere, it proves later that nothing before it changed
	Fault *Fault // nil when all is well
}

// Err is nil when the trail is whole.
func (r Report) Err() error {
	if r.Fault == nil {
		return nil
	}
	if r.Fault.ID == 0 {
		return errs.New(errs.Conflict, "the audit trail is broken: %s", r.Fault.Reason)
	}
	return errs.New(errs.Conflict, "the audit trail is broken at audit %d: %s", r.Fault.ID, r.Fault.Reason)
}

// Verify reads the whole trail, on one state of the database, and compares
// every hash. The error says that it could not be read; what it says lies in
// the report.
func (t *Trail) Verify(ctx context.Context, nouns *noun.Registry) (Report, error) {
	var report Report
	err := nouns.Read(ctx, func(tx *noun.Tx) error {
		report = Report{}
		return t.verify(ctx, tx, &report)
	})
	return report, errs.Wrap(err, "read the audit trail")
}

func (t *Trail) verify(ctx context.Context, tx *noun.Tx, report *Report) error {
	const page = 500
	last := int64(0)
	for {
		rows, err := t.store.After(ctx, tx, last, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			want := t.hash(report.Hash, report.Count+1, row)
			if !same(want, row.Hash) {
				report.Fault = &Fault{row.ID, "it or one just before it was changed, removed or moved"}
				return nil
			}
			report.Count++
			report.Hash, last = row.Hash, row.ID
		}
		if len(rows) < page {
			break
		}
	}
	head, err := t.store.Head(ctx, tx)
	if errs.Is(err, errs.NotFound) {
		report.Fault = &Fault{Reason: "its head is missing"}
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case head.Count == 0 && report.Count == 0 && head.Seal == "":
	case !same(head.Seal, t.seal(head)):
		report.Fault = &Fault{Reason: "its head was changed"}
	case head.Count != report.Count || !same(head.Hash, report.Hash) || head.Last != last:
		report.Fault = &Fault{Reason: "audits at its end were removed or added"}
	}
	return nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
