package chargehand_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The dependency rules of the architecture, kept by a test: each row names what
// is forbidden where, and why. TestArchitecture runs them over this module;
// TestRulesBite runs them over testdata/arch, a module that breaks each one.

// ranks orders the layers; a package may import its own rank or below. The
// longest matching prefix counts, and a package without a rank fails.
var ranks = map[string]int{
	"cmd": 9, "e2e": 9,
	"app": 8,
	"api": 7, "ui": 7, "proxy/server": 7, "puppet/server": 7, "puppetdb/server": 7,
	"core": 5, "proxy": 5, "puppet": 5, "puppetdb": 5,
	"netd": 4,
	"pki":  3, "ruby": 3,
	"config":   2,
	"internal": 1,
	"docs":     1,
}

// edges never import each other, whatever their rank.
var edges = []string{"api", "ui", "proxy/server", "puppet/server", "puppetdb/server"}

// providers are imported by app alone (and by their own tests).
var providers = []string{
	"proxy/dns/builtin", "proxy/dns/nsupdate", "proxy/dhcp/builtin", "proxy/tftp/files",
	"proxy/puppetca/http", "proxy/puppetca/local", "proxy/puppetca/autosignfile", "proxy/puppetca/tokens", "proxy/tftp/bootfile",
}

// A ban forbids imports in some packages, for a reason that the failure shows.
type ban struct {
	imports []string // import paths, or prefixes that end in "/"
	allowed []string // module-relative packages (prefixes) that may
	only    []string // when set, the ban holds in these packages alone
	reason  string
}

var bans = []ban{
	{
		imports: []string{"database/sql", "database/sql/driver", "modernc.org/sqlite", "modernc.org/sqlite/lib", "github.com/jackc/pgx/v5", "github.com/go-sql-driver/mysql", "github.com/pressly/goose/v3"},
		allowed: []string{"core/store", "puppetdb/storage", "internal/sqldb", "internal/pgtest"},
		reason:  "SQL lives in the stores; ask one of them, or internal/sqldb",
	},
	{
		imports: []string{"os/exec"},
		allowed: []string{"internal/run", "internal/pgtest", "e2e"},
		reason:  "programs run through internal/run: argument vectors, time and output bounds",
	},
	{
		imports: []string{"testing"},
		allowed: []string{"core/store/storetest", "proxy/proxytest", "internal/pgtest", "core/noun/nountest", "pki/pkitest", "e2e"},
		reason:  "only conformance suites import testing outside of test files",
	},
	{
		imports: []string{"net", "net/http", "os", "os/exec", "math/rand", "math/rand/v2"},
		only:    []string{"puppet/syntax", "puppet/eval", "core/search", "puppet/pcore"},
		reason:  "parsers and evaluators are pure: no files, no network, no chance but what is handed in",
	},
	{
		imports: []string{"math/rand"},
		reason:  "math/rand/v2 replaces it, and crypto/rand where an enemy may guess",
	},
}

// coreMayNotSee lists what core reaches through interfaces of its own.
var coreMayNotSee = []string{"puppet", "puppetdb", "netd", "proxy/server"}

// clientNames are the net/http names that make outgoing calls.
var clientNames = []string{"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Post", "PostForm", "Head"}

// clientsAllowed may make HTTP clients.
var clientsAllowed = []string{"internal/fetch", "e2e"}

// clockFree packages read no ambient clock.
var clockFree = []string{"puppet/syntax", "puppet/eval", "core/search", "pki"}

var bannedNames = []string{"util", "utils", "common", "helpers", "helper", "misc", "models", "controllers", "types"}

// A pkg is what `go list` tells of one package.
type pkg struct {
	ImportPath   string
	Dir          string
	Name         string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Error        *struct{ Err string }
}

func listPackages(dir string) ([]pkg, error) {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Name,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", dir, err)
	}
	var pkgs []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
}

const module = "github.com/chargehand/chargehand"

func relative(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

func under(path string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool {
		return path == p || strings.HasPrefix(path, p+"/")
	})
}

func rank(rel string) (int, bool) {
	best, value := -1, 0
	for prefix, r := range ranks {
		if under(rel, prefix) && len(prefix) > best {
			best, value = len(prefix), r
		}
	}
	return value, best >= 0
}

// violations runs every rule over the packages and names each offence.
func violations(pkgs []pkg) []string {
	var found []string
	report := func(p pkg, format string, args ...any) {
		found = append(found, relative(p.ImportPath)+": "+fmt.Sprintf(format, args...))
	}
	for _, p := range pkgs {
		rel := relative(p.ImportPath)
		if rel == "" {
			continue
		}
		checkRank(p, report)
		checkImports(p, report)
		if slices.Contains(bannedNames, filepath.Base(rel)) {
			report(p, "the name %q says nothing; name the package for what it does", filepath.Base(rel))
		}
		checkSource(p, report)
	}
	slices.Sort(found)
	return found
}

