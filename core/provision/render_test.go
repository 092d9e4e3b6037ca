package provision

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ruby"
)

// mark is the mark of a here document, which depends on its content.
var mark = regexp.MustCompile(`EOF-[0-9a-f]{8}`)

var update = flag.Bool("update", false, "write the golden files")

// names is a name server that knows two entries.
type names struct{}

func (names) LookupHost(_ context.Context, host string) ([]string, error) {
	if host == "ns.example.com" {
		return []string{"192.0.2.1"}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (names) LookupAddr(context.Context, string) ([]string, error) {
	return []string{"ns.example.com."}, nil
}

func newRenderer(t testing.TB, more map[string]string) *Renderer {
	t.Helper()
	cache := t.TempDir()
	if dir, err := os.UserCacheDir(); err == nil {
		cache = filepath.Join(dir, "chargehand-test-ruby") // outlives the test, so that the next need not compile
	}
	engine := ruby.New(ruby.Options{CacheDir: cache})
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	library, err := NewDefaultLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range more {
		library[name] = text
	}
	r, err := NewRenderer(engine, library, names{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func exampleSite() Site {
	return Site{
		FQDN: "foreman.example.com", URL: "https://foreman.example.com", UnattendedURL: "http://foreman.example.com",
		Version: "3.13", Plugins: []string{"foreman_puppet"}, CACert: "-----BEGIN CERTIFICATE-----\n",
		Settings: map[string]any{"default_pxe_item_global": "", "host_group_matchers_inheritance": true},
	}
}

func ptable(t testing.TB, name string) *PartitionTable {
	t.Helper()
	all, err := Defaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Model == "Ptable" && d.Name == name {
			return &PartitionTable{Name: name, Layout: d.Text}
		}
	}
	t.Fatalf("there is no partition table %q", name)
	return nil
}

func debian(t testing.TB) *Host {
	return &Host{
		ID: 7, Name: "web1.example.com", Certname: "web1.example.com", Build: true, Managed: true,
		Token: "0b8e1c1e-6f0e-4b63-9a06-0f8f9d1f7c11", ProvisionMethod: "build", PXELoader: "PXELinux BIOS",
		RootPass: "$6$salt$abcdefghijklmnop",
		Params: map[string]any{
			"puppet_server": "puppet.example.com", "ntp-server": "ntp.example.com", "install-disk": "/dev/vda",
			"remote_execution_ssh_keys": []any{"ssh-ed25519 AAAAC3Nza proxy@example.com"},
			"users":                     []any{map[string]any{"name": "ada", "groups": []any{"adm"}, "sudo": true, "ssh_keys": []any{"ssh-ed25519 AAAA ada"}}},
		},
		Facts: map[string]any{"kernelrelease": "6.1.0"},
		ENC:   map[string]any{"parameters": map[string]any{"role": "web"}},
		OperatingSystem: &OperatingSystem{
			ID: 1, Name: "Debian", Title: "Debian 12", Major: "12", ReleaseName: "bookworm", Family: "Debian",
		},
		Architecture:   &Architecture{Name: "x86_64"},
		Medium:         &Medium{ID: 1, Name: "Debian mirror", Path: "http://deb.debian.org/debian"},
		PartitionTable: ptable(t, "Preseed default"),
		Environment:    "production", PuppetServer: "puppet.example.com", PuppetCAServer: "ca.example.com",
		PuppetCAToken: "tok-en",
		Interfaces: []Interface{{
			Identifier: "eth0", Name: "web1.example.com", MAC: "52:54:00:12:34:56", IP: "192.0.2.10",
			Primary: true, Provision: true, Managed: true,
			Domain: &Domain{Name: "example.com"},
			Subnet: &Subnet{
				Name: "net1", Type: "Subnet::Ipv4", Network: "192.0.2.0", Mask: "255.255.255.0", CIDR: 24,
				Gateway: "192.0.2.254", DNSPrimary: "192.0.2.1", DNSSecondary: "192.0.2.2", BootMode: "DHCP", MTU: 1500,
				Params: map[string]any{"rack": "r1"},
			},
		}},
	}
}

func alma(t testing.TB) *Host {
	h := debian(t)
	h.Name, h.Certname, h.PXELoader = "db1.example.com", "db1.example.com", "Grub2 UEFI"
	h.OperatingSystem = &OperatingSystem{ID: 2, Name: "AlmaLinux", Title: "AlmaLinux 9.5", Major: "9", Minor: "5", Family: "Redhat"}
	h.Medium = &Medium{ID: 2, Name: "AlmaLinux 9", Path: "http://repo.almalinux.org/almalinux/$version/BaseOS/$arch/os/"}
	h.PartitionTable = ptable(t, "Kickstart default")
	h.Params["enable-epel"] = "true"
	h.Interfaces[0].Name = h.Name
	h.Interfaces[0].Subnet.BootMode = "Static"
	h.Interfaces[0].Subnet.Template = &SmartProxy{Name: "proxy", URL: "http://proxy.example.com:8000"}
	return h
}

func TestDefaultTemplates(t *testing.T) {
	r := newRenderer(t, nil)
	all, err := Defaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.IsSnippet() || d.Model == "Ptable" {
			continue
		}
		for _, h := range []*Host{debian(t), alma(t)} {
			if len(d.OSes) > 0 && !d.Matches(h.OperatingSystem.Title) {
				continue
			}
			s := Subject{Host: h, Site: exampleSite()}
			got, err := r.Render(t.Context(), Template{Name: d.Name, Text: d.Text}, s)
			if err != nil {
				t.Errorf("%s for %s: %v", d.Name, h.OperatingSystem.Title, err)
				continue
			}
			golden(t, strings.ReplaceAll(d.Name+" "+h.OperatingSystem.Name, " ", "_"), got)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", name, diff)
	}
}

func TestFaults(t *testing.T) {
	r := newRenderer(t, map[string]string{"broken": "ok\n<%= nope %>\n", "self": "<%= snippet 'self' %>"})
	for _, tt := range []struct {
		text, template string
		line           int
		message        string
		kind           errs.Kind
	}{
		{"one\n<%= nope %>", "main", 2, "nope is neither a variable nor a helper", errs.Invalid},
		{"<%= name %>", "main", 1, "name is neither", errs.Invalid},
		{"<%#\nname: main\nkind: finish\n-%>\n\n<%= nope %>", "main", 6, "nope", errs.Invalid},
		{"one\n<% if %>\n", "main", 2, "", errs.Invalid},
		{"<%= snippet 'broken' %>", "broken", 2, "nope", errs.Invalid},
		{"\n<%= snippet 'missing' %>", "main", 2, `there is no snippet "missing"`, errs.Invalid},
		{"<%= snippet 'self' %>", "self", 1, "deep", errs.Invalid},
		{"<%= @host.secret %>", "main", 1, "secret of Host is not allowed in templates", errs.Invalid},
		{"<%= @host.domain.hosts %>", "main", 1, "hosts of Domain is not allowed", errs.Invalid},
		{"<%= nil.upcase %>", "main", 1, "undefined method 'upcase' for nil", errs.Invalid},
		{"<%= host_param!('none') %>", "main", 1, `"none" is not set`, errs.Invalid},
		{"<%= host_enc('parameters', 'none') %>", "main", 1, "no parameters.none", errs.Invalid},
		{"<%= dns_lookup('gone.example.com') %>", "main", 1, "not in the DNS", errs.NotFound},
		{"<%= global_setting('secret') %>", "main", 1, "not for templates", errs.Invalid},
		{"<%= input('x') %>", "main", 1, `no input "x"`, errs.Invalid},
		{"<%= previous_revision(@host) %>", "main", 1, "not available", errs.Invalid},
		{"<%= raise 'stop here' %>", "main", 1, "stop here", errs.Invalid},
		{"<%= `id` %>", "main", 1, "no processes here", errs.Invalid},
		{"<%= File.read('/etc/passwd') %>", "main", 1, "No such file", errs.Invalid},
		{"<% exit! %>", "main", 0, "", errs.Invalid},
	} {
		got, err := r.Render(t.Context(), Template{"main", tt.text}, Subject{Host: debian(t), Site: exampleSite()})
		if !errs.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.message) || !strings.Contains(errs.PublicText(err), tt.template) {
			t.Errorf("%q: %q, %v (%v)", tt.text, got, err, errs.KindOf(err))
			continue
		}
		if tt.line == 0 {
			continue
		}
		fault, ok := errors.AsType[*TemplateError](err)
		if !ok || fault.Template != tt.template || fault.Line != tt.line {
			t.Errorf("%q: %v; want template %q, line %d", tt.text, err, tt.template, tt.line)
		}
	}
}

func TestCheck(t *testing.T) {
	r := newRenderer(t, nil)
	for _, tt := range []struct {
		text string
		line int // of the fault; 0 is none
	}{
		{"plain <%= @host.name %>\n<% if true -%>\n<%= nope %>\n<% end %>", 0},
		{"<% raise 'not run' %>", 0},
		{"one\n<% if true %>\n<%= 1 + %>\n<% end %>\n", 3},
		{"<%#\nname: main\n-%>\n<%= ) %>", 4},
		{"one\n<% each do %>\ntwo\n", 3},
		{"end\n<% end; Kernel.exit!; def other %>", 0},
	} {
		err := r.Check(t.Context(), Template{"main", tt.text})
		if tt.line == 0 {
			if err != nil {
				t.Errorf("%q: %v", tt.text, err)
			}
			continue
		}
		fault, ok := errors.AsType[*TemplateError](err)
		if !ok || !errs.Is(err, errs.Invalid) || fault.Line != tt.line || fault.Template != "main" || !strings.Contains(fault.Message, "syntax error: ") || strings.ContainsAny(fault.Message, "|\n") {
			t.Errorf("%q: %v; want line %d", tt.text, err, tt.line)
		}
	}
}
