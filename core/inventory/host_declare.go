package inventory

import (
	"context"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
)

// HostOptions are what saving hosts involves outside of their rows; all may be nil.
type HostOptions struct {
	Orchestrator Orchestrator
	// Addresses suggests free addresses for subnets whose IPAM asks elsewhere.
	Addresses AddressSource
	// TokenMinutes is how long a build token is good; nil or 0 is 360.
	TokenMinutes func() int64
}

// Hosts declares the machines.
func Hosts(o HostOptions) *noun.Noun[Host] {
	return noun.Declare("host", func(h *Host) noun.Fields {
		f := noun.Fields{
			noun.Dotted(), noun.AuditedAs("Host::Base"), noun.OneTaxonomy(), noun.OrderedBy("name"),
			noun.Under("location", "organization", "architecture", "domain", "hostgroup", "environment"),
			noun.Text("name", &h.Name).Required().Unique().Format(hostName).Search(),
			noun.Computed("display_name", func(h *Host, _ *noun.Names) any { return h.Name }),
			noun.Ref("organization", &h.OrganizationID, "organization").Search("organization_id").Explicit(),
			noun.Ref("location", &h.LocationID, "location").Search("location_id").Explicit(),
			noun.Ref("hostgroup", &h.HostgroupID, "hostgroup").Label("Host group").Titled().Search("hostgroup_id").Explicit(),
			noun.Ref("model", &h.ModelID, "model"), noun.SearchOn("model", "model.name"),
			noun.Text("ip", &h.IP).Label("IPv4 address").Clean(canonicalIP).Search(),
			noun.Text("ip6", &h.IP6).Label("IPv6 address").Clean(canonicalIP).Search(),
			noun.Text("mac", &h.MAC).Label("MAC address").Clean(canonicalMAC),
		}
		f = append(f, defaultFields(&h.HostDefaults)...)
		f = append(f, hostState(h)...)
		f = append(f, hostStatuses(h)...)
		f = append(f, hostSearches()...)
		f = append(f, unserved()...)
		f = append(f, facetOf(func(h *Host) (int64, []int64) { return h.ID, h.PuppetclassIDs })...)
		return append(f,
			noun.Owns("interfaces", &h.Interfaces, "interface", "host").Attributes("interfaces_attributes").Full(),
			noun.WithParameters(&h.Parameters, "HostParameter", 70, "host_parameters_attributes"),
			noun.Computed("all_parameters", func(h *Host, names *noun.Names) any {
				all, loaded := names.Get("all_parameters", h.ID).([]*ResolvedParameter)
				return noun.Present{Value: noun.Rows(all), Absent: !loaded}
			}).On(noun.Show).SeenWith("view_params"),
			noun.Many("puppetclass", "puppetclasses", &h.PuppetclassIDs, "puppetclass", "host_classes", "host_id", "puppetclass_id"),
			noun.Has("config_reports", "config_report", "host").OnDelete(noun.Cascade),
			noun.Has("fact_values", "fact_value", "host").OnDelete(noun.Cascade),
			noun.Prepare(func(ctx context.Context, c *noun.Change[Host]) error { return prepareHost(ctx, c, o) }),
			noun.Check(checkHost),
			noun.Saved(func(ctx context.Context, c *noun.Change[Host]) error { return hostSaved(ctx, c, o.Orchestrator) }),
			noun.Committed(func(ctx context.Context, c *noun.Change[Host]) error { return hostCommitted(ctx, c, o.Orchestrator) }),
			noun.Loaded(loadHosts),
		)
	})
}

