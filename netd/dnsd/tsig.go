package dnsd

import (
	"crypto/hmac"
	"crypto/sha1" // HMAC-SHA1 keys are still about, and HMAC stands
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"time"

	"github.com/miekg/dns"
)

// fudge is how many seconds a signature's time may be off.
const fudge = 300

// hmacs are the algorithms; MD5 is not among them.
func hmacs() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{
		dns.HmacSHA1:   sha1.New,
		dns.HmacSHA224: sha256.New224,
		dns.HmacSHA256: sha256.New,
		dns.HmacSHA384: sha512.New384,
		dns.HmacSHA512: sha512.New,
	}
}

// Generate makes the MAC of a message with the key.
func (k Key) Generate(msg []byte, t *dns.TSIG) ([]byte, error) {
	if dns.CanonicalName(t.Algorithm) != dns.CanonicalName(k.Algorithm) {
		return nil, dns.ErrKeyAlg
	}
	h := hmac.New(hmacs()[dns.CanonicalName(k.Algorithm)], k.Secret)
	h.Write(msg)
	return h.Sum(nil), nil
}

// Verify checks the MAC of a message in constant time.
func (k Key) Verify(msg []byte, t *dns.TSIG) error {
	want, err := k.Generate(msg, t)
	if err != nil {
		return err
	}
	got, err := hex.DecodeString(t.MAC)
	if err != nil || !hmac.Equal(got, want) {
		return dns.ErrSig
	}
	return nil
}

// keyring is the keys by canonical name.
type keyring map[string]Key

// A signature signs the answers to one request; nil signs nothing.
type signature struct {
	key   Key
	algo  string
	mac   string // of the request, then of the message before
	later bool   // a message was signed already: the next covers its timers only
}

// verify checks a request's signature. Without one it gives nothing; with a
// wrong one the TSIG record that tells so (RFC 8945, 5.2).
func (ks keyring) verify(raw []byte, m *dns.Msg) (*signature, *dns.TSIG) {
	t := m.IsTsig()
	if t == nil {
		return nil, nil
	}
	key, known := ks[dns.CanonicalName(t.Hdr.Name)]
	if !known || dns.CanonicalName(t.Algorithm) != dns.CanonicalName(key.Algorithm) {
		return nil, refusal(t, dns.RcodeBadKey)
	}
	switch err := dns.TsigVerifyWithProvider(raw, key, "", false); {
	case err == nil:
		return &signature{key: key, algo: t.Algorithm, mac: t.MAC}, nil
	case errors.Is(err, dns.ErrTime): // the signature is good: this answer is signed
		r := refusal(t, dns.RcodeBadTime)
		r.TimeSigned = t.TimeSigned
		r.OtherLen = 6
		r.OtherData = hex.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()))[2:])
		return &signature{key: key, algo: t.Algorithm, mac: t.MAC}, r
	}
	return nil, refusal(t, dns.RcodeBadSig)
}

func refusal(t *dns.TSIG, code uint16) *dns.TSIG {
	return &dns.TSIG{
		Hdr:       dns.RR_Header{Name: t.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: t.Algorithm, Fudge: fudge, OrigId: t.OrigId, Error: code,
	}
}

// pack writes a message, signed where sig is not nil.
func (sig *signature) pack(m *dns.Msg) ([]byte, error) {
	if sig == nil {
		return m.Pack()
	}
	if m.IsTsig() == nil {
		m.SetTsig(sig.key.Name, sig.algo, fudge, time.Now().Unix())
		m.IsTsig().Hdr.Name = dns.Fqdn(sig.key.Name)
	}
	raw, mac, err := dns.TsigGenerateWithProvider(m, sig.key, sig.mac, sig.later)
	sig.mac, sig.later = mac, true
	return raw, err
}
