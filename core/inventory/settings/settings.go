// Package settings is the table of what an administrator can set while the
// program runs, and the values that were set: rows exist only where a value
// differs from the default.
//
// It may import core/inventory, core/noun, core/search and internal packages.
package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/errs"
)

type definition struct {
	name, category, kind, standard string // standard is JSON
	encrypted                      bool
	title, purpose                 string
}

// A Setting is one definition with its value.
type Setting struct {
	Name, Category, Type string // Type is string, boolean, integer, array or text
	Title, Description   string
	Encrypted            bool
	Default, Value       any // string, bool, int64, []string or nil
	Changed              bool
	CreatedAt, UpdatedAt time.Time // zero while the default holds
}

// A Book reads and writes settings. It is safe for concurrent use.
type Book struct {
	reg  *noun.Registry
	defs []definition
}

// New makes a book; fqdn is this program's name, in the defaults of some.
func New(reg *noun.Registry, fqdn string) *Book {
	_, domain, _ := strings.Cut(fqdn, ".")
	fill := strings.NewReplacer("<fqdn>", fqdn, "<domain>", domain)
	b := &Book{reg: reg, defs: table()}
	for i := range b.defs {
		b.defs[i].standard = fill.Replace(b.defs[i].standard)
	}
	sort.Slice(b.defs, func(i, j int) bool { return b.defs[i].name < b.defs[j].name })
	return b
}

// All gives all settings by name, in order of name.
func (b *Book) All(ctx context.Context) ([]Setting, error) {
	var rows []*inventory.Setting
	err := b.reg.Read(ctx, func(tx *noun.Tx) (err error) {
		rows, err = noun.Find[inventory.Setting](ctx, tx, noun.Match{})
		return err
	})
	if err != nil {
		return nil, err
	}
	set := map[string]*inventory.Setting{}
	for _, r := range rows {
		set[r.Name] = r
	}
	out := make([]Setting, len(b.defs))
	for i, d := range b.defs {
		out[i] = d.setting(set[d.name])
	}
	return out, nil
}

func (d definition) setting(row *inventory.Setting) Setting {
	s := Setting{
		Name: d.name, Category: d.category, Type: d.kind, Title: d.title, Description: d.purpose,
		Encrypted: d.encrypted, Default: decode(d.kind, d.standard),
	}
	s.Value = s.Default
	if row != nil {
		s.Value, s.Changed, s.CreatedAt, s.UpdatedAt = decode(d.kind, row.Value.Reveal()), true, row.CreatedAt, row.UpdatedAt
	}
	return s
}

func decode(kind, text string) any {
	switch kind {
	case "boolean":
		return text == "true"
	case "integer":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
		return nil
	case "array":
		list := []string{}
		var raw []any
		if json.Unmarshal([]byte(text), &raw) == nil {
			for _, v := range raw {
				list = append(list, fmt.Sprint(v))
			}
		}
		return list
	}
	var s *string
	if json.Unmarshal([]byte(text), &s) == nil && s != nil {
		return *s
	}
	return nil
}

// Values are all settings at one moment.
type Values map[string]any

// Values reads all settings; a request reads them once.
func (b *Book) Values(ctx context.Context) (Values, error) {
	all, err := b.All(ctx)
	v := make(Values, len(all))
	for _, s := range all {
		v[s.Name] = s.Value
	}
	return v, err
}

// Text is a text setting; "" when it is not set.
func (v Values) Text(name string) string { s, _ := v[name].(string); return s }

// Int is a number; 0 when it is not set.
func (v Values) Int(name string) int64 { n, _ := v[name].(int64); return n }

// Bool is a switch.
func (v Values) Bool(name string) bool { b, _ := v[name].(bool); return b }

// List is a list of texts.
func (v Values) List(name string) []string { l, _ := v[name].([]string); return l }

// Get gives one setting by name; NotFound when there is none of that name.
func (b *Book) Get(ctx context.Context, name string) (Setting, error) {
	all, err := b.All(ctx)
	if err != nil {
		return Setting{}, err
	}
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
	}
	return Setting{}, errs.New(errs.NotFound, "Resource setting not found by id '%s'", name)
}

