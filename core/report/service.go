package report

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A Service stores what machines tell. It is safe for concurrent use.
type Service struct {
	nouns  *noun.Registry
	caller noun.Caller
	now    func() time.Time
}

// NewService makes a service that writes in the caller's name.
func NewService(nouns *noun.Registry, caller noun.Caller, now func() time.Time) *Service {
	return &Service{nouns: nouns, caller: caller, now: now}
}

// Report stores a report and moves its host's state. The host is created,
// unmanaged, when it is not known. The same report again changes nothing and
// gives what is stored.
func (s *Service) Report(ctx context.Context, in *Intake) (*inventory.ConfigReport, error) {
	host, err := s.host(ctx, in.Host, in.Host)
	if err != nil {
		return nil, err
	}
	rec := &inventory.ConfigReport{HostID: host.ID, ReportedAt: in.ReportedAt, Status: in.Status.Pack(), Origin: in.Origin, Metrics: in.Metrics, Logs: in.Logs}
	store := func(tx *noun.Tx) error {
		found, err := noun.Find[inventory.ConfigReport](ctx, tx, noun.Match{"host": host.ID, "reported_at": in.ReportedAt})
		if err != nil {
			return err
		}
		if len(found) > 0 {
			*rec = *found[0]
			return nil
		}
		rec.ID, rec.CreatedAt, rec.UpdatedAt = 0, s.now(), s.now()
		if err := tx.Conn().Insert(ctx, noun.Of[inventory.ConfigReport](s.nouns).Any, rec); err != nil {
			return err
		}
		return s.moveHost(ctx, tx, host.ID, rec)
	}
	err = s.write(ctx, store)
	return rec, errs.Wrap(err, "store the report of %s", in.Host)
}

// write is a transaction that may lose against another upload, or a save, of the
// same host: the next try finds what the other made.
func (s *Service) write(ctx context.Context, f func(tx *noun.Tx) error) error {
	const tries = 5
	var err error
	for range tries {
		if err = s.nouns.Write(ctx, f); !errs.Is(err, errs.Conflict) {
			break
		}
	}
	return err
}

// moveHost takes a report's status over, unless a newer one is there.
func (s *Service) moveHost(ctx context.Context, tx *noun.Tx, id int64, r *inventory.ConfigReport) error {
	h, err := noun.Load[inventory.Host](ctx, tx, id)
	if err != nil || h.LastReport.After(r.ReportedAt) {
		return err
	}
	h.LastReport, h.ConfigurationStatus, h.LastOrigin = r.ReportedAt, r.Status, r.Origin
	h.GlobalStatus, h.ConfigurationLabel = 0, label(Unpack(r.Status))
	if Unpack(r.Status).Error() {
		h.GlobalStatus = 2
	}
	return s.patch(ctx, tx, h, "last_report", "configuration_status", "configuration_label", "last_origin", "global_status")
}

// label words the configuration status of a host that has just reported.
func label(c Counters) string {
	switch {
	case c.Error():
		return "Error"
	case c.Changes():
		return "Active"
	case c.Pending > 0:
		return "Pending"
	}
	return "No changes"
}

// patch writes some columns of a host without its rules and without
// orchestration, as uploads do.
func (s *Service) patch(ctx context.Context, tx *noun.Tx, h *inventory.Host, names ...string) error {
	n := noun.Of[inventory.Host](s.nouns).Any
	var fields []*noun.Field
	for _, f := range n.Columns() {
		if slices.Contains(names, f.Name()) || slices.Contains(names, f.ColumnName()) {
			fields = append(fields, f)
		}
	}
	return tx.Conn().Update(ctx, n, h, fields)
}

// host finds a machine by certname or name, or creates it.
func (s *Service) host(ctx context.Context, name, certname string) (*inventory.Host, error) {
	name, certname = strings.ToLower(name), strings.ToLower(certname)
	if strings.ContainsFunc(name+certname, unicode.IsSpace) { // a host's name would lose it, and never be found
		return nil, errs.InvalidField("host", "has white space in it: %.64q", name)
	}
	var found *inventory.Host
	err := s.nouns.Read(ctx, func(tx *noun.Tx) error {
		for _, m := range []noun.Match{{"certname": certname}, {"name": name}} {
			hosts, err := noun.Find[inventory.Host](ctx, tx, m)
			if err != nil {
				return err
			}
			if len(hosts) > 0 {
				found = hosts[0]
				return nil
			}
		}
		return nil
	})
	if err != nil || found != nil {
		return found, err
	}
	h := &inventory.Host{Name: name, Certname: certname, Enabled: true}
	err = noun.Of[inventory.Host](s.nouns).Create(ctx, s.caller, h)
	if errs.Is(err, errs.Conflict) || errs.Is(err, errs.Invalid) { // another upload was first
		if again, ferr := s.find(ctx, name); ferr == nil && again != nil {
			return again, nil
		}
	}
	return h, errs.Wrap(err, "create host %s", name)
}

