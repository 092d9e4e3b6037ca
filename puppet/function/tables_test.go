package function

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// readTable calls fn for each line of a table in testdata; the tables were made with Ruby.
func readTable[Row any](t *testing.T, name string, fn func(Row)) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	n := 0
	for sc.Scan() {
		var row Row
		if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
			t.Fatalf("%s: %v", sc.Text(), err)
		}
		fn(row)
		n++
	}
	if err := sc.Err(); err != nil || n == 0 {
		t.Fatalf("%s: %d rows, %v", name, n, err)
	}
}

func jsonValue(x any) pcore.Value {
	switch x := x.(type) {
	case nil:
		return pcore.Undef{}
	case string:
		return pcore.String(x)
	case []any:
		elems := make([]pcore.Value, len(x))
		for i, e := range x {
			elems[i] = jsonValue(e)
		}
		return pcore.NewArray(elems)
	}
	return pcore.Undef{}
}

func TestRegexpsAreRubys(t *testing.T) {
	type row struct {
		Re, S, Gsub, Sub string
		Split, M         any
	}
	readTable(t, "regexp.jsonl", func(r row) {
		e := newEnv()
		call := func(name string, args ...pcore.Value) string {
			v, _, err := e.table.Call(e, name, args, nil)
			if err != nil {
				return "! " + err.Error()
			}
			return pcore.Program(v)
		}
		s, re := pcore.String(r.S), pcore.String(r.Re)
		check := func(what, got string, want pcore.Value) {
			if got != pcore.Program(want) {
				t.Errorf("%s of %q by /%s/ = %s, want %s", what, r.S, r.Re, got, pcore.Program(want))
			}
		}
		check("split", call("split", s, re), jsonValue(r.Split))
		check("match", call("match", s, re), jsonValue(r.M))
		check("gsub", call("regsubst", s, re, pcore.String(`<\0>`), pcore.String("G")), pcore.String(r.Gsub))
		check("sub", call("regsubst", s, re, pcore.String(`<\1>`)), pcore.String(r.Sub))
	})
}

func TestVersionsCompareAsPuppets(t *testing.T) {
	type row struct {
		A, B string
		R, Z int
	}
	readTable(t, "versioncmp.jsonl", func(r row) {
		if got := CompareVersions(r.A, r.B); got != r.R {
			t.Errorf("versioncmp(%q, %q) = %d, want %d", r.A, r.B, got, r.R)
		}
		if got := CompareVersions(withoutZeroes(r.A), withoutZeroes(r.B)); got != r.Z {
			t.Errorf("versioncmp(%q, %q, true) = %d, want %d", r.A, r.B, got, r.Z)
		}
	})
}

func TestRandomNumbersAreRubys(t *testing.T) {
	type row struct {
		Fqdn, Seed string
		Max, R     int64
	}
	readTable(t, "fqdn_rand.jsonl", func(r row) {
		e := newEnv()
		e.vars["facts"] = pcore.HashOf("networking", pcore.HashOf("fqdn", pcore.String(r.Fqdn)))
		v, _, err := e.table.Call(e, "fqdn_rand", []pcore.Value{pcore.Integer(r.Max), pcore.String(r.Seed)}, nil)
		if err != nil || v != pcore.Value(pcore.Integer(r.R)) {
			t.Errorf("fqdn_rand(%d, %q) on %q = %v, %v, want %d", r.Max, r.Seed, r.Fqdn, v, err, r.R)
		}
	})
}
