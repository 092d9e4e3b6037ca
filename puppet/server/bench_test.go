package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/pki"
)

// BenchmarkRequestToCertificate is a new agent's first exchange: PUT of the
// request, signed at once, and GET of the certificate.
func BenchmarkRequestToCertificate(b *testing.B) {
	s := newSite(b, pki.Policy{AutosignAll: true}, nil)
	c := s.client("")
	var times []time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		name := fmt.Sprintf("b%d.test", n)
		csr, _ := newRequest(b, name)
		n++
		b.StartTimer()
		began := time.Now()
		put := s.call(c, "PUT /puppet-ca/v1/certificate_request/"+name, string(csr))
		get := s.call(c, "GET /puppet-ca/v1/certificate/"+name, "")
		times = append(times, time.Since(began))
		if put.status != 200 || get.status != 200 {
			b.Fatal(put, get)
		}
	}
	percentiles(b, times)
}

func percentiles(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkPluginMetadata lists 268 files, as pluginsync does in each run.
func BenchmarkPluginMetadata(b *testing.B) {
	s := newSite(b, pki.Policy{}, nil)
	var archive strings.Builder
	for n := range 264 {
		fmt.Fprintf(&archive, "-- environments/production/modules/m%d/lib/puppet/functions/f%d.rb --\n%s\n", n%10, n, strings.Repeat("x", 3000))
	}
	s.write(archive.String())
	c := s.client(agentName)
	const line = "GET /puppet/v3/file_metadatas/plugins?recurse=true&max_files=-1&ignore=.svn&links=follow&checksum_type=sha256&source_permissions=ignore&environment=production"
	time.Sleep(2 * time.Second) // digests of files younger than that are not kept
	for b.Loop() {
		if a := s.call(c, line, "", "Accept-Encoding: gzip"); a.status != 200 || len(a.body) < 1000 {
			b.Fatal(a)
		}
	}
}

// BenchmarkReport takes reports of 300 KB.
func BenchmarkReport(b *testing.B) {
	s := newSite(b, pki.Policy{}, nil)
	c := s.client(agentName)
	var statuses []string
	for n := range 500 {
		statuses = append(statuses, fmt.Sprintf(`"File[/srv/%d]":{"title":"/srv/%d","file":"/etc/puppet/code/environments/production/modules/demo/manifests/init.pp","line":%d,"resource":"File[/srv/%d]","resource_type":"File","provider_used":"posix","containment_path":["Stage[main]","Demo","File[/srv/%d]"],"evaluation_time":0.0012,"tags":["file","class","demo","node","agent1.example.test"],"time":"2026-11-23T17:54:39.123456789+00:00","failed":false,"failed_to_restart":false,"changed":false,"out_of_sync":false,"skipped":false,"change_count":0,"out_of_sync_count":0,"events":[],"corrective_change":false}`, n, n, n, n, n))
	}
	report := `{"host":"` + agentName + `","time":"2026-11-23T17:54:37.1+00:00","status":"changed","report_format":12,"logs":[],"metrics":{},"resource_statuses":{` + strings.Join(statuses, ",") + `}}`
	b.SetBytes(int64(len(report)))
	for b.Loop() {
		if a := s.call(c, "PUT /puppet/v3/report/"+agentName+"?environment=production", report, "Content-Type: application/json"); a.status != 200 {
			b.Fatal(a)
		}
		s.mu.Lock()
		s.reports = nil
		s.mu.Unlock()
	}
}
