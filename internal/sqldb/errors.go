package sqldb

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// A ConstraintError tells which rule of the schema a statement broke. It is the
// cause inside a Conflict.
type ConstraintError struct {
	// Name is the constraint's or index's name where the database tells it
	// (PostgreSQL, MariaDB), else "table.column[, table.column]" (SQLite).
	Name string
	// Foreign tells a broken reference from a broken uniqueness.
	Foreign bool
	Cause   error
}

func (e *ConstraintError) Error() string { return e.Cause.Error() }
func (e *ConstraintError) Unwrap() error { return e.Cause }

// convert gives every driver error its kind, once.
func convert(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*errs.Error](err); ok || isContext(err) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return errs.WrapAs(errs.NotFound, err, "no such row")
	}
	if c := constraint(err); c != nil {
		what := "already exists"
		if c.Foreign {
			what = "is in use or refers to something that does not exist"
		}
		return errs.WrapAs(errs.Conflict, c, "%s", what)
	}
	if unavailable(err) {
		return errs.WrapAs(errs.Unavailable, err, "the database does not answer")
	}
	return errs.WrapAs(errs.Internal, err, "database")
}

func constraint(err error) *ConstraintError {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "23505":
			return &ConstraintError{Name: e.ConstraintName, Cause: err}
		case "23503":
			return &ConstraintError{Name: e.ConstraintName, Foreign: true, Cause: err}
		}
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch e.Number {
		case 1062:
			return &ConstraintError{Name: between(e.Message, "for key '", "'"), Cause: err}
		case 1451, 1452:
			return &ConstraintError{Name: between(e.Message, "CONSTRAINT `", "`"), Foreign: true, Cause: err}
		}
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_ROWID:
			return &ConstraintError{Name: sqliteName(e.Error()), Cause: err}
		case lib.SQLITE_CONSTRAINT_FOREIGNKEY:
			return &ConstraintError{Foreign: true, Cause: err}
		}
	}
	return nil
}

// retriable tells the errors after which the same transaction may well succeed.
func retriable(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "40001" || e.Code == "40P01" || e.Code == "55P03"
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == 1213 || e.Number == 1205 || e.Number == 1020
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		primary := e.Code() & 0xff
		return primary == lib.SQLITE_BUSY || primary == lib.SQLITE_LOCKED
	}
	return false
}

func unavailable(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "57P") ||
			strings.HasPrefix(e.Code, "53")
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY:
			return true
		}
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, sql.ErrConnDone)
}

// sqliteName reads "parents.name" out of "… UNIQUE constraint failed: parents.name (2067)".
func sqliteName(text string) string {
	if i := strings.LastIndex(text, "failed: "); i >= 0 {
		text = text[i+len("failed: "):]
	}
	name, _, _ := strings.Cut(text, " (")
	return name
}

func between(s, left, right string) string {
	rest := after(s, left)
	if i := strings.Index(rest, right); i >= 0 {
		return rest[:i]
	}
	return rest
}

func after(s, left string) string {
	if _, rest, ok := strings.Cut(s, left); ok {
		return rest
	}
	return s
}

// PostgresCode gives the SQLSTATE and text of a PostgreSQL error, for the few
// that are the caller's own doing; both are empty for any other error.
func PostgresCode(err error) (code, text string) {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code, e.Message
	}
	return "", ""
}
