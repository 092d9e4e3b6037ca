package compile_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/chargehand/chargehand/puppet/compile"
	"github.com/chargehand/chargehand/puppet/environment"
	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// referenceDir is the folder of the language corpus, or of the share of it
// that is kept here.
func referenceDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("CHARGEHAND_REFERENCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "reference")
	}
	dir = filepath.Join(dir, "puppet-language")
	if _, err := os.Stat(dir); err != nil {
		t.Log("reference folder absent: only the cases in testdata are compared")
		return "testdata"
	}
	return dir
}

// langCase is a case of the corpus with the folders it is laid out in.
type langCase struct {
	name, root, env string
	head            map[string]string
	settings        map[string]string
	files           map[string][]byte
	golden          golden
	logs            []eval.Event
}

// golden is what Puppet made of a case.
type golden struct {
	Outcome string
	Catalog *struct {
		Name, Environment string
		Version           any
		Tags, Classes     []string
		Resources         []map[string]any
		Edges             [][]string
	}
	Error *goldenError
	Logs  []goldenLog
}

type goldenError struct {
	Class, Message string
	Basic          string `json:"basic_message"`
	Code           string `json:"issue_code"`
	File           string
	Line, Pos      int
	Internal       bool
}

type goldenLog struct {
	Level, Message, Source, File string
	Line, Pos                    int
}

func (g goldenLog) String() string { return g.Level + ": " + g.Message + " [" + g.Source + "]" }

func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}

// tally counts what is equal, by area.
type tally struct {
	areas        []string
	equal, total map[string]int
	differ       []string
}

func (c *tally) add(area, name string, equal bool) {
	if c.total == nil {
		c.equal, c.total = map[string]int{}, map[string]int{}
	}
	if c.total[area] == 0 {
		c.areas = append(c.areas, area)
	}
	c.total[area]++
	if equal {
		c.equal[area]++
		return
	}
	c.differ = append(c.differ, name)
}

