package unattended_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/api/unattended"
	"github.com/chargehand/chargehand/core/build"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/provision"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
)

// builds knows one host, h1, by token, MAC address and address.
type builds struct {
	building bool
	visitor  build.Visitor
	failure  *string
	built    int
}

func (b *builds) Identify(_ context.Context, v build.Visitor) (*inventory.Host, error) {
	b.visitor = v
	known := v.Token == "good" || v.Token == "" && (v.MAC == "52:54:00:00:00:01" || v.Address == netip.MustParseAddr("192.0.2.1"))
	switch {
	case v.Token == "expired":
		return nil, errs.New(errs.Unauthenticated, "the build token has expired")
	case !known:
		return nil, errs.New(errs.NotFound, "unable to find a host for this request")
	}
	h := &inventory.Host{Name: "h1.test", Build: b.building}
	h.ID = 1
	return h, nil
}

func (b *builds) Render(_ context.Context, _ int64, kind string, _ func(*provision.Subject)) (string, error) {
	switch kind {
	case "broken":
		return "", errs.New(errs.Internal, "secret detail of a defect")
	case "provision", "iPXE", "cloud-init":
		return kind + " of h1\n", nil
	}
	return "", errs.New(errs.NotFound, "no %s template", kind)
}

func (b *builds) Global(context.Context, string) (string, error) { return "global\n", nil }

func (b *builds) Built(context.Context, int64) error {
	b.built++
	b.building = false
	return nil
}

func (b *builds) Failed(_ context.Context, _ int64, text string) error {
	b.failure = &text
	return nil
}

type events struct{}

func (events) Append(context.Context, timeline.Event) error { return nil }
func (events) Events(context.Context, int64, time.Time) ([]timeline.Event, error) {
	return nil, nil
}

func edge(t *testing.T, b *builds, public *os.Root) http.Handler {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	mux := http.NewServeMux()
	unattended.Register(mux, unattended.Options{
		Builds: b, Recorder: timeline.NewRecorder(events{}, clock.System, log), Log: log, Public: public,
		Trusted: func(a netip.Addr) bool { return a == netip.MustParseAddr("10.0.0.1") },
	})
	return mux
}

// ask makes a request from an address.
func ask(h http.Handler, method, target, from, body string, header ...string) (int, string) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(from), 4711).String()
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(text)
}

func TestWhoAsks(t *testing.T) {
	const elsewhere, proxy = "198.51.100.9", "10.0.0.1"
	for _, c := range []struct {
		name, target, from string
		header             []string
		idle               bool // not in build
		status             int
		text               string
	}{
		{name: "by token", target: "/unattended/provision?token=good", from: elsewhere, status: 200, text: "provision of h1\n"},
		{name: "token as a file", target: "/unattended/provision?token=good.slax", from: elsewhere, status: 200, text: "provision of h1\n"},
		{name: "wrong token, right address", target: "/unattended/provision?token=bad", from: "192.0.2.1", status: 404, text: "unable to find"},
		{name: "expired", target: "/unattended/provision?token=expired", from: "192.0.2.1", status: 401, text: "expired"},
		{name: "not in build", target: "/unattended/provision?token=good", from: elsewhere, idle: true, status: 405, text: "not in build mode"},
		{name: "user data after the build", target: "/userdata/user-data?token=good", from: elsewhere, idle: true, status: 405, text: "not in build mode"},
		{name: "user data", target: "/userdata/user-data", from: "192.0.2.1", status: 200, text: "cloud-init of h1\n"},
		{name: "by address", target: "/unattended/provision", from: "192.0.2.1", status: 200, text: "provision of h1\n"},
		{name: "by mapped address", target: "/unattended/provision", from: "::ffff:192.0.2.1", status: 200, text: "provision of h1\n"},
		{name: "unknown", target: "/unattended/provision", from: elsewhere, status: 404, text: "unable to find"},
		{name: "unknown with iPXE", target: "/unattended/gPXE", from: elsewhere, status: 200, text: "global\n"},
		{name: "by MAC", target: "/unattended/iPXE?mac=52:54:00:00:00:01", from: elsewhere, status: 200, text: "iPXE of h1\n"},
		{name: "by Anaconda's header", target: "/unattended/provision", from: elsewhere, status: 200, text: "provision of h1\n", header: []string{"X-RHN-Provisioning-MAC-0", "eth0 52:54:00:00:00:01"}},
		{name: "through a proxy", target: "/unattended/provision", from: proxy, status: 200, text: "provision of h1\n", header: []string{"X-Forwarded-For", "192.0.2.1"}},
		{name: "a lie told to the proxy", target: "/unattended/provision", from: proxy, status: 404, text: "unable", header: []string{"X-Forwarded-For", "192.0.2.1, " + elsewhere}},
		{name: "a lie told directly", target: "/unattended/provision", from: elsewhere, status: 404, text: "unable", header: []string{"X-Forwarded-For", "192.0.2.1"}},
		{name: "a lie from this machine", target: "/unattended/provision", from: "127.0.0.1", status: 404, text: "unable", header: []string{"X-Forwarded-For", "192.0.2.1"}},
		{name: "no template", target: "/unattended/script?token=good", from: elsewhere, status: 404, text: "no script template"},
		{name: "a defect", target: "/unattended/broken?token=good", from: elsewhere, status: 500, text: "internal error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, text := ask(edge(t, &builds{building: !c.idle}, nil), http.MethodGet, c.target, c.from, "", c.header...)
			if status != c.status || !strings.Contains(text, c.text) || strings.Contains(text, "secret") {
				t.Errorf("%d %q, want %d %q", status, text, c.status, c.text)
			}
		})
	}
}

