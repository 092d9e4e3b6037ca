package hiera

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// A Cache keeps parsed data files until they change. It is safe for concurrent use; many
// compilations share one.
type Cache struct {
	mu      sync.Mutex
	limit   int64
	size    int64
	entries map[string]cached
}

type cached struct {
	modified time.Time
	size     int64
	value    pcore.Value
	err      error
}

// NewCache makes a cache for files of limit bytes in all; 0 is a sensible limit.
func NewCache(limit int64) *Cache {
	if limit <= 0 {
		limit = 256 << 20
	}
	return &Cache{limit: limit, entries: map[string]cached{}}
}

// maxDataFile bounds a data file.
const maxDataFile = 64 << 20

var errTooLarge = errors.New("the file is too large")

// load gives the parsed contents of a file.
func (c *Cache) load(files Files, name string, parse func([]byte) (pcore.Value, error)) (pcore.Value, error) {
	info, err := files.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxDataFile {
		return nil, fmt.Errorf("%s: %w", name, errTooLarge)
	}
	c.mu.Lock()
	e, ok := c.entries[name]
	c.mu.Unlock()
	if ok && e.modified.Equal(info.ModTime()) && e.size == info.Size() {
		return e.value, e.err
	}
	text, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	v, err := parse(text)
	c.store(name, cached{info.ModTime(), info.Size(), v, err})
	return v, err
}

func (c *Cache) store(name string, e cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.entries[name]; ok {
		c.size -= old.size
		delete(c.entries, name)
	}
	if e.size > c.limit {
		return
	}
	for other, old := range c.entries {
		if c.size+e.size <= c.limit {
			break
		}
		c.size -= old.size
		delete(c.entries, other)
	}
	c.entries[name] = e
	c.size += e.size
}
