package pcore

import (
	"iter"
	"strings"
)

// An Entry is a key and its value in a Hash.
type Entry struct{ Key, Value Value }

// A Hash is an immutable mapping that keeps the order of insertion. Keys are compared strictly:
// 1 and 1.0 differ, and so do 'a' and 'A'.
type Hash struct {
	entries []Entry
	index   map[any]int32 // only for hashes of more than smallHash entries
	weight  int64
}

// smallHash is the size up to which a scan beats a map.
const smallHash = 8

// NewHash makes a hash of the entries; when a key comes twice the last value wins and the first
// position stays. It takes the slice over.
func NewHash(entries []Entry) *Hash {
	b := HashBuilder{entries: entries[:0]}
	for _, e := range entries {
		b.Set(e.Key, e.Value)
	}
	return b.Hash()
}

// HashOf makes a hash of alternating string keys and values, for literals in Go code.
func HashOf(pairs ...any) *Hash {
	b := HashBuilder{}
	for i := 0; i+1 < len(pairs); i += 2 {
		b.Set(String(pairs[i].(string)), pairs[i+1].(Value))
	}
	return b.Hash()
}

// A HashBuilder collects entries. The zero value is ready to use.
type HashBuilder struct {
	entries []Entry
	index   map[any]int32
}

// NewHashBuilder makes a builder with room for n entries.
func NewHashBuilder(n int) *HashBuilder { return &HashBuilder{entries: make([]Entry, 0, n)} }

// Len is the number of entries so far.
func (b *HashBuilder) Len() int { return len(b.entries) }

// Get looks a key up among the entries so far.
func (b *HashBuilder) Get(key Value) (Value, bool) {
	if i := find(b.entries, b.index, key); i >= 0 {
		return b.entries[i].Value, true
	}
	return nil, false
}

// Set adds an entry, or replaces the value of one that is there.
func (b *HashBuilder) Set(key, value Value) {
	if i := find(b.entries, b.index, key); i >= 0 {
		b.entries[i].Value = value
		return
	}
	b.entries = append(b.entries, Entry{key, value})
	n := len(b.entries)
	if n <= smallHash {
		return
	}
	if b.index == nil {
		b.index = make(map[any]int32, 2*n)
		for i, e := range b.entries {
			b.index[Key(e.Key)] = int32(i)
		}
		return
	}
	b.index[Key(key)] = int32(n - 1)
}

// SetString is Set with a string key.
func (b *HashBuilder) SetString(key string, value Value) { b.Set(String(key), value) }

// Pairs gives the entries so far as arrays [key, value].
func (b *HashBuilder) Pairs() []Value { return (&Hash{entries: b.entries}).Pairs() }

// Hash gives the finished hash; the builder must not be used afterwards.
func (b *HashBuilder) Hash() *Hash {
	weight := int64(1)
	for _, e := range b.entries {
		weight = addWeight(addWeight(weight, e.Key), e.Value)
	}
	return &Hash{b.entries, b.index, weight}
}

// find gives the position of key, or -1.
func find(entries []Entry, index map[any]int32, key Value) int {
	if index != nil {
		if i, ok := index[Key(key)]; ok {
			return int(i)
		}
		return -1
	}
	if s, ok := key.(String); ok {
		for i := range entries {
			if k, ok := entries[i].Key.(String); ok && k == s {
				return i
			}
		}
		return -1
	}
	for i := range entries {
		if Eql(entries[i].Key, key) {
			return i
		}
	}
	return -1
}

// Len is the number of entries.
func (h *Hash) Len() int { return len(h.entries) }

// Get looks a key up.
func (h *Hash) Get(key Value) (Value, bool) {
	if i := find(h.entries, h.index, key); i >= 0 {
		return h.entries[i].Value, true
	}
	return nil, false
}

// GetString looks a string key up.
func (h *Hash) GetString(key string) (Value, bool) { return h.Get(String(key)) }

// At gives the entry at position i, which must be in range.
func (h *Hash) At(i int) Entry { return h.entries[i] }

// All iterates over the entries in order.
func (h *Hash) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		for _, e := range h.entries {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// Entries gives the entries in order; the caller must not write to them.
func (h *Hash) Entries() []Entry { return h.entries }

// Keys gives the keys in order.
func (h *Hash) Keys() []Value {
	keys := make([]Value, len(h.entries))
	for i, e := range h.entries {
		keys[i] = e.Key
	}
	return keys
}

// Values gives the values in order.
func (h *Hash) Values() []Value {
	values := make([]Value, len(h.entries))
	for i, e := range h.entries {
		values[i] = e.Value
	}
	return values
}

// Merge gives h with the entries of o set over it.
func (h *Hash) Merge(o *Hash) *Hash {
	if o.Len() == 0 {
		return h
	}
	b := NewHashBuilder(h.Len() + o.Len())
	for _, e := range h.entries {
		b.Set(e.Key, e.Value)
	}
	for _, e := range o.entries {
		b.Set(e.Key, e.Value)
	}
	return b.Hash()
}

// Pairs gives the entries as arrays [key, value], which is how a hash iterates.
func (h *Hash) Pairs() []Value {
	pairs := make([]Value, len(h.entries))
	for i, e := range h.entries {
		pairs[i] = ArrayOf(e.Key, e.Value)
	}
	return pairs
}

// String implements Value.
func (h *Hash) String() string {
	var b strings.Builder
	writeText(&b, h)
	return b.String()
}

// Type implements Value.
func (h *Hash) Type() Type {
	if h.weight > MaxWeight {
		return AnyHash()
	}
	return inferHash(h)
}
