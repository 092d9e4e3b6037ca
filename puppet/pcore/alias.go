package pcore

import "fmt"

// AliasType is a named type: `type My::Port = Integer[1, 65535]`. It is made first and bound later,
// so that it can refer to itself.
type AliasType struct {
	name     string
	resolved Type
}

// NewAlias makes an alias that stands for nothing yet. Whoever makes it must call Bind before
// other goroutines can see it.
func NewAlias(name string) *AliasType { return &AliasType{name: name} }

// Bind says what the alias stands for. It refuses an alias that is nothing but itself.
func (t *AliasType) Bind(to Type) error {
	t.resolved = to
	if v, ok := to.(*VariantType); ok {
		kept := make([]Type, 0, len(v.Types))
		for _, e := range v.Types {
			if !t.emptyWithout(e, 0) {
				kept = append(kept, e)
			}
		}
		if len(kept) != len(v.Types) {
			t.resolved = variantOf(kept)
			if len(kept) == 0 {
				t.resolved = nil
			}
		}
	} else if t.emptyWithout(to, 0) {
		t.resolved = nil
	}
	if t.resolved == nil {
		return fmt.Errorf("Type alias '%s' cannot be resolved to a real type", t.name)
	}
	return nil
}

// emptyWithout says whether o is made of nothing but aliases that lead back here.
func (t *AliasType) emptyWithout(o Type, depth int) bool {
	if depth > 100 {
		return true
	}
	switch o := o.(type) {
	case *AliasType:
		// One that is not bound yet gets its own turn to be refused.
		return o == t || o.resolved != nil && t.emptyWithout(o.resolved, depth+1)
	case *VariantType:
		for _, e := range o.Types {
			if !t.emptyWithout(e, depth+1) {
				return false
			}
		}
		return len(o.Types) > 0
	}
	return false
}

// Resolved is what the alias stands for; nil before Bind.
func (t *AliasType) Resolved() Type { return t.resolved }

// Name implements Type.
func (t *AliasType) Name() string { return t.name }

// Type implements Value.
func (t *AliasType) Type() Type { return &TypeType{t} }

// String implements Value: an alias shows what it stands for.
func (t *AliasType) String() string { return ExpandedString(t) }

func (t *AliasType) format(f *formatter) {
	f.b.WriteString(t.name)
	if !f.expanded || t.resolved == nil || isBuiltinAlias(t) || f.within[t] {
		return
	}
	if f.within == nil {
		f.within = map[*AliasType]bool{}
	}
	f.within[t] = true
	f.b.WriteString(" = ")
	t.resolved.format(f)
	delete(f.within, t)
}

func (t *AliasType) instance(v Value) bool { return t.resolved != nil && t.resolved.instance(v) }

func (t *AliasType) accepts(o Type, g *guard) bool {
	return t.resolved != nil && assignable(t.resolved, o, g)
}

// Unalias gives what t stands for when it is an alias, and t otherwise.
func Unalias(t Type) Type {
	for {
		a, ok := t.(*AliasType)
		if !ok || a.resolved == nil {
			return t
		}
		t = a.resolved
	}
}
