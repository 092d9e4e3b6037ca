package machine

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// maxTemplate bounds what the machine reads as text.
const maxTemplate = 4 << 20

// A plan is what the installer's template and the scripts that it loads say.
type plan struct {
	kind      string // preseed, kickstart, autoinstall
	built     string // URL that ends build mode
	builtPost bool
	puppet    string // server
	port      string // and its port, when it is another
	ca        string
	certname  string
	env       string
	challenge string   // what autosigns the certificate request
	agent     bool     // the agent asks for its certificate before the machine is built
	scripts   []string // URLs of further scripts
	disk      string
	packages  []string
	post      int // lines of the script that runs at the end
}

// readTemplate is steps 11 and 12: the template that the kernel's command line
// names.
func (m *Machine) readTemplate(ctx context.Context) error {
	where := m.boot.arg("url", "inst.ks", "ks", "autoinstall.url", "preseed/url", "ds")
	if ds, ok := strings.CutPrefix(where, "nocloud-net;s="); ok {
		where = strings.TrimSuffix(ds, "/") + "/user-data"
	}
	if where == "" {
		return errs.New(errs.Upstream, "the kernel's command line names no template: %s", m.boot.args)
	}
	m.step(11, []string{"GET " + redact(where)}, "The installer asks for its template")
	text, took, err := m.text(ctx, http.MethodGet, where)
	if err != nil {
		return err
	}
	m.plan = readPlan(text)
	if m.plan.kind == "" {
		return errs.New(errs.Upstream, "%s is neither preseed, kickstart nor user data: %.80q", redact(where), text)
	}
	m.seen(12, []string{took}, "A %s was rendered for this host: %d lines", m.plan.kind, strings.Count(text, "\n"))
	return nil
}

// install is steps 13 and 14: what the template says is done (on a machine that
// has no disk that is quick), then the script at its end. Where that script has
// the agent ask for its certificate before it reports, that is done there, and
// told of after step 14.
func (m *Machine) install(ctx context.Context) error {
	detail := []string{"disk: " + m.plan.disk, "packages: " + strings.Join(m.plan.packages, " ")}
	for _, script := range m.plan.scripts {
		text, took, err := m.text(ctx, http.MethodGet, script)
		if err != nil {
			return err
		}
		m.plan.join(readPlan(text))
		m.plan.post += strings.Count(text, "\n")
		detail = append(detail, "GET "+redact(script)+": "+took)
	}
	if err := m.settleIn(); err != nil {
		return err
	}
	m.step(13, detail, "%s %s installed: %d packages, post-install script of %d lines",
		m.cfg.OS.Name, m.cfg.OS.Release, len(m.plan.packages), m.plan.post)
	if m.plan.agent {
		m.holding = true
		if err := m.enrol(ctx); err != nil {
			return err
		}
	}
	method := http.MethodGet
	if m.plan.builtPost {
		method = http.MethodPost
	}
	_, took, err := m.text(ctx, method, m.plan.built)
	if err != nil {
		return err
	}
	m.holding = false
	m.step(14, []string{method + " " + redact(m.plan.built) + ": " + took},
		"Installation reported: %s is built, and boots from disk from now on", m.certname)
	m.release()
	return nil
}

// settleIn works out what the installed machine is called and runs.
func (m *Machine) settleIn() error {
	if m.plan.built == "" {
		return errs.New(errs.Upstream, "neither template nor scripts report that the machine is built")
	}
	if m.cfg.OS == (OS{}) {
		m.cfg.OS = guessOS(m.plan.kind, m.boot.title)
	}
	for _, name := range []string{m.plan.certname, m.fqdn()} {
		if m.certname == "" {
			m.certname = name
		}
	}
	if m.certname == "" {
		return errs.New(errs.Upstream, "neither DHCP nor template tells the machine its name")
	}
	return nil
}

// fqdn is the name that DHCP gave.
func (m *Machine) fqdn() string {
	if m.lease.hostname == "" || strings.Contains(m.lease.hostname, ".") || m.lease.domain == "" {
		return m.lease.hostname
	}
	return m.lease.hostname + "." + m.lease.domain
}

// text asks for a URL as an installer does, and says in a few words how that went.
func (m *Machine) text(ctx context.Context, method, where string) (text, took string, err error) {
	u, err := url.Parse(where)
	if err != nil || u.Host == "" {
		return "", "", errs.New(errs.Upstream, "%q is no URL", where)
	}
	at, host := m.place(u)
	req, err := http.NewRequestWithContext(ctx, method, at.String(), http.NoBody)
	if err != nil {
		return "", "", errs.WrapAs(errs.Upstream, err, "ask for %s", redact(where))
	}
	req.Host = host
	// Anaconda tells its addresses this way; core knows a machine without token by it.
	req.Header.Set("X-RHN-Provisioning-MAC-0", "eth0 "+m.cfg.MAC.String())
	resp, body, err := m.web.Read(req)
	if err != nil {
		return "", "", errs.Wrap(err, "%s %s", method, redact(where))
	}
	if resp.StatusCode/100 != 2 {
		return "", "", errs.New(errs.Upstream, "%s %s: %s: %.200s", method, redact(where), resp.Status, strings.TrimSpace(string(body)))
	}
	return string(body), fmt.Sprintf("%s, %d bytes", resp.Status, len(body)), nil
}

// redact hides build tokens but for their first characters.
func redact(text string) string {
	return regexp.MustCompile(`(token=[^&\s"']{8})[^&\s"']+`).ReplaceAllString(text, "$1…")
}

