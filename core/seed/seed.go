// Package seed gives a fresh installation what it starts with: a default
// organization and location, template kinds and the templates that come with
// the program, partition tables, media and architectures.
//
// It may import core's other packages and internal packages.
package seed

import (
	"context"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/provision"
	"github.com/chargehand/chargehand/internal/errs"
)

// vendor marks the templates that come with the program.
const vendor = "Chargehand"

// Run writes what is missing, in the caller's name. It may run at every start:
// what is there is left alone, whatever was made of it.
func Run(ctx context.Context, nouns *noun.Registry, caller noun.Caller) error {
	s := &seeder{nouns: nouns, caller: caller, kinds: map[string]int64{}}
	for _, step := range []func(context.Context) error{s.taxonomies, s.templateKinds, s.templates, s.media, s.environments} {
		if err := step(ctx); err != nil {
			return errs.Wrap(err, "seed")
		}
	}
	return nil
}

type seeder struct {
	nouns                  *noun.Registry
	caller                 noun.Caller
	kinds                  map[string]int64
	organization, location int64
}

// ensure gives the id of the record that matches, created when missing. Of
// replicas that start together, one creates and the others find.
func ensure[T any](ctx context.Context, s *seeder, m noun.Match, fresh *T) (id int64, err error) {
	n := noun.Of[T](s.nouns)
	look := func(tx *noun.Tx) error {
		found, err := noun.Find[T](ctx, tx, m)
		if len(found) > 0 {
			id = n.ID(found[0])
		}
		return err
	}
	if err := s.nouns.Read(ctx, look); err != nil || id != 0 {
		return id, err
	}
	err = n.Create(ctx, s.caller, fresh)
	if err == nil {
		return n.ID(fresh), nil
	}
	if rerr := s.nouns.Read(ctx, look); rerr == nil && id != 0 {
		return id, nil
	}
	return 0, err
}

// none tells whether a noun has no records at all.
func none[T any](ctx context.Context, s *seeder) (empty bool, err error) {
	err = s.nouns.Read(ctx, func(tx *noun.Tx) error {
		found, err := noun.Find[T](ctx, tx, nil)
		empty = len(found) == 0
		return err
	})
	return empty, err
}

func (s *seeder) taxonomies(ctx context.Context) error {
	if err := s.inventory(ctx); err != nil {
		return err
	}
	return s.nouns.Read(ctx, func(tx *noun.Tx) error {
		orgs, err := noun.Find[inventory.Organization](ctx, tx, nil)
		if err != nil {
			return err
		}
		locs, err := noun.Find[inventory.Location](ctx, tx, nil)
		if len(orgs) == 1 && len(locs) == 1 {
			s.organization, s.location = orgs[0].ID, locs[0].ID
		}
		return err
	})
}

// inventory writes what the inventory itself needs. A replica that starts at the
// same time may be first with any of it; then the next try finds that.
func (s *seeder) inventory(ctx context.Context) error {
	const tries = 50 // more than there are records
	var err error
	for range tries {
		err = inventory.Seed(ctx, s.nouns, s.caller)
		if !errs.Is(err, errs.Invalid) && !errs.Is(err, errs.Conflict) {
			break
		}
	}
	return err
}

// taxed is where new records go: into the organization and location of a site
// that has one of each, and into none of one that has its own.
func (s *seeder) taxed() (t noun.Taxed) {
	if s.organization != 0 {
		t.OrganizationIDs = []int64{s.organization}
	}
	if s.location != 0 {
		t.LocationIDs = []int64{s.location}
	}
	return t
}

func (s *seeder) templateKinds(ctx context.Context) error {
	for _, k := range provision.Kinds() {
		id, err := ensure(ctx, s, noun.Match{"name": string(k)}, &inventory.TemplateKind{Name: string(k)})
		if err != nil {
			return err
		}
		s.kinds[string(k)] = id
	}
	return nil
}

func (s *seeder) templates(ctx context.Context) error {
	all, err := provision.Defaults()
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.Model == "Ptable" || d.Kind == "ptable" {
			fresh := &inventory.Ptable{Taxed: s.taxed(), Name: d.Name, Layout: d.Text, Description: d.Description, OSFamily: d.OSFamily, Locked: true, Default: true, Vendor: vendor}
			_, err = ensure(ctx, s, noun.Match{"name": d.Name}, fresh)
		} else {
			fresh := &inventory.ProvisioningTemplate{
				Taxed: s.taxed(), Name: d.Name, Template: d.Text, Description: d.Description, Snippet: d.IsSnippet(),
				KindID: s.kinds[d.Kind], Locked: true, Default: true, Vendor: vendor,
			}
			_, err = ensure(ctx, s, noun.Match{"name": d.Name}, fresh)
		}
		if err != nil {
			return errs.Wrap(err, "template %q", d.Name)
		}
	}
	return nil
}

func (s *seeder) media(ctx context.Context) error {
	empty, err := none[inventory.Medium](ctx, s)
	if err != nil || !empty {
		return err
	}
	for _, m := range []inventory.Medium{
		{Name: "Debian mirror", Path: "http://deb.debian.org/debian", OSFamily: "Debian"},
		{Name: "Ubuntu mirror", Path: "http://archive.ubuntu.com/ubuntu", OSFamily: "Debian"},
		{Name: "AlmaLinux 9 mirror", Path: "http://repo.almalinux.org/almalinux/$major/BaseOS/$arch/os", OSFamily: "Redhat"},
		{Name: "Rocky 9 mirror", Path: "http://download.rockylinux.org/pub/rocky/$major/BaseOS/$arch/os", OSFamily: "Redhat"},
	} {
		m.Taxed = s.taxed()
		if _, err := ensure(ctx, s, noun.Match{"name": m.Name}, &m); err != nil {
			return err
		}
	}
	return nil
}

func (s *seeder) environments(ctx context.Context) error {
	_, err := ensure(ctx, s, noun.Match{"name": "production"}, &inventory.Environment{Taxed: s.taxed(), Name: "production"})
	return err
}
