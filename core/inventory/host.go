package inventory

import (
	"context"
	"time"

	"github.com/chargehand/chargehand/core/noun"
)

// A Host is a machine. Its domain, subnets and addresses are copies of its
// primary interface's, kept equal by every save.
type Host struct {
	noun.Base
	Name                string // the FQDN where a domain is known, lower case
	Certname            string // the name that its certificate has; Name unless set
	Comment             string
	OrganizationID      int64
	LocationID          int64
	HostDefaults               // domain and subnets are the primary interface's
	IP, IP6, MAC        string // the primary interface's
	Disk                string // partition text that replaces the table's
	ModelID             int64
	HostgroupID         int64
	ImageID             int64
	ImageFile           string
	UUID                string // of the virtual machine
	OwnerID             int64
	OwnerType           string // "User" or "Usergroup"
	CreatorID           int64
	Managed             bool
	Enabled             bool
	Build               bool
	ProvisionMethod     string      // "build" or "image"
	RootPass            noun.Secret // crypted
	GrubPass            noun.Secret
	OTP                 noun.Secret // one-time password of the realm
	Token               string      // opens the build endpoints while Build
	TokenExpires        time.Time
	BuildErrors         string
	InitiatedAt         time.Time
	InstalledAt         time.Time
	LastReport          time.Time
	LastCompile         time.Time
	GlobalStatus        int64 // 0 OK, 1 Warning, 2 Error
	BuildStatus         int64 // 0 built, 1 pending, 2 token expired, 3 failed
	ConfigurationStatus int64 // the bit field of the last report; core/report packs it
	ConfigurationLabel  string
	LastOrigin          string // of the last report
	LockVersion         int64  // grows with each save; a stale one is refused
	Interfaces          []Interface
	PuppetclassIDs      []int64
	Parameters          []noun.Parameter
	Overwrite           bool   // asked for with this save, not kept: replace conflicting records
	ProgressReportID    string // asked for with this save, not kept
}

// Primary is the interface that gives the host its name and addresses; nil
// when interfaces are not loaded.
func (h *Host) Primary() *Interface {
	for i := range h.Interfaces {
		if h.Interfaces[i].Primary {
			return &h.Interfaces[i]
		}
	}
	return nil
}

// Provision is the interface that the host is installed through; nil when
// interfaces are not loaded.
func (h *Host) Provision() *Interface {
	for i := range h.Interfaces {
		if h.Interfaces[i].Provision {
			return &h.Interfaces[i]
		}
	}
	return nil
}

// An Orchestrator makes the outside world follow a host's rows. A nil one
// leaves saves plain.
type Orchestrator interface {
	// Changed is called inside the transaction that writes the change, after
	// the rows; old is nil for a creation and new for a deletion. It stores what
	// there is to do and gives the plan's id, or "" when there is nothing. It
	// may run more than once, with its transaction, and must not touch anything
	// but tx. Invalid and Conflict errors reach the client as they are.
	Changed(ctx context.Context, tx *noun.Tx, old, new *Host) (plan string, err error)
	// Wait is called after the commit and returns when the plan has finished:
	// nil when it did what it should, its error when it was undone.
	Wait(ctx context.Context, plan string) error
}
