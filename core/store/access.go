package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/access"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// Access keeps sessions, tokens and failed logins, and reads grants; it is the
// access.Store over SQL.
type Access struct{ db *sqldb.DB }

var _ access.Store = (*Access)(nil)

// NewAccess gives the store of sessions, tokens and grants in a database.
func NewAccess(db *sqldb.DB) *Access { return &Access{db: db} }

// rolesOf selects the ids of a user's roles.
const rolesOf = "SELECT id FROM roles WHERE builtin = 2 OR id IN (SELECT role_id FROM user_roles WHERE user_id = ?)"

// Grants reads what a user's roles and memberships give.
func (a *Access) Grants(ctx context.Context, user int64) (*access.Holdings, error) {
	h := &access.Holdings{}
	err := a.db.Snapshot(ctx, func(tx *sqldb.Tx) error {
		*h = access.Holdings{}
		if err := readRoles(ctx, tx, user, h); err != nil {
			return err
		}
		if err := readFilters(ctx, tx, user, h); err != nil {
			return err
		}
		if err := readLimits(ctx, tx, user, h); err != nil {
			return err
		}
		return readMemberships(ctx, tx, user, h)
	})
	return h, err
}

func readRoles(ctx context.Context, tx *sqldb.Tx, user int64, h *access.Holdings) error {
	rows, err := tx.Query(ctx, rolesOf, user)
	return sqldb.Each(rows, err, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		h.Roles = append(h.Roles, id)
		return err
	})
}

func readFilters(ctx context.Context, tx *sqldb.Tx, user int64, h *access.Holdings) error {
	rows, err := tx.Query(ctx, `SELECT f.id, r.name, f.resource_type, f.search, p.name
		FROM filters f
		JOIN roles r ON r.id = f.role_id
		JOIN filter_permissions fp ON fp.filter_id = f.id
		JOIN permissions p ON p.id = fp.permission_id
		WHERE f.role_id IN (`+rolesOf+`)
		ORDER BY f.id, p.name`, user)
	return sqldb.Each(rows, err, func(rows *sql.Rows) error {
		var f access.StoredFilter
		var resource, search sql.NullString
		var permission string
		if err := rows.Scan(&f.ID, &f.Role, &resource, &search, &permission); err != nil {
			return err
		}
		if n := len(h.Filters); n == 0 || h.Filters[n-1].ID != f.ID {
			f.Resource, f.Search = resource.String, search.String
			h.Filters = append(h.Filters, f)
		}
		last := &h.Filters[len(h.Filters)-1]
		last.Permissions = append(last.Permissions, permission)
		return nil
	})
}

// readLimits reads the taxonomies of filters: their own where they override the
// role's, else the role's.
func readLimits(ctx context.Context, tx *sqldb.Tx, user int64, h *access.Holdings) error {
	at := make(map[int64]*access.StoredFilter, len(h.Filters))
	for i := range h.Filters {
		at[h.Filters[i].ID] = &h.Filters[i]
	}
	rows, err := tx.Query(ctx, `SELECT f.id, t.id, t.type
		FROM filters f
		JOIN taxable_taxonomies tt ON (f.override AND tt.taxable_type = 'Filter' AND tt.taxable_id = f.id)
			OR (NOT f.override AND tt.taxable_type = 'Role' AND tt.taxable_id = f.role_id)
		JOIN taxonomies t ON t.id = tt.taxonomy_id
		WHERE f.role_id IN (`+rolesOf+`)`, user)
	return sqldb.Each(rows, err, func(rows *sql.Rows) error {
		var filter, taxonomy int64
		var kind string
		if err := rows.Scan(&filter, &taxonomy, &kind); err != nil {
			return err
		}
		f := at[filter]
		if f == nil {
			return nil
		}
		if kind == "Organization" {
			f.Organizations = append(f.Organizations, taxonomy)
		} else {
			f.Locations = append(f.Locations, taxonomy)
		}
		return nil
	})
}

// readMemberships reads the user's taxonomies and all that are below them.
func readMemberships(ctx context.Context, tx *sqldb.Tx, user int64, h *access.Holdings) error {
	var own []int64
	rows, err := tx.Query(ctx, "SELECT taxonomy_id FROM taxable_taxonomies WHERE taxable_type = 'User' AND taxable_id = ?", user)
	err = sqldb.Each(rows, err, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		own = append(own, id)
		return err
	})
	if err != nil || len(own) == 0 {
		return err
	}
	rows, err = tx.Query(ctx, "SELECT id, type, ancestry FROM taxonomies ORDER BY id")
	return sqldb.Each(rows, err, func(rows *sql.Rows) error {
		var id int64
		var kind string
		var ancestry sql.NullString
		if err := rows.Scan(&id, &kind, &ancestry); err != nil {
			return err
		}
		if !slices.Contains(own, id) && !below(ancestry.String, own) {
			return nil
		}
		if kind == "Organization" {
			h.Organizations = append(h.Organizations, id)
		} else {
			h.Locations = append(h.Locations, id)
		}
		return nil
	})
}

