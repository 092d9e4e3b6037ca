package orchestrate

import (
	"fmt"
	"slices"
	"time"

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
	kindKeepBoot   = "tftp.keep"
	kindNoBoot     = "tftp.remove"
	kindFetch      = "tftp.fetch"
	kindAutosign   = "puppetca.autosign"
	kindNoAutosign = "puppetca.unautosign"
	kindCleanCert  = "puppetca.clean"
)

// Priorities, as Foreman orders its queue (lowest first).
const (
	keepBoot      = -2
	rowChanged    = -1
	removeRecord  = 9
	createRecord  = 10
	releaseOld    = 5
	reserveNew    = 9
	setBoot       = 20
	fetchFiles    = 25
	dropAutosign  = 50
	addAutosign   = 51
	cleanCert     = 55 // after all else: it cannot be taken back
	cleanGoneCert = 59
	removeGone    = 1 // records of a host that goes
	bootGone      = 20
)

// Whoever changes a host waits for its plan. A step is tried twice, for a moment
// each time, so that a proxy that is down is told of within half a minute.
const (
	attempts     = 2
	attemptTime  = 15 * time.Second
	renderTime   = 2 * time.Minute // with it: the engine's first start, which compiles Ruby
	postAttempts = 20              // nobody waits for these
)

// Diff gives the steps that lead from what was wanted to what is wanted now.
// Equal wants give no steps: an update of a comment touches nothing outside.
func Diff(old, now Wants) []job.PlanStep {
	var steps []job.PlanStep
	steps = append(steps, diffRecords(old, now)...)
	steps = append(steps, diffReservations(old, now)...)
	steps = append(steps, diffBoot(old, now)...)
	return bounded(append(steps, diffCA(old, now)...))
}

// bounded says how often and how long steps are tried, and tells steps of one
// name apart, such as those of two interfaces that share theirs.
func bounded(steps []job.PlanStep) []job.PlanStep {
	seen := map[string]int{}
	for i := range steps {
		s := &steps[i]
		s.Attempts, s.Timeout = attempts, attemptTime
		if s.Kind == kindBoot || s.Kind == kindKeepBoot {
			s.Timeout += renderTime
		}
		if s.Post {
			s.Attempts = postAttempts
		}
		if seen[s.Name]++; seen[s.Name] > 1 {
			s.Name = fmt.Sprintf("%s (%d)", s.Name, seen[s.Name])
		}
	}
	return steps
}

// Rebuild gives the steps that set everything once more, whatever is there.
// Failing, they leave what they found: the host wants it still.
func Rebuild(now Wants, parts ...string) []job.PlanStep {
	wanted := func(part string) bool { return len(parts) == 0 || slices.Contains(parts, part) }
	var steps []job.PlanStep
	if wanted("DNS") {
		for _, r := range now.Records {
			steps = append(steps, removeStep(r, removeRecord))
			r.Keep = true
			steps = append(steps, recordPlan(r))
		}
	}
	if wanted("DHCP") {
		for _, r := range now.Reservations {
			steps = append(steps, releaseStep(r))
			r.Keep = true
			steps = append(steps, reserveStep(r))
		}
	}
	if wanted("TFTP") {
		only := Wants{Boot: now.Boot, Files: now.Files, Build: now.Build}
		for _, s := range diffBoot(Wants{}, only) {
			if c, ok := s.Args.(bootChange); ok {
				c.Keep = true
				s.Args = c
			}
			steps = append(steps, s)
		}
	}
	return bounded(steps)
}

func recordPlan(r Record) job.PlanStep {
	return job.PlanStep{Name: "DNS " + r.Type + " " + r.Name, Kind: kindRecord, Args: r, Priority: createRecord}
}

func removeStep(r Record, priority int) job.PlanStep {
	return job.PlanStep{Name: "remove DNS " + r.Type + " " + r.Name, Kind: kindNoRecord, Args: r, Priority: priority}
}

func releaseStep(r Reservation) job.PlanStep {
	return job.PlanStep{Name: "release DHCP " + r.MAC + " " + r.IP, Kind: kindRelease, Args: r, Priority: releaseOld}
}

func reserveStep(r Reservation) job.PlanStep {
	return job.PlanStep{Name: "DHCP " + r.MAC + " " + r.IP, Kind: kindReserve, Args: r, Priority: reserveNew}
}

