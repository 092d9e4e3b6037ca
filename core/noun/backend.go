package noun

import (
	"context"

	"github.com/chargehand/chargehand/core/search"
)

// A Backend keeps the rows of nouns; core/store is the real one.
type Backend interface {
	// Read runs f on one state of the database.
	Read(ctx context.Context, f func(c Conn) error) error
	// Write runs f in a transaction: all of it is kept or nothing. f may run
	// more than once.
	Write(ctx context.Context, f func(c Conn) error) error
}

// A Conn is a backend's transaction. It is not safe for concurrent use. What
// it is asked for comes from declarations; values are always bound.
type Conn interface {
	// Select gives new records of n with their own columns, in order; only
	// those of fields unless that is nil.
	Select(ctx context.Context, n *Any, s Selection, fields []*Field) ([]any, error)
	// Count tells how many rows there are, whatever the page.
	Count(ctx context.Context, n *Any, s Selection) (int64, error)
	// CountBy tells how many rows refer to each of the ids.
	CountBy(ctx context.Context, ref *Field, ids []int64) (map[int64]int64, error)
	// Lock makes transactions that name the same key wait for each other until
	// they end. Taking several may deadlock, which runs the transaction again.
	Lock(ctx context.Context, key string) error
	// Insert writes a new row and sets the record's id.
	Insert(ctx context.Context, n *Any, rec any) error
	// Reinsert writes a row that was deleted, under the id that it had.
	Reinsert(ctx context.Context, n *Any, rec any) error
	// Update writes the fields of rec's row. With a lock field it answers
	// Conflict when the row's version is not the record's, and raises both.
	Update(ctx context.Context, n *Any, rec any, fields []*Field) error
	// Delete removes rows by id.
	Delete(ctx context.Context, n *Any, ids []int64) error
	// Pairs gives the other ids of a link by own id.
	Pairs(ctx context.Context, l *Link, own []int64) (map[int64][]int64, error)
	// SetPairs makes others the only ones that own is linked with.
	SetPairs(ctx context.Context, l *Link, own int64, others []int64) error
	// Clear sets a Ref to NULL on the rows with the ids.
	Clear(ctx context.Context, ref *Field, ids []int64) error
}

// A Selection says which rows, in what order.
type Selection struct {
	Scope  Scope
	Cond   search.Cond // of the noun's search fields; nil is all
	Where  []Test      // all must hold
	AnyOf  []Test      // at least one must hold, unless empty
	Order  []Order     // then by id
	Limit  int64       // 0 is no limit
	Offset int64
}

// A Test compares what a path leads to with a value.
type Test struct {
	Target *Target
	Kind   search.TestKind
	Value  any
	Values []any
}

// An Order is one key of an order.
type Order struct {
	Target *Target // its path holds Refs only
	Desc   bool
}

// A Target is where a path of associations and a field lead to.
type Target struct {
	Steps []Step
	Field *Field // of the noun that the steps lead to
	// KeySteps and Key lead, from the same noun, to what a keyed field's key is
	// compared with.
	KeySteps []Step
	Key      *Field
	// Caseless compares text without regard to case.
	Caseless bool
	// Bits are set where the value is a part of the field's integer.
	Shift, Width uint
	// Handler names what a store must know by itself, instead of all the others.
	Handler string
}

// A Step follows one association. Exactly one is set.
type Step struct {
	Ref  *Field   // to the record referred to
	Link *Link    // to all linked
	Has  *HasMany // to all that refer here
	// Only narrows a Has to rows where the boolean field is true.
	Only *Field
}

// To is the noun that the step leads to.
func (s Step) To() *Any {
	switch {
	case s.Ref != nil:
		return s.Ref.to
	case s.Link != nil:
		return s.Link.to
	}
	return s.Has.to
}
