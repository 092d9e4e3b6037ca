package machine

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadBootConfig(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       bootEntry
		bad        bool
	}{
		{
			"pxelinux", "default linux\nlabel linux\nkernel boot/a-linux\nappend initrd=boot/a-initrd.gz quiet\nIPAPPEND 2\n",
			bootEntry{"linux", "", "boot/a-linux", []string{"boot/a-initrd.gz"}, "initrd=boot/a-initrd.gz quiet"},
			false,
		},
		{
			"the second entry is the default", "DEFAULT two\nLABEL one\n LOCALBOOT 0\nLABEL two\n LINUX k\n INITRD i,j\n APPEND x=1\n",
			bootEntry{"two", "", "k", []string{"i", "j"}, "x=1"},
			false,
		},
		{"local boot through a module", "DEFAULT menu\nLABEL local\n KERNEL chain.c32\n APPEND hd0 0\n", bootEntry{label: "local", args: "hd0 0"}, false},
		{
			"GRUB", "set default=0\nset timeout=10\nmenuentry 'Install Debian' {\n  linux (tftp)/boot/k url=http://x/y\n  initrd (tftp)/boot/i (tftp)/boot/j\n}\n",
			bootEntry{"Install Debian", "Install Debian", "boot/k", []string{"boot/i", "boot/j"}, "url=http://x/y"},
			false,
		},
		{"GRUB for EFI", "menuentry \"ks\" {\n\tlinuxefi /k inst.ks=http://x/y\n\tinitrdefi /i\n}\n", bootEntry{"ks", "ks", "k", []string{"i"}, "inst.ks=http://x/y"}, false},
		{"nothing", "# empty\n", bootEntry{}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := readBootConfig(tc.text)
			if (err != nil) != tc.bad {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(bootEntry{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadPlan(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       plan
	}{
		{
			"preseed", "#comment http://x/unattended/built?token=no\nd-i partman-auto/method string regular\nd-i pkgsel/include string curl\n" +
				"d-i preseed/late_command string wget -O /t http://x/unattended/finish?token=1; in-target sh /t\n",
			plan{kind: "preseed", scripts: []string{"http://x/unattended/finish?token=1"}, disk: "partman-auto/method string regular", packages: []string{"curl"}, post: 1},
		},
		{
			"kickstart", "autopart\n%packages\n@core\nwget\n%end\n%post\ncat > p <<EOF\nserver = puppet.x\nca_server = ca.x\ncertname = h.x\nenvironment = dev\nEOF\n" +
				"wget -q -O /dev/null --no-check-certificate 'http://x/unattended/built?token=1'\n%end\n",
			plan{kind: "kickstart", built: "http://x/unattended/built?token=1", puppet: "puppet.x", ca: "ca.x", certname: "h.x", env: "dev", disk: "autopart", packages: []string{"core", "wget"}, post: 7},
		},
		{"user data", "#cloud-config\nruncmd:\n - curl -s -X POST \"http://x/unattended/built?token=1\"\n", plan{kind: "autoinstall", built: "http://x/unattended/built?token=1", builtPost: true}},
		{"a shell script", "puppet_server=$1\nserver = `hostname`\n", plan{}},
		{"something else", "<html>no</html>", plan{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, readPlan(tc.text), cmp.AllowUnexported(plan{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The templates that come with the program, as they are rendered for a host.
func TestReadOwnTemplates(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile("../../../core/provision/testdata/golden/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const token = "0b8e1c1e-6f0e-4b63-9a06-0f8f9d1f7c11"
	for _, tc := range []struct{ pxe, grub, template, finish, host, os, base string }{
		{"Preseed_default_PXELinux_Debian", "Preseed_default_PXEGrub2_Debian", "Preseed_default_Debian", "Preseed_default_finish_Debian", "web1.example.com", "Debian 12", "http://foreman.example.com"},
		{"Kickstart_default_PXELinux_AlmaLinux", "Kickstart_default_PXEGrub2_AlmaLinux", "Kickstart_default_AlmaLinux", "", "db1.example.com", "AlmaLinux 9.5", "http://proxy.example.com:8000"},
	} {
		t.Run(tc.template, func(t *testing.T) {
			for _, name := range []string{tc.pxe, tc.grub} {
				e, err := readBootConfig(read(name))
				if err != nil || len(e.initrd) != 1 || !strings.HasPrefix(e.kernel, "boot/") {
					t.Fatalf("%+v, %v", e, err)
				}
				if got := e.arg("url", "inst.ks"); got != tc.base+"/unattended/provision?token="+token {
					t.Errorf("%s: the template is at %s", name, got)
				}
				if os := guessOS("", e.title); os.Name+" "+os.Release != tc.os {
					t.Errorf("%s: the menu says %q, which installs %+v", name, e.title, os)
				}
			}
			p := readPlan(read(tc.template))
			if tc.finish != "" {
				if want := []string{tc.base + "/unattended/finish?token=" + token}; !slices.Equal(p.scripts, want) {
					t.Fatalf("scripts %v", p.scripts)
				}
				p.join(readPlan(read(tc.finish)))
			}
			got := []any{p.built, p.builtPost, p.agent, p.puppet, p.ca, p.certname, p.env, p.challenge, p.kind != "", p.disk != ""}
			want := []any{tc.base + "/unattended/built?token=" + token, true, true, "puppet.example.com", "ca.example.com", tc.host, "production", "tok-en", true, true}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, name := range []string{"PXELinux_default_local_boot_Debian", "PXEGrub2_default_local_boot_Debian", "PXELinux_global_default_Debian"} {
		if e, err := readBootConfig(read(name)); err != nil || e.kernel != "" {
			t.Errorf("%s boots %+v, %v", name, e, err)
		}
	}
}

func TestRedact(t *testing.T) {
	if got := redact("url=http://x/y?token=0123456789ab&z=1 quiet"); got != "url=http://x/y?token=01234567…&z=1 quiet" {
		t.Error(got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("DEFAULT a\nLABEL a\nKERNEL k\nAPPEND x url=http://x\n")
	f.Add("menuentry 'x' {\nlinux (tftp)/k\n}\n")
	f.Add(preseed + finish)
	f.Fuzz(func(t *testing.T, text string) {
		if e, err := readBootConfig(text); err == nil {
			e.arg("url", "ks")
		}
		readPlan(text)
		redact(text)
	})
}
