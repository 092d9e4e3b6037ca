package pcore

import "testing"

// FuzzParseType reads types: what is accepted prints as a text that reads back as the same type.
func FuzzParseType(f *testing.F) {
	for _, s := range []string{
		"Integer[1, 5]", "Hash[String, Array[Integer], 1]", "Struct[{a => Integer, Optional[b] => String}]", "Callable[[Integer, 1, 3], String]",
		"Variant[Undef, Enum['a', 'b', true]]", "Pattern[/a\\/b/]", "Tuple[Integer, String, 1, default]", "Timestamp['2020-01-01']", "SemVer['^1.2']",
		"Object[{attributes => {a => Integer}}]", "Init[Integer, 16]", "Float[1.5e3, default]", "Type[Type[Data]]", "URI['http://a']", "A::B[1]", "[", "Integer[",
		"Timespan['1-02:03:04.5']", "Runtime['ruby', 'X']", "TypeReference['X']", "String[default, 3]", "NotUndef['a']", "Regexp[/(?<n>a)/]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ, err := ParseType(s, nil)
		if err != nil {
			return
		}
		text := typeText(typ)
		again, err := ParseType(text, nil)
		if err != nil {
			return // some types print names that stand for more than the text
		}
		if typeText(again) != text {
			t.Fatalf("%q prints as %q, then as %q", s, text, typeText(again))
		}
		IsAssignable(typ, again)
		Normalize(typ)
		Generalize(typ)
		IsInstance(typ, String(s))
		DescribeMismatch("x", typ, String(s).Type())
	})
}

// FuzzFormat formats values: no format may panic or print without bounds.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{"%d", "%-5s", "%#x", "%08.3f", "%(a", "%#h", "%*d", "%<a>s", "%{a}", "%1$s", "%.3e", "%99999d", "%", "%c", "%+ 05.5b"} {
		f.Add(s, int64(-255), 1.5)
	}
	f.Fuzz(func(t *testing.T, format string, i int64, x float64) {
		h := HashOf("a", Integer(i))
		values := []Value{Integer(i), Float(x), String(format), ArrayOf(Integer(i), h), h, Undef{}, Default{}, Boolean(true), Binary(format)}
		for _, v := range values {
			if s, err := FormatValue(v, String(format)); err == nil && len(s) > 1<<20 {
				t.Fatalf("%q makes %d bytes of %s", format, len(s), v)
			}
			_, _ = FormatRuby(format, []Value{v, Integer(1)})
		}
		_, _ = FormatRuby(format, []Value{h})
		_, _ = Timestamp(i).Strftime(format, "")
		_, _ = Timespan(i).Strftime(format)
	})
}

// FuzzRegexp compiles and runs patterns on themselves.
func FuzzRegexp(f *testing.F) {
	for _, s := range []string{"a*b", "(?<n>a)(b)", "[[:alpha:]-z]", "a++", "(?i:a)", "\\p{Alpha}", "[^]]", "a{,3}", "\\h\\Z", "(?<=a)b", "[a&&b]", "(((", "\\u{41}", "[\\w-]", "x{1001}"} {
		f.Add(s, "ab\n")
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		if len(source) > 200 || len(text) > 200 {
			return
		}
		r, err := NewRegexp(source)
		if err != nil {
			return
		}
		all, err := r.FindAll(text, 50)
		if err != nil {
			return
		}
		for _, loc := range all {
			for i := 0; i+1 < len(loc); i += 2 {
				if loc[i] >= 0 && (loc[i] > loc[i+1] || loc[i+1] > len(text)) {
					t.Fatalf("/%s/ on %q: %v", source, text, loc)
				}
			}
		}
	})
}

// FuzzTimes reads points in time and time spans.
func FuzzTimes(f *testing.F) {
	f.Add("2020-01-02T03:04:05.678 UTC", "%F %T")
	f.Add("1-02:03:04.5", "%D-%H:%M:%S.%-N")
	f.Fuzz(func(t *testing.T, text, format string) {
		if ts, err := ParseTimestamp(text, nil, ""); err == nil {
			if again, err := ParseTimestamp(ts.String(), nil, ""); err != nil || again != ts {
				t.Fatalf("%q is %s, which reads as %s, %v", text, ts, again, err)
			}
		}
		_, _ = ParseTimestamp(text, []string{format}, "")
		_, _ = ParseTimespan(text, format)
		_, _ = ParseTimespan(text)
		if r, err := ParseSemVerRange(text); err == nil {
			r.Includes(&SemVer{Major: 1})
			r.Normalized()
		}
		_, _ = ParseSemVer(text)
		_, _ = ParseURI(text)
		_, _ = ParseNumber(text)
	})
}
