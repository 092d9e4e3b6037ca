package inventory

import (
	"context"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A TemplateKind is what a provisioning template is for: "provision", "PXELinux" …
type TemplateKind struct {
	noun.Base
	Name        string
	Description string
}

// A ProvisioningTemplate is an ERB text that becomes a boot file, an installer's
// answers or a script. It has a kind, or is a snippet for others to include.
type ProvisioningTemplate struct {
	noun.Base
	noun.Taxed
	Name               string
	Template           string
	Description        string
	KindID             int64
	Snippet            bool
	Locked             bool
	Default            bool // associated with new organizations and locations
	Vendor             string
	ClonedFromID       int64
	OperatingSystemIDs []int64
	Combinations       []TemplateCombination
}

// A TemplateCombination prefers a template for the hosts of a host group, an
// environment or both.
type TemplateCombination struct {
	noun.Base
	TemplateID    int64
	HostgroupID   int64
	EnvironmentID int64
}

// A Ptable is a partition table: an ERB text for the installer.
type Ptable struct {
	noun.Base
	noun.Taxed
	Name               string
	Layout             string
	Description        string
	OSFamily           string
	Snippet            bool
	Locked             bool
	Default            bool
	Vendor             string
	OperatingSystemIDs []int64
}

// A TemplateParser tells whether a template can be parsed.
type TemplateParser interface {
	// Parse gives an Invalid error that tells line and fault. It is called
	// outside of any transaction, and runs nothing of the template.
	Parse(ctx context.Context, name, text string) error
}

// parse refuses a text that no machine could be given, before one waits for it.
func parse[T any](parser TemplateParser, c *noun.Change[T], field, name, old, text string) error {
	if parser == nil || text == "" || text == old {
		return nil
	}
	_, err := c.Outside("parse "+name+"\x00"+text, func(ctx context.Context) (any, error) {
		return nil, parser.Parse(ctx, name, text)
	})
	if errs.Is(err, errs.Invalid) {
		c.Fail(field, "%s", errs.PublicText(err))
		return nil
	}
	return err
}

// TemplateKinds declares the kinds of provisioning templates. They are seeded.
func TemplateKinds() *noun.Noun[TemplateKind] {
	return noun.Declare("template_kind", func(k *TemplateKind) noun.Fields {
		return noun.Fields{
			noun.Only("index"), noun.Needs("index", "view_provisioning_templates"), noun.PermissionsOf("provisioning_templates"),
			noun.Text("name", &k.Name).Required().Unique().Search(),
			noun.Text("description", &k.Description).Hidden(),
		}
	})
}

// ProvisioningTemplates declares the templates that hosts are installed with. A
// parser, which may be nil, reads each text before it is stored.
func ProvisioningTemplates(parser TemplateParser) *noun.Noun[ProvisioningTemplate] {
	return noun.Declare("provisioning_template", func(t *ProvisioningTemplate) noun.Fields {
		return noun.Fields{
			noun.Under("location", "organization", "operatingsystem"), noun.InBrief("name", "template_kind_id"),
			noun.Text("name", &t.Name).Required().Unique().Search(),
			noun.Ref("template_kind", &t.KindID, "template_kind").Label("Kind"),
			noun.Bool("snippet", &t.Snippet).Search(),
			noun.Text("description", &t.Description).Long(),
			noun.Text("template", &t.Template).Long().Required().On(noun.Show).Search(),
			noun.Bool("locked", &t.Locked).On(noun.Show).Search(),
			noun.Bool("default", &t.Default).Hidden().Search("default_template").Explicit(),
			noun.Text("vendor", &t.Vendor).Hidden().ReadOnly().Search().Explicit(),
			noun.Ref("cloned_from", &t.ClonedFromID, "provisioning_template").ReadOnly().Nameless().On(noun.Show),
			noun.Owns("template_combinations", &t.Combinations, "template_combination", "provisioning_template").Attributes("template_combinations_attributes").Full(),
			noun.Many("operatingsystem", "operatingsystems", &t.OperatingSystemIDs, "operatingsystem", "operatingsystems_provisioning_templates", "provisioning_template_id", "operatingsystem_id"),
			noun.Has("os_default_templates", "os_default_template", "provisioning_template").OnDelete(noun.Refuse).Shown(),
			noun.InTaxonomies(&t.Taxed),
			noun.SearchOn("operatingsystem", "operatingsystems.name"), noun.SearchOn("kind", "template_kind.name"),
			noun.SearchOn("hostgroup", "template_combinations.hostgroup.name"),
			noun.SearchOn("environment", "template_combinations.environment.name"),
			noun.Act("clone", "POST", "create_provisioning_templates"),
			noun.Act("export", "GET", "view_provisioning_templates"),
			noun.Check(checkTemplate),
			noun.Check(func(_ context.Context, c *noun.Change[ProvisioningTemplate]) error {
				if c.New == nil {
					return nil
				}
				old := ""
				if c.Old != nil {
					old = c.Old.Template
				}
				return parse(parser, c, "template", c.New.Name, old, c.New.Template)
			}),
		}
	})
}

func checkTemplate(_ context.Context, c *noun.Change[ProvisioningTemplate]) error {
	switch {
	case c.New == nil && c.Old.Locked, c.New != nil && c.Old != nil && c.Old.Locked && c.New.Locked && c.Old.Template != c.New.Template:
		c.Fail("base", "This template is locked. Please clone it to a new template to customize.")
	case c.New == nil:
	case !c.New.Snippet && c.New.KindID == 0:
		c.Fail("template_kind_id", "can't be blank")
	}
	return nil
}

// TemplateCombinations declares the preference of templates for host groups.
func TemplateCombinations() *noun.Noun[TemplateCombination] {
	return noun.Declare("template_combination", func(t *TemplateCombination) noun.Fields {
		return noun.Fields{
			noun.OnlyUnder("provisioning_template", "hostgroup"), noun.PermissionsOf("provisioning_templates"),
			noun.InBrief("provisioning_template_id", "hostgroup_id"),
			noun.Ref("provisioning_template", &t.TemplateID, "provisioning_template"),
			noun.Ref("hostgroup", &t.HostgroupID, "hostgroup").Unique("provisioning_template_id", "environment_id"),
			noun.Ref("environment", &t.EnvironmentID, "environment").Hidden(),
		}
	})
}

// Ptables declares the partition tables; parser is as for ProvisioningTemplates.
func Ptables(parser TemplateParser) *noun.Noun[Ptable] {
	return noun.Declare("ptable", func(p *Ptable) noun.Fields {
		return noun.Fields{
			noun.Under("location", "organization", "operatingsystem"), noun.Named("Partition table"), noun.InBrief("name"),
			noun.Text("name", &p.Name).Required().Unique().Search(),
			noun.Text("description", &p.Description).Long(),
			noun.Text("os_family", &p.OSFamily).Label("Operating system family").Enum(Families()...).Search("family"),
			noun.Text("layout", &p.Layout).Long().Required().On(noun.Show).Search("layout", "template"),
			noun.Bool("snippet", &p.Snippet).Hidden().Search(),
			noun.Bool("locked", &p.Locked).On(noun.Show).Search(),
			noun.Bool("default", &p.Default).Hidden().Search().Explicit(),
			noun.Text("vendor", &p.Vendor).Hidden().ReadOnly().Search().Explicit(),
			noun.Many("operatingsystem", "operatingsystems", &p.OperatingSystemIDs, "operatingsystem", "operatingsystems_ptables", "ptable_id", "operatingsystem_id"),
			noun.Has("hosts", "host", "ptable").OnDelete(noun.Refuse), noun.Has("hostgroups", "hostgroup", "ptable").OnDelete(noun.Refuse),
			noun.InTaxonomies(&p.Taxed),
			noun.Act("clone", "POST", "create_ptables"), noun.Act("export", "GET", "view_ptables"),
			noun.Check(func(_ context.Context, c *noun.Change[Ptable]) error {
				if c.New == nil && c.Old.Locked {
					c.Fail("base", "This template is locked. Please clone it to a new template to customize.")
				}
				if c.New == nil {
					return nil
				}
				if c.New.Snippet && c.New.OSFamily != "" {
					c.Fail("os_family", "must be blank")
				}
				old := ""
				if c.Old != nil {
					old = c.Old.Layout
				}
				return parse(parser, c, "layout", c.New.Name, old, c.New.Layout)
			}),
		}
	})
}
