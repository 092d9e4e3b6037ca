package inventory

import (
	"strings"

	"github.com/chargehand/chargehand/core/noun"
)

// A Domain is a DNS zone that hosts live in.
type Domain struct {
	noun.Base
	noun.Taxed
	Name       string
	Fullname   string
	DNSID      int64 // smart proxy
	SubnetIDs  []int64
	Parameters []noun.Parameter
}

// Domains declares the DNS zones that hosts live in.
func Domains() *noun.Noun[Domain] {
	return noun.Declare("domain", func(d *Domain) noun.Fields {
		return noun.Fields{
			noun.Under("location", "organization", "subnet"), noun.Dotted(),
			noun.Text("name", &d.Name).Required().Unique().Clean(strings.ToLower).Format(dnsName).Search(),
			noun.Text("fullname", &d.Fullname).Label("Description").Unique().Search().Explicit(),
			noun.Ref("dns", &d.DNSID, "smart_proxy").Feature("DNS").Label("DNS proxy"),
			noun.Many("subnet", "subnets", &d.SubnetIDs, "subnet", "subnet_domains", "domain_id", "subnet_id").OnDelete(noun.Refuse),
			noun.Has("interfaces", "interface", "domain").OnDelete(noun.Refuse).Shown(),
			noun.Has("hostgroups", "hostgroup", "domain").OnDelete(noun.Refuse),
			noun.WithParameters(&d.Parameters, "DomainParameter", 30, "domain_parameters_attributes"),
			noun.InTaxonomies(&d.Taxed),
		}
	})
}
