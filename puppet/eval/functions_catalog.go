package eval

import (
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

func (i *invocation) atLeast(n int) error {
	if len(i.args) >= n {
		return nil
	}
	got := fmt.Sprint(len(i.args))
	if len(i.args) == 0 {
		got = "none"
	}
	plural := "s"
	if n == 1 {
		plural = ""
	}
	return raisef("'%s' expects at least %d argument%s, got %s", i.name, n, plural, got)
}

func (i *invocation) includeFunction() (pcore.Value, error) {
	if err := i.atLeast(1); err != nil {
		return nil, err
	}
	_, refs, err := i.include()
	return pcore.NewArray(refs), err
}

func (i *invocation) contain() (pcore.Value, error) {
	if err := i.atLeast(1); err != nil {
		return nil, err
	}
	resources, refs, err := i.include()
	if err != nil {
		return nil, err
	}
	for _, r := range resources {
		i.c.addEdge(i.scope.resource, r)
	}
	return pcore.NewArray(refs), nil
}

func (i *invocation) require() (pcore.Value, error) {
	if err := i.atLeast(1); err != nil {
		return nil, err
	}
	_, refs, err := i.include()
	if err != nil {
		return nil, err
	}
	r := i.scope.resource
	for _, ref := range refs {
		var list []pcore.Value
		for _, v := range flatten([]pcore.Value{r.Get("require")}) {
			if !pcore.IsUndef(v) {
				list = append(list, v)
			}
		}
		r.set("require", pcore.NewArray(append(list, ref)))
	}
	return pcore.NewArray(refs), nil
}

// legacyArguments counts the arguments of a function of the old kind.
func (i *invocation) legacyArguments(n int) error {
	if len(i.args) < n {
		return raisef("%s(): Wrong number of arguments given (%d for minimum %d)", i.name, len(i.args), n)
	}
	return nil
}

func (i *invocation) realize() (pcore.Value, error) {
	if err := i.legacyArguments(1); err != nil {
		return nil, err
	}
	k := &Collector{c: i.c, scope: i.scope, fixed: true, collected: map[string]bool{}}
	for _, v := range flatten(i.args) {
		typ, title, ok := reference(v)
		if !ok {
			if typ, title, ok = splitRef(v.String()); !ok {
				return nil, raisef("No title provided and %s is not a valid resource reference", pcore.InspectRuby(v))
			}
		}
		k.titles = append(k.titles, titleRef{typ, title})
	}
	i.c.collectors = append(i.c.collectors, k)
	return pcore.Undef{}, nil
}

func (i *invocation) createResources() (pcore.Value, error) {
	if err := i.legacyArguments(2); err != nil {
		return nil, err
	}
	if len(i.args) > 3 {
		return nil, raisef("create_resources(): wrong number of arguments (%d; must be 2 or 3)", len(i.args))
	}
	typ := i.args[0].String()
	place := i.place()
	d := &declaration{c: i.c, scope: i.scope, file: place.file, line: place.line}
	d.exported = strings.HasPrefix(typ, "@@")
	d.virtual = strings.HasPrefix(typ, "@")
	d.typ = strings.ToLower(strings.TrimLeft(typ, "@"))
	if d.typ == "class" && d.virtual {
		return nil, raisef("Classes are not virtualizable")
	}
	instances, ok := i.args[1].(*pcore.Hash)
	if !ok {
		return nil, raisef("create_resources(): second argument must be a hash")
	}
	defaults := pcore.NewHash(nil)
	if len(i.args) == 3 {
		if defaults, ok = i.args[2].(*pcore.Hash); !ok {
			return nil, raisef("create_resources(): third argument, if provided, must be a hash")
		}
	}
	for title, v := range instances.All() {
		params, ok := v.(*pcore.Hash)
		if !ok {
			return nil, raisef("no implicit conversion of %s into Hash", rubyImplicit(v))
		}
		merged := defaults.Merge(params)
		var titles []string
		for _, t := range flatten([]pcore.Value{title}) {
			titles = append(titles, t.String())
		}
		if _, err := d.declare(titles, i.paramsOf(merged, place)); err != nil {
			return nil, err
		}
	}
	return pcore.Undef{}, nil
}

func (i *invocation) paramsOf(h *pcore.Hash, place callPlace) []*Param {
	params := make([]*Param, 0, h.Len())
	for n, v := range h.All() {
		params = append(params, &Param{Name: n.String(), Value: v, File: place.file, Line: place.line, source: i.scope.source})
	}
	return params
}

// place is where the function is called from.
func (i *invocation) place() callPlace {
	if n := len(i.c.calls); n > 0 {
		return i.c.calls[n-1]
	}
	return callPlace{}
}

func (i *invocation) tag() (pcore.Value, error) {
	if err := i.legacyArguments(1); err != nil {
		return nil, err
	}
	for _, v := range flatten(i.args) {
		if err := i.scope.resource.tag(v.String()); err != nil {
			return nil, err
		}
	}
	return pcore.Undef{}, nil
}

func (i *invocation) tagged() (pcore.Value, error) {
	if err := i.legacyArguments(1); err != nil {
		return nil, err
	}
	for _, v := range flatten(i.args) {
		tag := strings.ToLower(v.String())
		if !i.c.tags.has[tag] && !i.scope.resource.tagged([]string{tag}) {
			return pcore.Boolean(false), nil
		}
	}
	return pcore.Boolean(true), nil
}

func (i *invocation) defined() (pcore.Value, error) {
	if err := i.atLeast(1); err != nil {
		return nil, err
	}
	for _, v := range i.args {
		ok, err := i.isDefined(v)
		if ok || err != nil {
			return pcore.Boolean(ok), err
		}
	}
	return pcore.Boolean(false), nil
}

func (i *invocation) isDefined(v pcore.Value) (bool, error) {
	switch v := v.(type) {
	case pcore.String:
		return i.nameDefined(string(v))
	case *pcore.ResourceType:
		if v.TypeName == "" {
			return false, raisef("The given resource type is a reference to all kind of types")
		}
		if v.HasTitle {
			return i.c.findResource(v.TypeName, v.Title) != nil, nil
		}
		_, ok, err := i.c.resourceTypeNamed(v.TypeName)
		return ok, err
	case *pcore.ClassType:
		if v.ClassName == "" {
			return false, raisef("The given class type is a reference to all classes")
		}
		return i.c.findResource("Class", v.ClassName) != nil, nil
	case *pcore.TypeType:
		switch t := v.Of.(type) {
		case *pcore.ResourceType:
			_, ok, err := i.c.resourceTypeNamed(t.TypeName)
			return ok, err
		case *pcore.ClassType:
			d, err := i.c.findClass(t.ClassName)
			return d != nil, err
		}
	}
	sig := pcore.Signature{Callable: &pcore.CallableType{Params: &pcore.TupleType{
		Types: []pcore.Type{&pcore.VariantType{Types: []pcore.Type{
			pcore.AnyString(), &pcore.TypeType{Of: pcore.CatalogEntryType}, &pcore.TypeType{Of: &pcore.TypeType{Of: pcore.CatalogEntryType}},
		}}},
		Size: &pcore.Size{Min: 1, Max: pcore.MaxInt},
	}}, Names: []string{"vals"}}
	return false, raise(pcore.DescribeSignatures("defined", []pcore.Signature{sig}, i.args, i.block))
}

func (i *invocation) nameDefined(name string) (bool, error) {
	switch {
	case name == "":
		return false, nil
	case strings.HasPrefix(name, "$") && len(name) > 1:
		return i.scope.Exists(name[1:]), nil
	case name == "main":
		return true, nil
	}
	_, ok, err := i.c.resourceTypeNamed(name)
	if ok || err != nil {
		return ok, err
	}
	d, err := i.c.findClass(name)
	return d != nil, err
}

func (i *invocation) jump() (pcore.Value, error) {
	j := &jump{value: pcore.Undef{}}
	most := int64(1)
	if i.name == "break" {
		most = 0
	}
	if int64(len(i.args)) > most {
		sig := pcore.Signature{Callable: &pcore.CallableType{Params: &pcore.TupleType{
			Types: []pcore.Type{pcore.AnyType}, Size: &pcore.Size{Max: most},
		}}, Names: []string{"value"}}
		return nil, raise(pcore.DescribeSignatures(i.name, []pcore.Signature{sig}, i.args, nil))
	}
	switch i.name {
	case "return":
		j.kind = jumpReturn
	case "break":
		j.kind = jumpBreak
	}
	if len(i.args) > 0 {
		j.value = i.args[0]
	}
	p := i.place()
	j.file, j.line = p.file, p.line
	return nil, j
}

func (i *invocation) fail() (pcore.Value, error) {
	parts := make([]string, len(i.args))
	for n, v := range i.args {
		parts[n] = rubyText(v)
	}
	return nil, &compileFailure{message: strings.Join(parts, " ")}
}

func texts(args []pcore.Value) string {
	parts := make([]string, len(args))
	for n, v := range args {
		parts[n] = v.String()
	}
	return strings.Join(parts, " ")
}

func (i *invocation) log() (pcore.Value, error) {
	i.c.Log(Event{Level: i.name, Message: texts(i.args), Source: i.scope.String()})
	return pcore.Undef{}, nil
}

func (i *invocation) importFunction() (pcore.Value, error) {
	return nil, &issue{"DISCONTINUED_IMPORT", "Use of 'import' has been discontinued in favor of a manifest directory. See http://links.puppet.com/puppet-import-deprecation"}
}

// templateArgs checks the arguments of epp and inline_epp.
func (i *invocation) templateArgs() (name string, args *pcore.Hash, err error) {
	if len(i.args) == 1 || len(i.args) == 2 {
		text, ok := i.args[0].(pcore.String)
		if len(i.args) == 2 {
			h, isHash := i.args[1].(*pcore.Hash)
			args, ok = h, ok && isHash
		}
		if ok {
			return string(text), args, nil
		}
	}
	names := []string{"path", "parameters"}
	if i.name == "inline_epp" {
		names[0] = "template"
	}
	key := &pcore.PatternType{Patterns: []*pcore.Regexp{pcore.MustRegexp(`^\w+$`)}}
	sig := pcore.Signature{Callable: &pcore.CallableType{Params: &pcore.TupleType{
		Types: []pcore.Type{pcore.AnyString(), &pcore.HashType{Key: key, Val: pcore.AnyType}}, Size: &pcore.Size{Min: 1, Max: 2},
	}}, Names: names}
	return "", nil, raise(pcore.DescribeSignatures(i.name, []pcore.Signature{sig}, i.args, i.block))
}

func (i *invocation) epp() (pcore.Value, error) {
	name, args, err := i.templateArgs()
	if err != nil {
		return nil, err
	}
	prog, err := i.c.loader.Template(name)
	if err != nil {
		return nil, raisef("epp(): Invalid EPP: %s", err.Error())
	}
	if prog == nil {
		return nil, &compileFailure{message: "Could not find template '" + name + "'"}
	}
	return i.c.RenderEpp(i.scope, prog, name, args, false)
}

func (i *invocation) inlineEpp() (pcore.Value, error) {
	text, args, err := i.templateArgs()
	if err != nil {
		return nil, err
	}
	res, err := syntax.Parse("inlined-epp-text", text, syntax.Options{Epp: true})
	if err != nil {
		return nil, raisef("inline_epp(): Invalid EPP: %s", err.Error())
	}
	if err := syntax.Validate(res.Program, syntax.ValidateOptions{Strict: i.c.settings.Strict}).Err(); err != nil {
		return nil, raisef("inline_epp(): Invalid EPP: %s", err.Error())
	}
	return i.c.RenderEpp(i.scope, res.Program, "inline_epp", args, true)
}

// erb renders templates in Ruby.
func (i *invocation) erb() (pcore.Value, error) {
	if err := i.legacyArguments(1); err != nil {
		return nil, err
	}
	for _, v := range flatten(i.args) {
		if i.name == "template" && i.c.loader.FindFile("templates", v.String()) == "" {
			return nil, &compileFailure{message: "Could not find template '" + v.String() + "'"}
		}
	}
	if i.c.opts.Ruby == nil {
		return nil, raisef("%s() needs Ruby, which is not available", i.name)
	}
	var b strings.Builder
	for _, v := range flatten(i.args) {
		text, err := i.c.opts.Ruby.Render(i.c, i.scope, v.String(), i.name == "inline_template")
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	return pcore.String(b.String()), nil
}
