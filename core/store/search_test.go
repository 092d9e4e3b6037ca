package store_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/access"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/internal/sqldb"
	"pgregory.net/rapid"
)

// A sample is a record with one field of each searchable type.
type sample struct {
	noun.Base
	Name  string
	Note  string
	Cores *int64
	On    bool
	Seen  time.Time
}

func samples() *noun.Noun[sample] {
	return noun.Declare("sample", func(s *sample) noun.Fields {
		return noun.Fields{
			noun.Text("name", &s.Name).Search(), noun.Text("note", &s.Note).Search(),
			noun.OptInt("cores", &s.Cores).Search(), noun.Bool("on", &s.On).Search(),
			noun.Time("seen", &s.Seen).Search(),
		}
	})
}

// TestSearchSQLMeansWhatMatchDoes compares what a store finds with what the
// condition says in memory, for random rows and random queries.
func TestSearchSQLMeansWhatMatchDoes(t *testing.T) {
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "search.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	searchMeansMatch(t, db, "INTEGER PRIMARY KEY", "TEXT")
}

func searchMeansMatch(t *testing.T, db *sqldb.DB, idType, timeType string) {
	t.Helper()
	if err := store.Migrate(t.Context(), db, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	table := fmt.Sprintf(`CREATE TABLE samples (id %s, name TEXT, note TEXT, cores BIGINT, "on" BOOLEAN, seen %[2]s, created_at %[2]s, updated_at %[2]s)`, idType, timeType)
	if _, err := db.Exec(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)
	nouns, err := noun.New(noun.Options{Backend: store.New(db, nil), Now: func() time.Time { return now }}, samples())
	if err != nil {
		t.Fatal(err)
	}
	n := noun.Of[sample](nouns)
	rows := fill(t, n, now)
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		query := anyQuery(2).Draw(t, "query")
		got, _, err := n.List(t.Context(), access.System("x"), noun.Query{Search: query, Order: "id", PerPage: 1000})
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		cond, err := n.Searches().Query(query, search.Env{Now: now, Login: "x"})
		if err != nil {
			t.Fatal(err)
		}
		var ids, want []int64
		for _, s := range got {
			ids = append(ids, s.ID)
		}
		for _, s := range rows {
			if search.Match(cond, valuesOf(s)) {
				want = append(want, s.ID)
			}
		}
		found += len(want)
		if !slices.Equal(ids, want) {
			t.Fatalf("%s\nfinds %v\nmeans %v", query, ids, want)
		}
	})
	t.Logf("%d rows found in all", found)
}

func fill(t *testing.T, n *noun.Noun[sample], now time.Time) []*sample {
	t.Helper()
	var rows []*sample
	for i, name := range []string{"", "a", "A", "ab", "web-01", "50%", "a_b", "x,y", "or", "2026"} {
		for j := range 3 {
			cores := int64(j * i)
			s := &sample{Name: name, On: (i+j)%2 == 0}
			if j > 0 {
				s.Cores, s.Note = &cores, fmt.Sprint("note ", i)
				s.Seen = now.Add(-time.Duration(i*j*7) * time.Hour)
			}
			if err := n.Create(t.Context(), access.System("x"), s); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, s)
		}
	}
	return rows
}

func valuesOf(s *sample) func(f *search.Field, key string) []any {
	return func(f *search.Field, _ string) []any {
		switch f.Name {
		case "id":
			return []any{s.ID}
		case "name", "note":
			text := map[string]string{"name": s.Name, "note": s.Note}[f.Name]
			if text == "" { // kept as NULL
				return nil
			}
			return []any{text}
		case "cores":
			if s.Cores == nil {
				return nil
			}
			return []any{*s.Cores}
		case "on":
			return []any{s.On}
		case "seen":
			if s.Seen.IsZero() {
				return nil
			}
			return []any{s.Seen}
		}
		return nil
	}
}

// anyQuery draws a query, nested as deep as depth.
func anyQuery(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if depth > 0 && rapid.Bool().Draw(t, "nest") {
			left, right := anyQuery(depth-1).Draw(t, "left"), anyQuery(depth-1).Draw(t, "right")
			return rapid.SampledFrom([]string{
				"(" + left + ") and (" + right + ")", "(" + left + ") or (" + right + ")", "not (" + left + ")", left + " " + right, left + " or " + right,
			}).Draw(t, "join")
		}
		text := search.Quote(rapid.SampledFrom([]string{"a", "A", "ab", "web-01", "b", "%", "a%", "*b", "_", "50%", "a_b", "note 1", "or", "2026", "3"}).Draw(t, "text"))
		number := rapid.SampledFrom([]string{"0", "1", "4", "9", "99"}).Draw(t, "number")
		when := search.Quote(rapid.SampledFrom([]string{"today", "yesterday", "2026-03-10", "2026-03", "3 hours ago", "3 days ago", "nonsense"}).Draw(t, "when"))
		return rapid.SampledFrom([]string{
			"name = " + text, "name != " + text, "name ~ " + text, "note !~ " + text, "name ^ (" + text + ", a)", "name !^ (" + text + ", a)",
			"null? name", "has note", "null? cores", "cores = " + number, "cores != " + number, "cores > " + number, "cores <= " + number,
			"cores ^ (" + number + ", 2)", "cores !^ (" + number + ")", "on", "on = false", "on != true", "id < " + number,
			"seen = " + when, "seen > " + when, "seen < " + when, "seen <= " + when, "seen != " + when, "has seen", text,
		}).Draw(t, "test")
	})
}