func (c *tally) log(t *testing.T) {
	n, m := 0, 0
	for _, a := range c.areas {
		t.Logf("corpus/%s: %d of %d equal", a, c.equal[a], c.total[a])
		n, m = n+c.equal[a], m+c.total[a]
	}
	t.Logf("corpus: %d of %d equal", n, m)
	if out := os.Getenv("CORPUS_GAPS"); out != "" {
		if err := os.WriteFile(out, []byte(strings.Join(c.differ, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCorpus compiles every case and evaluates every expression, and compares
// catalogs, values, errors and logs with Puppet's. Those in testdata/gaps.txt
// may differ. CHARGEHAND_CORPUS names another corpus, of which all have to be
// equal; CORPUS_ONLY is a part of the names of cases to run.
func TestCorpus(t *testing.T) {
	gaps := readGaps(t)
	dirs := []string{referenceDir(t), "testdata"}
	if other := os.Getenv("CHARGEHAND_CORPUS"); other != "" {
		dirs, gaps = []string{other}, nil
	}
	only := os.Getenv("CORPUS_ONLY")
	var count tally
	judge := func(area, name, shown string, run func() []string) {
		if !strings.Contains(name, only) {
			return
		}
		diffs := run()
		count.add(area, name, len(diffs) == 0)
		switch {
		case len(diffs) > 0 && (only != "" || !gaps[name]):
			t.Errorf("%s: %s\n  %s", name, shown, strings.Join(diffs, "\n  "))
		case len(diffs) == 0 && gaps[name]:
			t.Logf("%s is equal now: take it off testdata/gaps.txt", name)
		}
	}
	for _, f := range caseFiles(dirs, ".txtar") {
		area := filepath.Base(filepath.Dir(f))
		name := area + "/" + strings.TrimSuffix(filepath.Base(f), ".txtar")
		judge(area, name, "", func() []string { return runCase(t, f, name) })
	}
	for _, f := range caseFiles(dirs, ".golden.jsonl") {
		area := "exprs/" + strings.TrimSuffix(filepath.Base(f), ".golden.jsonl")
		x := exprRunner(t, f)
		for _, row := range readRows(t, f) {
			judge(area, area+"#"+row.ID, row.Code, func() []string { return x.compare(row) })
		}
	}
	count.log(t)
}

// caseFiles gives the files with an ending below folders, each only once.
// Cases on module packages are read where they are asked for.
func caseFiles(dirs []string, ending string) []string {
	var files []string
	seen := map[string]bool{}
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(dir, path)
			switch {
			case err != nil, seen[rel]:
			case d.IsDir() && rel == "modules" && os.Getenv("CHARGEHAND_CORPUS") == "":
				return filepath.SkipDir
			case strings.HasSuffix(path, ending) && strings.Contains(rel, "/"):
				seen[rel] = true
				files = append(files, path)
			}
			return nil
		})
	}
	return files
}

func readGaps(t *testing.T) map[string]bool {
	gaps := map[string]bool{}
	data, err := os.ReadFile(filepath.Join("testdata", "gaps.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(data)) {
		gaps[line] = true
	}
	return gaps
}

func runCase(t *testing.T, file, name string) (diffs []string) {
	defer func() {
		if r := recover(); r != nil {
			diffs = append(diffs, fmt.Sprintf("panic: %v", r))
			if os.Getenv("CORPUS_PANIC") != "" {
				panic(r)
			}
		}
	}()
	k := readCase(t, file, name)
	made, err := compile.Compile(context.Background(), k.request(t, file))
	switch {
	case err != nil && k.golden.Outcome != "error":
		diffs = append(diffs, "error: "+k.norm(err.Error()))
	case k.golden.Outcome == "error" && k.golden.Error.Class == "LoadError":
		return nil // the reference lacks a library here
	case err == nil && k.golden.Outcome == "error":
		diffs = append(diffs, "no error, want "+k.golden.Error.Message)
	case err != nil:
		diffs = k.compareError(err)
	default:
		data, err := json.Marshal(made.ForAgent())
		if err != nil {
			return []string{err.Error()}
		}
		diffs = k.compareCatalog(data)
	}
	if k.golden.Error == nil || !k.golden.Error.Internal {
		diffs = append(diffs, k.compareLogs()...)
	}
	return diffs
}

func readCase(t *testing.T, file, name string) *langCase {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a := txtar.Parse(data)
	k := &langCase{name: name, root: t.TempDir(), head: map[string]string{}, settings: map[string]string{}, files: map[string][]byte{}}
	for _, line := range strings.Split(string(a.Comment), "\n") {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if key == "set" {
			n, v, _ := strings.Cut(value, "=")
			k.settings[n] = v
			continue
		}
		k.head[key] = value
	}
	k.env = k.or("environment", "production")
	for _, f := range a.Files {
		if f.Name == "expect.json" {
			if err := decode(f.Data, &k.golden); err != nil {
				t.Fatal(file, err)
			}
			continue
		}
		k.files[f.Name] = f.Data
		k.layOut(t, f.Name, f.Data)
	}
	if k.head["golden"] == "gz" {
		if err := decode(gunzip(t, strings.TrimSuffix(file, ".txtar")+".expect.json.gz"), &k.golden); err != nil {
			t.Fatal(file, err)
		}
	}
	for _, d := range []string{k.envDir() + "/manifests", k.root + "/code/modules", k.root + "/conf"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func (k *langCase) or(key, value string) string {
	if v := k.head[key]; v != "" {
		return v
	}
	return value
}

func (k *langCase) envDir() string { return k.root + "/code/environments/" + k.env }

// layOut writes a file of the case where it belongs.
func (k *langCase) layOut(t *testing.T, name string, data []byte) {
	if k.head["subst"] == "true" {
		r := strings.NewReplacer("@ENV@", k.envDir(), "@CONF@", k.root+"/conf", "@CODE@", k.root+"/code")
		data = []byte(r.Replace(string(data)))
	}
	if name == "facts.json" || name == "exported.json" {
		return
	}
	path := k.envDir() + "/" + name
	for prefix, to := range map[string]string{"global/": "/conf/", "basemodules/": "/code/modules/", "environments/": "/code/environments/"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			path = k.root + to + rest
		}
	}
	if rest, ok := strings.CutSuffix(path, ".b64"); ok {
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(data)), ""))
		if err != nil {
			t.Fatal(err)
		}
		path, data = rest, raw
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	mode := os.FileMode(0o644)
	if strings.HasSuffix(path, ".sh") {
		mode = 0o755
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
}

func hash(t testing.TB, data []byte) *pcore.Hash {
	h, err := compile.HashFromJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// factSet reads a set of facts from the facts folder beside or above a case.
func factSet(t testing.TB, file, name string) *pcore.Hash {
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		data, err := os.ReadFile(filepath.Join(dir, "facts", name+".json"))
		if err == nil {
			return hash(t, data)
		}
		if dir == filepath.Dir(dir) {
			t.Fatalf("no facts %s for %s", name, file)
		}
	}
}

func serverFacts() *pcore.Hash {
	return pcore.HashOf("serverversion", pcore.String("7.23.0"), "servername", pcore.String("puppet.example.com"),
		"serverip", pcore.String("192.0.2.1"), "serverip6", pcore.String("2001:db8::1"))
}

func trusted(certname string, extensions, external *pcore.Hash) *pcore.Hash {
	host, domain, ok := strings.Cut(certname, ".")
	var d pcore.Value = pcore.Undef{}
	if ok {
		d = pcore.String(domain)
	}
	return pcore.HashOf("authenticated", pcore.String("remote"), "certname", pcore.String(certname),
		"extensions", extensions, "hostname", pcore.String(host), "domain", d, "external", external)
}

func fixedTime() time.Time { return time.Unix(1700000000, 0) }

func (k *langCase) request(t *testing.T, file string) compile.Request {
	node := k.or("node", "node1.example.com")
	facts := factSet(t, file, k.or("facts", "debian12"))
	if f := k.files["facts.json"]; f != nil {
		facts = facts.Merge(hash(t, f))
	}
	facts = facts.Merge(pcore.HashOf("clientcert", pcore.String(node), "clientversion", pcore.String("7.23.0"), "clientnoop", pcore.Boolean(false)))
	strict := "warning"
	if s := k.settings["strict"]; s != "" {
		strict = s
	}
	base := []string{k.root + "/code/modules"}
	if k.head["modules"] == "debian" {
		base = append(base, modulesDir)
	}
	e, err := environment.Open(environment.NewCache(), environment.Options{
		Name: k.env, Dir: k.envDir(), BaseModulePath: base, Strict: strict,
	})
	if err != nil {
		t.Fatal(err)
	}
	empty := pcore.NewHash(nil)
	extensions, external := empty, empty
	if x := k.head["trusted_extensions"]; x != "" {
		extensions = hash(t, []byte(x))
	}
	if x := k.head["trusted_external"]; x != "" {
		external = hash(t, []byte(x))
	}
	r := compile.Request{
		Certname: node, Environment: e, Facts: facts, Trusted: trusted(node, extensions, external), ServerFacts: serverFacts(),
		Settings: compile.Settings{
			Strict: strict, StrictVariables: k.settings["strict_variables"] == "true", PlainData: k.settings["rich_data"] == "false",
			StoreConfigs: k.head["storeconfigs"] == "true" || k.files["exported.json"] != nil, Values: k.settingsValues(),
		},
		Timeout: 20 * time.Second, Now: fixedTime, Log: func(e eval.Event) { k.logs = append(k.logs, e) },
	}
	global := ""
	if _, err := os.Stat(k.root + "/conf/hiera.yaml"); err == nil {
		global = k.root + "/conf/hiera.yaml"
	}
	r.Hiera = compile.NewHiera(e, compile.HieraOptions{GlobalConfig: global, CodeDir: k.root + "/code", Strict: strict})
	if x := k.files["exported.json"]; x != nil {
		r.Exports = exports(t, x)
	}
	k.classify(t, &r)
	return r
}

func (k *langCase) settingsValues() *pcore.Hash {
	b := pcore.NewHashBuilder(8)
	for n, v := range map[string]string{"environment": k.env, "strict": "warning", "certname": "puppet.example.com", "confdir": k.root + "/conf", "vardir": k.root + "/var", "codedir": k.root + "/code"} {
		b.SetString(n, pcore.String(v))
	}
	for n, v := range k.settings {
		b.SetString(n, pcore.String(v))
	}
	return b.Hash()
}

// classify adds what the head says of a node classifier.
func (k *langCase) classify(t *testing.T, r *compile.Request) {
	if x := k.head["enc_parameters"]; x != "" {
		r.ENC.Parameters = hash(t, []byte(x))
	}
	x := k.head["enc_classes"]
	if x == "" {
		return
	}
	v, err := compile.FromJSON([]byte(x))
	if err != nil {
		t.Fatal(err)
	}
	switch v := v.(type) {
	case *pcore.Array:
		for _, n := range v.All() {
			r.ENC.Classes = append(r.ENC.Classes, eval.NodeClass{Name: n.String()})
		}
	case *pcore.Hash:
		for n, p := range v.All() {
			params, _ := p.(*pcore.Hash)
			r.ENC.Classes = append(r.ENC.Classes, eval.NodeClass{Name: n.String(), Parameters: params})
		}
	}
}

// modulesDir is where Debian's module packages put their modules.
const modulesDir = "/usr/share/puppet/modules"

func gunzip(t *testing.T, file string) []byte {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var (
	objectID = regexp.MustCompile(`#<([A-Z][\w:]*):0x[0-9a-f]+`)
	// The hosts of mirrors and registries, put together so that they are not
	// named here.
	packageHost = regexp.MustCompile(`\b(?:[\w-]+\.)*(?:debian\.org|ruby` + `gems\.org|npm` + `js\.(?:org|com)|py` + `pi\.org)\b`)
	inTime      = regexp.MustCompile(`in \d+\.\d\d seconds`)
)

// norm puts names in place of the case's folders.
func (k *langCase) norm(s string) string {
	s = strings.NewReplacer(k.envDir(), "<env>", k.root+"/code", "<code>", k.root+"/conf", "<conf>", k.root+"/var", "<var>", k.root, "<root>", modulesDir, "<modules>").Replace(s)
	s = packageHost.ReplaceAllString(s, "package-host.example")
	return inTime.ReplaceAllString(objectID.ReplaceAllString(s, "#<$1:0x0"), "in 0.00 seconds")
}
