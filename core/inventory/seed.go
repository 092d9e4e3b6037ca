package inventory

import (
	"context"

	"github.com/chargehand/chargehand/core/noun"
)

// TemplateKindNames are the kinds of provisioning templates.
func TemplateKindNames() []string {
	return []string{
		"PXELinux", "PXEGrub", "PXEGrub2", "iPXE", "provision", "finish", "script", "user_data", "ZTP", "POAP",
		"cloud-init", "host_init_config", "registration", "kexec", "Bootdisk", "public",
	}
}

// Seed writes what a fresh installation has: template kinds, one organization
// and one location, an architecture, the parameters that registration reads. It
// adds what is missing and changes nothing that is there.
func Seed(ctx context.Context, r *noun.Registry, caller noun.Caller) error {
	for _, name := range TemplateKindNames() {
		if err := ensure(ctx, r, caller, noun.Match{"name": name}, &TemplateKind{Name: name}); err != nil {
			return err
		}
	}
	if err := ensure(ctx, r, caller, noun.Match{}, &Organization{Taxonomy{Name: "Default Organization"}}); err != nil {
		return err
	}
	if err := ensure(ctx, r, caller, noun.Match{}, &Location{Taxonomy{Name: "Default Location"}}); err != nil {
		return err
	}
	if err := ensure(ctx, r, caller, noun.Match{}, &Architecture{Name: "x86_64"}); err != nil {
		return err
	}
	return seedParameters(ctx, r, caller)
}

func seedParameters(ctx context.Context, r *noun.Registry, caller noun.Caller) error {
	n := r.Noun("common_parameter")
	for _, p := range []noun.Input{
		{"name": "host_registration_insights", "parameter_type": "boolean", "value": "false"},
		{"name": "host_registration_remote_execution", "parameter_type": "boolean", "value": "true"},
		{"name": "host_packages", "parameter_type": "string", "value": ""},
	} {
		page, err := n.List(ctx, caller, noun.Query{Where: noun.Match{"name": p["name"]}, Bare: true})
		if err != nil {
			return err
		}
		if page.Total > 0 {
			continue
		}
		if _, err := n.CreateFrom(ctx, caller, p, noun.Query{}); err != nil {
			return err
		}
	}
	return nil
}

// ensure creates a record unless one matches.
func ensure[T any](ctx context.Context, r *noun.Registry, caller noun.Caller, m noun.Match, rec *T) error {
	var count int64
	err := r.Read(ctx, func(tx *noun.Tx) (err error) {
		count, err = noun.CountOf[T](ctx, tx, m)
		return err
	})
	if err != nil || count > 0 {
		return err
	}
	return noun.Of[T](r).Create(ctx, caller, rec)
}
