package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/goccy/go-yaml"
)

// DefaultFile is read when no --config names another; it need not exist.
const DefaultFile = "/etc/chargehand/chargehand.yaml"

// maxFile bounds one configuration file, in bytes.
const maxFile = 1 << 20

// Sources says where configuration comes from, weakest first.
type Sources struct {
	File     string   // a YAML file; DefaultFile when empty
	Environ  []string // as os.Environ gives it
	DataDir  string   // --data-dir
	Roles    string   // --roles
	Set      []string // --set key=value
	Hostname func() (string, error)
}

// Load reads the tree. Every mistake is reported, not only the first; an unknown
// key is answered with the nearest known one. All errors are Malformed.
func Load(src Sources) (*Config, error) {
	l := &loader{config: &Config{}, keys: keys(), values: map[string]string{}, origin: map[string]string{}}
	for _, k := range l.keys {
		l.values[k.name], l.origin[k.name] = k.fallback, "default"
	}
	l.readFiles(src.File)
	l.readEnviron(src.Environ)
	if src.DataDir != "" {
		l.put("data_dir", src.DataDir, "--data-dir")
	}
	if src.Roles != "" {
		l.put("roles", src.Roles, "--roles")
	}
	for _, pair := range src.Set {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			l.fail("--set %s: want key=value", pair)
			continue
		}
		l.put(name, value, "--set")
	}
	l.apply()
	if src.Hostname == nil {
		src.Hostname = os.Hostname
	}
	if err := l.config.complete(src.Hostname); err != nil {
		l.fail("%v", err)
	}
	l.check()
	if len(l.mistakes) > 0 {
		return nil, errs.New(errs.Malformed, "configuration: %s", strings.Join(l.mistakes, "\n"))
	}
	return l.config, nil
}

type loader struct {
	config   *Config
	keys     []key
	values   map[string]string
	origin   map[string]string
	mistakes []string
}

func (l *loader) fail(format string, args ...any) {
	l.mistakes = append(l.mistakes, fmt.Sprintf(format, args...))
}

func (l *loader) put(name, value, origin string) {
	if _, known := l.values[name]; !known {
		l.fail("%s: unknown key %q; did you mean %q?", origin, name, l.nearest(name))
		return
	}
	l.values[name], l.origin[name] = value, origin
}

func (l *loader) apply() {
	for _, k := range l.keys {
		if err := k.set(l.config, l.values[k.name]); err != nil {
			shown := l.values[k.name]
			if k.secret {
				shown = "*****"
			}
			l.fail("%s (%s): %q: %v", k.name, l.origin[k.name], shown, err)
		}
	}
}

func (l *loader) check() {
	if len(l.config.Roles) == 0 {
		l.fail("roles: name at least one of %s", strings.Join(Roles(), ", "))
	}
	if (l.config.Web.Certificate == "") != (l.config.Web.PrivateKey == "") {
		l.fail("web.certificate and web.private_key go together: set both or neither")
	}
	if l.config.DNS.Server != "" && l.config.DNS.Listen != Off {
		l.fail("dns.server and dns.listen: one DNS provider at a time; set dns.listen to off, or dns.server to nothing")
	}
	if a := l.config.Puppet.Autosign; strings.Contains(a, "://") && !isHTTPS(a) {
		l.fail("puppet.autosign (%s): want true, false, a file's name, or https://HOST:PORT", l.origin["puppet.autosign"])
	}
	l.checkPuppetCA()
}

// isHTTPS reports whether s is the address of a server, without a place on it.
func isHTTPS(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
}

