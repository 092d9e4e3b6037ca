package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// invocation is a call of one of the functions that work on the catalog.
type invocation struct {
	c     *Compiler
	scope *Scope
	name  string
	args  []pcore.Value
	block pcore.Callable
}

// catalogFunction finds one of the functions that need the compiler itself.
func catalogFunction(name string) func(*invocation) (pcore.Value, error) {
	switch name {
	case "include":
		return (*invocation).includeFunction
	case "contain":
		return (*invocation).contain
	case "require":
		return (*invocation).require
	case "realize":
		return (*invocation).realize
	case "create_resources":
		return (*invocation).createResources
	case "tag":
		return (*invocation).tag
	case "tagged":
		return (*invocation).tagged
	case "defined":
		return (*invocation).defined
	case "return", "next", "break":
		return (*invocation).jump
	case "epp":
		return (*invocation).epp
	case "inline_epp":
		return (*invocation).inlineEpp
	case "template", "inline_template":
		return (*invocation).erb
	case "import":
		return (*invocation).importFunction
	case "fail":
		return (*invocation).fail
	case "debug", "info", "notice", "warning", "err", "alert", "emerg", "crit":
		return (*invocation).log
	}
	return nil
}

// classNames reads the arguments of include and its kin.
func (i *invocation) classNames() ([]string, error) {
	var names []string
	for _, v := range flatten(i.args) {
		name, err := className(v)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func className(v pcore.Value) (string, error) {
	name := ""
	switch v := v.(type) {
	case pcore.Undef:
		return "", raisef("Cannot use undef as a class name")
	case pcore.String:
		if v == "" {
			return "", raisef("Cannot use empty string as a class name")
		}
		name = string(v)
	case *pcore.ClassType:
		if v.ClassName == "" {
			return "", raisef("Cannot use an unspecific Class[] Type")
		}
		name = v.ClassName
	case *pcore.ResourceType:
		switch {
		case v.TypeName == "":
			return "", raisef("Cannot use an unspecific Resource[] where a Resource['class', name] is expected")
		case !strings.EqualFold(v.TypeName, "class"):
			return "", raisef("Cannot use a Resource[%s] where a Resource['class', name] is expected", v.TypeName)
		case !v.HasTitle:
			return "", raisef("Cannot use an unspecific Resource['class'] where a Resource['class', name] is expected")
		}
		name = v.Title
	default:
		return "", raisef("undefined method `downcase' for nil:NilClass")
	}
	if !strings.HasPrefix(name, "::") {
		name = "::" + strings.TrimPrefix(name, ":")
	}
	return strings.ToLower(name), nil
}

// include evaluates classes, each once, and gives their resources.
func (i *invocation) include() ([]*Resource, []pcore.Value, error) {
	names, err := i.classNames()
	if err != nil {
		return nil, nil, err
	}
	defs := make([]*Definition, len(names))
	for n, name := range names {
		if defs[n], err = i.c.classFor(name); err != nil {
			return nil, nil, err
		}
	}
	var resources, fresh []*Resource
	var refs []pcore.Value
	for _, d := range defs {
		if s := i.c.classScopes[d.Name]; s != nil {
			resources = append(resources, s.resource)
		} else {
			r, err := i.c.declareClass(d, i.scope, nil, false)
			if err != nil {
				return nil, nil, err
			}
			fresh = append(fresh, r)
			resources = append(resources, r)
		}
		refs = append(refs, &pcore.ClassType{ClassName: d.Name})
	}
	for _, r := range fresh {
		if err := i.c.evaluate(r); err != nil {
			return nil, nil, err
		}
	}
	return resources, refs, nil
}
