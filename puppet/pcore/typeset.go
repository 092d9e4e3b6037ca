package pcore

// TypeSetType is TypeSet, or one TypeSet[{…}]: named types with a version.
type TypeSetType struct {
	name string
	init *Hash
}

// AnyTypeSet is the type TypeSet.
var AnyTypeSet = &TypeSetType{init: HashOf(
	"pcore_uri", String("http://puppet.com/2016.1/pcore"), "pcore_version", String("1.0.0"),
	"name_authority", String("http://puppet.com/2016.1/runtime"), "name", String("DefaultTypeSet"), "version", String("0.0.0"),
)}

// Name implements Type.
func (t *TypeSetType) Name() string {
	if t.name == "" {
		return "TypeSet"
	}
	return t.name
}

// Type implements Value.
func (t *TypeSetType) Type() Type { return &TypeType{t} }

// String implements Value.
func (t *TypeSetType) String() string { return typeText(t) }

// Member finds one of the set's own types.
func (t *TypeSetType) Member(name string) (Type, bool) {
	if t.init == nil {
		return nil, false
	}
	types, ok := t.init.GetString("types")
	if !ok {
		return nil, false
	}
	h, ok := types.(*Hash)
	if !ok {
		return nil, false
	}
	v, ok := h.GetString(name)
	if !ok {
		return nil, false
	}
	m, ok := v.(Type)
	return m, ok
}

func (t *TypeSetType) instance(v Value) bool {
	s, ok := v.(*TypeSetType)
	return ok && (t == AnyTypeSet || s == t)
}

func (t *TypeSetType) accepts(o Type, _ *guard) bool {
	s, ok := o.(*TypeSetType)
	return ok && (t == AnyTypeSet || s == t)
}

func (t *TypeSetType) format(f *formatter) {
	if t.init == nil {
		f.call("TypeSet")
		return
	}
	f.call("TypeSet", func() {
		f.hash(t.init, func(e Entry) { f.b.WriteString(e.Key.String()) }, func(e Entry) { f.value(e.Value) })
	})
}
