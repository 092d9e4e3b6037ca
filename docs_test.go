package chargehand_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/config"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// The documentation is executed: every fenced example says by its info string
// what becomes of it here.
//
//	sh               run by sh, in order, in the folder of its page
//	sh serve         the same, in the background, until the page's end
//	sh elsewhere     needs another machine: its chargehand and make commands must exist
//	text output      lines that the example before it printed; … stands for anything
//	yaml [NAME]      configuration: must load; kept as NAME for what follows
//	yaml other       not configuration: must be YAML
//	puppet PATH      kept as PATH for what follows
//	text, mermaid    shown only
//
// Listeners on loopback addresses get free ports; what the page names instead is
// replaced in everything that runs, and put back in what was printed. curl is
// played by this program, so that the examples need no other.

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "curl" {
		os.Exit(curl(os.Args[1:], os.Stdout, os.Stderr))
	}
	dir, err := os.MkdirTemp("", "chargehand-docs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programDir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// programDir is the folder of program; it is set by TestMain, and gone after it.
var programDir string

// A fence is one fenced example of a page.
type fence struct {
	page string
	line int
	info []string
	text string
}

func (f fence) String() string { return fmt.Sprintf("%s:%d", f.page, f.line) }

// is reports whether the info string is the words.
func (f fence) is(words ...string) bool { return slices.Equal(f.info, words) }

// pages lists the documentation.
func pages(t *testing.T) []string {
	t.Helper()
	all := []string{"README.md", "ARCHITECTURE.md", "THIRD_PARTY_NOTICES.md"}
	err := filepath.WalkDir("docs", func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func fencesOf(t *testing.T, page string) []fence {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []fence
	var open *fence
	for i, line := range strings.Split(string(text), "\n") {
		info, mark := strings.CutPrefix(line, "```")
		switch {
		case mark && open == nil:
			open = &fence{page: page, line: i + 1, info: strings.Fields(info)}
		case mark:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Errorf("%v: the example never ends", *open)
	}
	return all
}

// program builds the program once and gives the folder that holds it and curl.
var program = sync.OnceValues(func() (string, error) {
	dir := programDir
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if err := os.Symlink(self, filepath.Join(dir, "curl")); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "chargehand"), "./cmd/chargehand")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

func TestDocumentedExamples(t *testing.T) {
	for _, page := range pages(t) {
		fences := fencesOf(t, page)
		if len(fences) == 0 {
			continue
		}
		t.Run(filepath.ToSlash(page), func(t *testing.T) {
			s := &session{t: t, dir: t.TempDir(), ports: map[string]string{}}
			defer s.stop()
			for _, f := range fences {
				s.do(f)
			}
		})
	}
}

// A session is one page being followed.
type session struct {
	t      *testing.T
	dir    string
	ports  map[string]string // documented address → bound address
	wanted map[string]string // configuration key → documented address
	output string            // of the last example
	stops  []func()
}

func (s *session) do(f fence) {
	s.t.Helper()
	switch {
	case f.is("sh"):
		s.output = s.run(f)
	case f.is("sh", "serve"):
		s.serve(f)
	case f.is("sh", "elsewhere"):
		s.checkCommands(f)
	case f.is("text", "output"):
		s.compare(f)
	case f.is("yaml", "other"):
		var v any
		if err := yaml.Unmarshal([]byte(f.text), &v); err != nil {
			s.t.Errorf("%v: %v", f, err)
		}
	case len(f.info) > 0 && f.info[0] == "yaml":
		s.configuration(f)
	case len(f.info) == 2 && f.info[0] == "puppet":
		s.write(f, f.info[1], f.text)
	case f.is("text"), f.is("mermaid"), f.is("go"):
	default:
		s.t.Errorf("%v: no rule for an example of the kind %q", f, strings.Join(f.info, " "))
	}
}

func (s *session) write(f fence, name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatalf("%v: %v", f, err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatalf("%v: %v", f, err)
	}
}

var loopback = regexp.MustCompile(`(127\.0\.0\.1|localhost):(\d+)`)

// configuration loads an example through config.Load and keeps it with the bound
// port of what runs already and port 0 for each other loopback port.
func (s *session) configuration(f fence) {
	s.t.Helper()
	name := "example.yaml"
	if len(f.info) > 1 {
		name = f.info[1]
	}
	s.write(f, name, f.text)
	conf, err := config.Load(config.Sources{File: filepath.Join(s.dir, name), Hostname: func() (string, error) { return "docs.example.org", nil }})
	if err != nil {
		s.t.Errorf("%v: %v", f, err)
		return
	}
	s.wanted = map[string]string{}
	for key, value := range conf.Masked() {
		if loopback.MatchString(value) {
			s.wanted[key] = value
		}
	}
	s.write(f, name, loopback.ReplaceAllStringFunc(f.text, func(address string) string {
		if bound, known := s.ports[address]; known {
			return bound
		}
		host, _, _ := strings.Cut(address, ":")
		return host + ":0"
	}))
}

// command runs a shell in the session's folder with the program in its path.
func (s *session) command(ctx context.Context, f fence, text string) *exec.Cmd {
	s.t.Helper()
	bin, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	for documented, bound := range s.ports {
		text = strings.ReplaceAll(text, documented, bound)
	}
	keep := filepath.Join(s.dir, ".environment")
	script := "set -eu\nif [ -f " + keep + " ]; then . " + keep + "; fi\n" + text + "\nexport -p > " + keep + "\n"
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir = s.dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "CHARGEHAND_") }),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"CHARGEHAND_CACHE_DIR="+filepath.Join(bin, "cache")) // pages share what is costly to make
	cmd.WaitDelay = 20 * time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

func (s *session) run(f fence) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := s.command(ctx, f, f.text)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("%v: %v\n%s\n%s%s", f, err, f.text, out.String(), complaints.String())
	}
	return s.documented(out.String())
}

