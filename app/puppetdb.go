package app

import (
	"context"
	"strings"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/puppetdb"
	"github.com/chargehand/chargehand/puppetdb/queue"
	"github.com/chargehand/chargehand/puppetdb/server"
	"github.com/chargehand/chargehand/puppetdb/storage"
)

// puppetdbVersion is what clients are told: the release whose wire format is
// spoken.
const puppetdbVersion = "7.12.1"

// buildPuppetDB adds the puppetdb role.
func buildPuppetDB(ctx context.Context, a *App) error {
	store, err := a.openPuppetDBStore(ctx)
	if err != nil {
		return err
	}
	root, err := a.openDir("puppetdb", "queue")
	if err != nil {
		return err
	}
	inbox, err := queue.Open(root, queue.Options{Log: a.Log})
	if err != nil {
		return err
	}
	service := puppetdb.New(puppetdb.Options{
		Store: store, Queue: inbox, Clock: clock.System, Log: a.Log,
		NodeTTL: a.Config.PuppetDB.NodeTTL, PurgeTTL: a.Config.PuppetDB.NodePurgeTTL, ReportTTL: a.Config.PuppetDB.ReportTTL,
	})
	a.add("puppetdb", service.Run)
	a.puppetdb = service
	a.readyWhen("puppetdb", service.Ready)
	handler := server.New(server.Options{Service: service, Log: a.Log, Version: puppetdbVersion, Allow: a.mayQuery})
	a.serve("puppetdb.http", handler, nil)
	a.serve("puppetdb.https", handler, tlsconf.Server(a.identity, tlsconf.RequireCert))
	return nil
}

func (a *App) openPuppetDBStore(ctx context.Context) (*storage.Store, error) {
	opts := sqldb.Options{}
	if strings.HasPrefix(a.Config.PuppetDB.Database.Reveal(), "postgres") {
		opts.Schema = "chargehand_puppetdb"
	}
	db, err := sqldb.Open(ctx, a.Config.PuppetDB.Database.Reveal(), opts)
	if err != nil {
		return nil, errs.Wrap(err, "puppetdb.database")
	}
	a.onClose(db.Close)
	return storage.Open(ctx, db, clock.System, a.Log)
}
