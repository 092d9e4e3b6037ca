package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// maxPages stops a crawl that does not end by itself.
const maxPages = 400

// A posting is a form that changes something, and the page that showed it.
type posting struct{ page, action string }

// crawl follows every link from the dashboard, and gives what it found.
func crawl(t *testing.T, b *browser) (pages map[string]string, controls []posting) {
	t.Helper()
	pages = map[string]string{}
	seen := map[string]bool{}
	queue := []string{"/"}
	for len(queue) > 0 && len(pages) < maxPages {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		r := b.get(path)
		if r.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, r.status, firstProblem(r.body))
			continue
		}
		pages[path] = r.body
		links, forms := parse(t, path, r)
		queue = append(queue, links...)
		controls = append(controls, forms...)
	}
	if len(pages) == maxPages {
		t.Errorf("more than %d pages", maxPages)
	}
	return pages, controls
}

// parse gives a page's links and parts that it loads, and the forms that it posts.
func parse(t *testing.T, path string, r answer) (links []string, forms []posting) {
	t.Helper()
	if !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		return nil, nil
	}
	doc, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	base := &url.URL{Path: "/"}
	if at, err := url.Parse(path); err == nil {
		base = at
	}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			switch {
			case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				t.Errorf("%s: <%s %s> would be blocked by the content policy", path, n.Data, a.Key)
			case a.Key == "href" || a.Key == "src" || a.Key == "hx-get":
				target, err := base.Parse(a.Val)
				if err != nil || target.Host != "" {
					t.Errorf("%s links to %q", path, a.Val)
					continue
				}
				target.Fragment = ""
				if !needsInput(target.Path) {
					links = append(links, target.String())
				}
			case a.Key == "action" && attr(n, "method") == "post":
				forms = append(forms, posting{path, a.Val})
			}
		}
	}
	return links, forms
}

// needsInput tells of parts that are asked for with a form's values.
func needsInput(path string) bool {
	return path == "/hosts/free_ip" || path == "/provisioning_templates/preview"
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func TestCrawl(t *testing.T) {
	s := newSite(t)
	for _, user := range []string{"admin", "viewer"} {
		t.Run(user, func(t *testing.T) {
			pages, controls := crawl(t, s.as(t, user))
			for path, body := range pages {
				if strings.Contains(body, hostile) {
					t.Errorf("%s shows a name as markup", path)
				}
			}
			for _, want := range []string{"/hosts/" + s.host, "/certificates", "/audits", "/config_reports/1", "/hosts?format=csv"} {
				if _, found := pages[want]; !found {
					t.Errorf("no link leads to %s; pages: %d", want, len(pages))
				}
			}
			if user == "admin" {
				if !slices.ContainsFunc(controls, func(c posting) bool { return c.action == "/hosts/"+s.host+"/delete" }) {
					t.Errorf("an administrator cannot delete the host: %v", controls)
				}
				return
			}
			for _, c := range controls {
				if c.action != "/users/logout" && !strings.HasSuffix(c.page, "/edit") {
					t.Errorf("%s offers %s to a viewer", c.page, c.action)
				}
			}
			own := "/users/" + strconv.FormatInt(s.viewer, 10) + "/edit"
			for path, body := range pages {
				if path == own {
					continue // one may change one's own account
				}
				if strings.Contains(body, `>Save</button>`) || strings.Contains(body, ">New</a>") || strings.Contains(body, ">Sign</button>") {
					t.Errorf("%s offers a viewer to change something", path)
				}
			}
		})
	}
	if s.log.Len() > 0 {
		t.Errorf("logged: %s", s.log)
	}
}