func (s *Service) find(ctx context.Context, name string) (h *inventory.Host, err error) {
	err = s.nouns.Read(ctx, func(tx *noun.Tx) error {
		hosts, err := noun.Find[inventory.Host](ctx, tx, noun.Match{"name": name})
		if len(hosts) > 0 {
			h = hosts[0]
		}
		return err
	})
	return h, err
}

// A FactsUpload is what a machine tells of itself.
type FactsUpload struct {
	Name        string
	Certname    string
	Environment string
	Facts       map[string]any
}

// ParseFacts reads the body of POST /api/hosts/facts.
func ParseFacts(body []byte) (*FactsUpload, error) {
	var wire struct {
		Name     string         `json:"name"`
		Certname string         `json:"certname"`
		Facts    map[string]any `json:"facts"`
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	if err := dec.Decode(&wire); err != nil {
		return nil, errs.WrapAs(errs.Malformed, err, "the body is not facts")
	}
	if wire.Name == "" || wire.Facts == nil {
		return nil, errs.InvalidField("facts", "name and facts must be given")
	}
	up := &FactsUpload{Name: wire.Name, Certname: wire.Certname, Facts: wire.Facts}
	if up.Certname == "" {
		up.Certname = wire.Name
	}
	up.Environment, _ = wire.Facts["environment"].(string)
	return up, nil
}

// Facts makes a host's facts those of the upload. The host is created,
// unmanaged, when it is not known.
func (s *Service) Facts(ctx context.Context, up *FactsUpload) (*inventory.Host, error) {
	rows, err := Flatten(up.Facts)
	if err != nil {
		return nil, err
	}
	host, err := s.host(ctx, up.Name, up.Certname)
	if err != nil {
		return nil, err
	}
	names, err := s.factNames(ctx, rows)
	if err != nil {
		return nil, errs.Wrap(err, "name the facts of %s", up.Name)
	}
	err = s.write(ctx, func(tx *noun.Tx) error { return s.replaceFacts(ctx, tx, host.ID, rows, names) })
	if err != nil {
		return nil, errs.Wrap(err, "store the facts of %s", up.Name)
	}
	return host, errs.Wrap(s.describe(ctx, host, up), "describe %s from its facts", up.Name)
}

// factNames gives the ids of fact names, made where they are new, in a
// transaction of their own: many uploads share them.
func (s *Service) factNames(ctx context.Context, rows []Fact) (map[string]int64, error) {
	ids := map[string]int64{}
	n := noun.Of[inventory.FactName](s.nouns).Any
	load := func(tx *noun.Tx) error {
		clear(ids)
		known, err := noun.Find[inventory.FactName](ctx, tx, noun.Match{"type": factType})
		for _, k := range known {
			ids[k.Name] = k.ID
		}
		return err
	}
	if err := s.nouns.Read(ctx, load); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(rows, func(f Fact) bool { return ids[f.Name] == 0 }) {
		return ids, nil
	}
	err := s.write(ctx, func(tx *noun.Tx) error {
		if err := load(tx); err != nil {
			return err
		}
		for _, f := range rows { // sorted: ancestors come first, and no two uploads cross
			if ids[f.Name] != 0 {
				continue
			}
			parent, short := int64(0), f.Name
			if i := strings.LastIndex(f.Name, Separator); i >= 0 {
				parent, short = ids[f.Name[:i]], f.Name[i+len(Separator):]
			}
			rec := &inventory.FactName{Name: f.Name, ShortName: short, Type: factType, ParentID: parent, Compose: f.Compose}
			rec.CreatedAt, rec.UpdatedAt = s.now(), s.now()
			if err := tx.Conn().Insert(ctx, n, rec); err != nil {
				return err
			}
			ids[f.Name] = rec.ID
		}
		return nil
	})
	return ids, err
}

const factType = "FactName"

// replaceFacts writes only what differs.
func (s *Service) replaceFacts(ctx context.Context, tx *noun.Tx, host int64, rows []Fact, names map[string]int64) error {
	n := noun.Of[inventory.FactValue](s.nouns).Any
	stored, err := noun.Find[inventory.FactValue](ctx, tx, noun.Match{"host": host})
	if err != nil {
		return err
	}
	byName := make(map[int64]*inventory.FactValue, len(stored))
	for _, v := range stored {
		byName[v.FactNameID] = v
	}
	var value []*noun.Field
	for _, f := range n.Columns() {
		if f.Name() == "value" || f.Name() == "updated_at" {
			value = append(value, f)
		}
	}
	for _, f := range rows {
		id := names[f.Name]
		was := byName[id]
		delete(byName, id)
		switch {
		case was == nil:
			rec := &inventory.FactValue{HostID: host, FactNameID: id, Value: f.Value}
			rec.CreatedAt, rec.UpdatedAt = s.now(), s.now()
			err = tx.Conn().Insert(ctx, n, rec)
		case was.Value != f.Value:
			was.Value, was.UpdatedAt = f.Value, s.now()
			err = tx.Conn().Update(ctx, n, was, value)
		}
		if err != nil {
			return err
		}
	}
	gone := make([]int64, 0, len(byName))
	for _, v := range byName {
		gone = append(gone, v.ID)
	}
	return tx.Conn().Delete(ctx, n, gone)
}

// describe fills in what facts tell of a host that is not being built and that
// nobody has said: architecture, operating system, environment.
func (s *Service) describe(ctx context.Context, host *inventory.Host, up *FactsUpload) error {
	if host.Build || host.Managed && host.OperatingSystemID != 0 && host.ArchitectureID != 0 {
		return nil
	}
	d := Derive(up.Facts)
	arch, err := s.architecture(ctx, d.Architecture)
	if err != nil {
		return err
	}
	os, err := s.operatingSystem(ctx, d.OS, arch)
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx *noun.Tx) error {
		h, err := noun.Load[inventory.Host](ctx, tx, host.ID)
		if err != nil || h.ArchitectureID != 0 && h.OperatingSystemID != 0 {
			return err
		}
		if h.ArchitectureID == 0 {
			h.ArchitectureID = arch
		}
		if h.OperatingSystemID == 0 {
			h.OperatingSystemID = os
		}
		return s.patch(ctx, tx, h, "architecture", "operatingsystem")
	})
}

