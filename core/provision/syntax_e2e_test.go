//go:build e2e

package provision

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/run"
)

// TestSyntaxOfResults lets the programs that will read the results read the
// golden files: the shell each script, debconf the preseed file.
func TestSyntaxOfResults(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	checked := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		switch {
		case strings.HasPrefix(text, "#!/bin/sh"):
			check(t, file, text, "sh", "-n")
		case strings.Contains(text, "%post"):
			for _, script := range regexp.MustCompile(`(?s)%(?:pre|post)[^\n]*\n(.*?)\n%end`).FindAllStringSubmatch(text, -1) {
				check(t, file, script[1], "bash", "-n")
			}
		case strings.Contains(text, "d-i debian-installer"):
			check(t, file, text, "debconf-set-selections", "--checkonly")
		default:
			continue
		}
		checked++
	}
	if checked < 6 {
		t.Errorf("only %d files were checked", checked)
	}
}

func check(t *testing.T, file, text, program string, args ...string) {
	t.Helper()
	res, err := run.Run(t.Context(), run.Cmd{Program: program, Args: args, Stdin: []byte(text)})
	if err != nil || len(res.Stderr) > 0 {
		t.Errorf("%s, read by %s: %v\n%s", file, program, err, res.Stderr)
	}
}
