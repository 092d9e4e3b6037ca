package dnsd

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/journal"
)

// snapshotSize is the journal size from which rewriting it is worth while.
const snapshotSize = 4 << 20

// Values of the SOA record that CreateZone writes, in seconds. Negative answers
// are kept for a minute only: a host is often asked for just before it exists.
const (
	zoneTTL     = 3600
	refresh     = 3600
	retry       = 600
	expire      = 14 * 24 * 3600
	negativeTTL = 60
)

// A Store holds zones, in memory to answer from and in a journal so that no
// acknowledged change is lost. Names are taken in any case, with or without the
// final dot. Methods are safe for concurrent use.
type Store struct {
	now     clock.Clock
	journal *journal.Journal

	writer sync.Mutex // held by whoever changes zones, from its first look to the journal

	mu    sync.RWMutex // guards zones and all in them; never held across I/O
	zones map[string]*zone
}

// change is a journal record: RRsets of one zone, as they are from now on.
type change struct {
	Zone string   `json:"zone"`
	Gone bool     `json:"gone,omitempty"` // the zone itself
	Sets []wanted `json:"sets,omitempty"`
}

// wanted is an RRset in wire format; without records it is to go.
type wanted struct {
	Name string   `json:"name"`
	Type uint16   `json:"type"`
	Data [][]byte `json:"data,omitempty"`
}

// OpenStore reads the zones kept in the folder dir, making both when absent.
func OpenStore(dir string, now clock.Clock) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Store{now: now, zones: map[string]*zone{}}
	j, err := journal.Open(filepath.Join(dir, "dns.journal"), s.replay)
	if err != nil {
		return nil, err
	}
	s.journal = j
	return s, nil
}

// Close closes the journal; changes are on the disk already.
func (s *Store) Close() error { return s.journal.Close() }

func (s *Store) replay(record []byte) error {
	var c change
	if err := json.Unmarshal(record, &c); err != nil {
		return fmt.Errorf("read a DNS change: %w", err)
	}
	if c.Gone {
		delete(s.zones, c.Zone)
		return nil
	}
	z := s.zones[c.Zone]
	if z == nil {
		z = newZone(c.Zone)
		s.zones[c.Zone] = z
	}
	for _, w := range c.Sets {
		rrs := make([]dns.RR, 0, len(w.Data))
		for _, raw := range w.Data {
			rr, _, err := dns.UnpackRR(raw, 0)
			if err != nil {
				return fmt.Errorf("read a DNS record of %s: %w", w.Name, err)
			}
			rrs = append(rrs, rr)
		}
		z.set(w.Name, w.Type, rrs)
	}
	return nil
}

// Zones lists the zones by name.
func (s *Store) Zones() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.zones))
}

// ZoneOf finds the zone that holds a name; false when none does.
func (s *Store) ZoneOf(name string) (string, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if z := s.enclosing(dns.CanonicalName(name)); z != nil {
		return z.name, true
	}
	return "", false
}

// enclosing is the zone nearest above a canonical name; the caller holds mu.
func (s *Store) enclosing(name string) *zone {
	for {
		if z := s.zones[name]; z != nil {
			return z
		}
		if name == "." {
			return nil
		}
		name = parent(name)
	}
}

// CreateZone makes a zone whose primary server has the name ns, and returns when
// it is durable. A zone that is there already stays as it is.
// Errors: Invalid names, Unavailable when the disk fails.
func (s *Store) CreateZone(name, ns string) error {
	name, ns = dns.CanonicalName(name), dns.CanonicalName(ns)
	if _, ok := dns.IsDomainName(name); !ok || name == "." {
		return errs.New(errs.Invalid, "%.255q is no name for a zone", name)
	}
	if _, ok := dns.IsDomainName(ns); !ok || ns == "." {
		return errs.New(errs.Invalid, "%.255q is no name for a server", ns)
	}
	s.writer.Lock()
	defer s.writer.Unlock()
	s.mu.RLock()
	known := s.zones[name] != nil
	s.mu.RUnlock()
	if known {
		return nil
	}
	tx := &Tx{zone: newZone(name), sets: map[key][]dns.RR{}}
	header := func(t uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: t, Class: dns.ClassINET, Ttl: zoneTTL}
	}
	tx.Set(name, dns.TypeSOA, &dns.SOA{
		Hdr: header(dns.TypeSOA), Ns: ns, Mbox: "hostmaster." + name, Serial: uint32(s.now().Unix()),
		Refresh: refresh, Retry: retry, Expire: expire, Minttl: negativeTTL,
	})
	tx.Set(name, dns.TypeNS, &dns.NS{Hdr: header(dns.TypeNS), Ns: ns})
	return s.commit(tx)
}

