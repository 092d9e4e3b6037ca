package server

import (
	"crypto/x509"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/pki"
)

// Who may use a path. A caller is its verified certificate; nil for none. owner
// is what a rule's pattern found in the path.
type who func(cert *x509.Certificate, owner string) bool

func anyone(*x509.Certificate, string) bool           { return true }
func nobody(*x509.Certificate, string) bool           { return false }
func certified(cert *x509.Certificate, _ string) bool { return cert != nil }
func administers(cert *x509.Certificate, _ string) bool {
	return cert != nil && pki.MayAdminister(cert)
}

func itself(cert *x509.Certificate, owner string) bool {
	return cert != nil && owner != "" && cert.Subject.CommonName == owner
}

// A rule opens the paths that its pattern matches, for some methods.
type rule struct {
	pattern *regexp.Regexp
	methods string
	allow   who
}

// rules are Puppet Server's defaults in its order: the first that matches path
// and method decides, and what none matches is denied. As there, a path without
// an end mark is a prefix: certificate_status covers certificate_statuses.
func rules() []rule {
	table := []struct {
		pattern, methods string
		allow            who
	}{
		{`^/puppet/v3/catalog/([^/]+)$`, "GET POST", itself},
		{`^/puppet/v4/catalog/?$`, "POST", nobody},
		{`^/puppet-ca/v1/certificate_status`, "GET PUT DELETE", administers},
		{`^/puppet-ca/v1/certificate_revocation_list/ca$`, "GET", anyone},
		{`^/puppet-ca/v1/certificate_revocation_list$`, "PUT", administers},
		{`^/puppet-ca/v1/certificate_request`, "GET PUT", anyone},
		{`^/puppet-ca/v1/certificate_renewal$`, "POST", certified},
		{`^/puppet-ca/v1/certificate/`, "GET", anyone},
		{`^/puppet-ca/v1/clean$`, "PUT", administers},
		{`^/puppet-ca/v1/sign(/all)?$`, "POST", administers},
		{`^/puppet-ca/v1/expirations$`, "GET", certified},
		{`^/status/v1/services`, "GET", anyone},
		{`^/status/v1/simple`, "GET", anyone},
		{`^/puppet/v3/environments$`, "GET", certified},
		{`^/puppet/v3/file_bucket_file`, "GET HEAD POST PUT", certified},
		{`^/puppet/v3/file_content`, "GET POST", certified},
		{`^/puppet/v3/file_metadata`, "GET POST", certified},
		{`^/puppet/v3/static_file_content`, "GET", certified},
		{`^/puppet/v3/tasks`, "GET", certified},
		{`^/puppet/v3/node/([^/]+)$`, "GET", itself},
		{`^/puppet/v3/report/([^/]+)$`, "PUT", itself},
		{`^/puppet/v3/facts/([^/]+)$`, "PUT", itself},
	}
	rules := make([]rule, len(table))
	for i, r := range table {
		rules[i] = rule{regexp.MustCompile(r.pattern), r.methods, r.allow}
	}
	return rules
}

// allowed goes through the rules.
func allowed(rules []rule, method, path string, cert *x509.Certificate) bool {
	for _, r := range rules {
		found := r.pattern.FindStringSubmatch(path)
		if found == nil || !hasWord(r.methods, method) {
			continue
		}
		owner := ""
		if len(found) > 1 {
			owner = found[1]
		}
		return r.allow(cert, owner)
	}
	return false
}

func hasWord(words, word string) bool {
	for w := range strings.FieldsSeq(words) {
		if w == word {
			return true
		}
	}
	return false
}
