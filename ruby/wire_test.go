package ruby

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestFrames(t *testing.T) {
	data, err := encodeFrame(map[string]any{"call": "x", "args": []any{1, nil}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := readFrame(bytes.NewReader(data))
	if err != nil || f.Call != "x" || len(f.Args) != 2 || string(f.Args[1]) != "null" {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := decodeFrame([]byte(`{"value":null}`)); err != nil || string(f.Value) != "null" {
		t.Errorf("a value of null: %+v, %v", f, err)
	}
	if _, err := encodeFrame(strings.Repeat("x", maxFrame)); !errs.Is(err, errs.TooLarge) {
		t.Errorf("a frame over the bound: %v", err)
	}
	if _, err := encodeFrame(func() {}); !errs.Is(err, errs.Internal) {
		t.Errorf("what JSON cannot say: %v", err)
	}
}

func TestHostileFrames(t *testing.T) {
	for name, data := range map[string]string{
		"nothing":            "",
		"half a length":      "\x00\x00",
		"over the bound":     "\xff\xff\xff\xff",
		"shorter than said":  "\x00\x00\x10\x00{}",
		"no JSON":            "\x00\x00\x00\x02hi",
		"neither":            "\x00\x00\x00\x02{}",
		"both":               "\x00\x00\x00\x18" + `{"call":"x", "value": 1}`,
		"the wrong types":    "\x00\x00\x00\x0b" + `{"call": 1}`,
		"a list":             "\x00\x00\x00\x02[]",
		"more than one":      "\x00\x00\x00\x05" + `{} {}`,
		"error of no object": "\x00\x00\x00\x0c" + `{"error":12}`,
	} {
		if f, err := readFrame(strings.NewReader(data)); err == nil {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, seed := range []string{"", "\x00\x00\x00\x02{}", "\x00\x00\x00\x0b" + `{"value":1}`, "\x00\xff\xff\xff{", "\x00\x00\x00\x0c" + `{"call":"x"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readFrame(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := encodeFrame(got)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := readFrame(bytes.NewReader(again)); err != nil || back.Call != got.Call || !json.Valid(again[4:]) {
			t.Errorf("%q was read as %+v and came back as %+v, %v", data, got, back, err)
		}
	})
}