func checkRank(p pkg, report func(pkg, string, ...any)) {
	rel := relative(p.ImportPath)
	own, ok := rank(rel)
	if !ok {
		report(p, "has no rank: add it to the table in arch_test.go")
		return
	}
	for _, imp := range p.Imports {
		if !strings.HasPrefix(imp, module) {
			continue
		}
		target := relative(imp)
		if r, ok := rank(target); ok && r > own {
			report(p, "imports %s, which is above it", target)
		}
	}
}

func checkImports(p pkg, report func(pkg, string, ...any)) {
	rel := relative(p.ImportPath)
	for _, imp := range p.Imports {
		target := relative(imp)
		for i, edge := range edges {
			for j, other := range edges {
				if i != j && under(rel, edge) && under(target, other) {
					report(p, "imports %s: edges never import each other", target)
				}
			}
		}
		if under(target, providers...) && !under(rel, "app", "cmd", "e2e") && !under(rel, target) {
			report(p, "imports %s: providers are imported by app alone", target)
		}
		if under(rel, "core") && under(target, coreMayNotSee...) {
			report(p, "imports %s: core sees interfaces it declares itself", target)
		}
		for _, b := range bans {
			if b.forbids(rel, imp) {
				report(p, "imports %s: %s", imp, b.reason)
			}
		}
	}
}

func (b ban) forbids(rel, imp string) bool {
	if !slices.Contains(b.imports, imp) || under(rel, b.allowed...) {
		return false
	}
	return len(b.only) == 0 || under(rel, b.only...)
}

// checkSource looks into the files: package docs, HTTP clients, ambient clocks,
// init functions.
func checkSource(p pkg, report func(pkg, string, ...any)) {
	rel := relative(p.ImportPath)
	documented := len(p.GoFiles) == 0
	for _, name := range p.GoFiles {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			report(p, "%v", err)
			continue
		}
		documented = documented || file.Doc != nil
		generated := ast.IsGenerated(file)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" && !generated {
					report(p, "%s has an init function; construct in app", name)
				}
			case *ast.SelectorExpr:
				checkSelector(p, rel, name, n, report)
			}
			return true
		})
	}
	if !documented {
		report(p, "has no package comment")
	}
}

func checkSelector(p pkg, rel, file string, sel *ast.SelectorExpr, report func(pkg, string, ...any)) {
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return
	}
	switch {
	case x.Name == "http" && slices.Contains(clientNames, sel.Sel.Name) && slices.Contains(p.Imports, "net/http") && !under(rel, clientsAllowed...):
		report(p, "%s uses http.%s: outgoing HTTP goes through internal/fetch", file, sel.Sel.Name)
	case x.Name == "time" && (sel.Sel.Name == "Now" || sel.Sel.Name == "Since") && under(rel, clockFree...):
		report(p, "%s uses time.%s: the clock is handed in", file, sel.Sel.Name)
	}
}

func TestArchitecture(t *testing.T) {
	pkgs, err := listPackages(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 3 {
		t.Fatalf("go list found %d packages", len(pkgs))
	}
	for _, v := range violations(pkgs) {
		t.Error(v)
	}
}

// TestRulesNameWhatExists keeps the table from rotting: a rule about a package
// that is gone is a rule that checks nothing.
func TestRulesNameWhatExists(t *testing.T) {
	var named []string
	named = append(named, edges...)
	named = append(named, providers...)
	named = append(named, clockFree...)
	named = append(named, clientsAllowed...)
	for _, b := range bans {
		named = append(named, b.allowed...)
		named = append(named, b.only...)
	}
	for prefix := range ranks {
		named = append(named, prefix)
	}
	for _, name := range named {
		if _, err := os.Stat(filepath.FromSlash(name)); errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the rules name %s, which does not exist", name)
		}
	}
}

// TestRulesBite runs the rules over a module that breaks them, one package a
// rule; each package says in a file named "want" what must be found.
func TestRulesBite(t *testing.T) {
	dir := filepath.Join("testdata", "arch")
	pkgs, err := listPackages(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := violations(pkgs)
	for _, p := range pkgs {
		want, err := os.ReadFile(filepath.Join(p.Dir, "want"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		line := relative(p.ImportPath) + ": " + strings.TrimSpace(string(want))
		if !slices.Contains(found, line) {
			t.Errorf("not found: %s\nfound: %s", line, strings.Join(found, "\n       "))
		}
	}
}
