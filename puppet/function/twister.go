package function

import "encoding/binary"

// A twister is the random number generator MT19937, seeded and read as Ruby's Random does.
type twister struct {
	state [624]uint32
	next  int
}

// newTwister seeds with a big-endian number.
func newTwister(seed []byte) *twister {
	var words []uint32
	for len(seed) > 0 {
		n := max(len(seed)-4, 0)
		var word [4]byte
		copy(word[4-len(seed[n:]):], seed[n:])
		words = append(words, binary.BigEndian.Uint32(word[:]))
		seed = seed[:n]
	}
	for len(words) > 1 && words[len(words)-1] == 0 {
		words = words[:len(words)-1]
	}
	t := &twister{next: 624}
	if len(words) <= 1 {
		t.seedOne(append(words, 0)[0])
		return t
	}
	if words[len(words)-1] == 1 {
		// Ruby takes a leading word of 1 for its own mark of where the number ends.
		words = words[:len(words)-1]
	}
	t.seedMany(words)
	return t
}

func (t *twister) seedOne(s uint32) {
	t.state[0] = s
	for i := uint32(1); i < 624; i++ {
		t.state[i] = 1812433253*(t.state[i-1]^t.state[i-1]>>30) + i
	}
}

func (t *twister) seedMany(key []uint32) {
	t.seedOne(19650218)
	s := &t.state
	i, j := uint32(1), uint32(0)
	step := func() {
		if i++; i >= 624 {
			s[0] = s[623]
			i = 1
		}
	}
	for range max(624, len(key)) {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1664525) + key[j] + j
		step()
		if j++; j >= uint32(len(key)) {
			j = 0
		}
	}
	for range 623 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1566083941) - i
		step()
	}
	s[0] = 0x80000000
}

func (t *twister) uint32() uint32 {
	s := &t.state
	if t.next >= 624 {
		for i := range 624 {
			y := s[i]&0x80000000 | s[(i+1)%624]&0x7fffffff
			s[i] = s[(i+397)%624] ^ y>>1 ^ (y&1)*0x9908b0df
		}
		t.next = 0
	}
	y := s[t.next]
	t.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// below gives a number from 0 to n-1; n must not be 0.
func (t *twister) below(n uint64) uint64 {
	limit := n - 1
	if limit == 0 {
		return 0
	}
	mask := limit
	for shift := 1; shift < 64; shift *= 2 {
		mask |= mask >> shift
	}
retry:
	var v uint64
	for i := 1; i >= 0; i-- {
		if uint32(mask>>(32*i)) == 0 {
			continue
		}
		v |= uint64(t.uint32()) << (32 * i)
		v &= mask
		if limit < v {
			goto retry
		}
	}
	return v
}
