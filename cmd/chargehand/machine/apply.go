package machine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A catalog is what the agent reads of one.
type catalog struct {
	Name        string          `json:"name"`
	Version     json.RawMessage `json:"version"` // a number or text, and echoed as it is
	CodeID      *string         `json:"code_id"`
	UUID        string          `json:"catalog_uuid"`
	Environment string          `json:"environment"`
	Resources   []resource      `json:"resources"`
	Edges       []struct {
		Source string `json:"source"`
		Target string `json:"target"`
	} `json:"edges"`
	Classes  []string            `json:"classes"`
	Metadata map[string]metadata `json:"metadata"` // static catalogs: of sourced files, by title
}

func (c *catalog) version() string { return strings.Trim(string(c.Version), `"`) }

type resource struct {
	Type       string         `json:"type"`
	Title      string         `json:"title"`
	Tags       []string       `json:"tags"`
	File       *string        `json:"file"`
	Line       *int           `json:"line"`
	Kind       string         `json:"kind"`
	Parameters map[string]any `json:"parameters"`
	Sensitive  []string       `json:"sensitive_parameters"`
}

func (r resource) ref() string { return r.Type + "[" + r.Title + "]" }

func (r resource) text(parameter string) string {
	s, _ := r.Parameters[parameter].(string)
	return s
}

// native reports whether the resource is something on the machine, not a class
// or an instance of a defined type.
func (r resource) native() bool {
	switch {
	case r.Type == "Class" || r.Type == "Stage" || r.Type == "Node": // a Stage counts as a native type on the wire
		return false
	case r.Kind != "":
		return r.Kind == "compilable_type"
	}
	return !strings.Contains(r.Type, "::")
}

// A status is what became of a resource, as the report has it.
type status struct {
	Title           string   `json:"title"`
	File            *string  `json:"file"`
	Line            *int     `json:"line"`
	Resource        string   `json:"resource"`
	ResourceType    string   `json:"resource_type"`
	Provider        *string  `json:"provider_used"`
	ContainmentPath []string `json:"containment_path"`
	EvaluationTime  float64  `json:"evaluation_time"`
	Tags            []string `json:"tags"`
	Time            string   `json:"time"`
	Failed          bool     `json:"failed"`
	FailedToRestart bool     `json:"failed_to_restart"`
	Changed         bool     `json:"changed"`
	OutOfSync       bool     `json:"out_of_sync"`
	Skipped         bool     `json:"skipped"`
	ChangeCount     int      `json:"change_count"`
	OutOfSyncCount  int      `json:"out_of_sync_count"`
	Events          []event  `json:"events"`
	Corrective      bool     `json:"corrective_change"`
}

// An event is one change of a property.
type event struct {
	Audited    bool    `json:"audited"`
	Property   *string `json:"property"`
	Previous   any     `json:"previous_value"`
	Desired    any     `json:"desired_value"`
	Historical any     `json:"historical_value"`
	Message    string  `json:"message"`
	Name       string  `json:"name"`
	Status     string  `json:"status"`
	Time       string  `json:"time"`
	Redacted   *bool   `json:"redacted"`
	Corrective bool    `json:"corrective_change"`
}

// apply walks the catalog. The machine is new: on the first run everything is
// out of sync, later only what has other content than before.
func (r *run) apply(ctx context.Context, c *catalog) ([]*status, error) {
	parents := map[string]string{}
	for _, e := range c.Edges {
		if _, ok := parents[e.Target]; !ok || e.Source != "Stage[main]" { // a contained class has both; the class is nearer
			parents[e.Target] = e.Source
		}
	}
	var states []*status
	for _, res := range c.Resources {
		if !res.native() {
			continue
		}
		start := time.Now()
		s := &status{
			Title: res.Title, File: res.File, Line: res.Line, Resource: res.ref(), ResourceType: res.Type,
			Provider: provider(res.Type, r.m.cfg.OS), ContainmentPath: containment(parents, res.ref()),
			Tags: res.Tags, Time: stamp(start), Events: []event{},
		}
		if err := r.settle(ctx, c, res, s); err != nil {
			return nil, err
		}
		s.EvaluationTime = time.Since(start).Seconds()
		r.phases[strings.ToLower(res.Type)] += s.EvaluationTime
		states = append(states, s)
	}
	return states, nil
}

