package storage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb/command"
	"github.com/chargehand/chargehand/puppetdb/query"
	"github.com/chargehand/chargehand/puppetdb/storage"
)

// A bed is a store with a clock that the test moves.
type bed struct {
	testing.TB
	*storage.Store
	db  *sqldb.DB
	now time.Time
}

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// each runs a test on every database there is.
func each(t *testing.T, test func(b *bed)) {
	all := map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "puppetdb.db")}
	for name, dsn := range foreign(t) {
		all[name] = dsn
	}
	for name, dsn := range all {
		t.Run(name, func(t *testing.T) { test(openBed(t, dsn)) })
	}
}

func openBed(t testing.TB, dsn string) *bed {
	t.Helper()
	db, err := sqldb.Open(t.Context(), dsn, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b := &bed{TB: t, db: db, now: start()}
	if b.Store, err = storage.Open(t.Context(), db, func() time.Time { return b.now }, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return b
}

// apply decodes and stores a command, as from the wire.
func (b *bed) apply(name command.Name, version int, payload string) error {
	b.Helper()
	c, err := command.Decode(name, version, "", []byte(payload))
	if err != nil {
		return err
	}
	return b.Apply(b.Context(), c)
}

func (b *bed) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bed) ask(ast string) string {
	b.Helper()
	tree, err := query.Decode(ast)
	b.must(err)
	q, err := query.ParseRoot(tree)
	b.must(err)
	var out bytes.Buffer
	b.must(b.Write(b.Context(), &out, q))
	var compact bytes.Buffer // PostgreSQL writes JSON with spaces
	b.must(json.Compact(&compact, out.Bytes()))
	return compact.String()
}

func (b *bed) wants(ast, want string) {
	b.Helper()
	if got := b.ask(ast); got != want {
		b.Errorf("%s:\n got %s\nwant %s", ast, got, want)
	}
}

func (b *bed) number(query string, args ...any) (n int64) {
	b.Helper()
	b.must(b.db.QueryRow(b.Context(), query, args, &n))
	return n
}

func at(d time.Duration) string { return start().Add(d).Format(time.RFC3339) }

func facts(certname, when, values string) string {
	return fmt.Sprintf(`{"certname":%q,"environment":"production","producer_timestamp":%q,"values":%s}`, certname, when, values)
}

func catalog(certname, when, version, ensure string) string {
	return fmt.Sprintf(`{"certname":%q,"version":%q,"environment":"production","producer_timestamp":%q,
		"resources":[{"type":"File","title":"/a","tags":["file"],"exported":false,"parameters":{"ensure":%q}},
			{"type":"File","title":"/b","tags":["file"],"exported":false,"parameters":{}}],
		"edges":[{"source":{"type":"File","title":"/a"},"target":{"type":"File","title":"/b"},"relationship":"before"}]}`, certname, version, when, ensure)
}

func report(certname, when, status string) string {
	return fmt.Sprintf(`{"certname":%q,"puppet_version":"8","report_format":12,"configuration_version":"1","start_time":%[2]q,"end_time":%[2]q,
		"producer_timestamp":%[2]q,"environment":"production","status":%[3]q,"logs":[],"metrics":[],
		"resources":[{"timestamp":%[2]q,"resource_type":"File","resource_title":"/a","skipped":false,"containment_path":["Stage[main]","A","File[/a]"],
			"events":[{"status":"success","timestamp":%[2]q,"property":"ensure","new_value":"file","old_value":"absent","message":"made"}]}]}`, certname, when, status)
}

// TestUnchangedCatalogCostsOneRow holds by row ids: rows that were written anew
// would have new ones.
func TestUnchangedCatalogCostsOneRow(t *testing.T) {
	each(t, func(b *bed) {
		ids := func() string {
			return fmt.Sprint(b.number("SELECT coalesce(sum(id), 0) FROM resources"), b.number("SELECT count(*) FROM edges"))
		}
		b.must(b.apply(command.ReplaceCatalog, 9, catalog("a", at(0), "1", "file")))
		first := ids()
		b.must(b.apply(command.ReplaceCatalog, 9, catalog("a", at(time.Minute), "2", "file")))
		if ids() != first {
			t.Errorf("rows %s, then %s", first, ids())
		}
		b.wants(`["from","catalogs",["extract",["version"]]]`, `[{"version":"2"}]`)
		b.must(b.apply(command.ReplaceCatalog, 9, catalog("a", at(time.Hour), "3", "absent")))
		b.wants(`["from","resources",["extract",["title"],["=",["parameter","ensure"],"absent"]]]`, `[{"title":"/a"}]`)
		if n := b.number("SELECT count(*) FROM resources"); n != 2 {
			t.Errorf("%d resources", n)
		}
	})
}

func TestOlderCommandsChangeNothing(t *testing.T) {
	each(t, func(b *bed) {
		b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(time.Hour), `{"x":2,"gone":1}`)))
		b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(0), `{"x":1}`)))
		b.wants(`["from","facts",["extract",["value"],["=","name","x"]]]`, `[{"value":2}]`)
		b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(time.Hour), `{"x":3}`))) // as new: the later arrival counts
		b.wants(`["from","facts",["extract",["name","value"]]]`, `[{"name":"x","value":3}]`)
		b.must(b.apply(command.ReplaceCatalog, 9, catalog("a", at(time.Hour), "2", "file")))
		b.must(b.apply(command.ReplaceCatalog, 9, catalog("a", at(0), "1", "absent")))
		b.wants(`["from","catalogs",["extract",["version"]]]`, `[{"version":"2"}]`)
		for _, when := range []time.Duration{time.Hour, 0, time.Hour} { // the last comes twice
			b.must(b.apply(command.StoreReport, 8, report("a", at(when), "changed")))
		}
		if n := b.number("SELECT count(*) FROM reports"); n != 2 {
			t.Errorf("%d reports", n)
		}
		b.wants(`["from","nodes",["extract",["report_timestamp"]]]`, `[{"report_timestamp":"2026-01-02T04:04:05.000Z"}]`)
	})
}

