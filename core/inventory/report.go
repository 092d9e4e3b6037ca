package inventory

import (
	"encoding/json"
	"time"

	"github.com/chargehand/chargehand/core/noun"
)

// A ConfigReport is what one configuration run told. core/report makes them.
type ConfigReport struct {
	noun.Base
	HostID     int64
	ReportedAt time.Time
	Status     int64           // bit field of six counters
	Origin     string          // "Puppet", "Ansible", or "" where it is not known
	Metrics    json.RawMessage // as it was sent
	Logs       []ReportLog
}

// A ReportLog is one line of a report.
type ReportLog struct {
	Level   string `json:"level"`
	Source  string `json:"source"`
	Message string `json:"message"`
}

// A FactValue is one fact of one host. core/report writes them.
type FactValue struct {
	noun.Base
	HostID     int64
	FactNameID int64
	Value      string // "" for the ancestors of structured facts, where FactName.Compose
}

// A FactName is the name of a fact, with "::" between levels.
type FactName struct {
	noun.Base
	Name      string
	ShortName string
	Type      string // "FactName" …, by who sends it
	ParentID  int64
	Compose   bool // has no value itself
}
