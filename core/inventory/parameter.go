package inventory

import (
	"context"

	"github.com/chargehand/chargehand/core/noun"
)

// CommonParameters declares the parameters that all hosts have.
func CommonParameters() *noun.Noun[noun.Parameter] {
	return noun.Declare("common_parameter", func(p *noun.Parameter) noun.Fields {
		return append(noun.Fields{
			noun.SharedTable("parameters", "type", "CommonParameter"), noun.Resource("Parameter"), noun.AuditedAs("CommonParameter"),
			noun.PermissionsOf("params"),
		}, noun.ParameterFields(p)...)
	})
}

// A ResolvedParameter is one parameter as a host has it, with where it is from.
type ResolvedParameter struct {
	*noun.Parameter
	Source   string // "global", "organization", … "host"
	Priority int
	Hides    []*ResolvedParameter // weaker ones of the same name, the strongest first
}

// RenderTo writes the parameter as bodies show it.
func (r *ResolvedParameter) RenderTo(w *noun.Writer, o *noun.Rendering) {
	var value any = noun.Masked
	if !r.Hidden || o.ShowHidden {
		value = r.Typed()
	}
	w.Open('{')
	w.Member("id", r.ID)
	w.Member("name", r.Name)
	w.Member("parameter_type", r.Type)
	w.Member("associated_type", r.Source)
	w.Member("hidden_value?", r.Hidden)
	w.Member("value", value)
	w.Member("priority", r.Priority)
	w.Member("is_property", false)
	w.Member("created_at", r.CreatedAt)
	w.Member("updated_at", r.UpdatedAt)
	w.Close('}')
}

// sources are the places that a host's parameters come from, the weakest first.
func sources() []struct {
	Noun, Source string
	Priority     int
} {
	return []struct {
		Noun, Source string
		Priority     int
	}{
		{"common_parameter", "global", 0},
		{"organization_parameter", "organization", 10},
		{"location_parameter", "location", 20},
		{"domain_parameter", "domain", 30},
		{"subnet_parameter", "subnet", 40},
		{"operatingsystem_parameter", "operating system", 50},
		{"hostgroup_parameter", "host group", 60},
		{"host_parameter", "host", 70},
	}
}

// ResolveParameters gives a host's parameters, each name once and from its
// strongest source, the strongest source first and by name within it.
func ResolveParameters(ctx context.Context, tx *noun.Tx, h *Host) ([]*ResolvedParameter, error) {
	owners, err := parameterOwners(ctx, tx, h)
	if err != nil {
		return nil, err
	}
	byName := map[string]*ResolvedParameter{}
	var groups [][]*ResolvedParameter
	for _, s := range sources() {
		var group []*ResolvedParameter
		found, err := noun.ParametersOf(ctx, tx, s.Noun, owners[s.Source])
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			r := &ResolvedParameter{Parameter: p, Source: s.Source, Priority: s.Priority}
			if weaker := byName[p.Name]; weaker != nil {
				r.Hides = append([]*ResolvedParameter{weaker}, weaker.Hides...)
			}
			byName[p.Name] = r
			group = append(group, r)
		}
		groups = append(groups, group)
	}
	out := []*ResolvedParameter{}
	for i := len(groups) - 1; i >= 0; i-- {
		for _, r := range groups[i] {
			if byName[r.Name] == r {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// parameterOwners are the ids of the records whose parameters a host has, by
// source, the weakest first.
func parameterOwners(ctx context.Context, tx *noun.Tx, h *Host) (map[string][]int64, error) {
	owners := map[string][]int64{
		"domain": one(h.DomainID), "subnet": append(one(h.SubnetID), one(h.Subnet6ID)...),
		"operating system": one(h.OperatingSystemID), "host": one(h.ID),
	}
	if h.HostgroupID != 0 {
		g, err := noun.Load[Hostgroup](ctx, tx, h.HostgroupID)
		if err != nil {
			return nil, err
		}
		owners["host group"] = append(AncestorIDs(g.Ancestry), g.ID)
	}
	if h.OrganizationID != 0 {
		o, err := noun.Load[Organization](ctx, tx, h.OrganizationID)
		if err != nil {
			return nil, err
		}
		owners["organization"] = append(AncestorIDs(o.Ancestry), o.ID)
	}
	if h.LocationID != 0 {
		l, err := noun.Load[Location](ctx, tx, h.LocationID)
		if err != nil {
			return nil, err
		}
		owners["location"] = append(AncestorIDs(l.Ancestry), l.ID)
	}
	return owners, nil
}

func one(id int64) []int64 {
	if id == 0 {
		return nil
	}
	return []int64{id}
}
