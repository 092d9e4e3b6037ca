// Package command is the wire form of PuppetDB's commands: names, versions, and
// payloads decoded and checked before anything is stored.
//
// It is pure; it imports internal/errs and the standard library.
package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Name is a command as the documentation spells it: "replace facts".
type Name string

// The commands.
const (
	ReplaceFacts   Name = "replace facts"
	ReplaceCatalog Name = "replace catalog"
	StoreReport    Name = "store report"
	DeactivateNode Name = "deactivate node"

	ConfigureExpiration  Name = "configure expiration"
	ReplaceCatalogInputs Name = "replace catalog inputs"
)

// versions holds, for each command, the oldest and newest payload understood.
func versions(n Name) (oldest, newest int, ok bool) {
	switch n {
	case ReplaceFacts:
		return 4, 5, true
	case ReplaceCatalog:
		return 6, 9, true
	case StoreReport:
		return 5, 8, true
	case DeactivateNode:
		return 3, 3, true
	case ConfigureExpiration, ReplaceCatalogInputs:
		return 1, 1, true
	}
	return 0, 0, false
}

// Parse reads a command's name, with spaces or underscores, and refuses (as
// Malformed) names that are unknown and versions that are retired. A version
// that is too new is accepted here and refused by Decode, as PuppetDB does.
func Parse(name string, version int) (Name, error) {
	n := Name(strings.ReplaceAll(name, "_", " "))
	oldest, _, ok := versions(n)
	if !ok {
		return "", errs.New(errs.Malformed, "Command %q is not supported", name)
	}
	if version < oldest {
		return "", errs.New(errs.Malformed, "Command %q version %d is retired; the oldest is %d", n, version, oldest)
	}
	return n, nil
}

// Facts replace what is known of a node.
type Facts struct {
	Certname          string                     `json:"certname"`
	Environment       string                     `json:"environment"`
	ProducerTimestamp Time                       `json:"producer_timestamp"`
	Producer          *string                    `json:"producer"`
	Values            map[string]json.RawMessage `json:"values"`
	PackageInventory  []Package                  `json:"package_inventory"`
}

// A Catalog replaces a node's catalog.
type Catalog struct {
	Certname          string     `json:"certname"`
	Version           string     `json:"version"`
	Environment       string     `json:"environment"`
	TransactionUUID   *string    `json:"transaction_uuid"`
	CatalogUUID       *string    `json:"catalog_uuid"`
	CodeID            *string    `json:"code_id"`
	JobID             *string    `json:"job_id"`
	Producer          *string    `json:"producer"`
	ProducerTimestamp Time       `json:"producer_timestamp"`
	Resources         []Resource `json:"resources"`
	Edges             []Edge     `json:"edges"`
}

// A Resource is one resource of a catalog.
type Resource struct {
	Type       string          `json:"type"`
	Title      string          `json:"title"`
	Tags       []string        `json:"tags"`
	Exported   bool            `json:"exported"`
	File       *string         `json:"file"`
	Line       *int64          `json:"line"`
	Parameters json.RawMessage `json:"parameters"`
	Kind       json.RawMessage `json:"kind,omitempty"`
}

// A Target is one end of an edge.
type Target struct {
	Type  string `json:"type"`
	Title string `json:"title"`
}

// An Edge relates two resources of a catalog.
type Edge struct {
	Source       Target `json:"source"`
	Target       Target `json:"target"`
	Relationship string `json:"relationship"`
}

// A Report tells how a run went.
type Report struct {
	Certname             string           `json:"certname"`
	PuppetVersion        string           `json:"puppet_version"`
	ReportFormat         int64            `json:"report_format"`
	ConfigurationVersion string           `json:"configuration_version"`
	StartTime            Time             `json:"start_time"`
	EndTime              Time             `json:"end_time"`
	ProducerTimestamp    Time             `json:"producer_timestamp"`
	Producer             *string          `json:"producer"`
	Environment          string           `json:"environment"`
	TransactionUUID      *string          `json:"transaction_uuid"`
	CatalogUUID          *string          `json:"catalog_uuid"`
	CodeID               *string          `json:"code_id"`
	JobID                *string          `json:"job_id"`
	CachedCatalogStatus  *string          `json:"cached_catalog_status"`
	Status               *string          `json:"status"`
	Noop                 *bool            `json:"noop"`
	NoopPending          *bool            `json:"noop_pending"`
	CorrectiveChange     *bool            `json:"corrective_change"`
	Type                 string           `json:"type"`
	Logs                 json.RawMessage  `json:"logs"`
	Metrics              json.RawMessage  `json:"metrics"`
	Resources            []ReportResource `json:"resources"`
}

// A ReportResource is a resource to which something happened.
type ReportResource struct {
	Timestamp       Time     `json:"timestamp"`
	Type            string   `json:"resource_type"`
	Title           string   `json:"resource_title"`
	Skipped         bool     `json:"skipped"`
	File            *string  `json:"file"`
	Line            *int64   `json:"line"`
	ContainmentPath []string `json:"containment_path"`
	Events          []Event  `json:"events"`
}

// An Event is one change, or one that did not happen.
type Event struct {
	Status    string          `json:"status"`
	Timestamp Time            `json:"timestamp"`
	Name      *string         `json:"name"`
	Property  *string         `json:"property"`
	NewValue  json.RawMessage `json:"new_value"`
	OldValue  json.RawMessage `json:"old_value"`
	Message   *string         `json:"message"`
}

