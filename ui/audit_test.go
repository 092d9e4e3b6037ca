package ui

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestChanges(t *testing.T) {
	for in, want := range map[string]string{
		`{"name":"a","comment":["x","y"]}`:                "comment: x → y; name: a",
		`{"comment":["",null],"build":[true,false]}`:      "build: true → false; comment: nothing → nothing",
		`{"token":["secret","other"],"updated_at":"now"}`: "token: *****",
		`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}`:     "a: 1; b: 1; c: 1; d: 1; e: 1; f: 1; …",
		`{"ids":[],"left":null}`:                          "",
		`not JSON`:                                        "",
		`{"text":"` + strings.Repeat("é", 99) + `"}`:      "text: " + strings.Repeat("é", maxChange) + "…",
	} {
		if got := changes(json.RawMessage(in)); got != want {
			t.Errorf("changes(%s) = %q, want %q", in, got, want)
		}
	}
}
