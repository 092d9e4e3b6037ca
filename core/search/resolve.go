package search

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// Resolve checks a parsed query against a noun's fields and spells it out as a
// condition. Unknown fields, operators that a field's type does not have and
// values that it cannot hold are Malformed, with an *Error inside; a query that
// grows over MaxTests is TooLarge.
//
// What restricts nothing is dropped, as upstream does: a date that cannot be
// read (unless env.Strict) and free text that fits no field.
func (fs Fields) Resolve(e Expr, env Env) (Cond, error) {
	r := &resolver{fields: fs, env: env}
	c, err := r.resolve(e)
	if err != nil {
		return nil, err
	}
	if c == nil {
		c = Always()
	}
	return c, nil
}

// Query is Parse and Resolve in one.
func (fs Fields) Query(query string, env Env) (Cond, error) {
	e, err := Parse(query)
	if err != nil {
		return nil, err
	}
	return fs.Resolve(e, env)
}

type resolver struct {
	fields Fields
	env    Env
	tests  int
	values int
}

// resolve gives nil for what restricts nothing.
func (r *resolver) resolve(e Expr) (Cond, error) {
	switch e := e.(type) {
	case And:
		terms, err := r.all(e.Terms)
		return every(terms), err
	case Or:
		terms, err := r.all(e.Terms)
		return some(terms), err
	case Not:
		c, err := r.resolve(e.X)
		if c == nil || err != nil {
			return nil, err
		}
		return Negate{X: c}, nil
	case Text:
		return r.text(e)
	case Compare:
		if e.Field == "" {
			return r.fieldless(e)
		}
		return r.compare(e)
	case Null:
		return r.null(e)
	}
	return nil, nil
}

func (r *resolver) all(exprs []Expr) ([]Cond, error) {
	var conds []Cond
	for _, e := range exprs {
		c, err := r.resolve(e)
		if err != nil {
			return nil, err
		}
		if c != nil {
			conds = append(conds, c)
		}
	}
	return conds, nil
}

func every(terms []Cond) Cond {
	switch len(terms) {
	case 0:
		return nil
	case 1:
		return terms[0]
	}
	return Every{Terms: terms}
}

func some(terms []Cond) Cond {
	switch len(terms) {
	case 0:
		return nil
	case 1:
		return terms[0]
	}
	return Some{Terms: terms}
}

func (r *resolver) test(t Test) (Cond, error) {
	r.tests++
	r.values += len(t.Values)
	if r.tests > MaxTests || r.values > MaxValues {
		return nil, errs.New(errs.TooLarge, "the search query asks for more than %d comparisons or %d values", MaxTests, MaxValues)
	}
	return t, nil
}

func (r *resolver) find(name string, pos int) (*Field, string, error) {
	f, key := r.fields.Find(name)
	if f == nil {
		return nil, "", unknownField(name, pos)
	}
	return f, key, nil
}

func unknownField(name string, pos int) error {
	return malformed(pos, fmt.Sprintf("Field '%s' not recognized for searching!", name))
}

func (r *resolver) null(e Null) (Cond, error) {
	f, key, err := r.find(e.Field, e.Pos)
	if err != nil {
		return nil, err
	}
	kind := IsNull
	if e.Negated {
		kind = IsSet
	}
	return r.test(Test{Field: f, Key: key, Kind: kind})
}

// text is free text, but for the name of a boolean field, which stands for
// "it is true".
func (r *resolver) text(e Text) (Cond, error) {
	if f := r.fields.named(e.Value, false); f != nil && f.Type == TypeSet {
		for _, w := range f.Words {
			if w.Value == true {
				return r.test(Test{Field: f, Kind: Equal, Value: true})
			}
		}
	}
	return r.everywhere(e.Value, e.Pos, func(f *Field) (Op, bool) {
		if f.Type == TypeText || f.Type == TypeVirtual {
			return Like, true
		}
		return Eq, true
	})
}

func (r *resolver) fieldless(e Compare) (Cond, error) {
	return r.everywhere(e.Value, e.Pos, func(f *Field) (Op, bool) { return e.Op, f.allows(e.Op) })
}

// everywhere looks for a value in all the free-text fields that it fits.
func (r *resolver) everywhere(value string, pos int, op func(*Field) (Op, bool)) (Cond, error) {
	var terms []Cond
	for i := range r.fields {
		f := &r.fields[i]
		operator, ok := op(f)
		if f.Explicit || f.Keyed || !ok || !r.fits(f, value) {
			continue
		}
		c, err := r.value(f, "", Compare{Field: f.Name, Op: operator, Value: value, Pos: pos})
		if err != nil {
			return nil, err
		}
		if c != nil {
			terms = append(terms, c)
		}
	}
	return some(terms), nil
}

func (r *resolver) fits(f *Field, value string) bool {
	switch f.Type {
	case TypeInteger:
		_, err := strconv.ParseInt(value, 10, 64)
		return err == nil
	case TypeDecimal:
		_, err := strconv.ParseFloat(value, 64)
		return err == nil
	case TypeDatetime:
		_, ok := parseTime(value, r.env.now())
		return ok
	case TypeSet:
		return false
	}
	return true
}

