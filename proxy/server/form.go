package server

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
)

// Bounds of a form, far above what any client sends.
const (
	maxParams   = 4096
	maxKeyBytes = 64 << 10
)

// A form is query and body parameters by Rack's rules: "key[]" collects a list,
// the last of several equal keys wins, and a bare key is there without a value.
type form struct {
	texts map[string]string
	lists map[string][]string
}

// text is a value, empty when it is missing or a bare key.
func (f form) text(name string) string { return f.texts[name] }

// list is the values of "name[]"; a bare "name" is an empty list.
func (f form) list(name string) []string { return f.lists[name] }

// capture sets path captures, which win over everything else.
func (f *form) capture(captures map[string]string) {
	if f.texts == nil {
		f.texts = map[string]string{}
	}
	for k, v := range captures {
		f.texts[k] = v
		delete(f.lists, k)
	}
}

// readForm merges query and body; the body wins. A body of another type than a
// form is passed over, as Smart Proxy does with JSON.
func readForm(r *http.Request) (form, error) {
	query := r.URL.RawQuery
	if !isForm(r.Header.Get("Content-Type")) {
		return parseForm(query)
	}
	body, err := readBody(r)
	if err != nil {
		return form{}, err
	}
	return parseForm(query, string(body))
}

// readBody reads a whole body; one that breaks off or is not chunked as it
// should be is the client's fault.
func readBody(r *http.Request) ([]byte, error) {
	body, err := bounded.ReadAll(r.Body, maxBody)
	if err != nil && !errs.Is(err, errs.TooLarge) {
		return nil, errs.New(errs.Malformed, "the request body cannot be read")
	}
	return body, err
}

func isForm(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/x-www-form-urlencoded"
}

// parseForm reads encoded parameters; later ones win.
func parseForm(encoded ...string) (form, error) {
	f := form{texts: map[string]string{}, lists: map[string][]string{}}
	count, keyBytes := 0, 0
	for _, text := range encoded {
		seen := map[string]bool{} // lists of this source, which replace earlier ones
		for pair := range strings.SplitSeq(text, "&") {
			if pair == "" {
				continue
			}
			key, value, hasValue, err := splitPair(pair)
			if err != nil {
				return form{}, err
			}
			count, keyBytes = count+1, keyBytes+len(key)
			if count > maxParams || keyBytes > maxKeyBytes {
				return form{}, errs.New(errs.TooLarge, "too many parameters")
			}
			f.set(key, value, hasValue, seen)
		}
	}
	return f, nil
}

func (f form) set(key, value string, hasValue bool, seen map[string]bool) {
	name, isList := strings.CutSuffix(key, "[]")
	switch {
	case isList && name != "":
		if !seen[name] {
			seen[name] = true
			f.lists[name] = nil
		}
		delete(f.texts, name)
		if hasValue {
			f.lists[name] = append(f.lists[name], value)
		}
	case hasValue:
		f.texts[key] = value
		delete(f.lists, key)
	default:
		delete(f.texts, key)
		delete(f.lists, key)
	}
}

func splitPair(pair string) (key, value string, hasValue bool, err error) {
	key, value, hasValue = strings.Cut(pair, "=")
	if key, err = unescape(key); err == nil {
		value, err = unescape(value)
	}
	return key, value, hasValue, err
}

func unescape(s string) (string, error) {
	out, err := url.QueryUnescape(s)
	if err != nil {
		return "", errs.New(errs.Malformed, "Invalid query parameters: invalid %%-encoding (%.60s)", s)
	}
	if !utf8.ValidString(out) || strings.ContainsRune(out, 0) {
		return "", errs.New(errs.Malformed, "Invalid query parameters: invalid byte sequence in UTF-8")
	}
	return out, nil
}
