// Package sqldb opens the databases that the stores keep their rows in and
// evens out what differs between them: placeholders, error kinds, transactions
// that are retried, migrations under a lock.
//
// The stores (core/store, puppetdb/storage) write their SQL themselves; this
// package knows no table. It imports internal/errs and the three drivers.
package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver behind "sqlite:"
)

// A Dialect is one of the SQL languages spoken here.
type Dialect string

// The dialects. MySQL stands for MariaDB too.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
	MySQL    Dialect = "mysql"
)

// Options bound what a DB uses.
type Options struct {
	// Conns is the most connections held; 0 means 16. SQLite always writes
	// through exactly one.
	Conns int
	// Schema is the PostgreSQL schema that tables live in; it is created when
	// missing. Empty means the connection's own default.
	Schema string
}

// A DB is one open database. It is safe for concurrent use.
type DB struct {
	dialect Dialect
	read    *sql.DB
	write   *sql.DB // the same as read but for SQLite, where it holds one connection
	dsn     string
}

// Open opens the database that dsn names: "sqlite:PATH", "postgres://…" or
// "mysql://user:password@host:port/name". It answers Unavailable when the
// database does not, and Malformed for a dsn that cannot be read.
func Open(ctx context.Context, dsn string, opts Options) (*DB, error) {
	if opts.Conns == 0 {
		opts.Conns = 16
	}
	db, err := open(ctx, dsn, opts)
	if err != nil {
		return nil, err
	}
	if err := db.write.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, errs.WrapAs(errs.Unavailable, redact(err, dsn), "connect to the %s database", db.dialect)
	}
	return db, nil
}

func open(ctx context.Context, dsn string, opts Options) (*DB, error) {
	scheme, rest, _ := strings.Cut(dsn, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(strings.TrimPrefix(rest, "//"), opts)
	case "postgres", "postgresql":
		return openPostgres(ctx, dsn, opts)
	case "mysql", "mariadb":
		return openMySQL(dsn, opts)
	}
	return nil, errs.New(errs.Malformed, "database %q: want sqlite:PATH, postgres://… or mysql://…", scheme+":…")
}

// openSQLite keeps one writer beside several readers. synchronous=FULL is not
// negotiable: with NORMAL an acknowledged commit does not survive a power cut.
func openSQLite(path string, opts Options) (*DB, error) {
	if path == "" {
		return nil, errs.New(errs.Malformed, "database \"sqlite:\" names no file")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "create the folder of database %s", path)
	}
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	if err := registerRegexp(); err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "register REGEXP")
	}
	pragmas := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
		"foreign_keys(ON)", "temp_store(MEMORY)", "cache_size(-16000)",
	}}
	write, err := sql.Open("sqlite", "file:"+escapePath(path)+"?"+pragmas.Encode()+"&_txlock=immediate")
	if err != nil {
		return nil, errs.WrapAs(errs.Malformed, err, "database sqlite:%s", path)
	}
	write.SetMaxOpenConns(1)
	write.SetMaxIdleConns(1)
	read, err := sql.Open("sqlite", "file:"+escapePath(path)+"?"+pragmas.Encode()+"&_pragma=query_only(1)")
	if err != nil {
		_ = write.Close()
		return nil, errs.WrapAs(errs.Malformed, err, "database sqlite:%s", path)
	}
	readers := min(opts.Conns, 8)
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return &DB{dialect: SQLite, read: read, write: write, dsn: "sqlite:" + path}, nil
}

// createPrivate makes the file before SQLite does, so that no other user of the
// machine can ever read it.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return errs.WrapAs(errs.Unavailable, err, "open database %s", path)
	}
	return f.Close()
}

func escapePath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

func openPostgres(ctx context.Context, dsn string, opts Options) (*DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errs.WrapAs(errs.Malformed, redact(err, dsn), "database postgres://…")
	}
	config.RuntimeParams["timezone"] = "UTC"
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	if opts.Schema != "" {
		if err := createSchema(ctx, config, opts.Schema); err != nil {
			return nil, err
		}
		config.RuntimeParams["search_path"] = pgx.Identifier{opts.Schema}.Sanitize()
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(opts.Conns)
	pool.SetMaxIdleConns(opts.Conns)
	return &DB{dialect: Postgres, read: pool, write: pool, dsn: dsn}, nil
}

func createSchema(ctx context.Context, config *pgx.ConnConfig, schema string) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return errs.WrapAs(errs.Unavailable, err, "connect to the postgres database")
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema}.Sanitize()); err != nil {
		return errs.WrapAs(errs.Unavailable, err, "create schema %s", schema)
	}
	return nil
}

func openMySQL(dsn string, opts Options) (*DB, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, errs.New(errs.Malformed, "database mysql://…: not a URL")
	}
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", u.Host
	if !strings.Contains(u.Host, ":") {
		config.Addr = u.Host + ":3306"
	}
	if socket := u.Query().Get("socket"); socket != "" {
		config.Net, config.Addr = "unix", socket
	}
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.DBName = strings.TrimPrefix(u.Path, "/")
	config.ParseTime, config.Loc = true, time.UTC
	config.Timeout = 10 * time.Second
	config.ClientFoundRows = true
	config.Params = map[string]string{
		"time_zone": "'+00:00'", "transaction_isolation": "'READ-COMMITTED'",
		"sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ANSI_QUOTES'",
	}
	if tls := u.Query().Get("tls"); tls != "" {
		config.TLSConfig = tls
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, errs.WrapAs(errs.Malformed, redact(err, dsn), "database mysql://…")
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(opts.Conns)
	pool.SetMaxIdleConns(opts.Conns)
	pool.SetConnMaxLifetime(5 * time.Minute)
	return &DB{dialect: MySQL, read: pool, write: pool, dsn: dsn}, nil
}

// redact keeps a password that stands in dsn out of an error's text.
func redact(err error, dsn string) error {
	u, perr := url.Parse(dsn)
	if perr != nil || u.User == nil {
		return err
	}
	password, ok := u.User.Password()
	if !ok || password == "" {
		return err
	}
	return fmt.Errorf("%s", strings.ReplaceAll(err.Error(), password, "*****"))
}

// Dialect tells which language the database speaks.
func (db *DB) Dialect() Dialect { return db.dialect }

// Close closes every connection.
func (db *DB) Close() error {
	err := db.write.Close()
	if db.read != db.write {
		if rerr := db.read.Close(); err == nil {
			err = rerr
		}
	}
	return err
}

// Ping asks the database for a sign of life.
func (db *DB) Ping(ctx context.Context) error {
	return convert(db.read.PingContext(ctx))
}
