package castore

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/chargehand/chargehand/internal/errs"
)

// A tx reads base through a draft of changes; in a view there is no draft.
type tx struct {
	base    buckets
	draft   buckets // a nil value is a removal
	changes []change
}

// Get looks into the draft first.
func (t *tx) Get(bucket, key string) ([]byte, bool, error) {
	if value, changed := t.draft[bucket][key]; changed {
		return value, value != nil, nil
	}
	value, found := t.base[bucket][key]
	return value, found, nil
}

// Put adds to the draft.
func (t *tx) Put(bucket, key string, value []byte) error {
	if value == nil {
		value = []byte("null")
	}
	return t.change(change{bucket, key, value})
}

// Delete adds to the draft.
func (t *tx) Delete(bucket, key string) error {
	if _, found, _ := t.Get(bucket, key); !found && t.draft != nil {
		return nil
	}
	return t.change(change{bucket, key, nil})
}

func (t *tx) change(c change) error {
	if t.draft == nil {
		return errs.New(errs.Internal, "a view changes nothing")
	}
	t.draft.put(c.Bucket, c.Key, c.Value)
	t.changes = append(t.changes, c)
	return nil
}

// Scan goes through base and draft together.
func (t *tx) Scan(bucket string, fn func(string, []byte) error) error {
	keys := slices.Collect(maps.Keys(t.base[bucket]))
	for key := range t.draft[bucket] {
		if _, both := t.base[bucket][key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		value, found, _ := t.Get(bucket, key)
		if !found {
			continue
		}
		if err := fn(key, json.RawMessage(value)); err != nil {
			return err
		}
	}
	return nil
}
