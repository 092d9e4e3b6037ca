package nsupdate_test

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	wire "github.com/miekg/dns"
)

// A updatable is a small name server that takes updates by RFC 2136: as much of
// one as the provider needs, so that its tests run without BIND. The same tests
// run on BIND under the e2e tag.
type updatable struct {
	zones    []string
	unsigned bool // answers are not signed, and signatures not asked for

	mu       sync.Mutex
	records  []wire.RR
	requests int
	refuse   int    // rcode for all updates, 0 is none
	onUpdate func() // runs before an update is looked at, once
}

const keyName, keySecret = "foreman.", "c2VjcmV0LW9mLXRoZS10ZXN0cw=="

func (s *updatable) start(t *testing.T, addr string) (*wire.Server, string) {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	srv := &wire.Server{Listener: ln, Handler: s, TsigSecret: map[string]string{keyName: keySecret}, MsgAcceptFunc: func(wire.Header) wire.MsgAcceptAction { return wire.MsgAccept }}
	started := make(chan struct{})
	srv.NotifyStartedFunc = func() { close(started) }
	go func() { _ = srv.ActivateAndServe() }()
	<-started
	return srv, ln.Addr().String()
}

// ServeDNS answers queries and updates.
func (s *updatable) ServeDNS(w wire.ResponseWriter, m *wire.Msg) {
	resp := new(wire.Msg).SetReply(m)
	resp.Authoritative = true
	name := strings.ToLower(m.Question[0].Name)
	zone := s.zone(name)
	signed := m.IsTsig() != nil && w.TsigStatus() == nil
	switch {
	case m.IsTsig() != nil && !signed:
		resp.Rcode = wire.RcodeNotAuth
		resp.Extra = append(resp.Extra, &wire.TSIG{
			Hdr:       wire.RR_Header{Name: keyName, Rrtype: wire.TypeTSIG, Class: wire.ClassANY},
			Algorithm: m.IsTsig().Algorithm, TimeSigned: m.IsTsig().TimeSigned, OrigId: m.Id, Error: wire.RcodeBadSig,
		})
		buf, _ := resp.Pack()
		_, _ = w.Write(buf)
		return
	case m.Opcode == wire.OpcodeUpdate && !signed && !s.unsigned:
		resp.Rcode = wire.RcodeRefused
	case zone == "":
		resp.Rcode, resp.Authoritative = wire.RcodeRefused, false
	case m.Opcode == wire.OpcodeUpdate:
		if f := s.takeHook(); f != nil {
			f()
		}
		resp.Rcode = s.update(m)
	default:
		s.answer(resp, name, zone, m.Question[0].Qtype)
	}
	if signed && !s.unsigned {
		resp.SetTsig(keyName, m.IsTsig().Algorithm, 300, int64(m.IsTsig().TimeSigned))
	}
	_ = w.WriteMsg(resp)
}

func (s *updatable) takeHook() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.onUpdate
	s.onUpdate = nil
	return f
}

func (s *updatable) zone(name string) string {
	for _, z := range s.zones {
		if wire.IsSubDomain(z, name) {
			return z
		}
	}
	return ""
}

func (s *updatable) answer(resp *wire.Msg, name, zone string, qtype uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rr := range s.records {
		if t := rr.Header().Rrtype; strings.EqualFold(rr.Header().Name, name) && (t == qtype || t == wire.TypeCNAME) {
			resp.Answer = append(resp.Answer, rr)
		}
	}
	if len(resp.Answer) == 0 {
		soa, _ := wire.NewRR(zone + " 60 IN SOA ns." + zone + " root." + zone + " 1 2 3 4 5")
		resp.Ns = []wire.RR{soa}
	}
}

// update checks prerequisites and applies changes, as one step.
func (s *updatable) update(m *wire.Msg) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.refuse != 0 {
		return s.refuse
	}
	for _, rr := range m.Answer {
		h := rr.Header()
		used := slices.ContainsFunc(s.records, func(r wire.RR) bool {
			return strings.EqualFold(r.Header().Name, h.Name) && (h.Rrtype == wire.TypeANY || r.Header().Rrtype == h.Rrtype)
		})
		if h.Class == wire.ClassNONE && used {
			if h.Rrtype == wire.TypeANY {
				return wire.RcodeYXDomain
			}
			return wire.RcodeYXRrset
		}
	}
	for _, rr := range m.Ns {
		h := rr.Header()
		switch h.Class {
		case wire.ClassINET:
			s.records = append(s.records, rr)
		case wire.ClassANY:
			s.records = slices.DeleteFunc(s.records, func(r wire.RR) bool {
				return strings.EqualFold(r.Header().Name, h.Name) && r.Header().Rrtype == h.Rrtype
			})
		}
	}
	return wire.RcodeSuccess
}
