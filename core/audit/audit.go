// Package audit keeps the trail of who changed what: rows that are only ever
// added, each with a hash over its own content and the hash before it, written
// in the transaction of the change. Verify finds a row that was edited, removed
// or moved.
//
// With a key the hashes are keyed: who can write the database but does not have
// the key cannot make a trail that verifies. What no chain can show is that the
// whole database was set back to an older state of itself.
//
// It may import core/noun and internal packages; the store implements Store.
package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// An Audit is one change of one record.
type Audit struct {
	noun.Base
	noun.Taxed
	UserID         *int64 // nil for the program itself
	UserType       string
	UserName       string
	Action         string // create, update, destroy
	Type           string
	RecordID       int64
	Name           string
	AssociatedType string
	AssociatedID   *int64
	AssociatedName string
	// Changes is {attr: value} of a creation or deletion, {attr: [old, new]} of
	// an update.
	Changes json.RawMessage
	Version int64 // counts the record's audits
	Comment string
	Remote  string
	Request string
	Hash    string
}

// Noun declares audits: to be read, by their own permission.
func Noun() *noun.Noun[Audit] {
	return noun.Declare("audit", func(a *Audit) noun.Fields {
		return noun.Fields{
			noun.Only("index", "show"), noun.OrderedBy("id DESC"), noun.PermissionsOf("audit_logs"), noun.Unaudited(),
			noun.Under("host"),
			noun.OptInt("user_id", &a.UserID).Search("authored_by_user.id").Explicit(),
			noun.Text("user_type", &a.UserType),
			noun.Text("user_name", &a.UserName).Search("username", "user_name", "user", "authored_by_user"),
			noun.Int("version", &a.Version),
			noun.Text("action", &a.Action).Search(),
			noun.Text("auditable_type", &a.Type).Search("type"),
			noun.Int("auditable_id", &a.RecordID).Search().Explicit(),
			noun.Text("auditable_name", &a.Name).Search("name"),
			noun.Text("associated_type", &a.AssociatedType),
			noun.OptInt("associated_id", &a.AssociatedID),
			noun.Text("associated_name", &a.AssociatedName),
			noun.JSON("audited_changes", &a.Changes),
			noun.SearchOn("changes", "audited_changes"),
			noun.Text("comment", &a.Comment).Long().Search(),
			noun.Text("remote_address", &a.Remote).Search().Explicit(),
			noun.Text("request_uuid", &a.Request).Search().Explicit(),
			noun.Text("hash", &a.Hash).Hidden(),
			noun.SearchOn("time", "created_at"),
			noun.InTaxonomies(&a.Taxed),
		}
	})
}

// A Head is the end of the trail.
type Head struct {
	Last  int64 // id of the last audit
	Count int64
	Hash  string // of the last audit
	Seal  string // covers Count and Hash
}

// A Store keeps the head of the trail, and what else a noun's row does not give.
type Store interface {
	// LockHead reads the head and keeps everybody else from writing audits until
	// the transaction ends.
	LockHead(ctx context.Context, tx *noun.Tx) (Head, error)
	// SetHead writes the head that LockHead locked.
	SetHead(ctx context.Context, tx *noun.Tx, h Head) error
	// Head reads it.
	Head(ctx context.Context, tx *noun.Tx) (Head, error)
	// Version gives the highest version of a record's audits; 0 without any.
	Version(ctx context.Context, tx *noun.Tx, kind string, id int64) (int64, error)
	// Link makes an audit visible in taxonomies.
	Link(ctx context.Context, tx *noun.Tx, id int64, taxonomies []int64) error
	// After reads up to limit audits with ids above id, in order, with the text
	// of their changes as it is stored.
	After(ctx context.Context, tx *noun.Tx, id int64, limit int) ([]*Audit, error)
}

// A Trail writes audits. It is a noun.Auditor.
type Trail struct {
	store Store
	key   []byte
}

var _ noun.Auditor = (*Trail)(nil)

