package noun

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Rendering says how records become JSON.
type Rendering struct {
	View View
	// ShowHidden reveals hidden parameter values; the edge has checked that the
	// caller may edit them.
	ShowHidden bool
	// ISO writes times as replies to deletions and raw rows have them.
	ISO bool
	// Zone is the user's; nil is UTC.
	Zone *time.Location
	// Can tells the caller's permissions, for fields that need one; nil hides
	// those.
	Can func(permission string) bool
	// Extra adds members to a record's object, before it is closed.
	Extra func(w *Writer, rec any)
	// Include shows these parts of the single view in lists too.
	Include []string
	// Skip leaves members out.
	Skip func(name string) bool
}

type shape func(rec any, o *Rendering) any

func shapeParameter(rec any, o *Rendering) any {
	p := rec.(*Parameter)
	if p.Hidden && !o.ShowHidden {
		return Masked
	}
	return p.Typed()
}

// A Writer builds JSON text, members in the order in which they are written.
type Writer struct {
	buf   []byte
	comma bool
	o     *Rendering
}

// NewWriter starts a text.
func NewWriter(o *Rendering) *Writer { return &Writer{buf: make([]byte, 0, 4096), o: o} }

// Bytes is the text so far.
func (w *Writer) Bytes() []byte { return w.buf }

func (w *Writer) sep() {
	if w.comma {
		w.buf = append(w.buf, ',')
	}
	w.comma = false
}

// Open starts an object or array: '{' or '['.
func (w *Writer) Open(c byte) {
	w.sep()
	w.buf = append(w.buf, c)
}

// Close ends it: '}' or ']'.
func (w *Writer) Close(c byte) {
	w.buf = append(w.buf, c)
	w.comma = true
}

// Key starts a member.
func (w *Writer) Key(name string) {
	w.sep()
	w.buf = appendString(w.buf, name)
	w.buf = append(w.buf, ':')
}

// Member writes a whole member.
func (w *Writer) Member(name string, v any) {
	w.Key(name)
	w.Value(v)
}

// Value writes any value that JSON can show.
func (w *Writer) Value(v any) {
	w.sep()
	w.buf = w.append(w.buf, v)
	w.comma = true
}

func (w *Writer) append(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case bool:
		return strconv.AppendBool(b, v)
	case time.Time:
		return w.appendTime(b, v)
	case Secret:
		return append(b, `"`+Masked+`"`...)
	case json.RawMessage:
		if len(v) == 0 {
			return append(b, "null"...)
		}
		return append(b, v...)
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return append(b, "null"...)
		}
	case Renderer:
		inner := &Writer{buf: b, o: w.o}
		v.RenderTo(inner, w.o)
		return inner.buf
	case *Item:
		inner := &Writer{buf: b, o: w.o}
		v.Noun.Render(inner, v.Record, v.Names, Brief)
		return inner.buf
	}
	text, err := marshal(v)
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, text...)
}

func (w *Writer) appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = append(b, '"')
	switch {
	case w.o.ISO:
		b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	case w.o.Zone != nil:
		b = t.In(w.o.Zone).AppendFormat(b, "2006-01-02 15:04:05 -0700")
	default:
		b = t.UTC().AppendFormat(b, "2006-01-02 15:04:05 UTC")
	}
	return append(b, '"')
}

// A Renderer writes itself; it sees what the caller asked for.
type Renderer interface{ RenderTo(w *Writer, o *Rendering) }

// Rows are values that are shown one after the other in an array.
func Rows[R Renderer](list []R) Renderer { return rows[R](list) }

type rows[R Renderer] []R

func (l rows[R]) RenderTo(w *Writer, _ *Rendering) {
	w.Open('[')
	for _, r := range l {
		w.Value(r)
	}
	w.Close(']')
}

func marshal(v any) ([]byte, error) { return json.Marshal(v) }