func TestBuiltOnce(t *testing.T) {
	b := &builds{building: true}
	h := edge(t, b, nil)
	for i, want := range []int{http.StatusCreated, http.StatusMethodNotAllowed} {
		if status, text := ask(h, http.MethodGet, "/unattended/built?token=good", "192.0.2.1", ""); status != want {
			t.Errorf("call %d: %d %s", i+1, status, text)
		}
	}
	if b.built != 1 {
		t.Errorf("built %d times", b.built)
	}
}

func TestFailedIsBounded(t *testing.T) {
	b := &builds{building: true}
	h := edge(t, b, nil)
	if status, _ := ask(h, http.MethodPost, "/unattended/failed?token=good", "192.0.2.1", strings.Repeat("x", 1<<20)); status != http.StatusCreated || b.failure == nil || len(*b.failure) != 65535 {
		t.Errorf("status %d", status)
	}
	if _, _ = ask(h, http.MethodPost, "/unattended/failed?token=good", "192.0.2.1", "disk\xff full"); *b.failure != "disk\ufffd full" {
		t.Errorf("kept %q", *b.failure)
	}
	b.building = false
	if status, _ := ask(h, http.MethodPost, "/unattended/failed?token=good", "192.0.2.1", "late"); status != http.StatusMethodNotAllowed || *b.failure == "late" {
		t.Errorf("after the build: status %d", status)
	}
}

// TestPublicStaysInItsRoot asks for what lies beside the public folder in every
// way that paths and links offer.
func TestPublicStaysInItsRoot(t *testing.T) {
	dir := t.TempDir()
	pub := filepath.Join(dir, "public")
	for name, text := range map[string]string{"secret": "secret", "public/sub/file": "public", "public/file": "public"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link": "../secret", "up": "..", "abs": filepath.Join(dir, "secret"), "inside": "file"} {
		if err := os.Symlink(to, filepath.Join(pub, link)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(pub)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	srv := httptest.NewServer(edge(t, &builds{}, root))
	defer srv.Close()
	for path, want := range map[string]int{
		"file": 200, "sub/file": 200, "inside": 200,
		"": 404, "sub": 404, "sub/": 404, "link": 404, "up/secret": 404, "abs": 404, "nothing": 404,
		"../secret": 404, "%2e%2e/secret": 404, "sub/..%2f..%2fsecret": 404, "..%5csecret": 404, "sub/%2e%2e/%2e%2e/secret": 404, "file%00": 404,
	} {
		resp, err := http.Get(srv.URL + "/pub/" + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if (want == 200) != (resp.StatusCode == 200) || resp.StatusCode >= 500 || strings.Contains(string(text), "secret") || strings.Contains(string(text), "href") {
			t.Errorf("/pub/%s: %d %q, want %d", path, resp.StatusCode, text, want)
		}
	}
}
