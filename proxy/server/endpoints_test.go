package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// served are the modules of the reference table that this server has.
var served = map[string]bool{
	"root": true, "dns": true, "dhcp": true, "tftp": true, "logs": true,
	"puppetca": true, "templates": true, "registration": true,
}

// TestEveryEndpoint: each line of the reference table for these modules is
// routed. The table is not part of this repository.
func TestEveryEndpoint(t *testing.T) {
	dir := os.Getenv("CHARGEHAND_REFERENCE")
	if dir == "" {
		dir = "../../../shared/reference"
	}
	table, err := os.ReadFile(filepath.Join(dir, "smart-proxy", "endpoints.tsv"))
	if err != nil {
		t.Log("the reference table is not here; the other tests of this package hold without it")
		return
	}
	w := newWorld(t)
	fill := strings.NewReplacer("[/]", "", ":network", "192.0.2.0", ":name", "h.example.test", ":type", "A", ":ip", "192.0.2.9",
		":mac", "52:54:00:00:00:01", ":variant", "pxelinux", ":certname", "h.example.test", ":kind", "provision", ":template", "a", ":hostgroup", "b")
	count := 0
	for _, row := range strings.Split(strings.TrimSpace(string(table)), "\n")[1:] {
		f := strings.Split(row, "\t")
		if !served[f[0]] || f[2] == "*" {
			continue
		}
		method, override, _ := strings.Cut(f[2], " ")
		path, _, _ := strings.Cut(f[3], " ")
		if got := w.do(t, method, fill.Replace(path), strings.Trim(override, "()")); got.header.Get("X-Cascade") != "" {
			t.Errorf("%s %s is not routed", f[2], f[3])
		}
		count++
	}
	if count < 35 {
		t.Errorf("only %d lines were found", count)
	}
	t.Logf("%d endpoints", count)
}