// hostState are the attributes that only hosts have.
func hostState(h *Host) noun.Fields {
	return noun.Fields{
		noun.Text("certname", &h.Certname).Search().Explicit(),
		noun.Text("comment", &h.Comment).Long().Search(),
		noun.Text("disk", &h.Disk).Long(),
		noun.Bool("managed", &h.Managed).Search(),
		noun.Bool("enabled", &h.Enabled).Default(true).Search("status.enabled", "configuration_status.enabled"),
		noun.Bool("build", &h.Build).Search(),
		noun.Text("provision_method", &h.ProvisionMethod).Enum("build", "image"),
		noun.Time("initiated_at", &h.InitiatedAt).ReadOnly(),
		noun.Time("installed_at", &h.InstalledAt).ReadOnly().Search().Explicit(),
		noun.Time("last_report", &h.LastReport).ReadOnly().Search().Explicit(),
		noun.Time("last_compile", &h.LastCompile).ReadOnly(),
		noun.Int("owner_ref", &h.OwnerID).Column("owner_id").Also("owner_id").Hidden().Search("owner_id").Explicit(),
		noun.Computed("owner_id", func(h *Host, _ *noun.Names) any { return orNull(h.OwnerID) }),
		noun.Computed("owner_name", func(h *Host, n *noun.Names) any { return textOrNull(n.Name("user", h.OwnerID)) }),
		noun.Text("owner_type", &h.OwnerType).Enum("User", "Usergroup").Search().Explicit(),
		noun.Int("creator_ref", &h.CreatorID).Column("creator_id").ReadOnly().Hidden(),
		noun.Computed("creator_id", func(h *Host, _ *noun.Names) any { return orNull(h.CreatorID) }),
		noun.Computed("creator", func(h *Host, n *noun.Names) any { return textOrNull(n.Name("user", h.CreatorID)) }),
		noun.Text("uuid", &h.UUID).Unique().Search(),
		noun.Text("image_file", &h.ImageFile).NotNull(),
		noun.Sealed("root_pass", &h.RootPass), noun.Sealed("grub_pass", &h.GrubPass), noun.Sealed("otp", &h.OTP),
		noun.Text("token", &h.Token).Hidden().Private().ReadOnly(),
		noun.Time("token_expires", &h.TokenExpires).Hidden().ReadOnly(),
		noun.Text("build_errors", &h.BuildErrors).Long().Hidden().ReadOnly(),
		noun.Text("last_origin", &h.LastOrigin).Hidden().ReadOnly().Search("origin").Explicit(),
		noun.Int("lock_version", &h.LockVersion).Lock(),
		noun.Constant("use_image", nil), noun.Constant("image_id", nil), noun.Constant("image_name", nil),
		noun.Constant("compute_resource_provider", nil), noun.Constant("tags", []string{}),
		noun.Computed("permissions", func(*Host, *noun.Names) any {
			return noun.May{
				"view_hosts", "create_hosts", "edit_hosts", "destroy_hosts", "build_hosts", "power_hosts", "console_hosts",
				"ipmi_boot_hosts", "auto_complete_search_hosts", "forget_status_hosts", "play_roles_on_host", "cockpit_hosts",
			}
		}).On(noun.Show),
		noun.Computed("capabilities", func(*Host, *noun.Names) any { return []string{"build"} }),
		noun.Computed("bmc_available", func(h *Host, _ *noun.Names) any { return h.bmc() != nil }),
		noun.Computed("sp_mac", func(h *Host, _ *noun.Names) any { return h.service(func(i *Interface) string { return i.MAC }) }),
		noun.Computed("sp_ip", func(h *Host, _ *noun.Names) any { return h.service(func(i *Interface) string { return i.IP }) }),
		noun.Computed("sp_name", func(h *Host, _ *noun.Names) any { return h.service(func(i *Interface) string { return i.Name }) }),
		noun.Computed("sp_subnet_id", func(h *Host, _ *noun.Names) any {
			if b := h.bmc(); b != nil {
				return orNull(b.SubnetID)
			}
			return nil
		}),
		noun.Asked("overwrite", &h.Overwrite), noun.AskedText("progress_report_id", &h.ProgressReportID),
		noun.Within("puppet_attributes"),
	}
}

func (h *Host) bmc() *Interface {
	for i := range h.Interfaces {
		if h.Interfaces[i].Type == InterfaceBMC {
			return &h.Interfaces[i]
		}
	}
	return nil
}

func (h *Host) service(of func(*Interface) string) any {
	if b := h.bmc(); b != nil && of(b) != "" {
		return of(b)
	}
	return nil
}

