package inventory

import (
	"context"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
)

// An OperatingSystem is one release of an operating system.
type OperatingSystem struct {
	noun.Base
	Name             string
	Major, Minor     string // Minor is "" where there is none
	Family           string // "Debian", "Redhat" …; guessed from the name when empty
	ReleaseName      string // the code name, needed with family Debian
	Description      string
	Title            string // the description, else name and version
	PasswordHash     string // SHA512 SHA256 Base64 Base64-Windows
	ArchitectureIDs  []int64
	MediumIDs        []int64
	PtableIDs        []int64
	TemplateIDs      []int64 // provisioning templates that may be used
	DefaultTemplates []OSDefaultTemplate
	Parameters       []noun.Parameter
}

// An OSDefaultTemplate says which template of a kind an operating system uses
// where no combination says otherwise.
type OSDefaultTemplate struct {
	noun.Base
	OperatingSystemID int64
	KindID            int64
	TemplateID        int64
}

// OperatingSystems declares the operating systems that hosts run.
func OperatingSystems() *noun.Noun[OperatingSystem] {
	return noun.Declare("operatingsystem", func(o *OperatingSystem) noun.Fields {
		return noun.Fields{
			noun.Named("Operating system"), noun.OrderedBy("title"), noun.InBrief("name", "title"), noun.Dotted(),
			noun.Under("architecture", "medium", "ptable", "provisioning_template"),
			noun.Text("name", &o.Name).Required().Format(noSpace).Search(),
			noun.Text("title", &o.Title).ReadOnly().Title().Unique().Search(),
			noun.Text("description", &o.Description).Unique().Search(),
			noun.Text("major", &o.Major).Label("Major version").Required().Format(digits).Search(),
			noun.Text("minor", &o.Minor).Label("Minor version").NotNull().Format(minorVersion).Search(),
			noun.Text("family", &o.Family).Enum(Families()...).Search(),
			noun.Text("release_name", &o.ReleaseName).Clean(strings.ToLower),
			noun.Text("password_hash", &o.PasswordHash).Default("SHA512").Enum("SHA512", "SHA256", "Base64", "Base64-Windows", "MD5"),
			noun.Many("medium", "media", &o.MediumIDs, "medium", "media_operatingsystems", "operatingsystem_id", "medium_id"),
			noun.Many("architecture", "architectures", &o.ArchitectureIDs, "architecture", "architectures_operatingsystems", "operatingsystem_id", "architecture_id"),
			noun.Many("ptable", "ptables", &o.PtableIDs, "ptable", "operatingsystems_ptables", "operatingsystem_id", "ptable_id"),
			noun.Many("provisioning_template", "provisioning_templates", &o.TemplateIDs, "provisioning_template", "operatingsystems_provisioning_templates", "operatingsystem_id", "provisioning_template_id"),
			noun.Owns("os_default_templates", &o.DefaultTemplates, "os_default_template", "operatingsystem").Attributes("os_default_templates_attributes").Full(),
			noun.WithParameters(&o.Parameters, "OsParameter", 50, "os_parameters_attributes"),
			noun.Constant("images", []string{}).On(noun.Show),
			noun.Has("hosts", "host", "operatingsystem").OnDelete(noun.Refuse),
			noun.Has("hostgroups", "hostgroup", "operatingsystem").OnDelete(noun.Refuse),
			noun.SearchOn("architecture", "architectures.name").Explicit(),
			noun.SearchOn("medium", "media.name").Explicit(),
			noun.SearchOn("template", "provisioning_templates.name").Explicit(),
			noun.Act("bootfiles", "GET", "view_operatingsystems"),
			noun.Prepare(func(_ context.Context, c *noun.Change[OperatingSystem]) error {
				c.New.derive()
				return nil
			}),
			noun.Check(checkOperatingSystem),
		}
	})
}

// derive fills in family and title.
func (o *OperatingSystem) derive() {
	if o.Family == "" {
		o.Family = FamilyOf(o.Name)
	}
	o.Title = o.Description
	if o.Title == "" {
		o.Title = o.Name + " " + o.Release()
	}
}

// Release is "major.minor", or "major" alone.
func (o *OperatingSystem) Release() string {
	if o.Minor == "" {
		return o.Major
	}
	return o.Major + "." + o.Minor
}

func checkOperatingSystem(ctx context.Context, c *noun.Change[OperatingSystem]) error {
	if c.New == nil {
		return nil
	}
	if c.New.Family == "Debian" && c.New.ReleaseName == "" {
		c.Fail("release_name", "can't be blank")
	}
	same, err := noun.Find[OperatingSystem](ctx, c.Tx, noun.Match{"name": c.New.Name, "major": c.New.Major, "minor": c.New.Minor})
	for _, o := range same {
		if o.ID != c.New.ID {
			c.Fail("name", "Operating system version already exists")
		}
	}
	return err
}

// OSDefaultTemplates declares the choice of a template per kind and operating system.
func OSDefaultTemplates() *noun.Noun[OSDefaultTemplate] {
	return noun.Declare("os_default_template", func(d *OSDefaultTemplate) noun.Fields {
		return noun.Fields{
			noun.OnlyUnder("operatingsystem"), noun.Named("OS default template"), noun.PermissionsOf("operatingsystems"), noun.InBrief("provisioning_template_id", "template_kind_id", "operatingsystem_id"),
			noun.Needs("create", "edit_operatingsystems"), noun.Needs("destroy", "edit_operatingsystems"),
			noun.Ref("operatingsystem", &d.OperatingSystemID, "operatingsystem"),
			noun.Ref("provisioning_template", &d.TemplateID, "provisioning_template").Required(),
			noun.Ref("template_kind", &d.KindID, "template_kind").Required().Unique("operatingsystem_id"),
		}
	})
}
