//go:build !linux

package guest

import (
	"bytes"
	"errors"
)

// linearMemory is ordinary memory where there is no memfd: a restore copies.
type linearMemory struct {
	data []byte
	max  uint64
}

func newLinearMemory(max uint64) *linearMemory { return &linearMemory{max: max} }

// Reallocate makes the memory size bytes long; nil when it cannot.
func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > m.max {
		return nil
	}
	if size > uint64(cap(m.data)) {
		grown := make([]byte, size)
		copy(grown, m.data)
		m.data = grown
	}
	m.data = m.data[:size]
	return m.data
}

// Free drops the memory.
func (m *linearMemory) Free() { m.data = nil }

func (m *linearMemory) overlay(image *memoryImage) error {
	if image.size > len(m.data) {
		return errors.New("the snapshot is larger than the memory")
	}
	copy(m.data, image.data)
	return nil
}

// A memoryImage is a copy of a memory.
type memoryImage struct {
	data []byte
	size int
}

func newMemoryImage(data []byte) (*memoryImage, error) {
	return &memoryImage{data: bytes.Clone(data), size: len(data)}, nil
}

func (i *memoryImage) close() error { return nil }
