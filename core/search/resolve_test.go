package search

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"pgregory.net/rapid"
)

func testFields() Fields {
	return Fields{
		{Name: "name", Aliases: []string{"host"}, Completes: true},
		{Name: "comment"},
		{Name: "id", Type: TypeInteger, Explicit: true},
		{Name: "cores", Type: TypeInteger},
		{Name: "load", Type: TypeDecimal, Explicit: true},
		{Name: "status", Type: TypeSet, Words: []Word{{"ok", int64(0)}, {"bad", int64(2)}}},
		{Name: "managed", Type: TypeSet, Words: Booleans()},
		{Name: "eventful", Type: TypeInteger, Explicit: true, Truth: true},
		{Name: "last_report", Type: TypeDatetime},
		{Name: "facts", Keyed: true, Explicit: true, Completes: true},
		{Name: "facts.count", Type: TypeInteger, Explicit: true},
		{Name: "owner", Explicit: true, User: UserLogin},
		{Name: "owner_id", Type: TypeInteger, Explicit: true, User: UserID},
		{Name: "class", Type: TypeVirtual, Explicit: true, Ops: []Op{Eq, Like}},
	}
}

func testEnv() Env {
	return Env{
		Now:  time.Date(2026, 3, 15, 12, 30, 0, 0, time.UTC),
		Zone: time.FixedZone("east", 2*3600), Login: "ada", UserID: 7,
	}
}

// show writes a condition on one line.
func show(c Cond) string {
	list := func(name string, terms []Cond) string {
		parts := []string{name}
		for _, t := range terms {
			parts = append(parts, show(t))
		}
		return "(" + strings.Join(parts, " ") + ")"
	}
	switch c := c.(type) {
	case Every:
		return list("every", c.Terms)
	case Some:
		return list("some", c.Terms)
	case Negate:
		return "(not " + show(c.X) + ")"
	case Test:
		name := c.Field.Name
		if c.Key != "" {
			name += "[" + c.Key + "]"
		}
		switch {
		case c.Kind == IsNull || c.Kind == IsSet:
			return name + " " + c.Kind.String()
		case c.Kind == OneOf || c.Kind == NoneOf:
			return fmt.Sprintf("%s %s %v", name, c.Kind, c.Values)
		}
		if when, ok := c.Value.(time.Time); ok {
			return fmt.Sprintf("%s %s %s", name, c.Kind, when.Format("2006-01-02T15:04:05Z07:00"))
		}
		return fmt.Sprintf("%s %s %T %v", name, c.Kind, c.Value, c.Value)
	}
	return "?"
}

