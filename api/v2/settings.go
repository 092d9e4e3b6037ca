package v2

import (
	"net/http"

	"github.com/chargehand/chargehand/core/inventory/settings"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// settingActions are the routes of settings, whose ids are names.
func (a *API) settingActions() []Action {
	if a.o.Settings == nil {
		return nil
	}
	return []Action{
		{Noun: "setting", Name: "index", Method: http.MethodGet, Permission: "view_settings", Handle: listSettings},
		{Noun: "setting", Name: "show", Method: http.MethodGet, Path: "{name}", Permission: "view_settings", Handle: showSetting},
		{Noun: "setting", Name: "update", Method: http.MethodPut, Path: "{name}", Permission: "edit_settings", Handle: updateSetting},
	}
}

func listSettings(q *Request) error {
	query, err := q.Query()
	if err != nil {
		return err
	}
	found, total, err := q.API.o.Settings.Search(q.R.Context(), query.Search, q.Caller.Env())
	if err != nil {
		return err
	}
	page := &noun.Page{Total: int64(total), Subtotal: int64(len(found)), Page: max(query.Page, 1), PerPage: query.PerPage}
	if page.PerPage == 0 {
		page.PerPage = noun.DefaultPerPage
	}
	if query.All {
		page.PerPage = page.Total
	}
	length := min(page.PerPage, page.Total)
	from := min(min(page.Page-1, page.Subtotal)*length, page.Subtotal)
	found = found[from:min(from+length, page.Subtotal)]
	w := noun.NewWriter(q.Rendering(noun.Index))
	q.Envelope(w, page, func() {
		w.Open('[')
		for _, s := range found {
			writeSetting(w, s)
		}
		w.Close(']')
	})
	return q.Bytes(200, w.Bytes())
}

func writeSetting(w *noun.Writer, s settings.Setting) {
	value, standard := s.Value, s.Default
	if s.Encrypted {
		value, standard = noun.Masked, noun.Masked
	}
	w.Open('{')
	w.Member("value", value)
	w.Member("description", s.Description)
	w.Member("category", s.Category)
	w.Member("settings_type", s.Type)
	w.Member("default", standard)
	w.Member("created_at", s.CreatedAt)
	w.Member("updated_at", s.UpdatedAt)
	w.Member("readonly", false)
	w.Member("id", s.Name)
	w.Member("name", s.Name)
	w.Member("full_name", s.Title)
	w.Member("category_name", humanize(s.Category))
	w.Member("config_file", nil)
	w.Member("encrypted", s.Encrypted)
	w.Member("select_values", nil)
	w.Close('}')
}

func (q *Request) setting(s settings.Setting, err error) error {
	if err != nil {
		return err
	}
	w := noun.NewWriter(q.Rendering(noun.Show))
	writeSetting(w, s)
	return q.Bytes(200, w.Bytes())
}

func showSetting(q *Request) error {
	return q.setting(q.API.o.Settings.Get(q.R.Context(), q.R.PathValue("name")))
}

func updateSetting(q *Request) error {
	root, _ := q.Params["setting"].(map[string]any)
	value, ok := root["value"]
	if !ok {
		return errs.New(errs.Invalid, "No setting value provided.")
	}
	return q.setting(q.API.o.Settings.Set(q.R.Context(), q.Caller, q.R.PathValue("name"), value))
}
