package eval

import (
	"errors"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// LoadType finds a named type for pcore: an alias, or a resource type.
func (c *Compiler) LoadType(name string) (pcore.Type, error) {
	if t, err := c.alias(name); t != nil || err != nil {
		return t, err
	}
	if _, ok, err := c.resourceTypeNamed(name); !ok || err != nil {
		return nil, err
	}
	return &pcore.ResourceType{TypeName: pcore.CapitalizeSegments(name)}, nil
}

// typeNamed is the type that a capitalised word stands for.
func (c *Compiler) typeNamed(e *syntax.QualifiedReference) (pcore.Value, error) {
	t, err := pcore.FindType(e.Cased, c)
	if err != nil {
		return nil, err
	}
	if ref, ok := t.(*pcore.TypeReferenceType); ok && e.Value != "typereference" {
		if path := c.rubyFile("type", e.Value); path != "" {
			return nil, inRuby("resource type", e.Value, path)
		}
		return nil, fail(e, "UNKNOWN_RESOURCE_TYPE", "Resource type not found: %s", ref.Text)
	}
	return t, nil
}

func (c *Compiler) access(e *syntax.Access, s *Scope) (pcore.Value, error) {
	left, err := c.eval(e.L, s)
	if err != nil {
		return nil, err
	}
	keys := make([]pcore.Value, 0, len(e.Keys))
	for _, k := range e.Keys {
		v, err := c.eval(k, s)
		if err != nil {
			return nil, err
		}
		keys = append(keys, v)
	}
	switch l := left.(type) {
	case pcore.String:
		return c.substring(e, l, flatten(keys))
	case pcore.Binary:
		v, err := c.substring(e, pcore.String(l), flatten(keys))
		if err != nil {
			return nil, err
		}
		return pcore.Binary(v.(pcore.String)), nil
	case *pcore.Array:
		return c.element(e, l, flatten(keys))
	case *pcore.Hash:
		return c.entry(e, l, keys)
	case *pcore.ResourceType:
		if l.TypeName == "" && len(keys) == 1 {
			if r, ok := keys[0].(*pcore.ResourceType); ok {
				return r, nil
			}
		}
		return c.resourceAccess(e, l, keys)
	case *pcore.ClassType:
		return c.classAccess(e, l, keys)
	case pcore.Type:
		return c.parameterize(e, l, keys)
	}
	return nil, notApplicable(e.L, "[]", left)
}

func flatten(list []pcore.Value) []pcore.Value {
	nested := false
	for _, v := range list {
		if _, ok := v.(*pcore.Array); ok {
			nested = true
		}
	}
	if !nested {
		return list
	}
	var flat []pcore.Value
	for _, v := range list {
		if a, ok := v.(*pcore.Array); ok {
			flat = append(flat, flatten(a.Slice())...)
			continue
		}
		flat = append(flat, v)
	}
	return flat
}

// parameterize is Type[args].
func (c *Compiler) parameterize(e *syntax.Access, t pcore.Type, keys []pcore.Value) (pcore.Value, error) {
	v, err := pcore.Parameterize(t, keys)
	var te *pcore.TypeError
	if errors.As(err, &te) {
		var at syntax.Expr = e
		if te.Arg >= 0 && te.Arg < len(e.Keys) {
			at = e.Keys[te.Arg]
		}
		return nil, fail(at, te.Issue, "%s", te.Message)
	}
	return v, err
}

// keyName names the type of a bad key in messages.
func keyName(v pcore.Value) string {
	switch v.(type) {
	case pcore.Undef:
		return "Undef"
	case pcore.Default:
		return "Default"
	}
	return generalized(v)
}

// index gives an integer key of a string or array.
func (c *Compiler) arrayIndex(e *syntax.Access, left, key pcore.Value, i int) (int, error) {
	n := syntax.Expr(e)
	if i < len(e.Keys) {
		n = e.Keys[i]
	}
	v, err := c.numeric(key, n)
	if err != nil {
		return 0, err
	}
	k, ok := v.(pcore.Integer)
	if !ok {
		return 0, fail(n, "BAD_SLICE_KEY_TYPE", "%s[] cannot use %s where Integer is expected", upperFirst(aLabel(left)), keyName(v))
	}
	return int(k), nil
}

// slice turns a position and a length, either of which may count from the
// end, into a range; ok is false outside.
func slice(size, from, n int) (start, end int, ok bool) {
	if from < 0 {
		from += size
	}
	if n < 0 {
		n = size - from + n + 1
	}
	if from < 0 {
		n += from
		from = 0
	}
	if from > size || n < 0 {
		return 0, 0, false
	}
	return from, min(from+n, size), true
}

func (c *Compiler) element(e *syntax.Access, a *pcore.Array, keys []pcore.Value) (pcore.Value, error) {
	switch len(keys) {
	case 1:
		i, err := c.arrayIndex(e, a, keys[0], 0)
		if err != nil {
			return nil, err
		}
		if i < 0 {
			i += a.Len()
		}
		if i < 0 || i >= a.Len() {
			return pcore.Undef{}, nil
		}
		return a.At(i), nil
	case 2:
		from, err := c.arrayIndex(e, a, keys[0], 0)
		if err != nil {
			return nil, err
		}
		n, err := c.arrayIndex(e, a, keys[1], 1)
		if err != nil {
			return nil, err
		}
		start, end, ok := slice(a.Len(), from, n)
		if !ok {
			return pcore.NewArray(nil), nil
		}
		return pcore.NewArray(a.Slice()[start:end:end]), nil
	}
	return nil, fail(e.L, "BAD_ARRAY_SLICE_ARITY", "Array supports [] with one or two arguments. Got %d", len(keys))
}

func (c *Compiler) substring(e *syntax.Access, str pcore.String, keys []pcore.Value) (pcore.Value, error) {
	if len(keys) != 1 && len(keys) != 2 {
		return nil, fail(e.L, "BAD_STRING_SLICE_ARITY", "String supports [] with one or two arguments. Got %d", len(keys))
	}
	at := make([]int, len(keys))
	for i, k := range keys {
		v := k
		if text, ok := k.(pcore.String); ok {
			if number, ok := ParseNumber(string(text)); ok {
				v = number
			}
		}
		n, ok := v.(pcore.Integer)
		if !ok {
			name := keyName(v)
			return nil, fail(e.Keys[min(i, len(e.Keys)-1)], "BAD_STRING_SLICE_KEY_TYPE",
				"A substring operation does not accept %s %s as a character index. Expected an Integer", syntax.Article(name), name)
		}
		at[i] = int(n)
	}
	runes := []rune(string(str))
	if len(at) == 1 {
		if at[0] < 0 {
			at[0] += len(runes)
		}
		if at[0] < 0 || at[0] >= len(runes) {
			return pcore.String(""), nil
		}
		return pcore.String(runes[at[0]]), nil
	}
	start, end, ok := slice(len(runes), at[0], at[1])
	if !ok {
		return pcore.String(""), nil
	}
	return pcore.String(runes[start:end]), nil
}

func (c *Compiler) entry(e *syntax.Access, h *pcore.Hash, keys []pcore.Value) (pcore.Value, error) {
	switch len(keys) {
	case 0:
		return nil, fail(e.L, "BAD_HASH_SLICE_ARITY", "Hash supports [] with one or more arguments. Got 0")
	case 1:
		if v, ok := h.Get(keys[0]); ok {
			return v, nil
		}
		return pcore.Undef{}, nil
	}
	var list []pcore.Value
	for _, k := range keys {
		if v, ok := h.Get(k); ok && !pcore.IsUndef(v) {
			list = append(list, v)
		}
	}
	return pcore.NewArray(list), nil
}

var classRefRule = regexp.MustCompile(`^(?:(?:::)?[A-Z]\w*)+$`)

// keysOf flattens the keys of a reference and drops undef. many says that the
// result is an array.
func keysOf(keys []pcore.Value) (list []pcore.Value, many bool) {
	many = len(keys) > 1
	if len(keys) == 1 {
		_, many = keys[0].(*pcore.Array)
	}
	for _, k := range flatten(keys) {
		if !pcore.IsUndef(k) {
			list = append(list, k)
		}
	}
	return list, many
}

func oneOrMany(list []pcore.Value, many bool) pcore.Value {
	switch {
	case many:
		return pcore.NewArray(list)
	case len(list) == 0:
		return pcore.Undef{}
	}
	return list[len(list)-1]
}

// resourceAccess is File['x'], Resource['file', 'x'] and File['x'][mode].
func (c *Compiler) resourceAccess(e *syntax.Access, t *pcore.ResourceType, keys []pcore.Value) (pcore.Value, error) {
	name := t.TypeName
	if name == "" {
		switch k := keys[0].(type) {
		case *pcore.ResourceType:
			name = k.TypeName
		case pcore.String:
			name = pcore.CapitalizeSegments(string(k))
		default:
			return nil, fail(e.Keys[0], "ILLEGAL_RESOURCE_SPECIALIZATION", "First argument to Resource[] must be a resource type or a String. Got %s.", keyName(k))
		}
		if !classRefRule.MatchString(name) {
			return nil, fail(e.Keys[0], "ILLEGAL_CLASSREF", "Illegal type reference. The given name '%s' does not conform to the naming rule", name)
		}
		keys = keys[1:]
		if len(keys) == 0 {
			return &pcore.ResourceType{TypeName: name}, nil
		}
	}
	list, many := keysOf(keys)
	if len(list) == 0 {
		return oneOrMany(nil, many), nil
	}
	if t.HasTitle {
		return c.attributesOf(e, t, list, many)
	}
	out := make([]pcore.Value, len(list))
	for i, k := range list {
		title, ok := k.(pcore.String)
		if !ok {
			at := min(i, len(e.Keys)-1)
			return nil, fail(e.Keys[at], "BAD_TYPE_SPECIALIZATION", "Error creating type specialization of %s, Cannot use %s where a resource title String is expected",
				aLabel(t), keyName(k))
		}
		out[i] = &pcore.ResourceType{TypeName: name, Title: string(title), HasTitle: true}
	}
	return oneOrMany(out, many), nil
}

// attributesOf reads attributes of a resource in the catalog.
func (c *Compiler) attributesOf(e *syntax.Access, t *pcore.ResourceType, names []pcore.Value, many bool) (pcore.Value, error) {
	r := c.findResource(t.TypeName, t.Title)
	if r == nil {
		return nil, fail(e, "UNKNOWN_RESOURCE", "Resource not found: %s['%s']", t.TypeName, t.Title)
	}
	out := make([]pcore.Value, len(names))
	for i, n := range names {
		name, ok := n.(pcore.String)
		if !ok || !r.validParameter(string(name)) {
			return nil, fail(e, "UNKNOWN_RESOURCE_PARAMETER", "The resource %s['%s'] does not have a parameter called '%s'", pcore.Capitalize(t.TypeName), t.Title, rubyText(n))
		}
		out[i] = r.valueOf(string(name))
	}
	return oneOrMany(out, many), nil
}

// valueOf is an attribute with the resource defaults behind it.
func (r *Resource) valueOf(name string) pcore.Value {
	v := r.Get(name)
	if pcore.IsUndef(v) && r.scope != nil {
		if t := r.scope.lookupDefaults(r.Type); t != nil && t.params[name] != nil {
			return t.params[name].Value
		}
	}
	return v
}

func (r *Resource) validParameter(name string) bool {
	switch {
	case r.builtin != nil:
		return r.builtin.valid(name)
	case name == "name" || isMetaparameter(name):
		return true
	case r.def != nil:
		for _, p := range r.def.params {
			if p.Name == name {
				return true
			}
		}
	}
	return false
}

var nameRule = regexp.MustCompile(`^(?:::)?[a-z]\w*(?:::[a-z]\w*)*$`)

// classAccess is Class['a'] and Class['a']['param'].
func (c *Compiler) classAccess(e *syntax.Access, t *pcore.ClassType, keys []pcore.Value) (pcore.Value, error) {
	list, many := keysOf(keys)
	if len(list) == 0 {
		return oneOrMany(nil, many), nil
	}
	if t.ClassName != "" {
		r := c.findResource("Class", t.ClassName)
		if r == nil {
			return nil, fail(e, "UNKNOWN_RESOURCE", "Resource not found: Class['%s']", t.ClassName)
		}
		out := make([]pcore.Value, len(list))
		for i, n := range list {
			name, ok := n.(pcore.String)
			if !ok || !r.validParameter(string(name)) {
				return nil, fail(e, "UNKNOWN_RESOURCE_PARAMETER", "The resource Class['%s'] does not have a parameter called '%s'", t.ClassName, rubyText(n))
			}
			out[i] = r.valueOf(string(name))
		}
		return oneOrMany(out, many), nil
	}
	out := make([]pcore.Value, len(list))
	for i, k := range list {
		at := e.Keys[min(i, len(e.Keys)-1)]
		var text string
		switch k := k.(type) {
		case pcore.String:
			text = string(k)
		default:
			ref, ok := at.(*syntax.QualifiedReference)
			if !ok {
				return nil, fail(at, "ILLEGAL_HOSTCLASS_NAME", "Illegal Class name in class reference. %s cannot be used where a String is expected", upperFirst(aLabel(k)))
			}
			text = ref.Value
			if _, isRef := k.(*pcore.TypeReferenceType); !isRef {
				return nil, fail(at, "ILLEGAL_HOSTCLASS_NAME", "Illegal Class name in class reference. %s cannot be used where a String is expected", upperFirst(aLabel(k)))
			}
		}
		name := strings.TrimPrefix(strings.ToLower(text), "::")
		if !nameRule.MatchString(name) {
			return nil, fail(at, "ILLEGAL_NAME", "Illegal name. The given name '%s' does not conform to the naming rule /^((::)?[a-z_]\\w*)(::[a-z]\\w*)*$/", text)
		}
		out[i] = &pcore.ClassType{ClassName: name}
	}
	return oneOrMany(out, many), nil
}