// settle brings one resource into its wanted state.
func (r *run) settle(ctx context.Context, c *catalog, res resource, s *status) error {
	want, err := r.wanted(ctx, c, res)
	if err != nil {
		return err
	}
	if want == nil || r.m.files[res.ref()] == want.mark {
		return nil
	}
	again := r.m.files[res.ref()] != ""
	r.m.files[res.ref()] = want.mark
	if again && want.changed != "" {
		want.message, want.name = want.changed, "content_changed"
	}
	e := event{
		Property: &want.property, Previous: want.previous, Desired: want.desired, Message: want.message,
		Name: want.name, Status: "success", Time: stamp(time.Now()),
	}
	if len(res.Sensitive) > 0 {
		redacted := true
		e.Previous, e.Desired, e.Message, e.Redacted = "[redacted]", "[redacted]", "changed [redacted] to [redacted]", &redacted
	}
	s.Events = append(s.Events, e)
	s.Changed, s.OutOfSync, s.ChangeCount, s.OutOfSyncCount = true, true, 1, 1
	r.log = append(r.log, logLine{
		Level: "notice", Message: e.Message, Source: "/" + strings.Join(s.ContainmentPath, "/") + "/" + want.property,
		Tags: append([]string{"notice"}, res.Tags...), Time: e.Time, File: res.File, Line: res.Line,
	})
	return nil
}

// A want is the change that a resource calls for. mark tells it apart from other
// wants of the same resource.
type want struct {
	property, name, message, mark string
	changed                       string // the message when it replaces an earlier one
	previous, desired             any
}

// wanted says what a resource asks for; nil when there is nothing to do on a
// machine that has no such thing.
func (r *run) wanted(ctx context.Context, c *catalog, res resource) (*want, error) {
	ensure := res.text("ensure")
	switch res.Type {
	case "File":
		return r.file(ctx, c, res)
	case "Exec":
		if res.Parameters["refreshonly"] == true {
			return nil, nil
		}
		return &want{property: "returns", name: "executed_command", message: "executed successfully", mark: "run", previous: "notrun", desired: []string{"0"}}, nil
	case "Notify":
		text := res.Title
		if m, ok := res.Parameters["message"]; ok {
			text = fmt.Sprint(m)
		}
		mark := stamp(r.start) // shown on every run
		return &want{property: "message", name: "message_changed", message: fmt.Sprintf("defined 'message' as '%s'", text), mark: mark, previous: "absent", desired: text}, nil
	case "Service":
		if ensure != "running" && res.Parameters["ensure"] != true {
			return nil, nil
		}
		return &want{property: "ensure", name: "service_started", message: "ensure changed 'stopped' to 'running'", mark: "running", previous: "stopped", desired: "running"}, nil
	case "Package":
		if ensure == "absent" || ensure == "purged" {
			return nil, nil
		}
		return &want{property: "ensure", name: "package_created", message: "created", mark: "present", previous: "purged", desired: firstOf(ensure, "present")}, nil
	case "Schedule", "Filebucket", "Resources", "Whit":
		return nil, nil
	}
	if ensure == "absent" || ensure == "purged" {
		return nil, nil
	}
	return &want{property: "ensure", name: strings.ToLower(res.Type) + "_created", message: "created", mark: "present", previous: "absent", desired: firstOf(ensure, "present")}, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// file says what a File asks for, fetching its source when it has one.
func (r *run) file(ctx context.Context, c *catalog, res resource) (*want, error) {
	created := func(kind string) *want {
		return &want{property: "ensure", name: kind + "_created", message: "created", mark: kind, previous: "absent", desired: kind}
	}
	content := func(sum string) *want {
		return &want{
			property: "ensure", name: "file_created", message: "defined content as '{sha256}" + sum + "'", mark: sum,
			changed: "content changed to '{sha256}" + sum + "'", previous: "absent", desired: "file",
		}
	}
	switch ensure := res.text("ensure"); {
	case ensure == "absent":
		return nil, nil
	case ensure == "link" || strings.HasPrefix(ensure, "/"):
		return created("link"), nil
	}
	if sources := sourcesOf(res.Parameters["source"]); len(sources) > 0 {
		return r.source(ctx, c, res, sources, created, content)
	}
	switch {
	case res.text("ensure") == "directory":
		return created("directory"), nil
	case res.Parameters["content"] == nil:
		return created("file"), nil
	}
	text, ok := res.Parameters["content"].(string)
	if !ok { // a value that only a real agent resolves
		raw, err := json.Marshal(res.Parameters["content"])
		if err != nil {
			return nil, errs.Wrap(err, "content of %s", res.ref())
		}
		text = string(raw)
	}
	return content(sha256Hex([]byte(text))), nil
}

func sourcesOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, s := range v {
			if text, ok := s.(string); ok {
				out = append(out, text)
			}
		}
		return out
	}
	return nil
}