// urls finds the URLs of a shell script's line, without the backslashes that
// keep their question marks from the shell.
func urls(line string) []string {
	found := regexp.MustCompile(`https?://(?:[^\s"'<>\\;)|]|\\[^\s])+`).FindAllString(line, -1)
	for i := range found {
		found[i] = strings.ReplaceAll(found[i], `\`, "")
	}
	return found
}

// readPlan finds in a template what the simulation needs to know.
func readPlan(text string) plan {
	p := plan{kind: kindOf(text)}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") && !strings.Contains(line, "cloud-config") {
			continue
		}
		if word := strings.Fields(line)[0]; strings.HasPrefix(word, "%") && p.kind == "kickstart" {
			section = word
			continue
		}
		p.readURLs(line)
		p.readAgent(line)
		p.readSetting(line)
		p.readDisk(line)
		switch {
		case section == "%packages":
			p.packages = append(p.packages, strings.TrimPrefix(line, "@"))
		case section == "%post" || strings.Contains(line, "late_command"):
			p.post++
		case strings.Contains(line, "pkgsel/include"):
			_, list, _ := strings.Cut(line, "string ")
			p.packages = append(p.packages, strings.Fields(list)...)
		}
	}
	return p
}

func kindOf(text string) string {
	switch {
	case strings.Contains(text, "d-i "):
		return "preseed"
	case strings.Contains(text, "#cloud-config"), strings.Contains(text, "autoinstall:"):
		return "autoinstall"
	case strings.Contains(text, "%packages"), strings.Contains(text, "%post"):
		return "kickstart"
	}
	return ""
}

func (p *plan) readURLs(line string) {
	for _, u := range urls(line) {
		switch {
		case strings.Contains(u, "/unattended/built"):
			if p.built == "" {
				p.built = u
				p.builtPost = regexp.MustCompile(`-X\s*POST|--post-|--request\s+POST|--method=post|--data|\s-d\s`).MatchString(line)
			}
		case strings.Contains(u, "/unattended/finish"), strings.Contains(u, "/unattended/script"):
			p.scripts = append(p.scripts, u)
		}
	}
}

// readAgent finds the agent's first call and what goes into its request.
func (p *plan) readAgent(line string) {
	if strings.Contains(line, "agent --") && strings.Contains(line, "--onetime") && p.built == "" {
		p.agent = true
	}
	// csr_attributes.yaml: the challenge password is an autosign token.
	if m := regexp.MustCompile(`^['"]?1\.2\.840\.113549\.1\.9\.7['"]?:\s*['"]?([^\s'"]+)`).FindStringSubmatch(line); m != nil {
		p.challenge = m[1]
	}
}

// readSetting reads lines of puppet.conf.
func (p *plan) readSetting(line string) {
	name, value, ok := strings.Cut(line, "=")
	value = strings.TrimSpace(value)
	if !ok || value == "" || strings.ContainsAny(value, " $`\"'") {
		return
	}
	switch strings.TrimSpace(name) {
	case "server":
		p.puppet = value
	case "serverport":
		p.port = value
	case "ca_server":
		p.ca = value
	case "certname":
		p.certname = value
	case "environment":
		p.env = value
	}
}

func (p *plan) readDisk(line string) {
	for _, word := range []string{"partman-auto/method", "partman-auto/disk", "partman-auto/choose_recipe", "autopart", "clearpart", "part ", "layout:"} {
		if strings.Contains(line, word) && len(p.disk) < 200 {
			p.disk = strings.TrimPrefix(p.disk+"; "+strings.TrimPrefix(line, "d-i "), "; ")
			return
		}
	}
}

// join adds what a further script says.
func (p *plan) join(o plan) {
	for _, f := range []struct{ mine, theirs *string }{
		{&p.puppet, &o.puppet},
		{&p.ca, &o.ca},
		{&p.certname, &o.certname},
		{&p.env, &o.env},
		{&p.port, &o.port},
		{&p.challenge, &o.challenge},
	} {
		if *f.theirs != "" {
			*f.mine = *f.theirs
		}
	}
	if p.built == "" {
		p.built, p.builtPost, p.agent = o.built, o.builtPost, p.agent || o.agent
	}
	p.packages = append(p.packages, o.packages...)
}

// guessOS is what the boot menu says is installed ("Install Debian 12"), or else
// what a template of that kind usually installs.
func guessOS(kind, title string) OS {
	os := OS{Name: map[string]string{"kickstart": "AlmaLinux", "autoinstall": "Ubuntu"}[kind]}
	if os.Name == "" {
		os.Name = "Debian"
	}
	if m := regexp.MustCompile(`^Install (\w+) (\d[\d.]*)$`).FindStringSubmatch(title); m != nil {
		os.Name, os.Release = m[1], m[2]
	}
	usual, ok := map[string]OS{
		"Debian": {Family: "Debian", Codename: "bookworm", Release: "12.11", Kernel: "6.1.0-37-amd64"},
		"Ubuntu": {Family: "Debian", Codename: "noble", Release: "24.04", Kernel: "6.8.0-49-generic"},
	}[os.Name]
	if !ok {
		usual = OS{Family: "RedHat", Codename: "n/a", Release: "9.5", Kernel: "5.14.0-503.11.1.el9_5.x86_64"}
	}
	usual.Name, usual.Release = os.Name, firstOf(os.Release, usual.Release)
	return usual
}
