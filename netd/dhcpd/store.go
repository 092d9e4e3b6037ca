package dhcpd

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/journal"
)

// snapshotSize is the journal size from which rewriting it is worth while.
const snapshotSize = 4 << 20

// maxStaged bounds the leases that wait for the disk; what comes on top is
// dropped, and the client asks again.
const maxStaged = 8192

// A Store holds subnets, reservations and leases: in memory to answer from, in
// a journal so that no acknowledged reservation or lease is lost. Subnets are
// configuration and are put anew at each start. Methods are safe for concurrent
// use.
type Store struct {
	now     clock.Clock
	journal *journal.Journal

	// writer orders the journal like the memory: whoever appends to it or
	// rewrites it holds writer, and takes mu inside of it, never the other way.
	writer sync.Mutex

	mu       sync.Mutex // guards what follows; never held across I/O
	networks map[netip.Prefix]*network
	order    []*network // by prefix
	staged   []staged
	wake     chan struct{} // tells the committer that something is staged
}

// staged is a lease on its way to the disk; done runs when it is there, or not.
type staged struct {
	lease Lease
	done  func(error)
}

// change is a journal record: one of its fields is set.
type change struct {
	Reserve   *Reservation `json:"reserve,omitempty"`
	Unreserve *Reservation `json:"unreserve,omitempty"`
	Lease     *Lease       `json:"lease,omitempty"`
}

// OpenStore reads the store kept in the folder dir, making both when absent.
func OpenStore(dir string, now clock.Clock) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Store{now: now, networks: map[netip.Prefix]*network{}, wake: make(chan struct{}, 1)}
	j, err := journal.Open(filepath.Join(dir, "dhcp.journal"), s.replay)
	if err != nil {
		return nil, err
	}
	s.journal = j
	return s, nil
}

// Close closes the journal; the store's changes are on the disk already.
func (s *Store) Close() error { return s.journal.Close() }

func (s *Store) replay(record []byte) error {
	var c change
	if err := json.Unmarshal(record, &c); err != nil {
		return fmt.Errorf("read a DHCP change: %w", err)
	}
	switch {
	case c.Reserve != nil:
		s.network(c.Reserve.Network).reserve(*c.Reserve)
	case c.Unreserve != nil:
		s.network(c.Unreserve.Network).unreserve(c.Unreserve.MAC)
	case c.Lease != nil:
		s.network(c.Lease.Network).put(*c.Lease)
	}
	return nil
}

// network finds or makes a network; the caller holds mu.
func (s *Store) network(p netip.Prefix) *network {
	n := s.networks[p]
	if n == nil {
		n = newNetwork(p)
		s.networks[p] = n
		s.order = append(s.order, n)
		slices.SortFunc(s.order, func(a, b *network) int {
			return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), a.prefix.Bits()-b.prefix.Bits())
		})
	}
	return n
}

// PutSubnet serves a subnet from now on, or changes its options and ranges.
// Invalid: the subnet breaks a rule or overlaps another.
func (s *Store) PutSubnet(sub Subnet) error {
	if err := sub.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.order {
		if n.served && n.prefix != sub.Prefix && n.prefix.Overlaps(sub.Prefix) {
			return errs.New(errs.Invalid, "%v overlaps the subnet %v", sub.Prefix, n.prefix)
		}
	}
	s.network(sub.Prefix).serve(sub)
	return nil
}

// RemoveSubnet stops serving a subnet. Its reservations and leases are kept for
// when it comes back.
func (s *Store) RemoveSubnet(p netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.networks[p]; n != nil {
		n.served = false
	}
}

// Subnets lists what is served, by address.
func (s *Store) Subnets() []Subnet {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Subnet
	for _, n := range s.order {
		if n.served {
			out = append(out, n.subnet)
		}
	}
	return out
}

// Reservations lists those of a subnet, by address, then hardware address.
func (s *Store) Reservations(p netip.Prefix) []Reservation {
	s.mu.Lock()
	n := s.networks[p]
	if n == nil {
		s.mu.Unlock()
		return nil
	}
	out := slices.Collect(maps.Values(n.reserved))
	s.mu.Unlock()
	sortReservations(out)
	return out
}

func sortReservations(rs []Reservation) {
	slices.SortFunc(rs, func(a, b Reservation) int {
		return cmp.Or(a.IP.Compare(b.IP), cmp.Compare(a.MAC, b.MAC))
	})
}

// Reservation finds a machine's reservation in a subnet.
func (s *Store) Reservation(p netip.Prefix, mac string) (Reservation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.networks[p]; n != nil {
		r, ok := n.reserved[mac]
		return r, ok
	}
	return Reservation{}, false
}

// Leases lists the leases of a subnet that are or were active, by address.
func (s *Store) Leases(p netip.Prefix) []Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.networks[p]
	if n == nil {
		return nil
	}
	var out []Lease
	for _, e := range n.leases {
		if e.State != Offered {
			out = append(out, e.Lease)
		}
	}
	slices.SortFunc(out, func(a, b Lease) int { return a.IP.Compare(b.IP) })
	return out
}

