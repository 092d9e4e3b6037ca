package store_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/core/access"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// TestLargestQueriesRun: what the bounds of the search language let through,
// the database takes.
func TestLargestQueriesRun(t *testing.T) {
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "search.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := store.Migrate(t.Context(), db, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `CREATE TABLE samples (id INTEGER PRIMARY KEY, name TEXT, note TEXT, cores BIGINT, "on" BOOLEAN, seen TEXT, created_at TEXT, updated_at TEXT)`); err != nil {
		t.Fatal(err)
	}
	nouns, err := noun.New(noun.Options{Backend: store.New(db, nil)}, samples())
	if err != nil {
		t.Fatal(err)
	}
	for name, query := range map[string]string{
		"or":        strings.Repeat("name = a or ", search.MaxTerms/2-1) + "name = a",
		"and":       strings.Repeat("name = a and ", search.MaxTerms/2-1) + "name = a",
		"free text": strings.Repeat("a ", search.MaxTests/2),
		"mixed":     strings.Repeat("name = a or name = b and ", search.MaxTerms/4-1) + "name = a",
		"nested":    strings.Repeat("not (", search.MaxDepth/2-1) + strings.Repeat("name = a or ", search.MaxTerms/2-1) + "name = a",
		"list":      "name ^ (" + strings.Repeat("ab,", search.MaxLength/4) + "a)",
	} {
		if _, _, err := noun.Of[sample](nouns).List(t.Context(), access.System("x"), noun.Query{Search: query}); err != nil {
			text := fmt.Sprint(err)
			t.Errorf("%s: %s", name, text[:min(len(text), 300)])
		}
	}
}
