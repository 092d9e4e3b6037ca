package pcore

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"
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

func TestFormatFloat(t *testing.T) {
	type row struct{ Bits, S string }
	readTable(t, "float.jsonl", func(r row) {
		b, err := hex.DecodeString(r.Bits)
		if err != nil {
			t.Fatal(err)
		}
		f := math.Float64frombits(binary.BigEndian.Uint64(b))
		if got := FormatFloat(f); got != r.S {
			t.Errorf("FormatFloat(%g) = %s, want %s", f, got, r.S)
		}
	})
}

func TestFormatRuby(t *testing.T) {
	type row struct {
		F string
		V json.Number
		R string
		E string
	}
	readTable(t, "sprintf.jsonl", func(r row) {
		v, err := ParseNumber(r.V.String())
		if r.V.String()[0] == '-' {
			if n, e := r.V.Int64(); e == nil {
				v, err = Integer(n), nil
			} else if f, e := r.V.Float64(); e == nil {
				v, err = Float(f), nil
			}
		}
		if err != nil {
			t.Fatal(r.V, err)
		}
		got, err := FormatRuby(r.F, []Value{v})
		if (err != nil) != (r.E != "") || got != r.R {
			t.Errorf("FormatRuby(%q, %s) = %q, %v, want %q %s", r.F, r.V, got, err, r.R, r.E)
		}
	})
}
