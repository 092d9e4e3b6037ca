package hiera

import (
	"bufio"
	"encoding/json"
	"os"
	"regexp"
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

func fromJSON(t *testing.T, raw json.RawMessage) pcore.Value {
	t.Helper()
	v, err := parseJSON(raw)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func TestYAMLReadsAsPsych(t *testing.T) {
	type row struct {
		YAML, Error string
		Value       json.RawMessage
	}
	readTable(t, "yaml.jsonl", func(r row) {
		v, err := parseYAML([]byte(r.YAML + "\n"))
		if r.Error != "" {
			if err == nil {
				t.Errorf("%q is %s, want error %s", r.YAML, pcore.Program(v), r.Error)
			}
			return
		}
		if err != nil {
			t.Errorf("%q: %v, want %s", r.YAML, err, r.Value)
			return
		}
		// JSON has no infinities, the table has their names.
		want := regexp.MustCompile(`'(-?Infinity|NaN)'`).ReplaceAllString(pcore.Program(fromJSON(t, r.Value)), "$1")
		if got := pcore.Program(v); got != want {
			t.Errorf("%q is %s, want %s", r.YAML, got, want)
		}
	})
}

func TestDeepMerge(t *testing.T) {
	type row struct {
		O    map[string]any
		H, L json.RawMessage
		R    json.RawMessage
		E    bool
	}
	readTable(t, "deepmerge.jsonl", func(r row) {
		options := pcore.NewHashBuilder(2)
		for k, v := range r.O {
			if s, ok := v.(string); ok {
				options.SetString(k, pcore.String(s))
			} else {
				options.SetString(k, pcore.Boolean(true))
			}
		}
		s, err := deepStrategy(options.Hash(), false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.merge(fromJSON(t, r.H), fromJSON(t, r.L))
		if r.E {
			if err == nil {
				t.Errorf("merge %v of %s over %s = %s, want an error", r.O, r.H, r.L, pcore.Program(got))
			}
			return
		}
		if err != nil {
			t.Errorf("merge %v of %s over %s: %v", r.O, r.H, r.L, err)
			return
		}
		if got, want := pcore.Program(got), pcore.Program(fromJSON(t, r.R)); got != want {
			t.Errorf("merge %v of %s over %s = %s, want %s", r.O, r.H, r.L, got, want)
		}
	})
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
