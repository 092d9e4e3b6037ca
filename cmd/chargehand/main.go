// Command chargehand is the whole program: it serves, and it has a command for
// each thing that an operator does without a server.
//
// This package declares commands and nothing else; the work is done in app and
// below.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/errs"
)

// version is set by the linker.
var version = "dev"

// exitInterrupted is the code of a command that a signal ended.
const exitInterrupted = 130

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], terminal{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}))
}

// A terminal is what a command reads from and writes to.
type terminal struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

// commands is the command line; each field's command has a file of its own.
type commands struct {
	Demo    demoCmd    `cmd:"" help:"Show it at work: a whole site on loopback and a simulated machine from PXE to its first report."`
	Serve   serveCmd   `cmd:"" help:"Run the roles named in the configuration until stopped."`
	Check   checkCmd   `cmd:"" help:"Check configuration, database and certificates."`
	Migrate migrateCmd `cmd:"" help:"Bring the database schemas up to date; serve does it too."`
	Admin   adminCmd   `cmd:"" help:"Work on accounts."`
	CA      caCmd      `cmd:"" name:"ca" help:"The certificate authority, with the words of puppetserver ca."`
	Enc     encCmd     `cmd:"" help:"Print what a node is: the external node classifier."`
	Puppet  puppetCmd  `cmd:"" help:"Work with Puppet code without a server."`
	Proxy   proxyCmd   `cmd:"" help:"Work on smart proxies."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// run parses args, runs the command and gives the exit code.
func run(ctx context.Context, args []string, term terminal) int {
	var cli commands
	exited := -1
	parser, err := kong.New(&cli,
		kong.Name("chargehand"),
		kong.Description("Foreman, its Smart Proxy, Puppet Server and PuppetDB in one program."),
		kong.Writers(term.stdout, term.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&term),
	)
	if err != nil {
		return complain(term, errs.WrapAs(errs.Internal, err, "command line"))
	}
	selected, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help has been printed
	}
	if err != nil {
		return complain(term, errs.WrapAs(errs.Malformed, err, "command line"))
	}
	if err := selected.Run(); err != nil {
		return complain(term, err)
	}
	return 0
}

// A quiet error has been shown already; only its exit code counts.
type quiet struct{ code int }

func (quiet) Error() string { return "already reported" }

// complain writes an error for the person at the terminal and gives its exit code.
func complain(term terminal, err error) int {
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	if q, ok := errors.AsType[quiet](err); ok {
		return q.code
	}
	_, _ = fmt.Fprintf(term.stderr, "chargehand: %v\n", err)
	return errs.KindOf(err).Exit()
}

// configured is embedded by commands that read the configuration.
type configured struct {
	Config  string   `placeholder:"FILE" help:"Configuration file (default /etc/chargehand/chargehand.yaml)."`
	DataDir string   `placeholder:"DIR" help:"Folder of everything that must survive (data_dir)."`
	Roles   string   `placeholder:"R,R" help:"What this process does: core, proxy, puppet, puppetdb."`
	Set     []string `placeholder:"KEY=VALUE" sep:"none" help:"Set one configuration key; may be repeated."`
}

func (c *configured) load(term *terminal) (*config.Config, error) {
	return config.Load(config.Sources{
		File: c.Config, Environ: term.environ, DataDir: c.DataDir, Roles: c.Roles, Set: c.Set,
	})
}

// logger writes structured lines to stderr as log.level and log.format say.
func logger(c *config.Config, w io.Writer) *slog.Logger { return loggerFrom(c, w, slog.LevelDebug) }

// warner is the logger of commands that answer a person: they hear of what is
// wrong, not of all that goes on.
func warner(c *config.Config, w io.Writer) *slog.Logger { return loggerFrom(c, w, slog.LevelWarn) }

func loggerFrom(c *config.Config, w io.Writer, least slog.Level) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		level = slog.LevelInfo // config has checked it
	}
	level = max(level, least)
	opts := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// environment gives a variable of the terminal's environment.
func (t *terminal) environment(name string) string {
	for _, pair := range t.environ {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// printJSON writes v for programs.
func (t *terminal) printJSON(v any) error {
	enc := json.NewEncoder(t.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return errs.WrapAs(errs.Unavailable, enc.Encode(v), "write")
}

type versionCmd struct {
	JSON bool `help:"For programs."`
}

func (c *versionCmd) Run(term *terminal) error {
	if c.JSON {
		return term.printJSON(map[string]string{"version": version})
	}
	_, err := fmt.Fprintf(term.stdout, "chargehand %s\n", version)
	return err
}
