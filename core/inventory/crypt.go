package inventory

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"strings"
)

const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// SHA512Crypt hashes a password the way installers and /etc/shadow read it
// ("$6$salt$…"), with the usual 5000 rounds.
func SHA512Crypt(password, salt string) string {
	p, s := []byte(password), []byte(salt[:min(len(salt), 16)])
	alternate := sha512.Sum512(bytes.Join([][]byte{p, s, p}, nil))
	h := sha512.New()
	h.Write(p)
	h.Write(s)
	h.Write(stretch(alternate[:], len(p)))
	for n := len(p); n > 0; n >>= 1 {
		if n&1 == 1 {
			h.Write(alternate[:])
		} else {
			h.Write(p)
		}
	}
	digest := h.Sum(nil)
	pp := sha512.Sum512(bytes.Repeat(p, len(p)))
	ss := sha512.Sum512(bytes.Repeat(s, 16+int(digest[0])))
	digest = rounds(digest, stretch(pp[:], len(p)), stretch(ss[:], len(s)))
	return "$6$" + string(s) + "$" + encodeCrypt(digest)
}

func stretch(digest []byte, n int) []byte {
	return bytes.Repeat(digest, n/len(digest)+1)[:n]
}

func rounds(digest, p, s []byte) []byte {
	for i := range 5000 {
		h := sha512.New()
		if i&1 == 1 {
			h.Write(p)
		} else {
			h.Write(digest)
		}
		if i%3 != 0 {
			h.Write(s)
		}
		if i%7 != 0 {
			h.Write(p)
		}
		if i&1 == 1 {
			h.Write(digest)
		} else {
			h.Write(p)
		}
		digest = h.Sum(nil)
	}
	return digest
}

// encodeCrypt writes the digest in crypt's own base 64 and byte order.
func encodeCrypt(d []byte) string {
	var b strings.Builder
	put := func(v uint, n int) {
		for range n {
			b.WriteByte(cryptAlphabet[v&63])
			v >>= 6
		}
	}
	x, y, z := 0, 21, 42
	for range 21 {
		put(uint(d[x])<<16|uint(d[y])<<8|uint(d[z]), 4)
		x, y, z = y+1, z+1, x+1
	}
	put(uint(d[63]), 2)
	return b.String()
}

func newSalt() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	for i := range raw {
		raw[i] = cryptAlphabet[raw[i]&63]
	}
	return string(raw)
}