func (s *Service) architecture(ctx context.Context, name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	return s.ensure(ctx, noun.Match{"name": name}, func() (int64, error) {
		a := &inventory.Architecture{Name: name}
		err := noun.Of[inventory.Architecture](s.nouns).Create(ctx, s.caller, a)
		return a.ID, err
	}, func(tx *noun.Tx, m noun.Match) (int64, error) { return firstID[inventory.Architecture](ctx, tx, m) })
}

func (s *Service) operatingSystem(ctx context.Context, o DerivedOS, arch int64) (int64, error) {
	if o.Name == "" || o.Major == "" {
		return 0, nil
	}
	return s.ensure(ctx, noun.Match{"name": o.Name, "major": o.Major, "minor": o.Minor}, func() (int64, error) {
		rec := &inventory.OperatingSystem{Name: o.Name, Major: o.Major, Minor: o.Minor, Family: o.Family, ReleaseName: o.ReleaseName, Description: o.Description}
		if arch != 0 {
			rec.ArchitectureIDs = []int64{arch}
		}
		err := noun.Of[inventory.OperatingSystem](s.nouns).Create(ctx, s.caller, rec)
		return rec.ID, err
	}, func(tx *noun.Tx, m noun.Match) (int64, error) { return firstID[inventory.OperatingSystem](ctx, tx, m) })
}

// ensure finds a record or creates it; of two that create it, one finds the other's.
func (s *Service) ensure(ctx context.Context, m noun.Match, create func() (int64, error), find func(*noun.Tx, noun.Match) (int64, error)) (int64, error) {
	var id int64
	look := func(tx *noun.Tx) (err error) {
		id, err = find(tx, m)
		return err
	}
	if err := s.nouns.Read(ctx, look); err != nil || id != 0 {
		return id, err
	}
	made, err := create()
	if err == nil {
		return made, nil
	}
	if rerr := s.nouns.Read(ctx, look); rerr == nil && id != 0 {
		return id, nil
	}
	return 0, err
}

func firstID[T any](ctx context.Context, tx *noun.Tx, m noun.Match) (int64, error) {
	found, err := noun.Find[T](ctx, tx, m)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return noun.Of[T](tx.Registry()).ID(found[0]), nil
}