func diffRecords(old, now Wants) []job.PlanStep {
	var steps []job.PlanStep
	remove := removeRecord
	if len(now.Records) == 0 {
		remove = removeGone
	}
	for _, r := range old.Records {
		if !slices.Contains(now.Records, r) {
			steps = append(steps, removeStep(r, remove))
		}
	}
	for _, r := range now.Records {
		if !slices.Contains(old.Records, r) {
			steps = append(steps, recordPlan(r))
		}
	}
	return steps
}

func diffReservations(old, now Wants) []job.PlanStep {
	var steps []job.PlanStep
	for _, r := range old.Reservations {
		if !slices.ContainsFunc(now.Reservations, r.equal) {
			steps = append(steps, releaseStep(r))
		}
	}
	for _, r := range now.Reservations {
		if !slices.ContainsFunc(old.Reservations, r.equal) {
			steps = append(steps, reserveStep(r))
		}
	}
	return steps
}

// A bootChange is the arguments of a boot step. Keep tells that there is
// nothing to remove on the way back: a keep step sets what was, or a rebuild
// only repeats what is.
type bootChange struct {
	Config BootConfig `json:"config"`
	Keep   bool       `json:"keep,omitempty"`
}

// diffBoot changes configurations. What was is rendered again on the way back,
// by a step that begins before the rows' own and is undone after them: it needs
// the host as it was.
func diffBoot(old, now Wants) []job.PlanStep {
	var steps []job.PlanStep
	keep := func(b BootConfig) {
		steps = append(steps, job.PlanStep{Name: "keep " + b.Kind + " " + b.MAC, Kind: kindKeepBoot, Args: b, Priority: keepBoot})
	}
	place := func(b BootConfig) [3]string { return [3]string{b.Proxy, b.Kind, b.MAC} }
	find := func(in []BootConfig, b BootConfig) *BootConfig {
		if i := slices.IndexFunc(in, func(o BootConfig) bool { return place(o) == place(b) }); i >= 0 {
			return &in[i]
		}
		return nil
	}
	for _, b := range old.Boot {
		if find(now.Boot, b) == nil {
			keep(b)
			steps = append(steps, job.PlanStep{Name: "remove " + b.Kind + " " + b.MAC, Kind: kindNoBoot, Args: b, Priority: bootGone})
		}
	}
	for _, b := range now.Boot {
		was := find(old.Boot, b)
		if was != nil && was.Build == b.Build {
			continue
		}
		if was != nil {
			keep(*was)
		}
		steps = append(steps, job.PlanStep{Name: b.Kind + " " + b.MAC, Kind: kindBoot, Args: bootChange{Config: b, Keep: was != nil}, Priority: setBoot})
	}
	for _, f := range now.Files {
		if !slices.Contains(old.Files, f) {
			steps = append(steps, job.PlanStep{Name: "boot file " + f.URL, Kind: kindFetch, Args: f, Priority: fetchFiles})
		}
	}
	return steps
}

// diffCA lets a machine that is being built be signed and forgets its old
// certificate, which the fresh installation cannot have the key of. The end of
// the installation leaves it so, for many ask for their certificate after the
// first boot; the CA withdraws the name with the signing.
func diffCA(old, now Wants) []job.PlanStep {
	gone := old.CA.Proxy != "" && old.CA != now.CA
	var steps []job.PlanStep
	if old.Signable && old.CA.Proxy != "" && (gone || !now.Signable) {
		steps = append(steps, job.PlanStep{Name: "drop autosign " + old.CA.Certname, Kind: kindNoAutosign, Args: old.CA, Priority: dropAutosign, Post: true})
	}
	if gone {
		steps = append(steps, job.PlanStep{Name: "clean certificate " + old.CA.Certname, Kind: kindCleanCert, Args: old.CA, Priority: cleanGoneCert, Post: true})
	}
	if now.CA.Proxy != "" && now.Build && (!old.Build || old.CA != now.CA) {
		steps = append(steps,
			job.PlanStep{Name: "clean old certificate " + now.CA.Certname, Kind: kindCleanCert, Args: now.CA, Priority: cleanCert},
			job.PlanStep{Name: "autosign " + now.CA.Certname, Kind: kindAutosign, Args: now.CA, Priority: addAutosign})
	}
	return steps
}