// below tells whether one of the ids is in an ancestry, "1/5/7".
func below(ancestry string, ids []int64) bool {
	for part := range strings.SplitSeq(ancestry, "/") {
		if id, err := strconv.ParseInt(part, 10, 64); err == nil && slices.Contains(ids, id) {
			return true
		}
	}
	return false
}

// blocked is what Attempt ends its transaction with, so that nothing is counted.
type blocked struct{ until time.Time }

func (b *blocked) Error() string { return "blocked" }

// Attempt counts a login for each key unless one is at its limit.
func (a *Access) Attempt(ctx context.Context, keys []string, limit int, now time.Time, window time.Duration) (time.Time, error) {
	var stop *blocked
	keys = slices.Sorted(slices.Values(keys)) // one order, so that two attempts never wait for each other
	err := a.db.Transact(ctx, func(tx *sqldb.Tx) error {
		stop = nil
		for _, key := range keys {
			var tries, since int64
			over := now.Add(-window).UnixMicro()
			err := tx.QueryRow(ctx, `INSERT INTO login_attempts (id, tries, since) VALUES (?, 1, ?)
				ON CONFLICT (id) DO UPDATE SET
					tries = CASE WHEN login_attempts.since <= ? THEN 1 ELSE login_attempts.tries + 1 END,
					since = CASE WHEN login_attempts.since <= ? THEN excluded.since ELSE login_attempts.since END
				RETURNING tries, since`, []any{key, now.UnixMicro(), over, over}, &tries, &since)
			if err != nil {
				return err
			}
			if tries > int64(limit) {
				stop = &blocked{time.UnixMicro(since).Add(window).UTC()}
				return stop
			}
		}
		return nil
	})
	if stop != nil {
		return stop.until, nil
	}
	return time.Time{}, err
}

// Blocked tells whether a key is at its limit.
func (a *Access) Blocked(ctx context.Context, keys []string, limit int, now time.Time, window time.Duration) (time.Time, error) {
	args := []any{limit, now.Add(-window).UnixMicro()}
	for _, key := range keys {
		args = append(args, key)
	}
	var since sql.NullInt64
	err := a.db.QueryRow(ctx, "SELECT max(since) FROM login_attempts WHERE tries >= ? AND since > ? AND id IN ("+sqldb.Marks(len(keys))+")", args, &since)
	if err != nil || !since.Valid {
		return time.Time{}, err
	}
	return time.UnixMicro(since.Int64).Add(window).UTC(), nil
}

// Forgive takes attempts back.
func (a *Access) Forgive(ctx context.Context, back, clear []string) error {
	return a.db.Transact(ctx, func(tx *sqldb.Tx) error {
		for _, key := range clear {
			if _, err := tx.Exec(ctx, "DELETE FROM login_attempts WHERE id = ?", key); err != nil {
				return err
			}
		}
		for _, key := range back {
			if _, err := tx.Exec(ctx, "UPDATE login_attempts SET tries = tries - 1 WHERE id = ? AND tries > 0", key); err != nil {
				return err
			}
		}
		return nil
	})
}