// documented puts the page's addresses back into what was printed.
func (s *session) documented(text string) string {
	for documented, bound := range s.ports {
		text = strings.ReplaceAll(text, bound, documented)
	}
	return text
}

// serve starts the example in the background and waits until it is ready.
func (s *session) serve(f fence) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	// exec: what is stopped is the program, not a shell around it.
	cmd := s.command(ctx, f, regexp.MustCompile(`(?m)^chargehand serve`).ReplaceAllString(f.text, "exec chargehand serve"))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("%v: %v", f, err)
	}
	var said bytes.Buffer
	ready, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			said.WriteString(lines.Text() + "\n")
			if _, bound, ok := strings.Cut(lines.Text(), "is ready: "); ok {
				ready <- bound
			}
		}
	}()
	s.stops = append(s.stops, func() {
		cancel()
		<-ended
		if err := cmd.Wait(); err != nil && ctx.Err() == nil {
			s.t.Errorf("%v: %v", f, err)
		}
	})
	select {
	case bound := <-ready:
		s.learn(f, bound)
	case <-ended:
		s.t.Fatalf("%v: ended before it was ready\n%s", f, said.String())
	case <-time.After(2 * time.Minute):
		s.t.Fatalf("%v: not ready after two minutes", f)
	}
}

// learn reads "key address, key address …" and notes what stands for what.
func (s *session) learn(f fence, bound string) {
	s.t.Helper()
	for pair := range strings.SplitSeq(bound, ", ") {
		key, address, _ := strings.Cut(pair, " ")
		want, named := s.wanted[key]
		if !named {
			continue
		}
		_, documented, _ := net.SplitHostPort(want)
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			s.t.Fatalf("%v: bound %q", f, pair)
		}
		for _, host := range []string{"127.0.0.1", "localhost"} { // names below localhost end in it
			s.ports[host+":"+documented] = host + ":" + port
		}
	}
}

func (s *session) stop() {
	for _, stop := range slices.Backward(s.stops) {
		stop()
	}
}

// compare looks for the lines, in order, in what the last example printed.
func (s *session) compare(f fence) {
	s.t.Helper()
	rest := s.output
	for line := range strings.Lines(f.text) {
		if line = strings.TrimSpace(line); line == "" || line == "…" {
			continue
		}
		pattern := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*"))
		at := pattern.FindStringIndex(rest)
		if at == nil {
			s.t.Errorf("%v: %q was not printed; this was:\n%s", f, line, s.output)
			return
		}
		rest = rest[at[1]:]
	}
}

var invocation = regexp.MustCompile(`(?m)^chargehand ((?:[a-z][a-z-]*(?: |$))+)(.*)$`)