func TestDeactivationAndReturn(t *testing.T) {
	each(t, func(b *bed) {
		nodes := func(want string) {
			t.Helper()
			b.wants(`["from","nodes",["extract",["certname"]]]`, want)
		}
		deactivate := func(when time.Duration) {
			t.Helper()
			b.must(b.apply(command.DeactivateNode, 3, fmt.Sprintf(`{"certname":"a","producer_timestamp":%q}`, at(when))))
		}
		b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(time.Hour), `{}`)))
		deactivate(0) // older than the facts
		nodes(`[{"certname":"a"}]`)
		deactivate(2 * time.Hour)
		nodes(`[]`)
		b.wants(`["from","nodes",["extract",["certname"],["=","node_state","inactive"]]]`, `[{"certname":"a"}]`)
		b.must(b.apply(command.StoreReport, 8, report("a", at(90*time.Minute), "unchanged"))) // sent before, came after
		nodes(`[]`)
		b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(3*time.Hour), `{}`)))
		nodes(`[{"certname":"a"}]`)
	})
}

func TestAges(t *testing.T) {
	const day = 24 * time.Hour
	each(t, func(b *bed) {
		b.must(b.apply(command.ReplaceFacts, 5, facts("silent", at(0), `{"x":1}`)))
		b.must(b.apply(command.ReplaceCatalog, 9, catalog("silent", at(0), "1", "file")))
		b.must(b.apply(command.ReplaceFacts, 5, facts("speaks", at(0), `{}`)))
		b.must(b.apply(command.StoreReport, 8, report("speaks", at(0), "changed")))
		b.must(b.apply(command.StoreReport, 8, report("speaks", at(8*day), "changed")))
		b.now = start().Add(9 * day)
		b.must(b.Expire(b.Context(), b.now.Add(-7*day), b.now.Add(-14*day), b.now.Add(-5*day)))
		b.wants(`["from","nodes",["extract",["certname"]]]`, `[{"certname":"speaks"}]`)
		if reports, events := b.number("SELECT count(*) FROM reports"), b.number("SELECT count(*) FROM events"); reports != 1 || events != 1 {
			t.Errorf("%d reports with %d events are left", reports, events)
		}
		b.must(b.apply(command.ReplaceFacts, 5, facts("silent", at(9*day), `{"x":1}`)))
		b.wants(`["from","nodes",["extract",["certname"],["=","certname","silent"]]]`, `[{"certname":"silent"}]`)
		b.now = start().Add(20 * day)
		b.must(b.Expire(b.Context(), b.now.Add(-7*day), time.Time{}, time.Time{})) // both are silent now; never purged
		b.now = start().Add(40 * day)
		b.must(b.Expire(b.Context(), b.now.Add(-7*day), time.Time{}, time.Time{}))
		b.wants(`["from","nodes",["extract",[["function","count"]],["=","node_state","inactive"]]]`, `[{"count":2}]`)
		b.must(b.Expire(b.Context(), b.now.Add(-7*day), b.now.Add(-14*day), time.Time{}))
		for _, table := range []string{"nodes", "facts", "factsets", "catalogs", "resources", "edges", "reports", "events", "node_packages", "packages", "catalog_inputs"} {
			if n := b.number("SELECT count(*) FROM " + table); n != 0 {
				t.Errorf("%d rows of purged nodes are left in %s", n, table)
			}
		}
	})
}