// checkPuppetCA looks at what the proxy needs for a CA elsewhere: how it signs,
// and a certificate that it knows.
func (l *loader) checkPuppetCA() {
	c := l.config.PuppetCA
	files := []string{c.Certificate, c.PrivateKey, c.CA}
	own := !slices.ContainsFunc(files, func(f string) bool { return f != "" })
	if !own && slices.Contains(files, "") {
		l.fail("puppetca.certificate, puppetca.private_key and puppetca.ca go together: set all or none")
	}
	if c.URL == "" {
		if c.Autosign != "" || !own {
			l.fail("puppetca.url: not set, but other keys of puppetca are; they are for a CA that is not in this process")
		}
		return
	}
	if !isHTTPS(c.URL) {
		l.fail("puppetca.url (%s): want https://HOST:PORT", l.origin["puppetca.url"])
	}
	if c.Autosign != Tokens && !filepath.IsAbs(c.Autosign) {
		l.fail("puppetca.autosign: want tokens, or the whole name of the autosign.conf that the CA at puppetca.url reads")
	}
	if c.TokenTTL <= 0 {
		l.fail("puppetca.token_ttl: want more than nothing")
	}
	if own && l.config.Puppet.CAServer == "" && l.config.HasRole(Proxy) {
		l.fail("puppetca.url: this process's certificate is of its own CA, which the other one does not know; set puppetca.certificate, puppetca.private_key and puppetca.ca, or puppet.ca_server")
	}
}

func (l *loader) readFiles(file string) {
	explicit := file != ""
	if !explicit {
		file = DefaultFile
	}
	files := []string{file}
	more, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "conf.d", "*.yaml"))
	slices.Sort(more)
	for _, f := range append(files, more...) {
		tree, err := readYAML(f)
		if errors.Is(err, fs.ErrNotExist) && !explicit {
			continue
		}
		if err != nil {
			l.fail("%s: %v", f, err)
			continue
		}
		l.flatten(f, "", tree)
	}
}

func readYAML(path string) (map[string]any, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("not YAML: %s", yaml.FormatError(err, false, false))
	}
	return tree, nil
}

// flatten turns nested maps into dotted keys; lists join with commas.
func (l *loader) flatten(file, prefix string, tree map[string]any) {
	for name, value := range tree {
		full := prefix + name
		switch v := value.(type) {
		case map[string]any:
			if _, known := l.values[full]; known {
				l.fail("%s: %s: want one value, not a mapping", file, full)
				continue
			}
			l.flatten(file, full+".", v)
		case []any:
			items := make([]string, len(v))
			for i, item := range v {
				items[i] = fmt.Sprint(item)
			}
			l.put(full, strings.Join(items, ","), file)
		case nil:
			l.put(full, "", file)
		default:
			l.put(full, fmt.Sprint(v), file)
		}
	}
}

// notKeys are variables with our prefix that are read elsewhere.
var notKeys = []string{"CHARGEHAND_ADMIN_PASSWORD", "CHARGEHAND_SECRET_KEY", "CHARGEHAND_REFERENCE"}

func (l *loader) readEnviron(environ []string) {
	names := map[string]string{}
	for _, k := range l.keys {
		names[k.Env()] = k.name
	}
	for _, pair := range environ {
		env, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(env, "CHARGEHAND_") || slices.Contains(notKeys, env) {
			continue
		}
		name, known := names[env]
		if !known {
			name = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(env, "CHARGEHAND_")), "_", ".")
		}
		l.put(name, value, "environment "+env)
	}
}

// nearest gives the known key with the smallest edit distance.
func (l *loader) nearest(name string) string {
	best, distance := "", 1<<30
	for _, k := range l.keys {
		if d := editDistance(name, k.name); d < distance {
			best, distance = k.name, d
		}
	}
	return best
}

func editDistance(a, b string) int {
	if len(a) > 64 {
		a = a[:64]
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// Print writes the effective tree, one `key: value` a line with its meaning
// above it, secrets masked.
func (c *Config) Print(w io.Writer) error {
	for _, k := range keys() {
		if _, err := fmt.Fprintf(w, "# %s (%s)\n%s: %s\n", k.help, k.Env(), k.name, quoteYAML(k.get(c))); err != nil {
			return err
		}
	}
	return nil
}

// Masked gives the effective values by key, secrets masked, for --json.
func (c *Config) Masked() map[string]string {
	values := map[string]string{}
	for _, k := range keys() {
		values[k.name] = k.get(c)
	}
	return values
}

func quoteYAML(v string) string {
	if v == "" || strings.ContainsAny(v, ":#*&!|>'\"%@`{}[], ") {
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	}
	return v
}
