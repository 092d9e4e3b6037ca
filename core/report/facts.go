package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Fact is one row of a host's facts. Structured facts become one row a leaf,
// "os::release::major", and one without value for each level above.
type Fact struct {
	Name    string
	Value   string
	Compose bool
}

// Separator stands between the levels of a fact's name.
const Separator = "::"

// Bounds on the facts of one host.
const (
	maxFacts     = 20_000
	maxFactDepth = 32
	maxFactValue = 64 << 10
)

// Flatten turns facts into rows, sorted by name. TooLarge when there are too
// many or they are nested too deep.
func Flatten(facts map[string]any) ([]Fact, error) {
	f := flattener{rows: map[string]Fact{}}
	if err := f.walk("", facts, 0); err != nil {
		return nil, err
	}
	rows := slices.Collect(maps.Values(f.rows))
	slices.SortFunc(rows, func(a, b Fact) int { return cmp.Compare(a.Name, b.Name) })
	return rows, nil
}

type flattener struct{ rows map[string]Fact }

func (f *flattener) walk(prefix string, level map[string]any, depth int) error {
	if depth > maxFactDepth {
		return errs.New(errs.TooLarge, "facts are nested deeper than %d levels at %.100s", maxFactDepth, prefix)
	}
	for name, value := range level {
		if len(f.rows) > maxFacts {
			return errs.New(errs.TooLarge, "a host has at most %d facts", maxFacts)
		}
		full := clip(prefix + name)
		if sub, ok := value.(map[string]any); ok {
			f.rows[full] = Fact{Name: full, Compose: true}
			if err := f.walk(full+Separator, sub, depth+1); err != nil {
				return err
			}
			continue
		}
		text := factText(value)
		if text == "" {
			continue // says nothing
		}
		f.rows[full] = Fact{Name: full, Value: text}
	}
	return nil
}

func factText(v any) string {
	var text string
	switch v := v.(type) {
	case nil:
	case string:
		text = v
	case json.Number:
		text = v.String()
	case bool:
		text = strconv.FormatBool(v)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			text = fmt.Sprint(v)
			break
		}
		text = string(b)
	}
	return clip(text)
}

// Derived is what facts tell of a machine, as far as they do.
type Derived struct {
	Architecture string
	Model        string
	Domain       string
	UUID         string
	Virtual      bool
	OS           DerivedOS
	Interfaces   []DerivedInterface
	Primary      string // identifier of the primary interface
}

// DerivedOS is an operating system's release.
type DerivedOS struct {
	Name, Major, Minor, Family, ReleaseName, Description string
}

// A DerivedInterface is a network interface that facts tell of.
type DerivedInterface struct {
	Identifier, MAC, IP, IP6 string
	Virtual                  bool
	AttachedTo               string
	Link                     bool
}

// Derive reads Puppet's facts, structured or flat.
func Derive(facts map[string]any) Derived {
	at := func(paths ...string) string {
		for _, p := range paths {
			if v, ok := lookup(facts, p); ok {
				if text := factText(v); text != "" {
					return text
				}
			}
		}
		return ""
	}
	d := Derived{
		Architecture: architecture(at("os.architecture", "architecture", "hardwareisa")),
		Model:        at("dmi.product.name", "productname", "model", "boardproductname"),
		Domain:       at("networking.domain", "domain"),
		UUID:         at("dmi.product.uuid", "uuid"),
		Virtual:      at("is_virtual") == "true",
		Primary:      at("networking.primary"),
		OS:           derivedOS(at),
	}
	if d.Virtual && d.Model == "" {
		d.Model = at("virtual")
	}
	d.Interfaces = interfaces(facts)
	return d
}

func lookup(facts map[string]any, path string) (any, bool) {
	if v, ok := facts[path]; ok {
		return v, true
	}
	var current any = facts
	for part := range strings.SplitSeq(path, ".") {
		level, ok := current.(map[string]any)
		if !ok {
			return nil, false
		}
		if current, ok = level[part]; !ok {
			return nil, false
		}
	}
	return current, true
}

func architecture(a string) string {
	switch a {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return a
}

func derivedOS(at func(...string) string) DerivedOS {
	o := DerivedOS{
		Name:        at("os.name", "operatingsystem"),
		Family:      family(at("os.family", "osfamily")),
		ReleaseName: at("os.distro.codename", "lsbdistcodename"),
		Description: at("os.distro.description", "lsbdistdescription"),
	}
	release := at("os.release.full", "operatingsystemrelease")
	o.Major, o.Minor, _ = cutDot(release)
	if o.Name == "Ubuntu" {
		o.Major, o.Minor = at("os.release.major", "operatingsystemmajrelease"), ""
	}
	if o.Name == "CentOS" && o.Minor == "" {
		o.Name = "CentOS_Stream"
	}
	if o.Family == "Debian" && o.ReleaseName == "" {
		o.ReleaseName = "unknown"
	}
	return o
}

func cutDot(s string) (before, after string, ok bool) { return strings.Cut(s, ".") }

func family(f string) string {
	switch f {
	case "RedHat":
		return "Redhat"
	case "windows":
		return "Windows"
	}
	return f
}

// interfaces reads networking.interfaces; loopback and addresses without a
// device are left out.
func interfaces(facts map[string]any) []DerivedInterface {
	raw, _ := lookup(facts, "networking.interfaces")
	level, _ := raw.(map[string]any)
	var all []DerivedInterface
	for _, name := range slices.Sorted(maps.Keys(level)) {
		nic, ok := level[name].(map[string]any)
		if !ok || name == "lo" || len(all) >= 256 {
			continue
		}
		d := DerivedInterface{Identifier: name, Link: true}
		d.MAC = strings.ToLower(factText(nic["mac"]))
		d.IP, d.IP6 = validAddr(nic["ip"]), validAddr(nic["ip6"])
		if base, _, vlan := strings.Cut(name, "."); vlan {
			d.Virtual, d.AttachedTo = true, base
		} else if base, _, alias := strings.Cut(name, ":"); alias {
			d.Virtual, d.AttachedTo = true, base
		}
		all = append(all, d)
	}
	return all
}

func validAddr(v any) string {
	a, err := netip.ParseAddr(factText(v))
	if err != nil || a.Zone() != "" {
		return ""
	}
	return a.Unmap().String()
}
