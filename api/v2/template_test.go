package v2

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// parser refuses what has the word "wrong" and counts what it reads.
type parser struct{ read int }

func (p *parser) Parse(_ context.Context, name, text string) error {
	p.read++
	if strings.Contains(text, "wrong") {
		return errs.New(errs.Invalid, "template %q, line 3: syntax error", name)
	}
	return nil
}

func TestTemplatesAreParsedBeforeTheyAreStored(t *testing.T) {
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "core.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := &parser{}
	reg := storetest.Registry(t, db, inventory.Options{Templates: p})
	s := &server{t: t, user: "admin", api: New(Options{Registry: reg, Auth: users{"admin": storetest.Admin{}}})}
	for _, n := range []struct{ list, one, field, more string }{
		{"provisioning_templates", "provisioning_template", "template", `,"snippet":true`},
		{"ptables", "ptable", "layout", ""},
	} {
		t.Run(n.list, func(t *testing.T) {
			body := func(text string) string {
				return fmt.Sprintf(`{%q:{"name":"t",%q:%q%s}}`, n.one, n.field, text, n.more)
			}
			refused := func(method, at string) {
				t.Helper()
				got := s.want(422, method, at, body("wrong"))
				if told := fmt.Sprint(path(got, "error", "errors", n.field)); !strings.Contains(told, "line 3: syntax error") {
					t.Errorf("%s %s: %v", method, at, got)
				}
			}
			refused("POST", "/api/"+n.list)
			if got := s.want(200, "GET", "/api/"+n.list, ""); got["total"] != 0.0 {
				t.Errorf("stored all the same: %v", got)
			}
			s.want(201, "POST", "/api/"+n.list, body("right"))
			refused("PUT", "/api/"+n.list+"/t")
			if got := s.want(200, "GET", "/api/"+n.list+"/t", ""); got[n.field] != "right" {
				t.Errorf("changed all the same: %v", got)
			}
			before := p.read
			s.want(200, "PUT", "/api/"+n.list+"/t", fmt.Sprintf(`{%q:{"description":"the same text"}}`, n.one))
			if p.read != before {
				t.Error("a text that stays was parsed again")
			}
		})
	}
}
