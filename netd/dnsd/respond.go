package dnsd

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

const (
	headerSize = 12
	// maxUDP is the largest answer sent over UDP, whatever the asker would take:
	// more is cut into fragments on its way (DNS flag day 2020).
	maxUDP = 1232
	// signatureRoom is kept free in UDP answers that will be signed.
	signatureRoom = 256
	// transferBatch is how much of a zone goes into one message.
	transferBatch = 16 << 10
)

// A sender writes one message.
type sender func(msg []byte) error

// respond answers one message. Its error says that the connection is of no use
// any more.
func (s *Server) respond(raw []byte, tcp bool, send sender) error {
	s.count.received.Add(1)
	if len(raw) < headerSize || raw[2]&0x80 != 0 { // answers get no answer
		s.count.malformed.Add(1)
		return nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(raw); err != nil || emptyTSIG(m) {
		s.count.malformed.Add(1)
		return send(formatError(raw))
	}
	sig, refused := s.keys.verify(raw, m)
	reply := new(dns.Msg).SetReply(m)
	reply.RecursionAvailable = false
	reply.Compress = true
	if refused != nil {
		reply.Rcode, reply.Question = dns.RcodeNotAuth, m.Question
		reply.Extra = append(reply.Extra, refused)
		return s.pack(reply, sig, send)
	}
	switch {
	case m.Opcode == dns.OpcodeUpdate:
		s.count.updates.Add(1)
		s.doUpdate(reply, m, sig)
	case m.Opcode != dns.OpcodeQuery:
		reply.Rcode = dns.RcodeNotImplemented
	case len(m.Question) != 1:
		reply.Rcode = dns.RcodeFormatError
	case m.Question[0].Qtype == dns.TypeAXFR || m.Question[0].Qtype == dns.TypeIXFR:
		if tcp && sig != nil {
			return s.transfer(reply, m.Question[0].Name, sig, send)
		}
		reply.Rcode = dns.RcodeRefused
	default:
		s.count.queries.Add(1)
		s.doQuery(reply, m)
	}
	if !tcp {
		reply.Truncate(limit(m, sig))
	}
	return s.pack(reply, sig, send)
}

func (s *Server) doQuery(reply, m *dns.Msg) {
	opt := m.IsEdns0()
	if opt != nil {
		reply.SetEdns0(maxUDP, opt.Do())
		if opt.Version() != 0 {
			reply.Rcode = dns.RcodeBadVers
			return
		}
	}
	a := s.cfg.Store.answer(m.Question[0])
	reply.Rcode, reply.Authoritative = a.rcode, a.authoritative
	reply.Answer, reply.Ns = a.answer, a.authority
	reply.Extra = append(a.additional, reply.Extra...)
}

func (s *Server) doUpdate(reply, m *dns.Msg, sig *signature) {
	if sig == nil {
		reply.Rcode = dns.RcodeRefused
		return
	}
	code, err := s.cfg.Store.update(m)
	if err != nil {
		s.count.failed.Add(1)
		s.cfg.Log.Error("store a dynamic update", "key", sig.key.Name, "error", err)
	}
	reply.Rcode = code
}

// transfer sends a whole zone in as many messages as it takes.
func (s *Server) transfer(reply *dns.Msg, zone string, sig *signature, send sender) error {
	s.count.transfers.Add(1)
	records := s.cfg.Store.transfer(zone)
	if records == nil {
		reply.Rcode = dns.RcodeNotAuth
		return s.pack(reply, sig, send)
	}
	reply.Authoritative = true
	for len(records) > 0 {
		size := 0
		for len(records) > 0 && (size == 0 || size+dns.Len(records[0]) < transferBatch) {
			size += dns.Len(records[0])
			reply.Answer = append(reply.Answer, records[0])
			records = records[1:]
		}
		if err := s.pack(reply, sig, send); err != nil {
			return err
		}
		reply = &dns.Msg{MsgHdr: reply.MsgHdr, Compress: true}
	}
	return nil
}

// pack signs the reply when the request was signed, and sends it.
func (s *Server) pack(reply *dns.Msg, sig *signature, send sender) error {
	raw, err := sig.pack(reply)
	if err != nil {
		s.count.failed.Add(1)
		s.cfg.Log.Error("write a DNS answer", "error", err)
		failed := &dns.Msg{MsgHdr: reply.MsgHdr, Question: reply.Question}
		failed.Rcode = dns.RcodeServerFailure
		if raw, err = failed.Pack(); err != nil {
			return nil
		}
	}
	return send(raw)
}

// limit is how large a UDP answer may be.
func limit(m *dns.Msg, sig *signature) int {
	size := dns.MinMsgSize
	if opt := m.IsEdns0(); opt != nil {
		size = max(size, min(int(opt.UDPSize()), maxUDP))
	}
	if sig != nil {
		size -= signatureRoom
	}
	return size
}

// emptyTSIG finds a signature record without content, which the codec accepts.
func emptyTSIG(m *dns.Msg) bool {
	t := m.IsTsig()
	return t != nil && t.Algorithm == ""
}

// formatError answers what cannot be read with its own header.
func formatError(raw []byte) []byte {
	out := make([]byte, headerSize)
	copy(out, raw[:4])
	flags := binary.BigEndian.Uint16(out[2:])
	flags = flags&0x7900 | 0x8000 | dns.RcodeFormatError // opcode and RD stay
	binary.BigEndian.PutUint16(out[2:], flags)
	return out
}
