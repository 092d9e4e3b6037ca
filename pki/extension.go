package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// The arcs of Puppet's extensions: registered names for a node, private ones of
// a site, and those that grant rights.
var (
	arcRegistered = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 34380, 1, 1}
	arcPrivate    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 34380, 1, 2}
	arcAuth       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 34380, 1, 3}
	oidCLIAuth    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 34380, 1, 3, 39}

	oidSAN             = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidNetscapeComment = asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 13}
	oidAuthorityKey    = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidSubjectKey      = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidBasic           = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidKeyUsage        = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidExtKeyUsage     = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidServerAuth      = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
	oidClientAuth      = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 2}
)

// registered names the extensions 1.3.6.1.4.1.34380.1.1.N, by N.
var registered = map[int]string{
	1: "pp_uuid", 2: "pp_instance_id", 3: "pp_image_name", 4: "pp_preshared_key", 5: "pp_cost_center",
	6: "pp_product", 7: "pp_project", 8: "pp_application", 9: "pp_service", 10: "pp_employee",
	11: "pp_created_by", 12: "pp_environment", 13: "pp_role", 14: "pp_software_version", 15: "pp_department",
	16: "pp_cluster", 17: "pp_provisioner", 18: "pp_region", 19: "pp_datacenter", 20: "pp_zone",
	21: "pp_network", 22: "pp_securitypolicy", 23: "pp_cloudplatform", 24: "pp_apptier", 25: "pp_hostname",
	26: "pp_owner",
}

// authorizing names the extensions 1.3.6.1.4.1.34380.1.3.N, by N.
var authorizing = map[int]string{1: "pp_authorization", 13: "pp_auth_role", 39: "pp_cli_auth"}

// within reports whether oid lies below arc.
func within(oid, arc asn1.ObjectIdentifier) bool {
	return len(oid) > len(arc) && slices.Equal(oid[:len(arc)], arc)
}

func isPuppet(oid asn1.ObjectIdentifier) bool {
	return within(oid, arcRegistered) || within(oid, arcPrivate) || within(oid, arcAuth)
}

// extensionName is the short name of a Puppet extension, or its number.
func extensionName(oid asn1.ObjectIdentifier) string {
	names := map[bool]map[int]string{true: authorizing, false: registered}[within(oid, arcAuth)]
	if len(oid) == len(arcRegistered)+1 && !within(oid, arcPrivate) {
		if name, ok := names[oid[len(oid)-1]]; ok {
			return name
		}
	}
	return oid.String()
}

// extensionText is the text of an extension's value: a DER string, or the bare
// bytes that old agents sent.
func extensionText(value []byte) string {
	in := cryptobyte.String(value)
	var body cryptobyte.String
	var tag cbasn1.Tag
	if in.ReadAnyASN1(&body, &tag) && in.Empty() && isText(tag) {
		value = body
	}
	if !utf8.Valid(value) {
		return colons(value)
	}
	return string(value)
}

func isText(tag cbasn1.Tag) bool {
	return tag == cbasn1.UTF8String || tag == cbasn1.PrintableString || tag == cbasn1.IA5String || tag == cbasn1.T61String
}

// TrustedExtensions gives the Puppet extensions of a certificate by short name
// (by number where there is none): what manifests see as $trusted['extensions'].
func TrustedExtensions(cert *x509.Certificate) map[string]string {
	return namedExtensions(cert.Extensions, isPuppet)
}

func namedExtensions(exts []pkix.Extension, keep func(asn1.ObjectIdentifier) bool) map[string]string {
	named := map[string]string{}
	for _, e := range exts {
		if keep(e.Id) {
			named[extensionName(e.Id)] = extensionText(e.Value)
		}
	}
	return named
}

// MayAdminister reports whether the certificate carries pp_cli_auth = "true",
// which the CA gives to its own server's certificate: it opens the CA API.
func MayAdminister(cert *x509.Certificate) bool {
	return slices.ContainsFunc(cert.Extensions, func(e pkix.Extension) bool {
		return e.Id.Equal(oidCLIAuth) && extensionText(e.Value) == "true"
	})
}

func utf8Extension(oid asn1.ObjectIdentifier, text string) pkix.Extension {
	return pkix.Extension{Id: oid, Value: build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
	})}
}

// build runs a DER builder whose content cannot fail.
func build(f func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	f(&b)
	return b.BytesOrPanic()
}