// Reserve stores a reservation, in place of the machine's earlier one in that
// subnet, and returns when it is durable. Before that, decide sees the subnet's
// reservations on the same IP or MAC: an error stops, false says that nothing is
// left to do. No other change comes between.
// Errors: Invalid, decide's, Unavailable when the disk fails.
func (s *Store) Reserve(r Reservation, decide func(others []Reservation) (bool, error)) error {
	if hw, err := net.ParseMAC(r.MAC); err != nil || hw.String() != r.MAC || !r.IP.Is4() || !r.Network.IsValid() {
		return errs.New(errs.Invalid, "reservation of %v for %.60q in %v", r.IP, r.MAC, r.Network)
	}
	s.writer.Lock()
	defer s.writer.Unlock()
	needed, err := decide(s.rivals(r))
	if err != nil || !needed {
		return err
	}
	if err := s.append(change{Reserve: &r}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.network(r.Network)
	if old, ok := n.reserved[r.MAC]; ok && old.IP != r.IP {
		s.unreserve(n, r.MAC)
	}
	n.reserve(r)
	return nil
}

func (s *Store) rivals(r Reservation) []Reservation {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.networks[r.Network]
	if n == nil {
		return nil
	}
	var out []Reservation
	if n.holders[r.IP] > 0 {
		for _, o := range n.reserved {
			if o.IP == r.IP || o.MAC == r.MAC {
				out = append(out, o)
			}
		}
	} else if o, ok := n.reserved[r.MAC]; ok {
		out = append(out, o)
	}
	sortReservations(out)
	return out
}

// Unreserve removes a machine's reservation, and ends its lease on that address,
// which anybody may have then; an absent one is no error. It returns when that is
// durable.
func (s *Store) Unreserve(p netip.Prefix, mac string) error {
	s.writer.Lock()
	defer s.writer.Unlock()
	if _, ok := s.Reservation(p, mac); !ok {
		return nil
	}
	if err := s.append(change{Unreserve: &Reservation{MAC: mac, Network: p}}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreserve(s.network(p), mac)
	return nil
}

// unreserve removes a reservation from memory, and what was staged for it: the
// journal has the removal already, and a lease written after it would live on.
// The caller holds writer and mu.
func (s *Store) unreserve(n *network, mac string) {
	ip := n.unreserve(mac)
	for i := range s.staged {
		if l := &s.staged[i].lease; l.MAC == mac && l.IP == ip && l.Network == n.prefix && l.State != Declined {
			l.State, l.Ends = Released, time.Time{}
		}
	}
}

// append stores changes; the caller holds writer.
func (s *Store) append(changes ...change) error {
	records := make([][]byte, 0, len(changes))
	for _, c := range changes {
		record, err := json.Marshal(c)
		if err != nil {
			return errs.Wrap(err, "write a DHCP change")
		}
		records = append(records, record)
	}
	if err := s.journal.Append(records...); err != nil {
		return errs.WrapAs(errs.Unavailable, err, "store DHCP data")
	}
	return nil
}

// stage queues a lease for the disk; the caller holds mu. It reports false when
// too many wait already.
func (s *Store) stage(l Lease, done func(error)) bool {
	if len(s.staged) >= maxStaged {
		return false
	}
	s.staged = append(s.staged, staged{l, done})
	select {
	case s.wake <- struct{}{}:
	default: // it is awake, or will be
	}
	return true
}

// commit writes all staged leases with one sync and tells each that waited.
func (s *Store) commit() {
	batch, err := s.writeStaged()
	for _, b := range batch {
		b.done(err)
	}
}

// writeStaged empties the queue into the journal. It holds writer from before the
// queue is taken, so that each lease is still queued or in the journal to whoever
// holds writer.
func (s *Store) writeStaged() ([]staged, error) {
	s.writer.Lock()
	defer s.writer.Unlock()
	s.mu.Lock()
	batch := s.staged
	s.staged = nil
	s.mu.Unlock()
	if len(batch) == 0 {
		return nil, nil
	}
	changes := make([]change, len(batch))
	for i := range batch {
		changes[i].Lease = &batch[i].lease
	}
	return batch, s.append(changes...)
}

// compact rewrites the journal when it has grown.
func (s *Store) compact() error {
	if !s.journal.Grown(snapshotSize) {
		return nil
	}
	s.writer.Lock()
	defer s.writer.Unlock()
	records, err := s.snapshot()
	if err != nil {
		return err
	}
	return s.journal.Rewrite(func(emit func([]byte)) {
		for _, r := range records {
			emit(r)
		}
	})
}

// snapshot gives records that make the present state. Leases that are staged
// are among them: they come again when they are committed, which changes nothing.
func (s *Store) snapshot() ([][]byte, error) {
	s.mu.Lock()
	var changes []change
	for _, n := range s.order {
		for _, r := range n.reserved {
			changes = append(changes, change{Reserve: &r})
		}
		for _, e := range n.leases {
			if e.State != Offered {
				l := e.Lease
				changes = append(changes, change{Lease: &l})
			}
		}
	}
	s.mu.Unlock()
	records := make([][]byte, 0, len(changes))
	for _, c := range changes {
		record, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}
