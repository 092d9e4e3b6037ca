package orchestrate

import (
	"slices"

	"github.com/chargehand/chargehand/core/job"
)

// The kinds of step. Stored plans name them: they are never renamed.
const (
	kindRow        = "host.row"
	kindRecord     = "dns.record"
	kindNoRecord   = "dns.remove"
	kindReserve    = "dhcp.reserve"
	kindRelease    = "dhcp.release"
	kindBoot       = "tftp.config"
	kindNoBoot     = "tftp.remove"
	kindFetch      = "tftp.fetch"
	kindAutosign   = "puppetca.autosign"
	kindNoAutosign = "puppetca.unautosign"
	kindCleanCert  = "puppetca.clean"
	kindDeleteRow  = "host.delete"
)

// Priorities, as Foreman orders its queue (lowest first).
const (
	first         = 0
	removeRecord  = 9
	createRecord  = 10
	releaseOld    = 5
	reserveNew    = 9
	setBoot       = 20
	fetchFiles    = 25
	dropAutosign  = 50
	cleanCert     = 51
	addAutosign   = 55
	cleanGoneCert = 59
	last          = 1000
	removeGone    = 1 // records of a host that goes
	bootGone      = 20
)

// Diff gives the steps that lead from what was wanted to what is wanted now.
// Equal wants give no steps: an update of a comment touches nothing outside.
func Diff(old, now Wants) []job.PlanStep {
	var steps []job.PlanStep
	steps = append(steps, diffRecords(old, now)...)
	steps = append(steps, diffReservations(old, now)...)
	steps = append(steps, diffBoot(old, now)...)
	return append(steps, diffCA(old, now)...)
}

// Rebuild gives the steps that set everything once more, whatever is there.
func Rebuild(now Wants, parts ...string) []job.PlanStep {
	wanted := func(part string) bool { return len(parts) == 0 || slices.Contains(parts, part) }
	var only Wants
	if wanted("DNS") {
		only.Records = now.Records
	}
	if wanted("DHCP") {
		only.Reservations = now.Reservations
	}
	if wanted("TFTP") {
		only.Boot, only.Files, only.Build = now.Boot, now.Files, now.Build
	}
	return Diff(Wants{}, only)
}

func diffRecords(old, now Wants) []job.PlanStep {
	var steps []job.PlanStep
	remove := removeRecord
	if len(now.Records) == 0 {
		remove = removeGone
	}
	for _, r := range old.Records {
		if !slices.Contains(now.Records, r) {
			steps = append(steps, job.PlanStep{Name: "remove DNS " + r.Type + " " + r.Name, Kind: kindNoRecord, Args: r, Priority: remove})
		}
	}
	for _, r := range now.Records {
		if !slices.Contains(old.Records, r) {
			steps = append(steps, job.PlanStep{Name: "DNS " + r.Type + " " + r.Name, Kind: kindRecord, Args: r, Priority: createRecord})
		}
	}
	return steps
}

func diffReservations(old, now Wants) []job.PlanStep {
	var steps []job.PlanStep
	for _, r := range old.Reservations {
		if !slices.ContainsFunc(now.Reservations, r.equal) {
			steps = append(steps, job.PlanStep{Name: "release DHCP " + r.MAC + " " + r.IP, Kind: kindRelease, Args: r, Priority: releaseOld})
		}
	}
	for _, r := range now.Reservations {
		if !slices.ContainsFunc(old.Reservations, r.equal) {
			steps = append(steps, job.PlanStep{Name: "DHCP " + r.MAC + " " + r.IP, Kind: kindReserve, Args: r, Priority: reserveNew})
		}
	}
	return steps
}

// A bootChange is the arguments of a boot step: what is to be, and what was, for
// the way back.
type bootChange struct {
	Config BootConfig  `json:"config"`
	Was    *BootConfig `json:"was,omitempty"`
}

func diffBoot(old, now Wants) []job.PlanStep {
	var steps []job.PlanStep
	place := func(b BootConfig) [3]string { return [3]string{b.Proxy, b.Kind, b.MAC} }
	find := func(in []BootConfig, b BootConfig) *BootConfig {
		if i := slices.IndexFunc(in, func(o BootConfig) bool { return place(o) == place(b) }); i >= 0 {
			return &in[i]
		}
		return nil
	}
	for _, b := range old.Boot {
		if find(now.Boot, b) == nil {
			steps = append(steps, job.PlanStep{Name: "remove " + b.Kind + " " + b.MAC, Kind: kindNoBoot, Args: b, Priority: bootGone})
		}
	}
	for _, b := range now.Boot {
		was := find(old.Boot, b)
		if was == nil || was.Build != b.Build {
			steps = append(steps, job.PlanStep{Name: b.Kind + " " + b.MAC, Kind: kindBoot, Args: bootChange{Config: b, Was: was}, Priority: setBoot})
		}
	}
	for _, f := range now.Files {
		if !slices.Contains(old.Files, f) {
			steps = append(steps, job.PlanStep{Name: "boot file " + f.URL, Kind: kindFetch, Args: f, Priority: fetchFiles})
		}
	}
	return steps
}

// diffCA signs a machine's next request while it is being built and forgets its
// old certificate, which the fresh installation cannot have the key of.
// diffCA lets a machine that is built be signed. The end of the installation
// leaves it so, for many ask for their certificate after the first boot; the CA
// withdraws the name with the signing.
func diffCA(old, now Wants) []job.PlanStep {
	gone := old.CA.Proxy != "" && old.CA != now.CA
	var steps []job.PlanStep
	if old.Signable && old.CA.Proxy != "" && (gone || !now.Signable) {
		steps = append(steps, job.PlanStep{Name: "drop autosign " + old.CA.Certname, Kind: kindNoAutosign, Args: old.CA, Priority: dropAutosign, Post: true})
	}
	if gone {
		steps = append(steps, job.PlanStep{Name: "clean certificate " + old.CA.Certname, Kind: kindCleanCert, Args: old.CA, Priority: cleanGoneCert, Post: true, Attempts: 20})
	}
	if now.CA.Proxy != "" && now.Build && (!old.Build || old.CA != now.CA) {
		steps = append(steps,
			job.PlanStep{Name: "clean old certificate " + now.CA.Certname, Kind: kindCleanCert, Args: now.CA, Priority: cleanCert},
			job.PlanStep{Name: "autosign " + now.CA.Certname, Kind: kindAutosign, Args: now.CA, Priority: addAutosign})
	}
	return steps
}