// hostStatuses show what core/report and the build keep.
func hostStatuses(h *Host) noun.Fields {
	return noun.Fields{
		noun.Int("global_status", &h.GlobalStatus).ReadOnly(),
		noun.Computed("global_status_label", func(h *Host, _ *noun.Names) any { return label([]string{"OK", "Warning", "Error"}, h.GlobalStatus) }),
		noun.Int("build_status_value", &h.BuildStatus).Column("build_status").ReadOnly().Hidden(),
		noun.Computed("build_status", func(h *Host, _ *noun.Names) any { return h.BuildStatus }),
		noun.Computed("build_status_label", func(h *Host, _ *noun.Names) any {
			return label([]string{"Installed", "Pending installation", "Token expired", "Installation error"}, h.BuildStatus)
		}),
		noun.Int("configuration_status_bits", &h.ConfigurationStatus).Column("configuration_status").ReadOnly().Hidden(),
		noun.Text("configuration_label", &h.ConfigurationLabel).ReadOnly().Hidden(),
		noun.Computed("puppet_status", func(h *Host, _ *noun.Names) any { return h.ConfigurationStatus }),
		noun.Computed("configuration_status", func(h *Host, _ *noun.Names) any {
			return noun.Present{Value: h.ConfigurationStatus, Absent: h.LastReport.IsZero()}
		}),
		noun.Computed("configuration_status_label", func(h *Host, _ *noun.Names) any {
			return noun.Present{Value: h.ConfigurationLabel, Absent: h.LastReport.IsZero()}
		}),
	}
}

func label(words []string, i int64) string {
	if i < 0 || int(i) >= len(words) {
		return "N/A"
	}
	return words[i]
}

func hostSearches() noun.Fields {
	bits := func(name string, shift uint) *noun.SearchWord {
		return noun.SearchOn("status."+name, "configuration_status_bits").Alias("configuration_status."+name).Bits(shift, 10).Explicit()
	}
	return noun.Fields{
		noun.SearchOn("created_at", "created_at").Explicit(),
		bits("applied", 0), bits("restarted", 10), bits("failed", 20), bits("failed_restarts", 30), bits("skipped", 40), bits("pending", 50),
		noun.SearchOn("hostgroup", "hostgroup.name"), noun.SearchOn("hostgroup_name", "hostgroup.name").Explicit(),
		noun.SearchOn("hostgroup_fullname", "hostgroup.title"), noun.SearchOn("hostgroup_title", "hostgroup.title").Explicit(),
		noun.SearchOn("domain", "domain.name"), noun.SearchOn("domain_id", "domain_id").Explicit(),
		noun.SearchOn("architecture", "architecture.name"), noun.SearchOn("environment", "environment.name"),
		noun.SearchOn("puppetmaster", "puppet_proxy.name").Explicit(), noun.SearchOn("puppet_proxy_id", "puppet_proxy_id").Explicit(),
		noun.SearchOn("puppet_ca", "puppet_ca_proxy.name").Explicit(),
		noun.SearchOn("os", "operatingsystem.name"), noun.SearchOn("os_description", "operatingsystem.description"),
		noun.SearchOn("os_title", "operatingsystem.title"), noun.SearchOn("os_major", "operatingsystem.major").Explicit(),
		noun.SearchOn("os_minor", "operatingsystem.minor").Explicit(), noun.SearchOn("os_id", "operatingsystem_id").Explicit(),
		noun.SearchOn("has_ip", "interfaces.ip").Explicit(), noun.SearchOn("has_ip6", "interfaces.ip6").Explicit(),
		noun.SearchOn("has_mac", "interfaces.mac").Explicit(), noun.SearchOn("mac", "interfaces[provision].mac"),
		noun.SearchOn("organization", "organization.title").Explicit(), noun.SearchOn("location", "location.title").Explicit(),
		noun.SearchOn("subnet", "subnet.network"), noun.SearchOn("subnet.name", "subnet.name"),
		noun.SearchOn("subnet6", "subnet6.network"), noun.SearchOn("subnet6.name", "subnet6.name"),
		noun.SearchOn("subnet_id", "interfaces.subnet_id").Explicit(),
		noun.SearchOn("puppetclass", "puppetclasses.name").Explicit().Alias("class"),
		noun.SearchOn("facts", "fact_values.value").Keyed("fact_values.fact_name.name"),
		noun.SearchOn("build_status", "build_status_value").Explicit().Words(
			search.Word{Text: "built", Value: int64(0)}, search.Word{Text: "pending", Value: int64(1)},
			search.Word{Text: "token_expired", Value: int64(2)}, search.Word{Text: "build_failed", Value: int64(3)}),
		noun.SearchOn("global_status", "global_status").Explicit().Words(
			search.Word{Text: "ok", Value: int64(0)}, search.Word{Text: "warning", Value: int64(1)}, search.Word{Text: "error", Value: int64(2)}),
	}
}
