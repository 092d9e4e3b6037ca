package noun

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unsafe"
)

// This file is the only one that reads and writes fields through their offsets.

func at[V any](rec unsafe.Pointer, off uintptr) *V { return (*V)(unsafe.Add(rec, off)) }

func jsonCodec[V any]() (func(unsafe.Pointer) ([]byte, error), func(unsafe.Pointer, []byte) error) {
	marshal := func(p unsafe.Pointer) ([]byte, error) { return json.Marshal((*V)(p)) }
	decode := func(p unsafe.Pointer, text []byte) error {
		var v V
		if len(text) > 0 {
			if err := json.Unmarshal(text, &v); err != nil {
				return err
			}
		}
		*(*V)(p) = v
		return nil
	}
	return marshal, decode
}

// Value is the field's value in rec: string, int64, bool, time.Time, Secret, a
// JSON field's Go value, or nil for what is not set.
func (f *Field) Value(rec any) any {
	if f.kind == ComputedKind {
		return f.computed(rec, nil)
	}
	return f.get(f.owner.pointer(rec))
}

func (f *Field) get(p unsafe.Pointer) any {
	switch f.kind {
	case TextKind:
		s := *at[string](p, f.off)
		if s == "" && !f.notNull {
			return nil
		}
		return s
	case SecretKind:
		s := *at[Secret](p, f.off)
		if s == "" {
			return nil
		}
		return s
	case IntKind:
		return *at[int64](p, f.off)
	case RefKind:
		if id := *at[int64](p, f.off); id != 0 {
			return id
		}
		return nil
	case OptIntKind:
		if v := *at[*int64](p, f.off); v != nil {
			return *v
		}
		return nil
	case BoolKind:
		return *at[bool](p, f.off)
	case TimeKind:
		if t := *at[time.Time](p, f.off); !t.IsZero() {
			return t
		}
		return nil
	case JSONKind:
		return f.value(unsafe.Add(p, f.off))
	}
	return nil
}

// Bind is what the field's column holds for rec: Value, but JSON as text.
func (f *Field) Bind(rec any) (any, error) {
	p := f.owner.pointer(rec)
	if f.kind == JSONKind {
		text, err := f.marshal(unsafe.Add(p, f.off))
		return string(text), err
	}
	return f.get(p), nil
}

// Dest gives what a row's column is scanned into: it has Scan(any) error.
func (f *Field) Dest(rec any) any {
	p := unsafe.Add(f.owner.pointer(rec), f.off)
	switch f.kind {
	case TextKind:
		return (*textDest)(p)
	case SecretKind:
		return (*textDest)(p)
	case IntKind, RefKind:
		return (*intDest)(p)
	case OptIntKind:
		return &optDest{(**int64)(p)}
	case BoolKind:
		return (*boolDest)(p)
	case TimeKind:
		return (*timeDest)(p)
	case JSONKind:
		return &jsonDest{f, p}
	}
	return nil
}

type (
	textDest string
	intDest  int64
	boolDest bool
	timeDest time.Time
	optDest  struct{ p **int64 }
	jsonDest struct {
		f *Field
		p unsafe.Pointer
	}
)

func (d *textDest) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = ""
	case string:
		*d = textDest(v)
	case []byte:
		*d = textDest(v)
	default:
		return fmt.Errorf("text column holds %T", src)
	}
	return nil
}

func (d *intDest) Scan(src any) error {
	n, err := scanInt(src)
	*d = intDest(n)
	return err
}

func scanInt(src any) (int64, error) {
	switch v := src.(type) {
	case nil:
		return 0, nil
	case int64:
		return v, nil
	case []byte:
		return strconv.ParseInt(string(v), 10, 64)
	}
	return 0, fmt.Errorf("integer column holds %T", src)
}

func (d *optDest) Scan(src any) error {
	*d.p = nil
	if src == nil {
		return nil
	}
	n, err := scanInt(src)
	*d.p = &n
	return err
}

func (d *boolDest) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = false
	case bool:
		*d = boolDest(v)
	case int64:
		*d = v != 0
	default:
		return fmt.Errorf("boolean column holds %T", src)
	}
	return nil
}

// TimeLayout is how times are kept where the database has no type for them: as
// UTC text whose order is the order of time.
const TimeLayout = "2006-01-02 15:04:05.000000"

func (d *timeDest) Scan(src any) error {
	var t time.Time
	switch v := src.(type) {
	case nil:
	case time.Time:
		t = v.UTC()
	case string:
		var err error
		if t, err = time.Parse(TimeLayout, v); err != nil {
			return err
		}
	default:
		return fmt.Errorf("time column holds %T", src)
	}
	*d = timeDest(t)
	return nil
}

func (d *jsonDest) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		return d.f.decode(d.p, nil)
	case string:
		return d.f.decode(d.p, []byte(v))
	case []byte:
		return d.f.decode(d.p, v)
	}
	return fmt.Errorf("JSON column holds %T", src)
}

func (f *Field) setText(rec any, s string) {
	p := f.owner.pointer(rec)
	if f.kind == SecretKind {
		*at[Secret](p, f.off) = Secret(s)
		return
	}
	*at[string](p, f.off) = s
}

func (f *Field) setInt(rec any, n *int64) {
	p := f.owner.pointer(rec)
	switch {
	case f.kind == OptIntKind:
		*at[*int64](p, f.off) = n
	case n == nil:
		*at[int64](p, f.off) = 0
	default:
		*at[int64](p, f.off) = *n
	}
}

// intAt reads an IntKind or RefKind.
func (f *Field) intAt(rec any) int64 { return *at[int64](f.owner.pointer(rec), f.off) }

func (f *Field) textAt(rec any) string { return *at[string](f.owner.pointer(rec), f.off) }

func (f *Field) setBool(rec any, b bool) { *at[bool](f.owner.pointer(rec), f.off) = b }

func (f *Field) setTime(rec any, t time.Time) { *at[time.Time](f.owner.pointer(rec), f.off) = t }

func (f *Field) setJSON(rec any, text []byte) error {
	return f.decode(unsafe.Add(f.owner.pointer(rec), f.off), text)
}