func TestResolve(t *testing.T) {
	tests := []struct{ query, want string }{
		{"", "(every)"},
		{"name = Web", "name = string Web"},
		{"host != web", "name != string web"},
		{"name ~ web", "name ~ string %web%"},
		{"name ~ web*", "name ~ string web%"},
		{"name !~ %web", "name !~ string %web"},
		{"name ~ a*b", "name ~ string %a%b%"},
		{"name ^ (a, b)", "name in [a b]"},
		{"id !^ (1,2)", "id not in [1 2]"},
		{`name ^ ("") or id = 1`, "(some (some) id = int64 1)"},
		{`name !^ ("")`, "name is set"},
		{"has comment and null? facts.a.b", "(every comment is set facts[a.b] is null)"},
		{"not name = x", "(not name = string x)"},
		{"facts.kernel = Linux", "facts[kernel] = string Linux"},
		{"facts.count > 3", "facts.count > int64 3"},
		{"load >= 1.5", "load >= float64 1.5"},
		{"managed", "managed = bool true"},
		{"not managed", "(not managed = bool true)"},
		{"managed = false", "managed = bool false"},
		{"status != bad", "status != int64 2"},
		{"eventful = true", "eventful > int64 0"},
		{"eventful = false", "eventful = int64 0"},
		{"eventful != true", "eventful = int64 0"},
		{"eventful = 3", "eventful = int64 3"},
		{"owner = current_user", "owner = string ada"},
		{"owner_id ^ (1, current_user)", "owner_id in [1 7]"},
		{"name = current_user", "name = string current_user"},
		{"class ~ x", "class ~ string %x%"},
		// Free text looks through the fields that its form fits.
		{"web", "(some name ~ string %web% comment ~ string %web%)"},
		{"4", "(some name ~ string %4% comment ~ string %4% cores = int64 4)"},
		{"2024", "(some name ~ string %2024% comment ~ string %2024% cores = int64 2024 (every last_report >= 2023-12-31T22:00:00Z last_report < 2024-12-31T22:00:00Z))"},
		{"> 4", "cores > int64 4"},
		{"!= 4", "(some name != string 4 comment != string 4 cores != int64 4)"},
		{"> web", "(every)"},
		// Times: whole units, in the asker's zone.
		{"last_report = 2026-03-01", "(every last_report >= 2026-02-28T22:00:00Z last_report < 2026-03-01T22:00:00Z)"},
		{"last_report > 2026-03-01", "last_report >= 2026-03-01T22:00:00Z"},
		{"last_report < 2026-03-01", "last_report < 2026-02-28T22:00:00Z"},
		{"last_report >= 2026-03-01", "last_report >= 2026-02-28T22:00:00Z"},
		{"last_report <= 2026-03-01", "last_report < 2026-03-01T22:00:00Z"},
		{"last_report != 2026-03", "(some last_report < 2026-02-28T22:00:00Z last_report >= 2026-03-31T22:00:00Z)"},
		{"last_report > today", "last_report >= 2026-03-15T22:00:00Z"},
		{`last_report > "35 minutes ago"`, "last_report > 2026-03-15T11:55:00Z"},
		{`last_report < "2 days from now"`, "last_report < 2026-03-16T22:00:00Z"},
		{`last_report = "3 hours ago"`, "(every last_report >= 2026-03-15T09:30:00Z last_report < 2026-03-15T10:30:00Z)"},
		{`last_report = "2026-03-01 10:05"`, "(every last_report >= 2026-03-01T08:05:00Z last_report < 2026-03-01T08:06:00Z)"},
		{`last_report > "2026-03-01 10:05:00 UTC"`, "last_report > 2026-03-01T10:05:00Z"},
		{`last_report > "2026-03-01T10:05:00Z"`, "last_report > 2026-03-01T10:05:00Z"},
		// What cannot be read as a time restricts nothing.
		{"last_report > soon", "(every)"},
		{"last_report > soon or name = x", "name = string x"},
		{"not last_report > soon", "(every)"},
		{`last_report > "99999999999999999999 days ago"`, "(every)"},
		{`last_report > "900000 years ago"`, "(every)"},
	}
	for _, tt := range tests {
		c, err := testFields().Query(tt.query, testEnv())
		if err != nil {
			t.Errorf("%s: %v", tt.query, err)
			continue
		}
		if got := show(c); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.query, got, tt.want)
		}
	}
}

