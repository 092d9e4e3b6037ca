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

// ConfigReports declares the reports of configuration runs. core/report makes
// them from uploads.
func ConfigReports() *noun.Noun[ConfigReport] {
	return noun.Declare("config_report", func(r *ConfigReport) noun.Fields {
		return noun.Fields{
			noun.Only("index", "show", "destroy"), noun.Under("host"), noun.ScopedBy("host"), noun.Unaudited(),
			noun.OrderedBy("reported_at DESC"), noun.Named("Report"),
			noun.Ref("host", &r.HostID, "host").Search("host_id").Explicit(),
			noun.Time("reported_at", &r.ReportedAt).Required().Search("reported", "last_report").Explicit(),
			noun.Int("status_bits", &r.Status).Column("status").Hidden(),
			noun.Computed("status", func(r *ConfigReport, _ *noun.Names) any { return Counters(r.Status) }),
			noun.Text("origin", &r.Origin).Search(),
			noun.JSON("metrics", &r.Metrics),
			noun.JSON("log_lines", &r.Logs).Column("logs").Hidden(),
			noun.Computed("logs", func(r *ConfigReport, _ *noun.Names) any { return shownLogs(r.Logs) }).On(noun.Show),
			noun.Computed("summary", func(r *ConfigReport, _ *noun.Names) any { return r.Summary() }).On(noun.Show),
			noun.SearchOn("eventful", "status_bits").Truth(),
			noun.SearchOn("applied", "status_bits").Bits(0, 10).Explicit(),
			noun.SearchOn("restarted", "status_bits").Bits(10, 10).Explicit(),
			noun.SearchOn("failed", "status_bits").Bits(20, 10).Explicit(),
			noun.SearchOn("failed_restarts", "status_bits").Bits(30, 10).Explicit(),
			noun.SearchOn("skipped", "status_bits").Bits(40, 10).Explicit(),
			noun.SearchOn("pending", "status_bits").Bits(50, 10).Explicit(),
			noun.SearchOn("host", "host.name"), noun.SearchOn("organization", "host.organization.name"),
			noun.SearchOn("location", "host.location.name"), noun.SearchOn("hostgroup", "host.hostgroup.name"),
			noun.SearchOn("hostgroup_fullname", "host.hostgroup.title").Alias("hostgroup_title"),
			noun.SearchOn("environment", "host.environment.name"),
		}
	})
}

// Counters unpacks a status: six counters of ten bits each, the least
// significant first.
func Counters(status int64) map[string]int64 {
	m := map[string]int64{}
	for i, name := range []string{"applied", "restarted", "failed", "failed_restarts", "skipped", "pending"} {
		m[name] = status >> (10 * i) & 1023
	}
	return m
}

// Summary is the report in one word.
func (r *ConfigReport) Summary() string {
	c := Counters(r.Status)
	switch {
	case c["failed"]+c["failed_restarts"] > 0:
		return "Failed"
	case c["applied"]+c["restarted"] > 0:
		return "Modified"
	}
	return "Success"
}

type shownLog struct {
	Source  map[string]string `json:"source"`
	Message map[string]string `json:"message"`
	Level   string            `json:"level"`
}

func shownLogs(logs []ReportLog) []shownLog {
	out := make([]shownLog, len(logs))
	for i, l := range logs {
		out[i] = shownLog{map[string]string{"source": l.Source}, map[string]string{"message": l.Message}, l.Level}
	}
	return out
}

// FactNames declares the names of facts.
func FactNames() *noun.Noun[FactName] {
	return noun.Declare("fact_name", func(f *FactName) noun.Fields {
		return noun.Fields{
			noun.Internal(),
			noun.Text("name", &f.Name).Required().Max(0).Search(),
			noun.Text("short_name", &f.ShortName).Max(0),
			noun.Text("type", &f.Type).Default("FactName"),
			noun.Ref("parent", &f.ParentID, "fact_name"),
			noun.Bool("compose", &f.Compose),
		}
	})
}

// FactValues declares the facts of hosts. core/report writes them from uploads.
func FactValues() *noun.Noun[FactValue] {
	return noun.Declare("fact_value", func(f *FactValue) noun.Fields {
		return noun.Fields{
			noun.Only("index"), noun.PermissionsOf("facts"), noun.Resource("FactValue"), noun.Unaudited(), noun.ScopedBy("host"),
			noun.Under("host"),
			noun.Ref("host", &f.HostID, "host").Search("host_id").Explicit(),
			noun.Ref("fact_name", &f.FactNameID, "fact_name"),
			noun.Text("value", &f.Value).Long().Search(),
			noun.SearchOn("fact", "fact_name.name").Alias("name"),
			noun.SearchOn("fact_short_name", "fact_name.short_name").Alias("short_name"),
			noun.SearchOn("type", "fact_name.type").Alias("origin").Explicit(),
			noun.SearchOn("host", "host.name").Explicit(), noun.SearchOn("host.hostgroup", "host.hostgroup.name").Explicit(),
			noun.SearchOn("facts", "value").Keyed("fact_name.name"),
			noun.SearchOn("organization", "host.organization.name").Explicit(), noun.SearchOn("location", "host.location.name").Explicit(),
			noun.SearchOn("organization_id", "host.organization_id").Explicit(), noun.SearchOn("location_id", "host.location_id").Explicit(),
			noun.SearchOn("reported_at", "updated_at").Explicit(),
		}
	})
}
