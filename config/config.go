// Package config is the one place that reads configuration: files, then the
// environment, then --set, into one typed tree that app hands out in pieces.
//
// It imports internal/errs and a YAML parser; only app and cmd import it.
package config

import (
	"strings"
	"time"
)

// The roles that one process can play.
const (
	Core     = "core"
	Proxy    = "proxy"
	Puppet   = "puppet"
	PuppetDB = "puppetdb"
)

// Roles lists every role in the order in which they start.
func Roles() []string { return []string{PuppetDB, Puppet, Proxy, Core} }

// Off disables a listener.
const Off = "off"

// Tokens is the value of puppetca.autosign that is no file's name.
const Tokens = "tokens"

// A Secret prints as a placeholder everywhere; String is no way to read it.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "*****"
}

// Reveal gives the secret itself, for the one place that uses it.
func (s Secret) Reveal() string { return string(s) }

// MarshalText hides the secret in JSON, YAML and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Config is the whole tree. Each field's key, default and meaning stand in
// the table of keys.go.
type Config struct {
	FQDN     string
	DataDir  string
	CacheDir string
	Roles    []string
	Database Secret

	Log struct {
		Level  string
		Format string
	}
	Web struct {
		HTTP           string
		HTTPS          string
		TrustedProxies []string
		URL            string
		Certificate    string
		PrivateKey     string
	}
	Proxy struct {
		HTTPS        string
		HTTP         string
		TrustedHosts []string
	}
	Puppet struct {
		HTTPS       string
		CodeDir     string
		Server      string
		CAServer    string
		Join        Secret
		Autosign    string
		Environment string
	}
	PuppetCA struct {
		URL         string
		Autosign    string // Tokens, or a file's name
		TokenTTL    time.Duration
		Certificate string
		PrivateKey  string
		CA          string
	}
	PuppetDB struct {
		HTTPS        string
		HTTP         string
		URL          string
		Database     Secret
		Allow        []string
		NodeTTL      time.Duration
		NodePurgeTTL time.Duration
		ReportTTL    time.Duration
	}
	DNS struct {
		Listen  string
		Zones   []string
		Server  string
		Keyname string
		Key     Secret
	}
	DHCP struct {
		Listen     string
		Interfaces []string
		Subnets    []string
	}
	TFTP struct {
		Listen string
		Root   string
		Server string
	}
	Core struct {
		URL string
	}
}

// HasRole reports whether this process plays the role.
func (c *Config) HasRole(role string) bool {
	for _, r := range c.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// Domain is the DNS domain of the server's own name, or "localdomain".
func (c *Config) Domain() string {
	if _, domain, ok := strings.Cut(c.FQDN, "."); ok {
		return domain
	}
	return "localdomain"
}
