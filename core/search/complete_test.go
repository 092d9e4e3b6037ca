package search

import (
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	values := Values{
		Of: func(f *Field, key, prefix string) []string {
			all := []string{"web01", "web 02", "db01"}
			if f.Name == "facts" {
				all = []string{key + "-value"}
			}
			var found []string
			for _, v := range all {
				if strings.HasPrefix(v, prefix) {
					found = append(found, v)
				}
			}
			return found
		},
		Keys: func(f *Field, prefix string) []string {
			var found []string
			for _, k := range []string{"kernel", "kernelrelease", "os family"} {
				if strings.HasPrefix(k, prefix) {
					found = append(found, k)
				}
			}
			return found
		},
	}
	tests := []struct {
		query string // the cursor is at "|", or at the end
		want  string // texts, separated by spaces unless quoted
	}{
		{"man", "managed"},
		{"MAN", "managed"},
		{"nam", "name"},
		{"sta", "status"},
		{"n", "name not null?"},
		{"name ", "= != ~ !~ ^ !^ and or"},
		{"name !", "!= !~ !^"},
		{"status ", "= != and or"},
		{"id a", "and"},
		{"name =", `web01 "web 02" db01`},
		{"name = ", `web01 "web 02" db01`},
		{"name = we", `web01 "web 02"`},
		{`name = "web `, `"web 02"`},
		{"name ^ (web01, d", "db01"},
		{"status = ", "ok bad"},
		{"managed = t", "true"},
		{"eventful = ", "true false"},
		{"owner = c", "current_user"},
		{"last_report > y", "yesterday"},
		{`last_report > "2 h`, `"2 hours ago"`},
		{"name = web01 ", "and or"},
		{"name = web01 an", "and"},
		{"name = web01 and man", "managed"},
		{"not man", "managed"},
		{"(man", "managed"},
		{"has man", "managed"},
		{"fac", "facts. facts.count"},
		{"facts.k", "facts.kernel facts.kernelrelease"},
		{"facts.os", `"facts.os family"`},
		{"facts.kernel = ", "kernel-value"},
		{"nosuch = ", ""},
		{"nosuch ", "and or"},
		{"name = w| and id = 1", `web01 "web 02"`},
		{"name = \xff", ""},
	}
	for _, tt := range tests {
		query, rest, _ := strings.Cut(tt.query, "|")
		var got []string
		for _, s := range Complete(testFields(), query+rest, len(query), values) {
			got = append(got, s.Text)
			if s.Query != query[:s.From]+s.Text+rest {
				t.Errorf("%s: query %q", tt.query, s.Query)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.query, strings.Join(got, " "), tt.want)
		}
	}
}

// TestCompletedQueriesParse: what is accepted word by word can be read.
func TestCompletedQueriesParse(t *testing.T) {
	query := ""
	for range 12 {
		found := Complete(testFields(), query, len(query), Values{})
		if len(found) == 0 {
			break
		}
		query = found[len(found)/2].Query + " "
		if _, err := Parse(query); err != nil {
			t.Errorf("%q: %v", query, err)
		}
	}
	if query == "" {
		t.Error("nothing was offered for an empty query")
	}
}
