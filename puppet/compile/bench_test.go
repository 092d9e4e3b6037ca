package compile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/puppet/compile"
)

// fleet is a manifest that gives a catalog of about n resources.
func fleet(n int) string {
	var b strings.Builder
	b.WriteString(`
class base($packages = ['a', 'b', 'c'], Hash[String, Integer[1, 65535]] $ports = { 'http' => 80, 'https' => 443 }) {
  $packages.each |$p| { package { $p: ensure => installed } }
  $ports.map |$name, $port| { "${name}:${port}" }.each |$line| { notify { $line: } }
  file { '/etc/motd': content => "on ${facts['kernel']} as ${trusted['certname']}\n", mode => '0644' }
}
define vhost(String $root, Integer $port = 80, Optional[String] $alias_name = undef) {
  file { "/etc/vhosts/${title}.conf": ensure => file, content => "root ${root}\nport ${port}\n", notify => Service['web'] }
  if $port == 443 { file { "/etc/keys/${title}.pem": mode => '0600' } }
}
class web { service { 'web': ensure => running, enable => true } Package <| |> -> Service['web'] }
node default {
  include base
  include web
  File { owner => 'root', group => 'root' }
`)
	for i := range (n - 10) / 2 {
		fmt.Fprintf(&b, "  vhost { 'site%d': root => '/srv/%d', port => %d }\n", i, i, 8000+i)
	}
	b.WriteString("}\n")
	return b.String()
}

// BenchmarkCompile makes a catalog of about 50 resources, parsed files kept.
func BenchmarkCompile(b *testing.B) {
	r := site(b, fleet(50))
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		c, err := compile.Compile(context.Background(), r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := json.Marshal(c); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
}

// TestParallelCompiles compiles in parallel on one environment: the catalogs
// have to be the same.
func TestParallelCompiles(t *testing.T) {
	r := site(t, fleet(50))
	var wg sync.WaitGroup
	results := make([]string, 8)
	for i := range results {
		wg.Go(func() {
			for range 5 {
				c, err := compile.Compile(context.Background(), r)
				if err != nil {
					t.Error(err)
					return
				}
				data, err := json.Marshal(c)
				if err != nil {
					t.Error(err)
				}
				results[i] = string(data)
			}
		})
	}
	wg.Wait()
	for _, s := range results {
		if s != results[0] {
			t.Fatal("catalogs of the same node differ")
		}
	}
	if n := strings.Count(results[0], `"kind":`); n < 45 {
		t.Errorf("the catalog has %d resources", n)
	}
}
