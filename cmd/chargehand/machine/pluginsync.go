package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// metadata is one of the file server's entries.
type metadata struct {
	Path         string  `json:"path"`
	RelativePath *string `json:"relative_path"`
	Type         string  `json:"type"`
	Checksum     struct {
		Type, Value string
	} `json:"checksum"`
	ContentURI string `json:"content_uri"`
}

func (d metadata) relative() string {
	if d.RelativePath == nil {
		return "."
	}
	return *d.RelativePath
}

// plugins is pluginsync: the environment probed, facts and plugins listed, what
// changed fetched.
func (r *run) plugins(ctx context.Context) error {
	if _, err := r.list(ctx, "plugins", false, "ignore"); err != nil {
		return err
	}
	fetched := 0
	for _, mount := range []struct{ name, permissions string }{{"pluginfacts", "use"}, {"plugins", "ignore"}} {
		entries, err := r.list(ctx, mount.name, true, mount.permissions)
		if err != nil {
			return err
		}
		for _, e := range entries {
			file := mount.name + "/" + e.relative()
			if e.Type != "file" || r.m.pluginsum[file] == e.Checksum.Value {
				continue
			}
			if err := r.fetch(ctx, "/puppet/v3/file_content/"+file, e); err != nil {
				return err
			}
			r.m.pluginsum[file] = e.Checksum.Value
			fetched++
			r.note("notice", "/File["+vardir+"/lib/"+e.relative()+"]/ensure", "defined content as '%s'", e.Checksum.Value)
		}
	}
	r.detail = append(r.detail, fmt.Sprintf("pluginsync: %d files fetched", fetched))
	return nil
}

const vardir = "/opt/puppetlabs/puppet/cache"

func (r *run) list(ctx context.Context, place string, recurse bool, permissions string) ([]metadata, error) {
	q := url.Values{
		"recurse": {fmt.Sprint(recurse)}, "links": {"manage"}, "checksum_type": {"sha256"},
		"source_permissions": {permissions}, "environment": {r.env},
	}
	if recurse {
		q["max_files"], q["links"] = []string{"-1"}, []string{"follow"}
		q["ignore"] = []string{".svn", "CVS", ".git", ".hg"}
	}
	var entries []metadata
	err := r.m.json(ctx, call{method: http.MethodGet, path: "/puppet/v3/file_metadatas/" + place, query: q}, &entries)
	if errs.Is(err, errs.NotFound) {
		return nil, nil // an environment without plugins
	}
	return entries, err
}

// fetch gets a file's content and checks it against its metadata.
func (r *run) fetch(ctx context.Context, path string, want metadata) error {
	got, err := r.m.call(ctx, call{
		method: http.MethodGet, path: path, accept: "application/octet-stream", query: url.Values{"environment": {r.env}},
	})
	if err != nil {
		return err
	}
	return want.check(path, got)
}

func (d metadata) check(path string, content []byte) error {
	if sum, ok := strings.CutPrefix(d.Checksum.Value, "{sha256}"); ok && sum != sha256Hex(content) {
		return errs.New(errs.Upstream, "%s: the content's checksum is %s, not %s as announced", path, sha256Hex(content), sum)
	}
	return nil
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