// RemoveZone drops a zone with all its records; an absent one is no error.
func (s *Store) RemoveZone(name string) error {
	name = dns.CanonicalName(name)
	s.writer.Lock()
	defer s.writer.Unlock()
	s.mu.RLock()
	known := s.zones[name] != nil
	s.mu.RUnlock()
	if !known {
		return nil
	}
	if err := s.append(change{Zone: name, Gone: true}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.zones, name)
	return nil
}

// Change lets edit look at a zone and change it in one step that no other change
// comes between, raises the serial if something did change, and returns when
// that is durable. After an error nothing has changed.
// Errors: NotFound when there is no such zone, edit's, Unavailable when the disk
// fails.
func (s *Store) Change(zone string, edit func(*Tx) error) error {
	s.writer.Lock()
	defer s.writer.Unlock()
	s.mu.RLock()
	z := s.zones[dns.CanonicalName(zone)]
	s.mu.RUnlock()
	if z == nil {
		return errs.New(errs.NotFound, "zone %.255q is not served here", zone)
	}
	tx := &Tx{zone: z, sets: map[key][]dns.RR{}} // reads without mu: only holders of writer write
	if err := edit(tx); err != nil {
		return err
	}
	if !tx.changed() {
		return nil
	}
	tx.raiseSerial()
	return s.commit(tx)
}

// commit stores and applies what tx holds; the caller holds writer.
func (s *Store) commit(tx *Tx) error {
	c := change{Zone: tx.zone.name}
	for k, rrs := range tx.sets {
		w, err := pack(k, rrs)
		if err != nil {
			return errs.WrapAs(errs.Invalid, err, "record of %s", k.name)
		}
		c.Sets = append(c.Sets, w)
	}
	if err := s.append(c); err != nil {
		return err
	}
	s.mu.Lock()
	s.zones[tx.zone.name] = tx.zone
	for k, rrs := range tx.sets {
		tx.zone.set(k.name, k.t, rrs)
	}
	s.mu.Unlock()
	return s.compact()
}

func (s *Store) append(c change) error {
	record, err := json.Marshal(c)
	if err != nil {
		return errs.Wrap(err, "write a DNS change")
	}
	if err := s.journal.Append(record); err != nil {
		return errs.WrapAs(errs.Unavailable, err, "store DNS data")
	}
	return nil
}

// compact rewrites the journal when it has grown. The change before it is
// durable whether or not that works, so a failure is left for the next time.
func (s *Store) compact() error {
	if !s.journal.Grown(snapshotSize) {
		return nil
	}
	records, err := s.snapshot()
	if err != nil {
		return err
	}
	_ = s.journal.Rewrite(func(emit func([]byte)) {
		for _, r := range records {
			emit(r)
		}
	})
	return nil
}

func (s *Store) snapshot() ([][]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var records [][]byte
	for _, name := range slices.Sorted(maps.Keys(s.zones)) {
		for owner, n := range s.zones[name].nodes {
			c := change{Zone: name}
			for t, rrs := range n.sets {
				w, err := pack(key{owner, t}, rrs)
				if err != nil {
					return nil, err
				}
				c.Sets = append(c.Sets, w)
			}
			record, err := json.Marshal(c)
			if err != nil {
				return nil, err
			}
			records = append(records, record)
		}
	}
	return records, nil
}

func pack(k key, rrs []dns.RR) (wanted, error) {
	w := wanted{Name: k.name, Type: k.t}
	for _, rr := range rrs {
		buf := make([]byte, dns.Len(rr)+1)
		n, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			return w, err
		}
		w.Data = append(w.Data, buf[:n])
	}
	return w, nil
}
