package main

import (
	"bufio"
	"bytes"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

var stepLine = regexp.MustCompile(`^ *(\d+)\. \S`)

func TestDemoTellsAllSteps(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"demo", "--once"}, terminal{stdin: new(bytes.Buffer), stdout: &stdout, stderr: &stderr, environ: os.Environ()})
	if code != 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, &stdout, &stderr)
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", &stderr)
	}
	var got, want []int
	for lines := bufio.NewScanner(bytes.NewReader(stdout.Bytes())); lines.Scan(); {
		if m := stepLine.FindSubmatch(lines.Bytes()); m != nil {
			n, _ := strconv.Atoi(string(m[1]))
			got = append(got, n)
		}
	}
	for n := range 19 {
		want = append(want, n+1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("steps %v, want 1 to 19 in order\n%s", got, &stdout)
	}
}
