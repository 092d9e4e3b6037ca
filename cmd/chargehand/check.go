package main

import (
	"context"
	"fmt"

	"github.com/chargehand/chargehand/app"
	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/errs"
)

type checkCmd struct {
	configured
	Print bool `help:"Print the effective configuration, secrets masked, and check nothing else."`
	JSON  bool `help:"For programs."`
}

func (c *checkCmd) Run(ctx context.Context, term *terminal) error {
	conf, err := c.load(term)
	if err != nil {
		return err
	}
	if c.Print {
		if c.JSON {
			return term.printJSON(conf.Masked())
		}
		return conf.Print(term.stdout)
	}
	results := app.Check(ctx, conf, warner(conf, term.stderr))
	failed := false
	for _, r := range results {
		failed = failed || r.Problem != ""
	}
	if c.JSON {
		err = term.printJSON(results)
	} else {
		for _, r := range results {
			state := "ok  "
			if r.Problem != "" {
				state = "FAIL"
			}
			if _, err = fmt.Fprintf(term.stdout, "%s  %-14s %s%s\n", state, r.Name, r.Detail, r.Problem); err != nil {
				break
			}
		}
	}
	if err == nil && failed {
		return quiet{code: 1}
	}
	return err
}

type migrateCmd struct{ configured }

func (c *migrateCmd) Run(ctx context.Context, term *terminal) error {
	conf, err := c.load(term)
	if err != nil {
		return err
	}
	return app.Migrate(ctx, conf, logger(conf, term.stderr))
}

type adminCmd struct {
	ResetPassword resetPasswordCmd `cmd:"" help:"Give an account a new password."`
	CreateToken   createTokenCmd   `cmd:"" help:"Make a personal access token."`
	GrantAdmin    grantAdminCmd    `cmd:"" help:"Make an account an administrator."`
}

// administered is embedded by commands that work on accounts.
type administered struct {
	configured
	Login string `arg:"" help:"Login of the account."`
}

func (c *administered) open(ctx context.Context, term *terminal) (*app.Accounts, error) {
	conf, err := c.load(term)
	if err != nil {
		return nil, err
	}
	return app.OpenAccounts(ctx, conf, warner(conf, term.stderr))
}

type resetPasswordCmd struct {
	administered
	Password string `help:"The new password; generated and printed when not given." env:"CHARGEHAND_ADMIN_PASSWORD"`
}

func (c *resetPasswordCmd) Run(ctx context.Context, term *terminal) error {
	accounts, err := c.open(ctx, term)
	if err != nil {
		return err
	}
	defer func() { _ = accounts.Close() }()
	shown, err := accounts.ResetPassword(ctx, c.Login, config.Secret(c.Password))
	if err != nil {
		return err
	}
	if shown == "" {
		_, err = fmt.Fprintf(term.stdout, "the password of %s is changed\n", c.Login)
	} else {
		_, err = fmt.Fprintf(term.stdout, "the password of %s is now %s\n", c.Login, shown)
	}
	return errs.WrapAs(errs.Unavailable, err, "write")
}

type createTokenCmd struct {
	administered
	Name string `help:"What the token is for." default:"command line"`
	Days int    `help:"Days until it expires; 0 never." default:"0"`
}

func (c *createTokenCmd) Run(ctx context.Context, term *terminal) error {
	accounts, err := c.open(ctx, term)
	if err != nil {
		return err
	}
	defer func() { _ = accounts.Close() }()
	value, err := accounts.CreateToken(ctx, c.Login, c.Name, c.Days)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(term.stdout, value)
	return errs.WrapAs(errs.Unavailable, err, "write")
}

type grantAdminCmd struct{ administered }

func (c *grantAdminCmd) Run(ctx context.Context, term *terminal) error {
	accounts, err := c.open(ctx, term)
	if err != nil {
		return err
	}
	defer func() { _ = accounts.Close() }()
	if err := accounts.GrantAdmin(ctx, c.Login); err != nil {
		return err
	}
	_, err = fmt.Fprintf(term.stdout, "%s is an administrator\n", c.Login)
	return errs.WrapAs(errs.Unavailable, err, "write")
}

type encCmd struct {
	configured
	Node string `arg:"" help:"Certname of the node."`
	JSON bool   `help:"JSON instead of YAML."`
}

func (c *encCmd) Run(ctx context.Context, term *terminal) error {
	conf, err := c.load(term)
	if err != nil {
		return err
	}
	found, err := app.Classify(ctx, conf, c.Node, warner(conf, term.stderr))
	if err != nil {
		return err
	}
	if c.JSON {
		return term.printJSON(found)
	}
	text, err := found.YAML()
	if err != nil {
		return err
	}
	_, err = term.stdout.Write(text)
	return errs.WrapAs(errs.Unavailable, err, "write")
}