// Set changes a setting. Value is a JSON value or text; nil is the default again.
func (b *Book) Set(ctx context.Context, caller noun.Caller, name string, value any) (Setting, error) {
	d, err := b.find(name)
	if err != nil {
		return Setting{}, err
	}
	text, err := d.encode(value)
	if err != nil {
		return Setting{}, err
	}
	rows := noun.Of[inventory.Setting](b.reg)
	_, err = rows.Update(ctx, caller, name, func(s *inventory.Setting) error { s.Value = noun.Secret(text); return nil })
	if errs.Is(err, errs.NotFound) {
		err = rows.Create(ctx, caller, &inventory.Setting{Name: name, Value: noun.Secret(text)})
	}
	if err != nil {
		return Setting{}, err
	}
	return b.Get(ctx, name)
}

func (b *Book) find(name string) (definition, error) {
	for _, d := range b.defs {
		if d.name == name {
			return d, nil
		}
	}
	return definition{}, errs.New(errs.NotFound, "Resource setting not found by id '%s'", name)
}

func invalid(format string, args ...any) error { return errs.InvalidField("value", format, args...) }

// encode checks a value and writes it as JSON.
func (d definition) encode(value any) (string, error) {
	if value == nil {
		return d.standard, nil
	}
	text, isText := plain(value)
	switch d.kind {
	case "boolean":
		switch strings.ToLower(text) {
		case "true", "1", "yes":
			return "true", nil
		case "false", "0", "no":
			return "false", nil
		}
		return "", invalid("is not included in the list")
	case "integer":
		return d.encodeInt(text)
	case "array":
		return encodeList(value, text, isText)
	}
	if !isText {
		return "", invalid("is invalid")
	}
	if message := d.wrong(text); message != "" {
		return "", invalid("%s", message)
	}
	out, err := json.Marshal(text)
	return string(out), err
}

func plain(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	}
	return "", false
}

func (d definition) encodeInt(text string) (string, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return "", invalid("is not a number")
	}
	if len(strings.TrimPrefix(text, "-")) > 8 {
		return "", invalid("is too long (maximum is 8 characters)")
	}
	positive := []string{"entries_per_page", "idle_timeout", "outofsync_interval", "puppet_interval", "token_duration", "proxy_request_timeout"}
	if n <= 0 && slices.Contains(positive, d.name) && (d.name != "token_duration" || n < 0) {
		return "", invalid("must be greater than 0")
	}
	return strconv.FormatInt(n, 10), nil
}

func encodeList(value any, text string, isText bool) (string, error) {
	list, ok := value.([]any)
	if isText {
		ok = json.Unmarshal([]byte(text), &list) == nil
		if !ok && !strings.HasPrefix(strings.TrimSpace(text), "[") {
			ok = true
			for part := range strings.SplitSeq(text, ",") {
				if part = strings.TrimSpace(part); part != "" {
					list = append(list, part)
				}
			}
		}
	}
	if !ok {
		return "", invalid("must be an array")
	}
	if list == nil {
		list = []any{}
	}
	out, err := json.Marshal(list)
	return string(out), err
}

// wrong says what is not right with a text, or "".
func (d definition) wrong(text string) string {
	if text == "" {
		return ""
	}
	switch d.name {
	case "foreman_url", "unattended_url":
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return "URL must be valid and schema must be one of http and https"
		}
	case "administrator", "email_reply_address":
		if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
			return "is invalid"
		}
	case "root_pass":
		if len(text) < 8 {
			return "is too short (minimum is 8 characters)"
		}
	}
	return ""
}

// Fields are what settings can be searched by.
func Fields() search.Fields {
	return search.Fields{
		{Name: "id", Type: search.TypeText, Explicit: true}, {Name: "name", Type: search.TypeText}, {Name: "description", Type: search.TypeText},
	}
}

// Search gives the settings that a query finds.
func (b *Book) Search(ctx context.Context, query string, env search.Env) (found []Setting, total int, err error) {
	all, err := b.All(ctx)
	if err != nil || strings.TrimSpace(query) == "" {
		return all, len(all), err
	}
	cond, err := Fields().Query(query, env)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range all {
		match := search.Match(cond, func(f *search.Field, _ string) []any {
			if f.Name == "description" {
				return []any{s.Description}
			}
			return []any{s.Name}
		})
		if match {
			found = append(found, s)
		}
	}
	return found, len(all), nil
}