// A Deactivation hides a node until it speaks again.
type Deactivation struct {
	Certname          string `json:"certname"`
	ProducerTimestamp Time   `json:"producer_timestamp"`
}

// A Time is an ISO 8601 time, kept to the millisecond, in UTC.
type Time struct{ time.Time }

// UnmarshalJSON reads ISO 8601 with or without a zone; a missing zone is UTC.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a timestamp must be a string, not %s", b)
	}
	if s == nil {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999 -0700"} {
		if parsed, err := time.Parse(layout, *s); err == nil {
			t.Time = parsed.UTC().Truncate(time.Millisecond)
			return nil
		}
	}
	return fmt.Errorf("%q is not a timestamp", *s)
}

// Decode reads and checks a payload: *Facts, *Catalog, *Report, *Deactivation,
// *Expiration or *CatalogInputs.
// Whatever is wrong with it is Invalid or Unsupported, and stays wrong however
// often it is tried.
func Decode(n Name, version int, certname string, payload []byte) (any, error) {
	if _, newest, _ := versions(n); version > newest {
		return nil, errs.New(errs.Unsupported, "%s version %d is newer than %d, the newest known", n, version, newest)
	}
	switch n {
	case ReplaceFacts:
		return decode(payload, certname, &Facts{})
	case ReplaceCatalog:
		return decode(payload, certname, &Catalog{})
	case StoreReport:
		return decode(payload, certname, &Report{})
	case DeactivateNode:
		return decode(payload, certname, &Deactivation{})
	case ConfigureExpiration:
		return decode(payload, certname, &Expiration{})
	case ReplaceCatalogInputs:
		return decode(payload, certname, &CatalogInputs{})
	}
	return nil, errs.New(errs.Unsupported, "command %q", n)
}

type checked interface {
	check() error
	name() string
}

// maxDepth bounds the nesting of a payload: SQLite's JSON functions stop at
// 1000, and a document that they cannot read would spoil every query.
const maxDepth = 200

// deep tells whether arrays and objects nest deeper than maxDepth. It looks at
// brackets alone; whether the text is JSON is found out by decoding it.
func deep(payload []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(payload); i++ {
		switch c := payload[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

func decode[T checked](payload []byte, certname string, into T) (any, error) {
	if deep(payload) {
		return nil, errs.New(errs.Invalid, "payload: nested deeper than %d", maxDepth)
	}
	dec := json.NewDecoder(bytes.NewReader(payload))
	if err := dec.Decode(into); err != nil {
		return nil, errs.WrapAs(errs.Invalid, err, "payload")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errs.New(errs.Invalid, "payload: text after the object")
	}
	if into.name() == "" {
		return nil, errs.New(errs.Invalid, "payload: certname is missing")
	}
	if certname != "" && certname != into.name() {
		return nil, errs.New(errs.Invalid, "payload: certname %q is not the command's, %q", into.name(), certname)
	}
	return into, errs.Wrap(into.check(), "payload of %s", into.name())
}

func (f *Facts) name() string        { return f.Certname }
func (c *Catalog) name() string      { return c.Certname }
func (r *Report) name() string       { return r.Certname }
func (d *Deactivation) name() string { return d.Certname }

func missing(field string) error { return errs.New(errs.Invalid, "%s is missing", field) }

func (f *Facts) check() error {
	switch {
	case f.Values == nil:
		return missing("values")
	case f.Environment == "":
		return missing("environment")
	case f.ProducerTimestamp.IsZero():
		return missing("producer_timestamp")
	}
	return nil
}

func (d *Deactivation) check() error { return nil }

func (r *Report) check() error {
	switch {
	case r.Metrics == nil:
		return missing("metrics")
	case r.Logs == nil:
		return missing("logs")
	case r.Environment == "":
		return missing("environment")
	case r.StartTime.IsZero() || r.EndTime.IsZero() || r.ProducerTimestamp.IsZero():
		return missing("start_time, end_time or producer_timestamp")
	}
	if r.Type == "" {
		r.Type = "agent"
	}
	return nil
}

func relationships() []string {
	return []string{"contains", "before", "required-by", "notifies", "subscription-of"}
}

func (c *Catalog) check() error {
	if c.Environment == "" || c.ProducerTimestamp.IsZero() {
		return missing("environment or producer_timestamp")
	}
	known := make(map[Target]bool, len(c.Resources))
	for i := range c.Resources {
		r := &c.Resources[i]
		if r.Type == "" {
			return errs.New(errs.Invalid, "resource %q has no type", r.Title)
		}
		key := Target{Type: r.Type, Title: r.Title}
		if known[key] {
			return errs.New(errs.Invalid, "%s[%s] is there twice", r.Type, r.Title)
		}
		known[key] = true
		for _, tag := range r.Tags {
			if tag != strings.ToLower(tag) {
				return errs.New(errs.Invalid, "%s[%s]: tag %q has an upper-case letter", r.Type, r.Title, tag)
			}
		}
		if len(r.Parameters) == 0 || string(r.Parameters) == "null" {
			r.Parameters = json.RawMessage("{}")
		}
	}
	for _, e := range c.Edges {
		if !known[e.Source] || !known[e.Target] {
			return errs.New(errs.Invalid, "edge %s[%s] -> %s[%s] has an end that is no resource of the catalog", e.Source.Type, e.Source.Title, e.Target.Type, e.Target.Title)
		}
		if !slices.Contains(relationships(), e.Relationship) {
			return errs.New(errs.Invalid, "relationship %q is not one of %s", e.Relationship, strings.Join(relationships(), ", "))
		}
	}
	return nil
}
