package inventory

import (
	"context"

	"github.com/chargehand/chargehand/core/noun"
)

// loadHosts gathers what a host's view shows beyond its row.
func loadHosts(ctx context.Context, tx *noun.Tx, hosts []*Host, names *noun.Names, whole bool) error {
	for _, h := range hosts {
		if h.OwnerType == "User" {
			names.Want("user", h.OwnerID)
		}
		names.Want("user", h.CreatorID)
	}
	if !whole {
		return nil
	}
	for _, h := range hosts {
		if err := loadHost(ctx, tx, h, names); err != nil {
			return err
		}
	}
	return nil
}

func loadHost(ctx context.Context, tx *noun.Tx, h *Host, names *noun.Names) error {
	all, err := ResolveParameters(ctx, tx, h)
	if err != nil {
		return err
	}
	names.Put("all_parameters", h.ID, all)
	chain, err := Chain(ctx, tx, h.HostgroupID)
	if err != nil {
		return err
	}
	classes, err := allClasses(ctx, tx, chain, h.PuppetclassIDs)
	names.Put("all_puppetclasses", h.ID, classes)
	names.Want("puppetclass", classes...)
	return err
}
