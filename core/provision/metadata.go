package provision

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
)

// maxHeader bounds the metadata of a template.
const maxHeader = 64 << 10

// Metadata is what a template says of itself in its first comment, for import
// and export. Keys that are not known are kept.
type Metadata struct {
	Name              string           `yaml:"name,omitempty"`
	Model             string           `yaml:"model,omitempty"` // ProvisioningTemplate, Ptable, ReportTemplate or JobTemplate
	Kind              string           `yaml:"kind,omitempty"`  // a Kind, or snippet, ptable, job_template
	Snippet           bool             `yaml:"snippet,omitempty"`
	Description       string           `yaml:"description,omitempty"`
	OSes              []string         `yaml:"oses,omitempty"` // each the beginning of a label
	Organizations     []string         `yaml:"organizations,omitempty"`
	Locations         []string         `yaml:"locations,omitempty"`
	OSFamily          string           `yaml:"os_family,omitempty"`
	JobCategory       string           `yaml:"job_category,omitempty"`
	DescriptionFormat string           `yaml:"description_format,omitempty"`
	ProviderType      string           `yaml:"provider_type,omitempty"`
	Feature           string           `yaml:"feature,omitempty"`
	EffectiveUser     map[string]any   `yaml:"effective_user,omitempty"`
	Inputs            []Input          `yaml:"template_inputs,omitempty"`
	ForeignInputs     []map[string]any `yaml:"foreign_input_sets,omitempty"`
	Require           []map[string]any `yaml:"require,omitempty"`
	TestOn            []string         `yaml:"test_on,omitempty"`
	Other             map[string]any   `yaml:",inline"`
}

// An Input is a value that whoever runs a template is asked for.
type Input struct {
	Name           string `yaml:"name"`
	Required       bool   `yaml:"required"`
	InputType      string `yaml:"input_type"`
	ValueType      string `yaml:"value_type,omitempty"`
	ResourceType   string `yaml:"resource_type,omitempty"`
	Description    string `yaml:"description,omitempty"`
	Options        string `yaml:"options,omitempty"` // a line each
	Default        string `yaml:"default,omitempty"`
	Advanced       bool   `yaml:"advanced,omitempty"`
	Hidden         bool   `yaml:"hidden_value,omitempty"`
	FactName       string `yaml:"fact_name,omitempty"`
	VariableName   string `yaml:"variable_name,omitempty"`
	PuppetClass    string `yaml:"puppet_class_name,omitempty"`
	PuppetVariable string `yaml:"puppet_parameter_name,omitempty"`
}

// IsSnippet reports whether the template is for others to include.
func (m *Metadata) IsSnippet() bool { return m.Snippet || m.Kind == "snippet" }

// Matches reports whether the template says that it is for an operating system
// with this label.
func (m *Metadata) Matches(label string) bool {
	for _, prefix := range m.OSes {
		if strings.HasPrefix(label, prefix) {
			return true
		}
	}
	return false
}

// CheckModel says whether the kind is one of the model's; Invalid when it is not.
func (m *Metadata) CheckModel() error {
	if m.IsSnippet() || m.Model == "Ptable" || m.Model == "JobTemplate" || m.Model == "ReportTemplate" {
		return nil
	}
	for _, k := range Kinds() {
		if m.Kind == string(k) {
			return nil
		}
	}
	return errs.InvalidField("kind", "%q is not a kind of template", m.Kind)
}

var (
	header  = regexp.MustCompile(`\A\s*<%#[ \t]*\r?\n?((?s).*?)-?%>[ \t]*\r?\n?`)
	oneLine = regexp.MustCompile(`(?:^|\s)([a-z_]+):[ \t]`)
)

// ParseMetadata splits a template into its header and the rest. A template
// without a header has empty metadata and is its own body; a header that cannot
// be read is Invalid.
func ParseMetadata(text string) (*Metadata, string, error) {
	span := header.FindStringSubmatchIndex(text)
	if span == nil {
		return &Metadata{}, text, nil
	}
	head, body := text[span[2]:span[3]], text[span[1]:]
	if len(head) > maxHeader {
		return nil, "", errs.New(errs.TooLarge, "the header of the template has more than %d bytes", maxHeader)
	}
	if !oneLine.MatchString(head) { // a comment that is none of ours
		return &Metadata{}, text, nil
	}
	if !strings.Contains(strings.TrimSpace(head), "\n") {
		head = spread(head)
	}
	m := &Metadata{}
	if err := bounded.YAML([]byte(head), m); err != nil {
		return nil, "", errs.WrapAs(errs.Invalid, err, "the header of the template")
	}
	m.keepOthers()
	return m, body, nil
}

// keepOthers drops from Other the keys that have fields: the decoder puts all there.
func (m *Metadata) keepOthers() {
	fields := reflect.TypeFor[Metadata]()
	for i := range fields.NumField() {
		key, _, _ := strings.Cut(fields.Field(i).Tag.Get("yaml"), ",")
		delete(m.Other, key)
	}
	if len(m.Other) == 0 {
		m.Other = nil
	}
}

// spread turns the older form of the header, "kind: x name: y" in one line, into lines.
func spread(head string) string {
	return strings.TrimSpace(oneLine.ReplaceAllString(strings.TrimSpace(head), "\n$1: "))
}

// Text is the template as it is exported: the header, then the body.
func (m *Metadata) Text(body string) (string, error) {
	var b bytes.Buffer
	b.WriteString("<%#\n")
	if err := yaml.NewEncoder(&b, yaml.IndentSequence(false)).Encode(m); err != nil {
		return "", errs.WrapAs(errs.Internal, err, "write the header of the template")
	}
	if strings.Contains(b.String(), "%>") {
		return "", errs.InvalidField("description", "may not contain %q", "%>")
	}
	b.WriteString("-%>\n")
	b.WriteString(body)
	return b.String(), nil
}
