package provision

import (
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestHelpers(t *testing.T) {
	r := newRenderer(t, map[string]string{"hello": "hello <%= @who %>\n", "two": "a\nb\n"})
	h := alma(t)
	h.Params["truth"], h.Params["lie"], h.Params["kernelcmd"], h.Params["blacklist"] = "Yes", 0, "quiet", "nouveau, pcspkr"
	h.Interfaces = append(
		h.Interfaces,
		Interface{Identifier: "bond0", Type: "Bond", Managed: true, AttachedDevices: []string{"eth1", "eth2"}},
		Interface{Identifier: "ipmi", Type: "BMC", IP: "192.0.2.99", MAC: "52:54:00:aa:bb:cc"},
	)
	s := Subject{
		Host: h, Site: exampleSite(), Inputs: map[string]any{"command": "uptime"},
		Vars: map[string]any{"who": "you", "list": []any{1, "two", nil}},
	}
	for _, tt := range []struct{ text, want string }{
		{"<%= @host %> <%= @host.shortname %> <%= @host.ip %> <%= @host.mac %>", "db1.example.com db1 192.0.2.10 52:54:00:12:34:56"},
		{"<%= @host.os %>|<%= @host.os.family %>|<%= @host.operatingsystem.major %>|<%= @osver + 1 %>|<%= @arch %>", "AlmaLinux 9.5|Redhat|9|10|x86_64"},
		{"<%= @host.comment.inspect %> <%= @host.realm.inspect %> <%= @host.nil? %> <%= @host.comment.blank? %>", "nil nil false true"},
		{"<%= @host.subnet.gateway %> <%= @host.subnet.dns_servers.join(',') %> <%= @host.subnet.network_address %> <%= @host.subnet.dhcp_boot_mode? %>", "192.0.2.254 192.0.2.1,192.0.2.2 192.0.2.0/24 false"},
		{"<%= @host.bond_interfaces.map(&:identifier) %> <%= @host.managed_interfaces.size %> <%= @host.sp_ip %>", `["bond0"] 2 192.0.2.99`},
		{"<%= @host.build? %> <%= @host.pxe_build? %> <%= @host.image_build? %> <%= @host.pxe_loader_efi? %>", "true true false true"},
		{"<%= @host.facts['kernelrelease'] %> <%= @host.params['puppet_server'] %>", "6.1.0 puppet.example.com"},
		{"<%= @static %> <%= @dynamic %> <%= @provisioning_type %> <%= @template_name %> <%= template_name %>", "true false host t t"},
		{"<%= @list.compact.join('-') %>", "1-two"},
		{"<%= host_param('nothing', 'else') %> <%= host_param('truth') %> <%= host_param!('truth') %>", "else Yes Yes"},
		{"<%= host_param_true?('truth') %> <%= host_param_true?('nothing') %> <%= host_param_true?('nothing', true) %> <%= host_param_false?('lie') %> <%= host_param_true?('lie') %>", "true false true true false"},
		{"<%= truthy?('on') %> <%= truthy?(nil) %> <%= falsy?('No') %> <%= falsy?(1) %>", "true false true false"},
		{"<%= host_enc('parameters', 'role') %> <%= host_puppet_server %> <%= host_puppet_ca_server %> <%= host_puppet_environment %>", "web puppet.example.com ca.example.com production"},
		{"<%= foreman_url('built') %>", "http://proxy.example.com:8000/unattended/built?token=0b8e1c1e-6f0e-4b63-9a06-0f8f9d1f7c11"},
		{"<%= foreman_url('x', { 'a' => 'b c', token: 1 }, { m: '${mac}' }) %>", "http://proxy.example.com:8000/unattended/x?token=1&a=b+c&m=${mac}"},
		{"<%= foreman_server_fqdn %> <%= foreman_server_url %> <%= foreman_request_addr %> <%= foreman_short_version %>", "foreman.example.com https://foreman.example.com proxy.example.com:8000 3.13"},
		{"<%= default_template_url('My t', 'a/b') %>", "http://foreman.example.com/unattended/template/My%20t/a%2Fb"},
		{"<%= global_setting('default_pxe_item_global', 'local') %> <%= global_setting('host_group_matchers_inheritance') %>", "local true"},
		{"<%= plugin_present?('foreman_puppet') %> <%= plugin_present?('x') %> <%= preview? %>", "true false false"},
		{"<%= snippet 'hello' %><%= snippets 'hello', variables: { who: 'me' } %><%= @who %>", "hello you\nhello me\nyou"},
		{"<%= snippet_if_exists 'none' %>|<%= snippet_if_exists 'hello' -%>\n", "|hello you\n"},
		{"<%= indent(2) { snippet 'two' } -%>\n<%= indent(2, skip1: true) { snippet 'two' } -%>\n", "  a\n  b\na\n  b\n"},
		{"<%= save_to_file('/x', \"a $b\") -%>\n", "cat << EOF-M > /x\na $b\nEOF-M\n"},
		{"<%= save_to_file('/x', 'a', verbatim: true) -%>\n", "cat << 'EOF-M' > /x\na\nEOF-M\n"},
		{"<%= pxe_kernel_options %>", "quiet modprobe.blacklist=nouveau,pcspkr"},
		{"<%= subnet_param(@host.subnet, 'rack') %> <%= subnet_has_param?(@host.subnet, 'x') %>", "r1 false"},
		{"<%= root_pass %> [<%= grub_pass %>] [<%= ks_console %>] <%= media_path %>", "$6$salt$abcdefghijklmnop [] [] url --url http://repo.almalinux.org/almalinux/9.5/BaseOS/x86_64/os"},
		{"<%= medium_uri('x/y') %> <%= medium_uri.host %> <%= @medium_provider.medium_uri %>", "http://repo.almalinux.org/almalinux/9.5/BaseOS/x86_64/os/x/y repo.almalinux.org http://repo.almalinux.org/almalinux/9.5/BaseOS/x86_64/os"},
		{"<%= @host.url_for_boot(:kernel) == @kernel_uri %> <%= @kernel.start_with?('boot/almalinux-9-') %>", "true true"},
		{"<%= dns_lookup('ns.example.com') %> <%= dns_lookup('192.0.2.1') %>", "192.0.2.1 ns.example.com"},
		{"<%= input('command') %>", "uptime"},
		{"<%= shell_escape(\"a b'\") %> <%= parse_json('[1]').first %> <%= parse_yaml('a: 1')['a'] %>", `a\ b\' 1 1`},
		{"<%= to_json('a' => [1]) %><%= to_yaml('a' => [1]) %>", "{\n  \"a\": [\n    1\n  ]\n}---\na:\n- 1\n"},
		{"<%= join_with_line_break(%w[a b]) %> <%= gem_version_compare('1.10', '1.9') %> <%= gem_version_compare('1.0', '1') %> <%= gem_version_compare('1.0.rc1', '1.0') %>", "a\nb 1 0 -1"},
		{"<%= rand_hex(8).size %> <%= rand(1) %> <%= (1..20).map { rand_hex(4) }.uniq.size %>", "16 0 20"},
		{"<%= format_time(Time.at(0), format: '%F %T %z') %> <%= format_time('2001-02-03T04:05:06Z', zone: '+02:00', format: '%T') %>", "1970-01-01 00:00:00 +0000 06:05:06"},
		{"<%= number_with_delimiter(1234567.5) %> <%= number_to_human_size(1536) %> <%= number_to_percentage(12.345, precision: 1) %> <%= number_to_currency(3) %>", "1,234,567.5 1.5 KB 12.3% $3.00"},
		{"<%= generate_web_request(utility: 'curl', url: 'http://x/?a=1', output_file: '/o') %>", `curl --silent --show-error --fail --location --output /o http://x/\?a\=1`},
		{"<%= generate_web_request(utility: 'wget', url: 'http://x/', params: { a: 1 }) %>", `wget --quiet --output-document=- --post-data=a\=1 http://x/`},
		{"<%= foreman_server_ca_cert.lines.first -%>", "-----BEGIN CERTIFICATE-----\n"},
		{"<%= log_info('seen') %>x<%= ' a  b '.squish %><%= %w[a b c].to_sentence %>", "xa ba, b, and c"},
		{"<%= @host.diskLayout.lines.first -%>", "zerombr\n"},
	} {
		got, err := r.Render(t.Context(), Template{"t", tt.text}, s)
		got = mark.ReplaceAllString(got, "EOF-M")
		if err != nil || got != tt.want {
			t.Errorf("%s:\n got %q, %v\nwant %q", tt.text, got, err, tt.want)
		}
	}
}

func TestWithoutHost(t *testing.T) {
	r := newRenderer(t, nil)
	s := Subject{Site: exampleSite()}
	if got, err := r.Render(t.Context(), Template{"t", "<%= foreman_url('x') %> <%= @host.nil? %>"}, s); err != nil || got != "http://foreman.example.com/unattended/x true" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := r.Render(t.Context(), Template{"t", "<%= host_param('x') %>"}, s); !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "no host") {
		t.Error(err)
	}
	s.Vars = map[string]any{"bad name": 1}
	if _, err := r.Render(t.Context(), Template{"t", ""}, s); !errs.Is(err, errs.Malformed) {
		t.Error(err)
	}
}