// checkCommands asks the program for help on every command of an example, and
// looks for the flags and configuration keys that it uses.
func (s *session) checkCommands(f fence) {
	s.t.Helper()
	bin, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	text := strings.ReplaceAll(f.text, "\\\n", " ")
	for _, m := range invocation.FindAllStringSubmatch(text, -1) {
		args := strings.Fields(m[1])
		out, err := exec.CommandContext(s.t.Context(), filepath.Join(bin, "chargehand"), append(args, "--help")...).CombinedOutput()
		if err != nil {
			s.t.Errorf("%v: chargehand %s: %v\n%s", f, m[1], err, out)
			continue
		}
		for _, word := range strings.Fields(m[2]) {
			flag, _, _ := strings.Cut(word, "=")
			if strings.HasPrefix(flag, "--") && !strings.Contains(string(out), flag) {
				s.t.Errorf("%v: chargehand %s has no %s", f, m[1], flag)
			}
		}
	}
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^make ([a-z0-9-]+)`).FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
			s.t.Errorf("%v: the Makefile has no target %s", f, m[1])
		}
	}
	known := keysOf(s.t)
	for _, m := range regexp.MustCompile(`--set[ =]([a-z_.]+)=`).FindAllStringSubmatch(text, -1) {
		if _, ok := known[m[1]]; !ok {
			s.t.Errorf("%v: no configuration key %s", f, m[1])
		}
	}
}

// keysOf gives meaning and default of each configuration key, as Print tells them.
func keysOf(t *testing.T) map[string][2]string {
	t.Helper()
	conf, err := config.Load(config.Sources{File: os.DevNull, Hostname: func() (string, error) { return "host", nil }})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := conf.Print(&b); err != nil {
		t.Fatal(err)
	}
	known := map[string][2]string{}
	help := ""
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSuffix(line, "\n")
		if text, ok := strings.CutPrefix(line, "# "); ok {
			help, _, _ = strings.Cut(text, " (CHARGEHAND_")
			continue
		}
		key, value, _ := strings.Cut(line, ": ")
		known[key] = [2]string{help, strings.Trim(value, "'")}
	}
	return known
}

// TestConfigurationTable compares the manual's table with the loader's, row by row.
func TestConfigurationTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := regexp.MustCompile("(?m)^\\| `[a-z_.]+` \\| .* \\|$").FindAllString(string(text), -1)
	var want []string
	for key, about := range keysOf(t) {
		fallback := about[1]
		if derived := fallback == "host" || fallback == "*****" || strings.HasPrefix(fallback, "/var/lib/chargehand/"); derived || fallback == "" {
			fallback = " |"
		} else {
			fallback = "`" + fallback + "` |"
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s", key, about[0], fallback))
	}
	slices.Sort(want)
	slices.Sort(documented)
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("docs/install.md and config/keys.go differ (-code +manual):\n%s", diff)
	}
}

// TestLinks follows every relative link of the documentation.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if m[1] == "" || strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s: a link leads nowhere: %s", page, m[1])
			}
		}
	}
}

// TestNotices compares the notices with the files and the modules that are there.
func TestNotices(t *testing.T) {
	text, err := os.ReadFile("THIRD_PARTY_NOTICES.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*").FindAllStringSubmatch(string(text), -1) {
		row, name := m[0], m[1]
		sum := regexp.MustCompile("`([0-9a-f]{64})` \\|$").FindStringSubmatch(row)
		if sum == nil {
			named[name] = true
			continue
		}
		content, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Error(err)
		} else if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != sum[1] {
			t.Errorf("%s has the checksum %s, the notices say %s", name, got, sum[1])
		}
	}
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "./cmd/chargehand").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]bool{}
	for _, module := range strings.Fields(string(out)) {
		linked[module] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(linked)), slices.Sorted(maps.Keys(named))); diff != "" {
		t.Errorf("modules in the binary and in THIRD_PARTY_NOTICES.md (-binary +notices):\n%s", diff)
	}
}

// TestDependenciesHaveReasons looks for each direct dependency in the decisions.
func TestDependenciesHaveReasons(t *testing.T) {
	var decisions strings.Builder
	files, err := filepath.Glob(filepath.Join("docs", "adr", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decisions.Write(text)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		if !strings.Contains(decisions.String(), "`"+m[1]+"`") {
			t.Errorf("%s is a direct dependency, and no page of docs/adr says why", m[1])
		}
	}
}
