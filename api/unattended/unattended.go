// Package unattended is the edge that machines under installation speak to:
// templates by build token, "built" and "failed", cloud-init, and public files.
//
// It imports core/build, core/provision, core/timeline and internal; no other edge.
package unattended

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"github.com/chargehand/chargehand/core/build"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/provision"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/errs"
)

// Builds is what the edge stands on; *build.Service is one.
type Builds interface {
	Identify(ctx context.Context, v build.Visitor) (*inventory.Host, error)
	Render(ctx context.Context, host int64, kind string, subject func(*provision.Subject)) (string, error)
	Global(ctx context.Context, kind string) (string, error)
	Built(ctx context.Context, host int64) error
	Failed(ctx context.Context, host int64, text string) error
}

// Options are what the edge needs.
type Options struct {
	Builds   Builds
	Recorder *timeline.Recorder
	Log      *slog.Logger
	// Public is the folder behind /pub; nil serves nothing there.
	Public *os.Root
	// Trusted tells from which neighbours X-Forwarded-For is believed.
	Trusted func(netip.Addr) bool
}

type edge struct{ Options }

// Register adds the edge's routes to a mux.
func Register(mux *http.ServeMux, opts Options) {
	e := &edge{opts}
	mux.HandleFunc("GET /unattended/{kind}", e.adapt(e.template))
	mux.HandleFunc("GET /unattended/{kind}/{id}", e.adapt(e.template))
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		mux.HandleFunc(method+" /unattended/built", e.adapt(e.built))
	}
	mux.HandleFunc("POST /unattended/failed", e.adapt(e.failed))
	mux.HandleFunc("GET /userdata/user-data", e.adapt(e.userData))
	mux.HandleFunc("GET /userdata/meta-data", e.adapt(e.metaData))
	if opts.Public != nil {
		files := http.FileServerFS(opts.Public.FS())
		mux.Handle("GET /pub/", http.StripPrefix("/pub/", filesOnly(opts.Public, files)))
	}
}

// filesOnly refuses folders, for what is public is named, not browsed, and all
// that is not in the root, links out of it included.
func filesOnly(root *os.Root, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if info, err := root.Stat(r.URL.Path); err != nil || !info.Mode().IsRegular() {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (e *edge) adapt(handle func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		err := handle(w, r)
		if err == nil || r.Context().Err() != nil {
			return
		}
		kind := errs.KindOf(err)
		if kind.Status() >= 500 {
			e.Log.Error("unattended", "path", r.URL.Path, "error", err)
		} else {
			e.Log.Info("unattended: refused", "path", r.URL.Path, "from", e.address(r), "error", err)
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(kind.Status())
		_, _ = io.WriteString(w, errs.PublicText(err)+"\n")
	}
}

// address is the machine's own, behind a trusted proxy what that proxy saw.
func (e *edge) address(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	peer = peer.Unmap()
	if e.Trusted == nil || !e.Trusted(peer) {
		return peer
	}
	chain := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	for i := len(chain) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(chain[i]))
		if err != nil {
			break
		}
		if peer = a.Unmap(); !e.Trusted(peer) {
			break
		}
	}
	return peer
}

// visitor reads who asks: a token counts alone; else the MAC address that the
// installer names, and last the address.
func (e *edge) visitor(r *http.Request) build.Visitor {
	q := r.URL.Query()
	v := build.Visitor{Token: strings.TrimSuffix(q.Get("token"), ".slax"), MAC: strings.ToLower(q.Get("mac")), Address: e.address(r)}
	for i := range 8 {
		fields := strings.Fields(r.Header.Get("X-RHN-Provisioning-MAC-" + string(rune('0'+i))))
		if v.MAC == "" && len(fields) == 2 {
			v.MAC = strings.ToLower(fields[1])
		}
	}
	return v
}

// kinds maps a path's word to a template kind; others are taken as they are.
func kindOf(word string) string {
	if word == "gPXE" {
		return string(provision.IPXE)
	}
	return word
}