// appendString quotes s, keeping UTF-8 as it is.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			b = appendEscaped(b, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
			b = append(b, s[start:i]...)
			b = append(b, `\u`...)
			if r == utf8.RuneError {
				r = 0xfffd
			}
			b = append(b, hex4(uint16(r))...)
			i += size
			start = i
			continue
		}
		i += size
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(append(b, `\u`...), hex4(uint16(c))...)
}

func hex4(r uint16) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[r>>12], digits[r>>8&15], digits[r>>4&15], digits[r&15]})
}

// Render writes rec as one object.
func (n *Any) Render(w *Writer, rec any, names *Names, view View) {
	w.Open('{')
	n.members(w, rec, names, view)
	if w.o.Extra != nil && view&(Index|Show) != 0 {
		w.o.Extra(w, rec)
	}
	w.Close('}')
}

func (n *Any) members(w *Writer, rec any, names *Names, view View) {
	if view == Thin {
		w.Member("id", n.base(rec).ID)
		w.Member("name", n.Title(rec))
		return
	}
	if view == Brief {
		w.Member("id", n.base(rec).ID)
		for _, item := range n.items {
			n.briefMember(w, rec, names, item)
		}
		return
	}
	for _, item := range n.items {
		n.member(w, rec, names, view, item)
	}
}

func (n *Any) briefMember(w *Writer, rec any, names *Names, item Word) {
	f, ok := item.(*Field)
	if !ok || f.name == "id" {
		return
	}
	if len(n.brief) == 0 {
		if slices.Contains(n.keys, f) || f == n.titleField {
			f.render(w, rec, names)
		}
		return
	}
	if slices.Contains(n.brief, f.name) || f.kind == RefKind && slices.Contains(n.brief, f.name+"_id") {
		f.render(w, rec, names)
	}
}

func (n *Any) member(w *Writer, rec any, names *Names, view View, item Word) {
	switch f := item.(type) {
	case *Field:
		if f.hidden || !w.shows(f.views, view, f.name) || w.o.Skip != nil && w.o.Skip(f.name) {
			return
		}
		if !w.may(f.see) {
			return
		}
		f.render(w, rec, names)
	case *Link:
		if !f.hidden && f.views&view != 0 {
			f.render(w, rec, names)
		}
	case *HasMany:
		if f.count {
			w.Member(f.name+"_count", names.Get(f.name+"_count", n.base(rec).ID))
		}
		if f.views&view != 0 {
			w.list(f.name, f.to, names.has[f][n.base(rec).ID], names, Brief)
		}
	case *Child:
		if w.shows(f.views, view, f.name) && f.Loaded(rec) && w.may(f.see) {
			w.list(f.name, f.to, f.Records(rec), names, f.view)
		}
	}
}

// shows tells whether a member is part of the view, or included.
func (w *Writer) shows(views, view View, name string) bool {
	return views&view != 0 || view == Index && slices.Contains(w.o.Include, name)
}

// may tells whether the caller holds a permission, or none is needed.
func (w *Writer) may(permission string) bool {
	return permission == "" || w.o.Can != nil && w.o.Can(permission)
}

// A Present value tells a Computed field to be left out where it is Absent.
type Present struct {
	Value  any
	Absent bool
}

func (f *Field) render(w *Writer, rec any, names *Names) {
	switch {
	case f.kind == ComputedKind:
		v := f.computed(rec, names)
		if p, ok := v.(Present); ok {
			if p.Absent {
				return
			}
			v = p.Value
		}
		w.Member(first(f.shown, f.name), v)
	case f.kind == RefKind:
		f.renderRef(w, rec, names)
	case f.shape != nil:
		w.Member(f.name, f.shape(rec, w.o))
	default:
		w.Member(f.name, f.get(f.owner.pointer(rec)))
	}
}

