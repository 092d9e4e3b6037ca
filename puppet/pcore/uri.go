package pcore

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// URI is an absolute or relative URI.
type URI struct{ u *url.URL }

// ParseURI reads a URI; it is as strict as RFC 3986 about the characters.
func ParseURI(text string) (*URI, error) {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return nil, fmt.Errorf("bad URI(is not URI?): %s", QuoteRuby(text))
		}
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("bad URI(is not URI?): %s", QuoteRuby(text))
	}
	if standardPorts[u.Scheme] == u.Port() && u.Port() != "" {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	return &URI{u}, nil
}

// standardPorts are those that a URI does not show.
var standardPorts = map[string]string{"http": "80", "https": "443", "ftp": "21", "ldap": "389", "ldaps": "636", "ws": "80", "wss": "443"}

// Attribute gives a component of the URI; the port that a scheme has by default counts too.
func (u *URI) Attribute(name string) (Value, bool) {
	switch name {
	case "scheme", "userinfo", "host", "port", "path", "query", "fragment", "opaque":
	default:
		return nil, false
	}
	if v, ok := u.Components().GetString(name); ok {
		return v, true
	}
	if port, err := strconv.Atoi(standardPorts[u.u.Scheme]); err == nil && name == "port" {
		return Integer(port), true
	}
	return Undef{}, true
}

// String implements Value.
func (u *URI) String() string { return u.u.String() }

// Type implements Value.
func (u *URI) Type() Type { return &URIType{u.Components()} }

func (u *URI) equal(v Value) bool { o, ok := v.(*URI); return ok && u.String() == o.String() }
func (u *URI) key() string        { return "u" + u.String() }

// Components gives the parts that are there: scheme, userinfo, host, port, path, query, fragment,
// opaque.
func (u *URI) Components() *Hash {
	b := HashBuilder{}
	add := func(name, s string) {
		if s != "" {
			b.SetString(name, String(s))
		}
	}
	add("scheme", u.u.Scheme)
	if u.u.User != nil {
		add("userinfo", u.u.User.String())
	}
	add("host", u.u.Hostname())
	if port, err := strconv.Atoi(u.u.Port()); err == nil {
		b.SetString("port", Integer(port))
	}
	add("path", u.u.EscapedPath())
	add("query", u.u.RawQuery)
	add("fragment", u.u.EscapedFragment())
	add("opaque", u.u.Opaque)
	return b.Hash()
}
