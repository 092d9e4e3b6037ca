package server_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb"
	"github.com/chargehand/chargehand/puppetdb/queue"
	"github.com/chargehand/chargehand/puppetdb/server"
	"github.com/chargehand/chargehand/puppetdb/storage"
)

// storages opens an empty PuppetDB on each database there is.
func storages(t *testing.T) map[string]func(t *testing.T) http.Handler {
	t.Helper()
	all := map[string]func(t *testing.T) http.Handler{
		"sqlite": func(t *testing.T) http.Handler {
			return open(t, "sqlite:"+filepath.Join(t.TempDir(), "puppetdb.db"))
		},
	}
	for name, dsn := range foreign(t) {
		all[name] = func(t *testing.T) http.Handler { return open(t, dsn) }
	}
	return all
}

func open(t *testing.T, dsn string) http.Handler {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	db, err := sqldb.Open(t.Context(), dsn, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store, err := storage.Open(t.Context(), db, clock.System, log)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(root, queue.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	service := puppetdb.New(puppetdb.Options{Store: store, Queue: q, Clock: clock.System, Log: log, PurgeTTL: 3650 * 24 * time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = root.Close()
		_ = db.Close()
	})
	return server.New(server.Options{Service: service, Log: log, Version: "7.12.1"})
}