func (f *Field) renderRef(w *Writer, rec any, names *Names) {
	id := f.intAt(rec)
	if id == 0 {
		w.Member(f.name+"_id", nil)
	} else {
		w.Member(f.name+"_id", id)
	}
	var brief any
	if names != nil && id != 0 {
		brief = names.briefs[f.to][id]
	}
	title := func() any {
		if brief == nil {
			return nil
		}
		return f.to.Title(brief)
	}
	if !f.noLabel {
		w.Member(first(f.shown, f.name+"_name"), f.plainName(brief, title))
	}
	if f.titled {
		w.Member(f.name+"_title", title())
	}
	if f.nested {
		w.Key(f.name)
		if brief == nil {
			w.Value(nil)
		} else {
			f.to.Render(w, brief, names, Brief)
		}
	}
}

// plainName is what x_name shows: the name where x_title shows the title.
func (f *Field) plainName(brief any, title func() any) any {
	if name := f.to.by["name"]; f.titled && brief != nil && name != nil {
		return name.textAt(brief)
	}
	return title()
}

func (l *Link) render(w *Writer, rec any, names *Names) {
	own := l.IDs(rec)
	ids := own
	if l.inherits {
		more, _ := names.Get(l.inheritedKey(), l.owner.base(rec).ID).([]int64)
		for _, id := range more {
			if !contains(ids, id) {
				ids = append(ids[:len(ids):len(ids)], id)
			}
		}
	}
	w.Key(l.name)
	w.Open('[')
	for _, r := range names.sorted(l.to, ids) {
		w.Open('{')
		l.to.members(w, r, names, Brief)
		if l.inherits {
			w.Member("inherited", !contains(own, l.to.base(r).ID))
		}
		w.Close('}')
	}
	w.Close(']')
}

func (l *Link) inheritedKey() string { return "inherited " + l.name }

// Inherit adds records of a list that come from elsewhere: from the ancestors
// of a taxonomy.
func (ns *Names) Inherit(owner, list string, id int64, ids []int64) {
	for _, l := range ns.reg.byName[owner].links {
		if l.name == list {
			ns.Put(l.inheritedKey(), id, ids)
			ns.want(l.to, ids...)
		}
	}
}

// sorted are the briefs of the records that are there, by title.
func (ns *Names) sorted(n *Any, ids []int64) []any {
	var recs []any
	for _, id := range ids {
		if b := ns.briefs[n][id]; b != nil {
			recs = append(recs, b)
		}
	}
	slices.SortStableFunc(recs, func(a, b any) int { return strings.Compare(n.Title(a), n.Title(b)) })
	return recs
}

// Briefs shows records of a noun as a list of briefs; a Loaded hook must have
// asked for them with Want.
func (ns *Names) Briefs(noun string, ids []int64) Renderer {
	return briefs{ns, ns.reg.byName[noun], ids}
}

type briefs struct {
	ns  *Names
	n   *Any
	ids []int64
}

func (b briefs) RenderTo(w *Writer, _ *Rendering) {
	w.Open('[')
	for _, r := range b.ns.sorted(b.n, b.ids) {
		w.Open('{')
		b.n.members(w, r, b.ns, Brief)
		w.Close('}')
	}
	w.Close(']')
}

// An Object is a value whose members are shown in order.
type Object []ObjectMember

// An ObjectMember is a name and any value that JSON can show.
type ObjectMember struct {
	Name  string
	Value any
}

// RenderTo writes the members.
func (o Object) RenderTo(w *Writer, _ *Rendering) {
	w.Open('{')
	for _, m := range o {
		w.Member(m.Name, m.Value)
	}
	w.Close('}')
}

// May shows which of the permissions the caller holds, as name: true or false.
type May []string

// RenderTo writes the permissions.
func (m May) RenderTo(w *Writer, o *Rendering) {
	w.Open('{')
	for _, p := range m {
		w.Member(p, o.Can != nil && o.Can(p))
	}
	w.Close('}')
}

func (w *Writer) list(key string, n *Any, recs []any, names *Names, view View) {
	w.Key(key)
	w.Open('[')
	w.comma = false
	for _, r := range recs {
		w.Open('{')
		n.members(w, r, names, view)
		w.Close('}')
	}
	w.Close(']')
}
