package ui

import (
	"net/http"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/puppetca"
)

// A certificatesPage lists requests first, then certificates.
type certificatesPage struct {
	Rows      []certificateRow
	MaySign   bool
	MayRevoke bool
	Problem   string
}

type certificateRow struct {
	puppetca.Certificate
	Badge          cell
	Expires, Exact string
	Soon           bool
}

// soon is how long before its end a certificate is pointed out.
const soon = 30 * 24 * time.Hour

func (e *edge) certificates(w http.ResponseWriter, r *http.Request) error {
	if !caller(r).Can("view_smart_proxies_puppetca") {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: view_smart_proxies_puppetca")
	}
	p := certificatesPage{MaySign: caller(r).Can("edit_smart_proxies_puppetca"), MayRevoke: caller(r).Can("destroy_smart_proxies_puppetca")}
	ca, err := e.CA(r.Context())
	if err != nil {
		p.Problem = errs.PublicText(err)
		return e.render(w, r, "Certificates", p.view())
	}
	all, err := ca.List(r.Context())
	if err != nil {
		return err
	}
	for _, pending := range []bool{true, false} {
		for _, c := range all {
			if (c.State == puppetca.Pending) == pending {
				p.Rows = append(p.Rows, e.certificateRow(c))
			}
		}
	}
	return e.render(w, r, "Certificates", p.view())
}

func (e *edge) certificateRow(c puppetca.Certificate) certificateRow {
	row := certificateRow{Certificate: c, Badge: cell{Text: "Valid", State: "ok"}}
	switch c.State {
	case puppetca.Pending:
		row.Badge = cell{Text: "Waits to be signed", State: "wait"}
	case puppetca.Revoked:
		row.Badge = cell{Text: "Revoked", State: "bad"}
	}
	if !c.NotAfter.IsZero() {
		row.Expires, row.Exact = c.NotAfter.UTC().Format("2006-01-02"), exact(c.NotAfter)
		row.Soon = c.State == puppetca.Valid && c.NotAfter.Sub(e.Clock()) < soon
	}
	return row
}

func (e *edge) signCertificate(w http.ResponseWriter, r *http.Request) error {
	return e.onCertificate(w, r, "edit_smart_proxies_puppetca", "signed", func(ca CA, name string) error { return ca.Sign(r.Context(), name) })
}

func (e *edge) revokeCertificate(w http.ResponseWriter, r *http.Request) error {
	return e.onCertificate(w, r, "destroy_smart_proxies_puppetca", "revoked", func(ca CA, name string) error { return ca.Clean(r.Context(), name) })
}

func (e *edge) onCertificate(w http.ResponseWriter, r *http.Request, permission, done string, act func(CA, string) error) error {
	if !caller(r).Can(permission) {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: %s", permission)
	}
	ca, err := e.CA(r.Context())
	if err != nil {
		return err
	}
	if err := act(ca, r.PathValue("name")); err != nil {
		return err
	}
	http.Redirect(w, r, "/certificates?done="+done, http.StatusSeeOther)
	return nil
}