func (r *resolver) compare(e Compare) (Cond, error) {
	f, key, err := r.find(e.Field, e.Pos)
	if err != nil {
		return nil, err
	}
	if !f.allows(e.Op) {
		return nil, malformed(e.Pos, fmt.Sprintf("the operator '%s' is not supported for field type '%s'", e.Op, f.Type))
	}
	return r.value(f, key, e)
}

// testOf is what an operator does where no rule of a type says otherwise.
var testOf = [...]TestKind{
	Eq: Equal, Ne: NotEqual, Gt: Greater, Lt: Less, Ge: GreaterEqual, Le: LessEqual,
	Like: Matches, Unlike: MatchesNot, In: OneOf, NotIn: NoneOf,
}

// value builds the test of a comparison that its field allows.
func (r *resolver) value(f *Field, key string, e Compare) (Cond, error) {
	if e.Op == In || e.Op == NotIn {
		return r.list(f, key, e)
	}
	t := Test{Field: f, Key: key, Kind: testOf[e.Op]}
	switch f.Type {
	case TypeDatetime:
		return r.datetime(t, e)
	case TypeText, TypeVirtual:
		if e.Op == Like || e.Op == Unlike {
			t.Value = pattern(e.Value)
			return r.test(t)
		}
	case TypeInteger, TypeDecimal:
		if truth, ok := truthOf(f, e); ok {
			return r.test(Test{Field: f, Key: key, Kind: truth, Value: zeroOf(f)})
		}
	}
	v, err := r.typed(f, e.Value, e.Pos)
	if err != nil {
		return nil, err
	}
	t.Value = v
	return r.test(t)
}

func (r *resolver) list(f *Field, key string, e Compare) (Cond, error) {
	t := Test{Field: f, Key: key, Kind: testOf[e.Op]}
	for _, text := range e.Values() {
		v, err := r.typed(f, text, e.Pos)
		if err != nil {
			return nil, err
		}
		t.Values = append(t.Values, v)
	}
	if len(t.Values) > 0 {
		return r.test(t)
	}
	if e.Op == In {
		return Never(), nil
	}
	return r.test(Test{Field: f, Key: key, Kind: IsSet})
}

// typed reads a value as the field's type has it.
func (r *resolver) typed(f *Field, text string, pos int) (any, error) {
	if text == "current_user" && f.User != NotUser {
		return r.me(f), nil
	}
	invalid := func() error {
		return malformed(pos, fmt.Sprintf("Value '%s' is not valid for field '%s'", text, f.Name))
	}
	switch f.Type {
	case TypeInteger:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, invalid()
		}
		return n, nil
	case TypeDecimal:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n-n != 0 { // neither infinite nor NaN
			return nil, invalid()
		}
		return n, nil
	case TypeSet:
		return f.word(text, pos)
	}
	return text, nil
}

func (r *resolver) me(f *Field) any {
	if f.User == UserLogin {
		return r.env.Login
	}
	if f.Type == TypeInteger {
		return r.env.UserID
	}
	return strconv.FormatInt(r.env.UserID, 10)
}

func (f *Field) word(text string, pos int) (any, error) {
	known := make([]string, len(f.Words))
	for i, w := range f.Words {
		if w.Text == text {
			return w.Value, nil
		}
		known[i] = w.Text
	}
	return nil, malformed(pos, fmt.Sprintf("'%s' should be one of '%s', but the query was '%s'", f.Name, strings.Join(known, ", "), text))
}

// truthOf reads true and false on a number: more than 0, and 0.
func truthOf(f *Field, e Compare) (TestKind, bool) {
	if !f.Truth || (e.Op != Eq && e.Op != Ne) || (e.Value != "true" && e.Value != "false") {
		return 0, false
	}
	if (e.Value == "true") == (e.Op == Eq) {
		return Greater, true
	}
	return Equal, true
}

func zeroOf(f *Field) any {
	if f.Type == TypeDecimal {
		return float64(0)
	}
	return int64(0)
}

// pattern makes the LIKE pattern of a value: anchored where the value has a
// wildcard at either end, else found anywhere.
func pattern(value string) string {
	p := strings.ReplaceAll(value, "*", "%")
	if strings.HasPrefix(p, "%") || strings.HasSuffix(p, "%") {
		return p
	}
	return "%" + p + "%"
}

// datetime spells a comparison with a time out: "=" means inside the unit that
// was given, ">" a date excludes that whole day and "<=" includes it.
func (r *resolver) datetime(t Test, e Compare) (Cond, error) {
	s, ok := parseTime(e.Value, r.env.now())
	if !ok {
		if r.env.Strict {
			return nil, malformed(e.Pos, fmt.Sprintf("Value '%s' is not valid for field '%s'", e.Value, t.Field.Name))
		}
		return nil, nil
	}
	at := func(kind TestKind, when time.Time) Test {
		return Test{Field: t.Field, Key: t.Key, Kind: kind, Value: when.UTC()}
	}
	r.tests++ // a range is two tests
	switch e.Op {
	case Eq:
		c, err := r.test(at(GreaterEqual, s.from))
		return Every{Terms: []Cond{c, at(Less, s.to)}}, err
	case Ne:
		c, err := r.test(at(Less, s.from))
		return Some{Terms: []Cond{c, at(GreaterEqual, s.to)}}, err
	case Gt:
		if s.date {
			return r.test(at(GreaterEqual, s.to))
		}
	case Le:
		if s.date {
			return r.test(at(Less, s.to))
		}
	}
	return r.test(at(t.Kind, s.from))
}