// TestTextsThatDatabasesRefuse stores what JSON can say and databases cannot hold.
func TestTextsThatDatabasesRefuse(t *testing.T) {
	each(t, func(b *bed) {
		b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(0), `{"nul\u0000key":"a\u0000b","bytes":"`+"\xff\xfe"+`","slash":"\\u0000","lone":"\ud800"}`)))
		b.wants(`["from","facts",["extract",["name","value"]],["order_by",["name"]]]`,
			`[{"name":"bytes","value":"��"},{"name":"lone","value":"�"},{"name":"nul�key","value":"a�b"},{"name":"slash","value":"\\u0000"}]`)
		b.must(b.apply(command.ReplaceCatalog, 9, strings.ReplaceAll(catalog("a", at(0), "1", "file"), "/a", `/a\u0000`)))
		b.must(b.apply(command.StoreReport, 8, strings.ReplaceAll(report("a", at(0), "changed"), "made", `ma\u0000de`)))
		b.wants(`["from","resources",["extract",["title"],["~","title","a"]]]`, `[{"title":"/a�"}]`)
		b.wants(`["from","events",["extract",["message"]]]`, `[{"message":"ma�de"}]`)
	})
}

// TestBombs sends what is small on the wire and large, or spoils queries, once
// it is stored.
func TestBombs(t *testing.T) {
	each(t, func(b *bed) {
		for name, value := range map[string]string{
			"deep":            strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
			"large exponent":  `1e131071`,
			"small exponent":  `[{"x":1e-99999}]`,
			"exponent":        `1e99999999999999999999`,
			"thousand digits": strings.Repeat("9", 1000),
		} {
			if err := b.apply(command.ReplaceFacts, 5, facts("a", at(0), `{"x":`+value+`}`)); !errs.Is(err, errs.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(0), `{"x":`+strings.Repeat("[", 150)+"1"+strings.Repeat("]", 150)+`,"y":"[[[[","n":-1.5e-300}`)))
		b.wants(`["from","facts",["extract",["name"],["=","value","[[[["]]]`, `[{"name":"y"}]`)
		b.wants(`["from","inventory",["extract",["certname"],["=","facts.y","[[[["]]]`, `[{"certname":"a"}]`)
	})
}

func TestLongJunctions(t *testing.T) {
	each(t, func(b *bed) {
		b.must(b.apply(command.ReplaceFacts, 5, facts("n9999", at(0), `{}`)))
		many := func(n int) string {
			terms := make([]string, n)
			for i := range terms {
				terms[i] = fmt.Sprintf(`["=","certname","n%d"]`, i)
			}
			return `["from","nodes",["extract",["certname"],["or",` + strings.Join(terms, ",") + `]]]`
		}
		b.wants(many(10_000), `[{"certname":"n9999"}]`)
		tree, err := query.Decode(many(40_000))
		b.must(err)
		q, err := query.ParseRoot(tree)
		b.must(err)
		if err := b.Write(b.Context(), new(bytes.Buffer), q); !errs.Is(err, errs.TooLarge) {
			t.Errorf("err = %v", err)
		}
	})
}

// A brokenWriter is a client that goes away in the middle of an answer.
type brokenWriter struct{ left int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, fmt.Errorf("gone")
	}
	return len(p), nil
}

func TestAClientThatLeaves(t *testing.T) {
	each(t, func(b *bed) {
		values := map[string]string{}
		for i := range 3000 {
			values[fmt.Sprint("fact", i)] = strings.Repeat("x", 100)
		}
		text, err := json.Marshal(values)
		b.must(err)
		b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(0), string(text))))
		for range 40 { // a reader that is not given back would be missed
			tree, err := query.Decode(`["from","facts"]`)
			b.must(err)
			q, err := query.ParseRoot(tree)
			b.must(err)
			if err := b.Write(b.Context(), &brokenWriter{left: 50_000}, q); err == nil {
				t.Fatal("no error")
			}
		}
	})
}
