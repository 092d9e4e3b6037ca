package server_test

import (
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/puppet/server"
)

// TestThunderingHerd has 600 agents ask at once, each with 25 KB of facts, where
// 60 may wait: all are answered, with a catalog or a time to come back, and
// memory stays bounded.
func TestThunderingHerd(t *testing.T) {
	s := newSite(t, pki.Policy{}, func(_ *site, o *server.Options) { o.Compilations, o.Waiting = 2, 58 })
	c := s.client(agentName)
	facts := `{"name":"` + agentName + `","values":{"x":"` + strings.Repeat("y", 12_000) + `"}}`
	form := url.Values{"facts_format": {"application/json"}, "facts": {url.PathEscape(facts)}}.Encode()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var served, sent atomic.Int64
	var wg sync.WaitGroup
	for range 600 {
		wg.Go(func() {
			a := s.call(c, "POST /puppet/v3/catalog/"+agentName+"?environment=production", form, "Content-Type: application/x-www-form-urlencoded")
			retry, err := strconv.Atoi(a.header.Get("Retry-After"))
			switch {
			case a.status == 200:
				served.Add(1)
			case a.status == 503 && err == nil && retry >= 1 && retry <= 31:
				sent.Add(1)
			default:
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d served, %d told to come back, heap %+d KiB", served.Load(), sent.Load(), (int64(after.HeapAlloc)-int64(before.HeapAlloc))/1024)
	if served.Load() == 0 || served.Load()+sent.Load() != 600 {
		t.Errorf("%d served, %d told to come back", served.Load(), sent.Load())
	}
	if got := s.server.Counters(); got.Rejected != sent.Load() || got.Compiling != 0 {
		t.Errorf("counters %+v", got)
	}
}