// New makes a trail. The key keeps its hashes from being made by others; nil
// makes plain ones.
func New(store Store, key []byte) *Trail { return &Trail{store: store, key: key} }

// A Request is where a change came from. Edges put it into the context.
type Request struct {
	ID     string // request_uuid, which ties the audits of one request together
	Remote netip.Addr
}

type requestKey struct{}

// WithRequest gives a context whose audits name the request.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf gives the request of a context; the zero Request when there is none.
func RequestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// Record writes an audit in the transaction of the change that it is of.
func (t *Trail) Record(ctx context.Context, tx *noun.Tx, a noun.Audit) error {
	changes, err := changesOf(a)
	if err != nil {
		return err
	}
	if a.Action == "update" && len(changes) == len("{}") {
		return nil
	}
	head, err := t.store.LockHead(ctx, tx)
	if err != nil {
		return errs.Wrap(err, "lock the audit trail")
	}
	row := t.row(ctx, tx, a, changes)
	version, err := t.store.Version(ctx, tx, a.Type, a.ID)
	if err != nil {
		return err
	}
	row.Version = version + 1
	row.Hash = t.hash(head.Hash, head.Count+1, row)
	if err := tx.Conn().Insert(ctx, noun.Of[Audit](tx.Registry()).Any, row); err != nil {
		return errs.Wrap(err, "write an audit")
	}
	if err := t.store.Link(ctx, tx, row.ID, append(a.OrganizationIDs, a.LocationIDs...)); err != nil {
		return err
	}
	head = Head{Last: row.ID, Count: head.Count + 1, Hash: row.Hash}
	head.Seal = t.seal(head)
	return t.store.SetHead(ctx, tx, head)
}

func (t *Trail) row(ctx context.Context, tx *noun.Tx, a noun.Audit, changes json.RawMessage) *Audit {
	request := RequestOf(ctx)
	row := &Audit{
		UserName: a.Caller.Login, Action: a.Action, Type: a.Type, RecordID: a.ID, Name: a.Name,
		AssociatedType: a.AssociatedType, AssociatedName: a.AssociatedName,
		Changes: changes, Comment: a.Comment, Request: request.ID,
	}
	if a.Caller.UserID != 0 {
		row.UserType, row.UserID = "User", &a.Caller.UserID
	}
	if a.AssociatedID != 0 {
		row.AssociatedID = &a.AssociatedID
	}
	if request.Remote.IsValid() {
		row.Remote = request.Remote.Unmap().String()
	}
	row.CreatedAt, row.UpdatedAt = tx.Now(), tx.Now()
	return row
}

// changesOf is audited_changes in Foreman's form.
func changesOf(a noun.Audit) (json.RawMessage, error) {
	changes := make(map[string]any, len(a.Changes))
	for _, c := range a.Changes {
		switch a.Action {
		case "create":
			changes[c.Attribute] = c.New
		case "destroy":
			changes[c.Attribute] = c.Old
		default:
			changes[c.Attribute] = []any{c.Old, c.New}
		}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	if err := enc.Encode(changes); err != nil { // keys come out sorted
		return nil, errs.WrapAs(errs.Internal, err, "audited changes of %s %d", a.Type, a.ID)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// hash covers the hash before, the place in the trail and all of the row that
// is stored, as one JSON array whose form never changes.
func (t *Trail) hash(before string, place int64, a *Audit) string {
	return t.sum("audit", before, place, a.UserID, a.UserType, a.UserName, a.Action, a.Type, a.RecordID, a.Name,
		a.AssociatedType, a.AssociatedID, a.AssociatedName, string(a.Changes), a.Version, a.Comment, a.Remote, a.Request,
		a.CreatedAt.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano))
}

func (t *Trail) seal(h Head) string { return t.sum("head", h.Last, h.Count, h.Hash) }

func (t *Trail) sum(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil { // texts and numbers: cannot happen
		panic(err)
	}
	if t.key == nil {
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:])
	}
	mac := hmac.New(sha256.New, t.key)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}
