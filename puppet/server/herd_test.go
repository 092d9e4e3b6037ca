package server_test

import (
	"context"
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

// gate compiles nothing before it is opened.
type gate struct{ open chan struct{} }

func (g gate) Compile(ctx context.Context, _ server.CompileRequest) (server.Catalog, error) {
	select {
	case <-g.open:
		return server.Catalog{Wire: []byte("{}")}, nil
	case <-ctx.Done():
		return server.Catalog{}, ctx.Err()
	}
}

// TestThunderingHerd has 300 agents ask at once, each with 25 KB of facts, where
// 2 compile and 58 may wait: those 60 are served, the others get a time to come
// back, and meanwhile the heap holds little more than the 60.
func TestThunderingHerd(t *testing.T) {
	const agents, places = 300, 60
	compiler := gate{make(chan struct{})}
	s := newSite(t, pki.Policy{}, func(_ *site, o *server.Options) {
		o.Compiler, o.Compilations, o.Waiting = compiler, 2, places-2
	})
	c := s.client(agentName)
	facts := `{"name":"` + agentName + `","values":{"x":"` + strings.Repeat("y", 12_000) + `"}}`
	form := url.Values{"facts_format": {"application/json"}, "facts": {url.PathEscape(facts)}}.Encode()
	before := heap()
	var served, sent atomic.Int64
	var wg sync.WaitGroup
	for range agents {
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
	for sent.Load() < agents-places && !t.Failed() {
		runtime.Gosched()
	}
	grown := heap() - before // clients and their connections included
	close(compiler.open)
	wg.Wait()
	if served.Load() != places || sent.Load() != agents-places {
		t.Errorf("%d served, %d told to come back", served.Load(), sent.Load())
	}
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	t.Logf("heap +%d KiB at the height", grown>>10)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
