package ui

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

type loginForm struct {
	Login, Next, Error string
}

func (e *edge) loginPage(w http.ResponseWriter, r *http.Request) error {
	form := loginForm{Next: safeNext(r.URL.Query().Get("next"))}
	return e.render(w, r, "Log in", form.view())
}

func (e *edge) login(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errs.WrapAs(errs.Malformed, err, "read the form")
	}
	form := loginForm{Login: r.PostForm.Get("login"), Next: safeNext(r.PostForm.Get("next"))}
	session, err := e.Auth.Login(r.Context(), form.Login, r.PostForm.Get("password"), clientAddress(r))
	if kind := errs.KindOf(err); err != nil && (kind == errs.Unauthenticated || kind == errs.Limited) {
		if form.Error = "This login and password do not fit together."; kind == errs.Limited {
			form.Error = errs.PublicText(err)
		}
		w.WriteHeader(kind.Status())
		return e.render(w, r, "Log in", form.view())
	}
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: session, Path: "/", HttpOnly: true, Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
		SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, form.Next, http.StatusSeeOther)
	return nil
}

func (e *edge) logout(w http.ResponseWriter, r *http.Request) error {
	if cookie, err := r.Cookie(cookieName); err == nil {
		if err := e.Auth.Logout(r.Context(), cookie.Value); err != nil {
			return err
		}
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true})
	http.Redirect(w, r, "/users/login", http.StatusSeeOther)
	return nil
}

// safeNext keeps a way back within this server: a path, never another host.
func safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}

func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}
