package job

import (
	"context"
	"time"

	"github.com/chargehand/chargehand/internal/sqldb"
)

// A Store keeps runs. It holds SQL and no decisions. All methods are safe for
// concurrent use; functions handed in may be called more than once, each time
// with a freshly loaded run, and must change nothing but that run.
type Store interface {
	// Insert writes a new run in the caller's transaction. With refuse it is
	// the active run of its subject at once, and a Conflict when the subject
	// has an active or queued one; without, it is Queued (or Running, when it
	// has no subject).
	Insert(ctx context.Context, tx *sqldb.Tx, r *Run, refuse bool) error
	// Due locks one run whose WakeAt has come, or is further off than far
	// (then a clock has jumped), passing over those that others have locked,
	// lets f change it, and writes what changed. It tells whether there was
	// one. free says that no run older than it wants or holds its subject.
	Due(ctx context.Context, now, far time.Time, f func(r *Run, free bool)) (bool, error)
	// Change locks a run, lets f change it and writes what changed, unless f
	// gives an error, which it passes on.
	Change(ctx context.Context, id string, f func(r *Run) error) error
	// Beat moves the counter of a lease and keeps the step's output. held is
	// false when the lease is not the current one any more; wanted is false
	// when the plan does not want the step's Do to go on.
	Beat(ctx context.Context, run string, position int, fence int64, output string) (held, wanted bool, err error)
	// Leases lists the leases that are out.
	Leases(ctx context.Context) ([]Lease, error)
	// Guard locks a lease until the end of the caller's transaction. It gives a
	// Conflict when the lease is lost.
	Guard(ctx context.Context, tx *sqldb.Tx, run string, position int, fence int64) error
	// Load reads one run with its steps; NotFound when there is none.
	Load(ctx context.Context, id string) (*Run, error)
	// List reads runs without their steps, newest first.
	List(ctx context.Context, q Query) ([]Run, error)
	// Prune deletes up to limit final runs that ended before a time.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)
}

// A Lease is one claim as an onlooker sees it.
type Lease struct {
	Run      string
	Position int
	Owner    string
	Fence    int64
	Beat     int64 // moves with each heartbeat
}

// A Query narrows a list of runs. Zero fields do not narrow.
type Query struct {
	Subject string
	Kind    string
	Active  bool   // only runs that are not final
	Before  string // id of the last run of the page before
	Limit   int    // 0 means 50; at most 1000
}
