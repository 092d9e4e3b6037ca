package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/chargehand/chargehand/app"
	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppet/environment"
	"github.com/chargehand/chargehand/puppet/syntax"
)

type puppetCmd struct {
	Compile compileCmd `cmd:"" help:"Print a node's catalog as JSON."`
	Parse   parseCmd   `cmd:"" help:"Validate manifests and templates, or print their syntax trees."`
}

// maxInput bounds a file that a command reads whole.
const maxInput = 64 << 20

// readFile reads a file that the user named; - is the standard input.
func (t *terminal) readFile(name string) ([]byte, error) {
	in := t.stdin
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errs.WrapAs(errs.NotFound, err, "read")
		}
		if err != nil {
			return nil, errs.WrapAs(errs.Unavailable, err, "read")
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	text, err := bounded.ReadAll(in, maxInput)
	if err != nil && errs.KindOf(err) == errs.Internal {
		err = errs.WrapAs(errs.Unavailable, err, "read")
	}
	return text, errs.Wrap(err, "%s", name)
}

type compileCmd struct {
	Code        string `required:"" placeholder:"DIR" help:"Code directory: environments/, modules/, hiera.yaml."`
	Environment string `placeholder:"ENV" help:"Environment; the classifier's when not given, else production."`
	Node        string `required:"" placeholder:"CERTNAME" help:"Certname of the node."`
	Facts       string `required:"" placeholder:"FILE" help:"JSON object of facts, as facter --json prints."`
	Enc         string `placeholder:"FILE" help:"YAML of a node classifier, as chargehand enc prints."`
	Trusted     string `placeholder:"FILE" help:"JSON of $$trusted, laid over what the certname gives."`
	ServerName  string `placeholder:"NAME" help:"$$server_facts['servername']; this machine's name when not given."`
	Verbose     bool   `short:"v" help:"Show what manifests log."`
}

func (c *compileCmd) Run(ctx context.Context, term *terminal) error {
	work := app.Compilation{CodeDir: c.Code, Environment: c.Environment, Certname: c.Node, ServerName: c.ServerName}
	for _, file := range []struct {
		name string
		into *[]byte
	}{{c.Facts, &work.Facts}, {c.Enc, &work.ENC}, {c.Trusted, &work.Trusted}} {
		if file.name == "" {
			continue
		}
		var err error
		if *file.into, err = term.readFile(file.name); err != nil {
			return err
		}
	}
	if work.ServerName == "" {
		work.ServerName, _ = os.Hostname() // a fact that may be missing
	}
	catalog, err := app.Compile(ctx, work, c.log(term))
	if errs.Is(err, errs.Invalid) || errs.Is(err, errs.NotFound) {
		_, _ = fmt.Fprintln(term.stderr, errs.PublicText(err))
		return quiet{code: 1}
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(term.stdout, "%s\n", catalog)
	return errs.WrapAs(errs.Unavailable, err, "write")
}

// log is nothing unless asked for: stderr is for the error alone.
func (c *compileCmd) log(term *terminal) *slog.Logger {
	if !c.Verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(term.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type parseCmd struct {
	Dump  string   `enum:",pn,json" default:"" placeholder:"pn|json" help:"Print the syntax tree instead of validating."`
	Files []string `arg:"" name:"file" help:"Manifests, or templates (*.epp); - is the standard input."`
}

// Run looks at every file, also when one is wrong.
func (c *parseCmd) Run(term *terminal) error {
	failed := false
	for _, name := range c.Files {
		text, err := term.readFile(name)
		if err != nil {
			return err
		}
		ok, err := c.parse(term, name, string(text))
		if err != nil {
			return err
		}
		failed = failed || !ok
	}
	if failed {
		return quiet{code: 1}
	}
	return nil
}

func (c *parseCmd) parse(term *terminal, name, text string) (ok bool, err error) {
	if name == "-" {
		name = "" // Puppet names no file either
	} else if name, err = filepath.Abs(name); err != nil {
		return false, errs.WrapAs(errs.Unavailable, err, "parse")
	}
	parsed, err := syntax.Parse(name, text, syntax.Options{Epp: strings.HasSuffix(name, ".epp")})
	tell(term.stderr, "Warning: ", parsed.Warnings)
	if err != nil {
		_, _ = fmt.Fprintln(term.stderr, err)
		return false, nil
	}
	switch c.Dump {
	case "pn":
		_, err = fmt.Fprintln(term.stdout, syntax.PN(parsed.Program))
		return true, errs.WrapAs(errs.Unavailable, err, "write")
	case "json":
		tree, err := syntax.JSON(parsed.Program)
		if err == nil {
			_, err = fmt.Fprintf(term.stdout, "%s\n", tree)
		}
		return true, errs.WrapAs(errs.Unavailable, err, "write")
	}
	found := syntax.Validate(parsed.Program, syntax.ValidateOptions{Regexp: environment.CheckRegexp})
	tell(term.stderr, "Warning: ", found.Warnings)
	tell(term.stderr, "", found.Errors)
	if len(found.Errors) > 1 {
		summary := &syntax.Error{}
		if errors.As(found.Err(), &summary) {
			_, _ = fmt.Fprintln(term.stderr, summary.Message)
		}
	}
	return len(found.Errors) == 0, nil
}

func tell(w io.Writer, prefix string, findings []*syntax.Error) {
	for _, f := range findings {
		_, _ = fmt.Fprintf(w, "%s%s\n", prefix, f)
	}
}