// AddSession writes a session.
func (a *Access) AddSession(ctx context.Context, s *access.Session) error {
	current, err := json.Marshal(s.Current)
	if err != nil {
		return errs.WrapAs(errs.Internal, err, "session")
	}
	_, err = a.db.Exec(ctx, "INSERT INTO sessions (id, user_id, stamp, api, remote, begun_at, seen_at, current) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		s.ID.String(), s.UserID, s.Stamp, truth(s.API), s.Remote, s.Begun.UnixMicro(), s.Seen.UnixMicro(), string(current))
	return err
}

// Session reads a session.
func (a *Access) Session(ctx context.Context, id access.SessionID) (*access.Session, error) {
	s := &access.Session{ID: id}
	var api int
	var begun, seen int64
	var current string
	err := a.db.QueryRow(ctx, "SELECT user_id, stamp, api, remote, begun_at, seen_at, current FROM sessions WHERE id = ?", []any{id.String()},
		&s.UserID, &s.Stamp, &api, &s.Remote, &begun, &seen, &current)
	if err != nil {
		return nil, err
	}
	s.API, s.Begun, s.Seen = api != 0, time.UnixMicro(begun).UTC(), time.UnixMicro(seen).UTC()
	err = json.Unmarshal([]byte(current), &s.Current)
	return s, errs.WrapAs(errs.Internal, err, "session")
}

// KeepSession writes when a session was seen and what it holds.
func (a *Access) KeepSession(ctx context.Context, s *access.Session) error {
	current, err := json.Marshal(s.Current)
	if err != nil {
		return errs.WrapAs(errs.Internal, err, "session")
	}
	_, err = a.db.Exec(ctx, "UPDATE sessions SET seen_at = ?, current = ? WHERE id = ?", s.Seen.UnixMicro(), string(current), s.ID.String())
	return err
}

// DropSession deletes a session.
func (a *Access) DropSession(ctx context.Context, id access.SessionID) error {
	_, err := a.db.Exec(ctx, "DELETE FROM sessions WHERE id = ?", id.String())
	return err
}

// DropStale deletes what is over.
func (a *Access) DropStale(ctx context.Context, idle, absolute, attempts time.Time) error {
	if _, err := a.db.Exec(ctx, "DELETE FROM sessions WHERE seen_at < ? OR begun_at < ?", idle.UnixMicro(), absolute.UnixMicro()); err != nil {
		return err
	}
	_, err := a.db.Exec(ctx, "DELETE FROM login_attempts WHERE since < ?", attempts.UnixMicro())
	return err
}

const tokenColumns = "id, user_id, name, digest, expires_at, last_used_at, revoked, created_at"

func tokenDest(t *access.Token, expires, used *sql.NullInt64, revoked *int, created *int64) []any {
	return []any{&t.ID, &t.UserID, &t.Name, &t.Digest, expires, used, revoked, created}
}

// scanToken reads tokenColumns with a row's scan.
func scanToken(scan func(dest ...any) error) (access.Token, error) {
	var t access.Token
	var expires, used sql.NullInt64
	var revoked int
	var created int64
	err := scan(tokenDest(&t, &expires, &used, &revoked, &created)...)
	t.ExpiresAt, t.LastUsed, t.Revoked, t.CreatedAt = when(expires), when(used), revoked != 0, time.UnixMicro(created).UTC()
	return t, err
}

// AddToken writes a token.
func (a *Access) AddToken(ctx context.Context, t *access.Token) error {
	return a.db.Transact(ctx, func(tx *sqldb.Tx) error {
		id, err := tx.Insert(ctx, "INSERT INTO personal_access_tokens (user_id, name, digest, expires_at, revoked, created_at) VALUES (?, ?, ?, ?, 0, ?)",
			t.UserID, t.Name, t.Digest, micros(t.ExpiresAt), t.CreatedAt.UnixMicro())
		t.ID = id
		return err
	})
}

// TokenByDigest finds a user's token.
func (a *Access) TokenByDigest(ctx context.Context, user int64, digest []byte) (*access.Token, error) {
	t, err := scanToken(func(dest ...any) error {
		return a.db.QueryRow(ctx, "SELECT "+tokenColumns+" FROM personal_access_tokens WHERE user_id = ? AND digest = ?", []any{user, digest}, dest...)
	})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// Tokens lists a user's tokens, newest first.
func (a *Access) Tokens(ctx context.Context, user int64) ([]access.Token, error) {
	var tokens []access.Token
	rows, err := a.db.Query(ctx, "SELECT "+tokenColumns+" FROM personal_access_tokens WHERE user_id = ? ORDER BY id DESC LIMIT 1000", user)
	err = sqldb.Each(rows, err, func(rows *sql.Rows) error {
		t, err := scanToken(rows.Scan)
		tokens = append(tokens, t)
		return err
	})
	return tokens, err
}

// UseToken notes a token's use.
func (a *Access) UseToken(ctx context.Context, id int64, at time.Time) error {
	_, err := a.db.Exec(ctx, "UPDATE personal_access_tokens SET last_used_at = ? WHERE id = ?", at.UnixMicro(), id)
	return err
}

// RevokeToken revokes a user's token.
func (a *Access) RevokeToken(ctx context.Context, user, id int64) error {
	n, err := a.db.Exec(ctx, "UPDATE personal_access_tokens SET revoked = 1 WHERE user_id = ? AND id = ?", user, id)
	if err == nil && n == 0 {
		return errs.New(errs.NotFound, "there is no such token")
	}
	return err
}