// source fetches the first of a file's sources that is there: metadata from the
// catalog or the server, and content where it has changed.
func (r *run) source(ctx context.Context, c *catalog, res resource, sources []string, created func(string) *want, content func(string) *want) (*want, error) {
	if d, ok := c.Metadata[res.Title]; ok && c.CodeID != nil {
		return r.static(ctx, c, res, d, content)
	}
	if res.Parameters["recurse"] == true || res.text("recurse") == "remote" {
		return r.tree(ctx, res, sources[0], created)
	}
	for _, s := range sources {
		place, ok := mountPath(s)
		if !ok {
			continue // a file of the machine's own, or a web site
		}
		var d metadata
		err := r.m.json(ctx, call{method: http.MethodGet, path: "/puppet/v3/file_metadata/" + place, query: url.Values{
			"links": {"manage"}, "checksum_type": {"sha256"}, "source_permissions": {"ignore"}, "environment": {r.env},
		}}, &d)
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if d.Type == "directory" {
			return created("directory"), nil
		}
		if r.m.files[res.ref()] == strings.TrimPrefix(d.Checksum.Value, "{sha256}") {
			return content(r.m.files[res.ref()]), nil
		}
		if err := r.fetch(ctx, "/puppet/v3/file_content/"+place, d); err != nil {
			return nil, err
		}
		r.detail = append(r.detail, "GET file_content "+place)
		return content(strings.TrimPrefix(d.Checksum.Value, "{sha256}")), nil
	}
	return nil, errs.New(errs.Upstream, "%s: none of its sources is there: %s", res.ref(), strings.Join(sources, ", "))
}

// static fetches a file that the catalog has metadata for, by the code's version.
func (r *run) static(ctx context.Context, c *catalog, res resource, d metadata, content func(string) *want) (*want, error) {
	sum := strings.TrimPrefix(d.Checksum.Value, "{sha256}")
	place, ok := strings.CutPrefix(d.ContentURI, "puppet:///")
	if !ok || r.m.files[res.ref()] == sum {
		return content(sum), nil
	}
	got, err := r.m.call(ctx, call{
		method: http.MethodGet, path: "/puppet/v3/static_file_content/" + place, accept: "application/octet-stream",
		query: url.Values{"environment": {r.env}, "code_id": {*c.CodeID}},
	})
	if err != nil {
		return nil, err
	}
	return content(sum), d.check(place, got)
}

// tree fetches a directory.
func (r *run) tree(ctx context.Context, res resource, source string, created func(string) *want) (*want, error) {
	place, ok := mountPath(source)
	if !ok {
		return created("directory"), nil
	}
	var entries []metadata
	err := r.m.json(ctx, call{method: http.MethodGet, path: "/puppet/v3/file_metadatas/" + place, query: url.Values{
		"recurse": {"true"}, "max_files": {"0"}, "links": {"manage"}, "checksum_type": {"sha256"},
		"source_permissions": {"ignore"}, "environment": {r.env},
	}}, &entries)
	if err != nil {
		return nil, err
	}
	for _, d := range entries {
		name := "File[" + path.Join(res.Title, d.relative()) + "]"
		if d.Type != "file" || r.m.files[name] == d.Checksum.Value {
			continue
		}
		if err := r.fetch(ctx, "/puppet/v3/file_content/"+path.Join(place, d.relative()), d); err != nil {
			return nil, err
		}
		r.m.files[name] = d.Checksum.Value
	}
	r.detail = append(r.detail, fmt.Sprintf("directory %s: %d entries", place, len(entries)))
	return created("directory"), nil
}

// mountPath is the path on the file server of a puppet: URI.
func mountPath(source string) (string, bool) {
	u, err := url.Parse(source)
	if err != nil || u.Scheme != "puppet" {
		return "", false
	}
	return strings.TrimPrefix(u.Path, "/"), true
}

// containment is the way from the stage to a resource, classes by their names.
func containment(parents map[string]string, ref string) []string {
	var way []string
	for at, n := ref, 0; at != "" && n < 100; at, n = parents[at], n+1 {
		name := at
		if m := regexp.MustCompile(`^Class\[(.+)\]$`).FindStringSubmatch(at); m != nil {
			name = m[1]
		}
		way = append([]string{name}, way...)
	}
	return way
}

// provider is what a real machine would use; nil where types have none.
func provider(typ string, os OS) *string {
	name := map[string]string{
		"File": "posix", "Exec": "posix", "User": "useradd", "Group": "groupadd", "Service": "systemd",
		"Package": "apt", "Host": "parsed", "Cron": "crontab", "Mount": "parsed", "Ssh_authorized_key": "parsed",
	}[typ]
	if typ == "Package" && os.Family == "RedHat" {
		name = "dnf"
	}
	if name == "" {
		return nil
	}
	return &name
}
