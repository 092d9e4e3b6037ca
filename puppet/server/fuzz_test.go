package server

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

// A bad input is the sender's fault, never ours.
func blame(t *testing.T, err error) {
	t.Helper()
	if err != nil && errs.Is(err, errs.Internal) {
		t.Errorf("a bad input is our fault: %v", err)
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"host":"a","time":"2026-11-23T17:49:17.765707792+00:00","status":"changed","logs":[{"level":"info","message":"m","source":"s","time":"t"}],"metrics":{},"resource_statuses":{"File[/x]":{"events":[{"status":"success"}]}}}`))
	f.Add([]byte(`{"nonsense":1}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeReport(data, "a")
		blame(t, err)
		if err == nil && (r.Certname != "a" || r.Status == "" || !json.Valid(r.JSON)) {
			t.Errorf("taken: %+v", r)
		}
	})
}

func FuzzFacts(f *testing.F) {
	f.Add("facts_format=application%2Fjson&facts=%257B%2522name%2522%253A%2522a%2522%252C%2522values%2522%253A%257B%257D%257D")
	f.Add("facts_format=pson&facts={\"name\":\"a\",\"values\":{\"x\":[1,2.5,null]},\"timestamp\":\"2026-11-23T17:54:37.1+00:00\"}")
	f.Add("facts=%25")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		facts, err := formFacts(form, "a")
		blame(t, err)
		if err == nil && facts.Values != nil && (facts.Certname != "a" || !json.Valid(facts.Values)) {
			t.Errorf("taken: %+v", facts)
		}
	})
}

func FuzzStatusBody(f *testing.F) {
	for _, seed := range []string{`{"desired_state":"signed"}`, `{"desired_state":"revoked","cert_ttl":3600}`, `{"cert_ttl":-1}`, `{"desired_state":"signed","cert_ttl":1e9}`, `not json`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		state, ttl, err := decodeWish(data, "a")
		blame(t, err)
		if err == nil && (state != "signed" && state != "revoked" || ttl < 0 || ttl > maxTTL) {
			t.Errorf("taken: %q for %s", state, ttl)
		}
	})
}

func FuzzRoute(f *testing.F) {
	s := New(Options{})
	for _, seed := range []string{"/puppet/v3/catalog/x", "/puppet/v3/file_content/modules/a/../b", "/puppet/v3/file_bucket_file/sha256/x//srv", "//", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if badPath(path) != "" {
			return
		}
		for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
			if found, _ := s.find(method, path); found != nil && allowed(s.rules, method, path, nil) && path[:8] != "/status/" {
				t.Errorf("%s %q is open to everybody", method, path)
			}
		}
	})
}
