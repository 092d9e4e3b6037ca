package sqldb

import (
	"context"
	"database/sql"
	"io/fs"
	"log/slog"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrate brings the schema up to the newest of migrations, which holds one
// folder per dialect with the same numbers in each. On PostgreSQL it holds an
// advisory lock, so that replicas that start together do it once. It tells the
// version before and after.
func (db *DB) Migrate(ctx context.Context, migrations fs.FS, log *slog.Logger) (from, to int64, err error) {
	provider, err := db.provider(migrations)
	if err != nil {
		return 0, 0, err
	}
	from, to, err = provider.GetVersions(ctx)
	if err != nil {
		return 0, 0, errs.Wrap(convert(err), "read the schema's version")
	}
	if from > to {
		return from, to, errs.New(errs.Conflict,
			"the database's schema is version %d and this program knows %d: it was written by a newer release; run that one, or restore a backup", from, to)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return from, to, errs.Wrap(convert(err), "migrate the schema")
	}
	for _, r := range results {
		log.Info("migrated", "version", r.Source.Version, "file", r.Source.Path, "took", r.Duration)
	}
	return from, to, nil
}

func (db *DB) provider(migrations fs.FS) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, string(db.dialect))
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "migrations of %s", db.dialect)
	}
	var opts []goose.ProviderOption
	dialect := goose.DialectSQLite3
	switch db.dialect {
	case Postgres:
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, errs.WrapAs(errs.Internal, err, "migration lock")
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	case MySQL:
		dialect = goose.DialectMySQL
	}
	provider, err := goose.NewProvider(dialect, db.raw(), dir, opts...)
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "migrations of %s", db.dialect)
	}
	return provider, nil
}

func (db *DB) raw() *sql.DB { return db.write }