func (e *edge) template(w http.ResponseWriter, r *http.Request) error {
	kind := kindOf(r.PathValue("kind"))
	host, err := e.Builds.Identify(r.Context(), e.visitor(r))
	if errs.Is(err, errs.NotFound) && kind == string(provision.IPXE) && r.URL.Query().Get("token") == "" {
		return e.global(w, r, kind)
	}
	if err != nil {
		return err
	}
	if !host.Build {
		return notInBuild(w, host)
	}
	return e.send(w, r, host, kind)
}

func notInBuild(w http.ResponseWriter, host *inventory.Host) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusMethodNotAllowed)
	_, _ = io.WriteString(w, "host "+host.Name+" is not in build mode\n")
	return nil
}

func (e *edge) global(w http.ResponseWriter, r *http.Request, kind string) error {
	text, err := e.Builds.Global(r.Context(), kind)
	if err != nil {
		return err
	}
	return plain(w, text)
}

func (e *edge) send(w http.ResponseWriter, r *http.Request, host *inventory.Host, kind string) error {
	text, err := e.Builds.Render(r.Context(), host.ID, kind, func(s *provision.Subject) { s.TemplateURL = r.URL.Query().Get("url") })
	event := timeline.Event{Host: host.ID, Stage: timeline.Template, Address: e.address(r).String(), Text: kind + " template", Bytes: int64(len(text))}
	if err != nil {
		event.Failure = errs.PublicText(err)
	}
	e.Recorder.Record(event)
	if err != nil {
		return err
	}
	return plain(w, text)
}

func plain(w http.ResponseWriter, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text)
	return nil
}

func (e *edge) built(w http.ResponseWriter, r *http.Request) error {
	host, err := e.Builds.Identify(r.Context(), e.visitor(r))
	if err != nil {
		return err
	}
	if !host.Build {
		return notInBuild(w, host)
	}
	event := timeline.Event{Host: host.ID, Stage: timeline.Installed, Address: e.address(r).String(), Text: "the installation is over"}
	if err := e.Builds.Built(r.Context(), host.ID); err != nil {
		event.Failure = errs.PublicText(err)
		e.Recorder.Record(event)
		return err
	}
	e.Recorder.Record(event)
	w.WriteHeader(http.StatusCreated)
	return nil
}

// maxFailure is what is kept of the log that a failed installation sends, in
// bytes; that it failed counts however much it says.
const maxFailure = 65535

func (e *edge) failed(w http.ResponseWriter, r *http.Request) error {
	host, err := e.Builds.Identify(r.Context(), e.visitor(r))
	if err != nil {
		return err
	}
	if !host.Build {
		return notInBuild(w, host)
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxFailure))
	if err != nil {
		return errs.WrapAs(errs.Malformed, err, "read the log")
	}
	if err := e.Builds.Failed(r.Context(), host.ID, strings.ToValidUTF8(string(text), "�")); err != nil {
		return err
	}
	e.Recorder.Record(timeline.Event{Host: host.ID, Stage: timeline.Installed, Address: e.address(r).String(), Failure: "the installer says that it failed"})
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (e *edge) userData(w http.ResponseWriter, r *http.Request) error {
	host, err := e.Builds.Identify(r.Context(), e.visitor(r))
	if err != nil {
		return err
	}
	if !host.Build {
		return notInBuild(w, host)
	}
	for _, kind := range provision.CloudInitKinds() {
		text, rerr := e.Builds.Render(r.Context(), host.ID, string(kind), nil)
		if rerr == nil {
			return plain(w, text)
		}
		if err = rerr; !errs.Is(rerr, errs.NotFound) {
			return rerr
		}
	}
	return err
}

func (e *edge) metaData(w http.ResponseWriter, r *http.Request) error {
	host, err := e.Builds.Identify(r.Context(), e.visitor(r))
	if err != nil {
		return err
	}
	lines := []string{"instance-id: i-" + host.Name, "hostname: " + host.Name, "local-hostname: " + host.Name}
	if host.MAC != "" {
		lines = append(lines, "mac: "+host.MAC)
	}
	if host.IP != "" {
		lines = append(lines, "local-ipv4: "+host.IP)
	}
	return plain(w, strings.Join(lines, "\n")+"\n")
}