func TestResolveErrors(t *testing.T) {
	for query, want := range map[string]string{
		"colour = red":             "Field 'colour' not recognized for searching!",
		"name!=x":                  "Field 'name!' not recognized for searching!",
		"has colour":               "Field 'colour' not recognized for searching!",
		"facts = x":                "Field 'facts' not recognized for searching!",
		"facts. = x":               "Field 'facts.' not recognized for searching!",
		"id ~ 4":                   "the operator '~' is not supported for field type 'integer'",
		"name > 4":                 "the operator '>' is not supported for field type 'string'",
		"class = x y < 3":          "Field 'y' not recognized for searching!",
		"class > x":                "the operator '>' is not supported for field type 'virtual'",
		"status = odd":             "'status' should be one of 'ok, bad', but the query was 'odd'",
		"status ^ (ok)":            "the operator '^' is not supported for field type 'set'",
		"id = x":                   "Value 'x' is not valid for field 'id'",
		"id ^ (1, x)":              "Value 'x' is not valid for field 'id'",
		"id = 9999999999999999999": "Value '9999999999999999999' is not valid for field 'id'",
		"load > NaN":               "Value 'NaN' is not valid for field 'load'",
		"load > Inf":               "Value 'Inf' is not valid for field 'load'",
		"eventful = maybe":         "Value 'maybe' is not valid for field 'eventful'",
	} {
		_, err := testFields().Query(query, testEnv())
		if !errs.Is(err, errs.Malformed) || errs.PublicText(err) != want {
			t.Errorf("%s: %v, want %s", query, err, want)
		}
	}
	strict := testEnv()
	strict.Strict = true
	if _, err := testFields().Query("last_report > soon", strict); !errs.Is(err, errs.Malformed) {
		t.Errorf("strict: %v", err)
	}
	for name, query := range map[string]string{
		"tests":  strings.Repeat("x ", MaxTerms),
		"values": strings.Repeat("name ^ ("+strings.Repeat("1,", 10000)+"1)", 3),
	} {
		if _, err := testFields().Query(query, testEnv()); !errs.Is(err, errs.TooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMatch(t *testing.T) {
	row := map[string][]any{
		"name": {"web01.example.com"}, "cores": {int64(4)}, "managed": {true}, "status": {int64(2)},
		"facts[kernel]": {"Linux"}, "class": {"ntp", "ssh"}, "load": {0.5},
		"last_report": {time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)},
	}
	get := func(f *Field, key string) []any {
		if key != "" {
			return row[f.Name+"["+key+"]"]
		}
		return row[f.Name]
	}
	for query, want := range map[string]bool{
		"name = web01.example.com": true, "name = WEB01.example.com": false, "name ~ WEB": true,
		"name ~ web": true, "name ~ web*": true, "name ~ eb*": false, "name ~ *.com": true, "name ~ web_1": true,
		"name !~ web": false, "comment !~ web": false, "comment != x": false, "not comment = x": true,
		"not comment ~ x": true, "has comment": false, "null? comment": true, "has name": true,
		"cores > 3": true, "cores >= 5": false, "cores ^ (1,4)": true, "cores !^ (1,4)": false, "comment !^ (a)": false,
		"managed": true, "managed = false": false, "status = bad": true, "status != bad": false,
		"facts.kernel = Linux": true, "facts.os = Linux": false, "class = ntp and class = ssh": true,
		"web example": true, "web nothing": false, "4": true, "load < 1": true,
		`last_report > "1 hour ago"`: true, `last_report = today`: true, `last_report < today`: false,
		"": true, "not (name = x or cores = 4)": false,
	} {
		c, err := testFields().Query(query, testEnv())
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := Match(c, get); got != want {
			t.Errorf("%q matches: %v, want %v", query, got, want)
		}
	}
}

// TestMatchNeverBlowsUp is a LIKE pattern that makes backtracking matchers hang.
func TestMatchNeverBlowsUp(t *testing.T) {
	text := strings.Repeat("a", 20000)
	if like(text, strings.Repeat("%a", 50)+"%b") {
		t.Error("matched")
	}
}

// TestNegationIsTotal: for every condition and row, a query or its negation
// matches, never both.
func TestNegationIsTotal(t *testing.T) {
	queries := []string{"name = a", "name != a", "name ~ a", "name !~ a", "null? name", "cores > 1", "cores ^ (1,2)", "cores !^ (1,2)", "managed"}
	rapid.Check(t, func(t *rapid.T) {
		query := rapid.SampledFrom(queries).Draw(t, "left") +
			rapid.SampledFrom([]string{" and ", " or ", " and not ", " or not "}).Draw(t, "join") +
			rapid.SampledFrom(queries).Draw(t, "right")
		row := map[string][]any{
			"name":    rapid.SampledFrom([][]any{nil, {"a"}, {"b"}, {"a", "b"}}).Draw(t, "name"),
			"cores":   rapid.SampledFrom([][]any{nil, {int64(1)}, {int64(3)}}).Draw(t, "cores"),
			"managed": rapid.SampledFrom([][]any{nil, {true}, {false}}).Draw(t, "managed"),
		}
		match := func(q string) bool {
			c, err := testFields().Query(q, Env{})
			if err != nil {
				t.Fatal(err)
			}
			return Match(c, func(f *Field, _ string) []any { return row[f.Name] })
		}
		if match(query) == match("not ("+query+")") {
			t.Fatalf("%s and its negation agree on %v", query, row)
		}
	})
}

func FuzzResolve(f *testing.F) {
	for _, seed := range []string{
		"name = a or 2024", `last_report > "3 hours ago"`, "status = ok", "managed", "facts.x ~ *y",
		`last_report = "31 Feb 2026"`, "id ^ (1,2,x)", "load = 1e309", "owner = current_user", "< 5", "last_report > 0000",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		c, err := testFields().Query(query, testEnv())
		if err != nil {
			if k := errs.KindOf(err); k != errs.Malformed && k != errs.TooLarge {
				t.Fatalf("kind %v: %v", k, err)
			}
			return
		}
		Match(c, func(f *Field, _ string) []any { return []any{"x", int64(1), time.Time{}} })
		for cursor := range min(len(query), 40) {
			for _, s := range Complete(testFields(), query, cursor, Values{}) {
				if s.From < 0 || s.From > s.To || s.To != cursor {
					t.Fatalf("suggestion %+v at %d", s, cursor)
				}
			}
		}
	})
}
