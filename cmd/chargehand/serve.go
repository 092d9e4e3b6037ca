package main

import (
	"context"

	"github.com/chargehand/chargehand/app"
	"github.com/chargehand/chargehand/config"
)

type serveCmd struct {
	configured
}

func (c *serveCmd) Run(ctx context.Context, term *terminal) error {
	conf, err := c.load(term)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{
		Config: conf, Version: version, Log: logger(conf, term.stderr), Stderr: term.stderr,
		AdminPassword: config.Secret(term.environment("CHARGEHAND_ADMIN_PASSWORD")),
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}
