package pki

import (
	"context"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Policy says what the CA signs, beyond the rules that always hold.
type Policy struct {
	// AllowAltNames lets requests ask for names besides their own.
	AllowAltNames bool
	// AllowAuthExtensions lets requests ask for extensions that grant rights.
	AllowAuthExtensions bool
	// AutosignAll signs every request at once; for laboratories.
	AutosignAll bool
	// AutosignPatterns are names, and globs such as *.example.test, that are
	// signed at once. See CheckPattern.
	AutosignPatterns []string
	// Protected reports the names that only an explicit grant of that very name,
	// a token or the operator may get a certificate for: those of registered
	// proxies. May be nil. Called within transactions, so it must not block.
	Protected func(name string) bool
	// Ask decides about requests that nothing else signs, as Puppet's autosign
	// program does; the request is in PEM and acceptable in form. An error counts as
	// no. May be nil.
	Ask func(ctx context.Context, name string, request []byte) (sign bool, err error)
}

// vet judges what a request asks for, at the time of signing. Errors are
// Conflict, and worded as Puppet Server words them.
func (p Policy) vet(r *Request) error {
	if bad := r.badExtensions(); bad != "" {
		return errs.New(errs.Conflict, "Found extensions that are not permitted: %s", bad)
	}
	for _, e := range r.extensions {
		if within(e.Id, arcAuth) && !p.AllowAuthExtensions {
			return errs.New(errs.Conflict, "CSR '%s' contains an authorization extension, which is disallowed.", r.Name)
		}
	}
	return p.vetAltNames(r)
}

func (p Policy) vetAltNames(r *Request) error {
	if r.OtherSANs {
		return errs.New(errs.Conflict, "CSR '%s' contains subject alternative names that are neither DNS names nor addresses, which are disallowed.", r.Name)
	}
	extra := slices.DeleteFunc(r.altNames(), func(n string) bool { return n == "DNS:"+r.Name })
	if len(extra) == 0 {
		return nil
	}
	if !p.AllowAltNames {
		return errs.New(errs.Conflict, "CSR '%s' contains extra subject alternative names (%s), which are disallowed.", r.Name, strings.Join(extra, ", "))
	}
	for _, name := range r.DNSNames {
		if strings.Contains(name, "*") {
			return errs.New(errs.Conflict, "CSR '%s' subjectAltName contains a wildcard, which is not allowed: %s", r.Name, name)
		}
		if CheckName(name) != nil {
			return errs.New(errs.Conflict, "CSR '%s' contains an alternative name that is not a host name", r.Name)
		}
	}
	return nil
}

// autosigns reports whether the configured policy signs name by itself.
func (p Policy) autosigns(name string) bool {
	return p.AutosignAll || MatchesAny(p.AutosignPatterns, name)
}

func (p Policy) protects(name string) bool { return p.Protected != nil && p.Protected(name) }

// CheckPattern tells whether a line of an autosign list means something: a
// certificate name, *.domain, or a lone star. Like Puppet Server, a star
// anywhere else is no glob.
func CheckPattern(pattern string) error {
	if pattern == "*" {
		return nil
	}
	if err := CheckName(strings.TrimPrefix(pattern, "*.")); err != nil {
		return errs.New(errs.Invalid, "%q is neither a certificate name nor *.domain", pattern)
	}
	return nil
}

// ParsePatterns reads an autosign.conf: a pattern a line, # begins a comment
// line. Lines that mean nothing are given back, since Puppet Server passes over
// them in silence and the operator should not.
func ParsePatterns(text string) (patterns, ignored []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case CheckPattern(line) != nil:
			ignored = append(ignored, line)
		default:
			patterns = append(patterns, line)
		}
	}
	return patterns, ignored
}

// MatchesAny reports whether one of an autosign list's patterns is for name.
func MatchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matchPattern(pattern, name) })
}

// matchPattern compares label by label from the right; *.example.test wants at
// least one label more.
func matchPattern(pattern, name string) bool {
	if pattern == "*" || pattern == name {
		return true
	}
	domain, glob := strings.CutPrefix(pattern, "*")
	return glob && len(name) > len(domain) && strings.HasSuffix(name, domain)
}
