package compile_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/puppet/catalog"
	"github.com/chargehand/chargehand/puppet/compile"
	"github.com/chargehand/chargehand/puppet/environment"
	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// exprRow is a row of an expression table.
type exprRow struct {
	ID, Code, Type string
	Repr           *string
	Value          any
	Error          *goldenError
	Logs           []goldenLog
}

func readRows(t *testing.T, file string) []exprRow {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []exprRow
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		var row exprRow
		if err := decode(sc.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

type exprsRunner struct {
	request compile.Request
	logs    []eval.Event
}

func exprRunner(t *testing.T, file string) *exprsRunner {
	root := t.TempDir()
	e, err := environment.Open(environment.NewCache(), environment.Options{Name: "production", Dir: root, Strict: "warning"})
	if err != nil {
		t.Fatal(err)
	}
	node := "node1.example.com"
	empty := pcore.NewHash(nil)
	x := &exprsRunner{}
	x.request = compile.Request{
		Certname: node, Environment: e, ServerFacts: serverFacts(), Trusted: trusted(node, empty, empty),
		Facts: factSet(t, file, "debian12").Merge(pcore.HashOf("clientcert", pcore.String(node),
			"clientversion", pcore.String("7.23.0"), "clientnoop", pcore.Boolean(false))),
		Timeout: 20 * time.Second, Now: fixedTime, Log: func(e eval.Event) { x.logs = append(x.logs, e) },
	}
	x.request.Hiera = compile.NewHiera(e, compile.HieraOptions{Strict: "warning"})
	return x
}

func (x *exprsRunner) compare(row exprRow) (diffs []string) {
	defer func() {
		if r := recover(); r != nil {
			diffs = append(diffs, "panic")
			if os.Getenv("CORPUS_PANIC") != "" {
				panic(r)
			}
		}
	}()
	x.logs = nil
	v, err := compile.Evaluate(context.Background(), x.request, "expr.pp", row.Code)
	differ := func(what, got, want string) {
		if got != want {
			diffs = append(diffs, what+":\n     got "+got+"\n    want "+want)
		}
	}
	switch {
	case err != nil && row.Error == nil:
		return []string{"error: " + err.Error()}
	case row.Error != nil && row.Error.Class == "LoadError":
		return nil // the reference lacks a library here
	case err == nil && row.Error != nil:
		if row.Error.Internal {
			return []string{"no error, want " + row.Error.Message}
		}
		return []string{"no error, want " + row.Error.Message + ", got " + v.String()}
	case err != nil:
		return compareExprError(err, row.Error)
	}
	if row.Type != "" {
		differ("type", v.Type().String(), row.Type)
	}
	if row.Repr != nil {
		differ("repr", pcore.Program(v), *row.Repr)
	}
	if row.Value != nil {
		data, err := (&pcore.Serializer{Rich: true}).ToData(v)
		if err != nil {
			return append(diffs, "value: "+err.Error())
		}
		raw, err := catalog.AppendJSON(nil, data)
		if err != nil {
			return append(diffs, "value: "+err.Error())
		}
		var got any
		if err := decode(raw, &got); err != nil {
			return append(diffs, "value: "+err.Error())
		}
		differ("value", text(got), text(row.Value))
	}
	k := &langCase{logs: x.logs, golden: golden{Logs: row.Logs}, root: "/nowhere"}
	return append(diffs, k.compareLogs()...)
}

func compareExprError(err error, want *goldenError) (diffs []string) {
	var e *compile.Error
	if !errors.As(err, &e) {
		return []string{err.Error()}
	}
	if want.Internal || want.Class == "LoadError" || want.Class == "NoMethodError" || want.Class == "SystemStackError" {
		return nil
	}
	got := strings.TrimSuffix(e.Error(), " on node "+e.Node)
	if e.Class == eval.CompileError {
		e.Line, e.Column = want.Line, want.Pos // they are in the message
	}
	if e.Code != want.Code || got != want.Message || e.Line != want.Line || e.Column != want.Pos {
		return []string{"error:\n     got " + got + " [" + e.Code + "]\n    want " + want.Message + " [" + want.Code + "]"}
	}
	return nil
}
