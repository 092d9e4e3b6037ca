//go:build e2e

package e2e

import (
	"net/http"
	"testing"

	"github.com/chargehand/chargehand/e2e/site"
)

func TestFlowSQLite(t *testing.T) {
	p := site.Start(t, site.Options{Binary: binary})
	w := p.API().Fill(site.Plan{Class: "web", Medium: site.Medium(t, site.BootFiles())})
	h := w.Call(http.MethodPost, "/api/v2/hosts", w.Host("one", "52:54:00:00:00:01", "192.0.2.10"))
	t.Log(h)
	t.Log(p.Log())
}
