//go:build e2e

package syntax

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// modulesDirs are where module packages put their files; PUPPET_MODULES adds
// one for trees that were unpacked elsewhere.
func modulesDirs() []string {
	dirs := []string{"/usr/share/puppet/modules", "/usr/share/puppet/modules.available"}
	if extra := os.Getenv("PUPPET_MODULES"); extra != "" {
		dirs = append(filepath.SplitList(extra), dirs...)
	}
	return dirs
}

func moduleFile(path string) (string, bool) {
	for _, dir := range modulesDirs() {
		if text, err := os.ReadFile(filepath.Join(dir, path)); err == nil {
			return string(text), true
		}
	}
	return "", false
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// TestParserCorpus parses the files of Debian's puppet-module packages, which
// have to be installed, and compares dumps and verdicts with Puppet's.
func TestParserCorpus(t *testing.T) {
	dir := referenceDir(t)
	if dir == "" {
		return
	}
	table, err := os.ReadFile(filepath.Join(dir, "parser", "files.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	dumps := readDumps(t, filepath.Join(dir, "parser", "dumps.jsonl.gz"))
	equal, total, absent := 0, 0, 0
	for i, line := range strings.Split(strings.TrimSpace(string(table)), "\n") {
		col := strings.Split(line, "\t")
		if i == 0 || len(col) < 6 {
			continue
		}
		text, ok := moduleFile(col[2])
		if !ok || digest(text) != col[3] {
			absent++
			continue
		}
		total++
		res, err := Parse(col[2], text, Options{})
		if err != nil {
			t.Errorf("%s: %v", col[2], err)
			continue
		}
		verdict := "ok"
		found := Validate(res.Program, ValidateOptions{})
		if len(found.Errors) > 0 {
			verdict = "error"
		}
		pn := PN(res.Program)
		switch {
		case digest(pn) != col[5]:
			t.Errorf("%s: dumps differ\n got %.4000s\nwant %.4000s", col[2], pn, dumps[col[2]])
		case verdict != col[4]:
			t.Errorf("%s: validates as %s (%v), want %s", col[2], verdict, found.Err(), col[4])
		default:
			equal++
		}
	}
	t.Logf("parser: %d of %d equal", equal, total)
	if absent > 0 || total == 0 {
		t.Errorf("%d files are not installed, or of another version: install the puppet-module packages", absent)
	}
}

func readDumps(t *testing.T, file string) map[string]string {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dumps := map[string]string{}
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 8<<20)
	for sc.Scan() {
		var row struct{ Path, PN string }
		if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		dumps[row.Path] = row.PN
	}
	return dumps
}
