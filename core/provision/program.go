package provision

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/ruby"
	"github.com/chargehand/chargehand/ruby/erb"
)

//go:embed ruby/*.rb
var rubyFiles embed.FS

// A program is a template, translated to Ruby. The id stands for name and code.
type program struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Code string `json:"code,omitempty"` // "" when the image has it
}

// compile keeps the lines of the metadata, so that errors cite lines of the whole text.
func compile(t Template) program {
	p := program{Name: t.Name, Code: erb.Compile(blankHeader(t.Text))}
	sum := sha256.Sum256([]byte(p.Name + "\x00" + p.Code))
	p.ID = hex.EncodeToString(sum[:12])
	return p
}

// translate leaves out the code of what the image was made with.
func (r *Renderer) translate(t Template) program {
	p := compile(t)
	if r.known[p.ID] {
		p.Code = ""
	}
	return p
}

// layout is the disk layout as a template, nil when there is none.
func (r *Renderer) layout(h *Host) *program {
	t := Template{Name: "disk layout of " + h.Name, Text: h.Layout()}
	if t.Text == "" {
		return nil
	}
	if h.Disk == "" {
		t.Name = h.PartitionTable.Name
	}
	p := r.translate(t)
	return &p
}

// blankHeader makes an empty comment of the metadata, as long as it was, that
// leaves no empty line even where its end lacks the dash.
func blankHeader(text string) string {
	m, body, err := ParseMetadata(text)
	if err != nil || m == nil || len(body) == len(text) {
		return text
	}
	lines := strings.Count(text[:len(text)-len(body)], "\n")
	if lines == 0 {
		return body
	}
	return "<%#" + strings.Repeat("\n", lines-1) + "-%>\n" + body
}

// prelude is what the image is made of: the records and helpers, and the default
// templates, which are so compiled once and not in each rendering.
func prelude() (sources []ruby.Source, known map[string]bool, err error) {
	classes, err := schema()
	if err != nil {
		return nil, nil, err
	}
	programs, known, err := defaultPrograms()
	if err != nil {
		return nil, nil, err
	}
	add := func(name, text string) {
		sources = append(sources, ruby.Source{Name: "provision/" + name, Text: text})
	}
	for _, name := range []string{"records.rb", "schema", "host.rb", "scope.rb", "helpers_site.rb", "helpers_host.rb", "helpers_text.rb", "programs"} {
		switch name {
		case "schema":
			add(name, heredoc("Provision.schema", classes))
		case "programs":
			add(name, heredoc("Provision.define", programs))
		default:
			text, err := rubyFiles.ReadFile("ruby/" + name)
			if err != nil {
				return nil, nil, err
			}
			add(name, string(text))
		}
	}
	return sources, known, nil
}

func heredoc(method string, data []byte) string {
	return fmt.Sprintf("%s(JSON.parse(<<'DATA'))\n%s\nDATA\n", method, data)
}

func defaultPrograms() (data []byte, known map[string]bool, err error) {
	all, err := Defaults()
	if err != nil {
		return nil, nil, err
	}
	known = map[string]bool{}
	var programs []program
	for _, d := range all {
		p := compile(Template{Name: d.Name, Text: d.Text})
		known[p.ID] = true
		programs = append(programs, p)
	}
	data, err = json.Marshal(programs)
	return data, known, err
}
