package inventory

import (
	"context"

	"github.com/chargehand/chargehand/core/noun"
)

// A Medium is a place that operating systems are installed from.
type Medium struct {
	noun.Base
	noun.Taxed
	Name               string
	Path               string // a URL in which $arch, $version, $major, $minor, $release stand for the host's
	OSFamily           string
	OperatingSystemIDs []int64
}

// Media declares the installation media.
func Media() *noun.Noun[Medium] {
	return noun.Declare("medium", func(m *Medium) noun.Fields {
		return noun.Fields{
			noun.Plural("media"), noun.Under("location", "organization", "operatingsystem"), noun.Named("Installation medium"),
			noun.Text("name", &m.Name).Required().Unique().Search(),
			noun.Text("path", &m.Path).Required().Unique().Format(mediumPath).Search().Help("A URL; $arch, $version, $major, $minor and $release stand for the host's."),
			noun.Text("os_family", &m.OSFamily).Label("Operating system family").Enum(Families()...).Search("family"),
			noun.Constant("media_path", nil), noun.Constant("config_path", nil), noun.Constant("image_path", nil),
			noun.Many("operatingsystem", "operatingsystems", &m.OperatingSystemIDs, "operatingsystem", "media_operatingsystems", "medium_id", "operatingsystem_id"),
			noun.Has("hosts", "host", "medium"), noun.Has("hostgroups", "hostgroup", "medium"),
			noun.InTaxonomies(&m.Taxed),
			noun.Check(func(ctx context.Context, c *noun.Change[Medium]) error {
				if c.New != nil {
					return nil
				}
				building, err := noun.Find[Host](ctx, c.Tx, noun.Match{"medium": c.Old.ID, "build": true})
				for _, h := range building {
					c.Fail("base", "%s is used by %s, which is being built", c.Old.Name, h.Name)
				}
				return err
			}),
		}
	})
}
