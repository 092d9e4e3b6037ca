package sqldb

import (
	"testing"
	"time"
)

// TestFormatTime holds what PostgreSQL 15 writes.
func TestFormatTime(t *testing.T) {
	at := time.Date(2026, 5, 5, 20, 1, 44, 178e6, time.UTC)
	for pattern, want := range map[string]string{
		"YYYY-MM-DD": "2026-05-05",
		"YYYY/Mon/DD HH24:MI:SS.MS TZ Day dy Q WW J": "2026/May/05 20:01:44.178 UTC Tuesday   tue 2 18 2461166",
		`"at" HH12 am, FMDDth FMMonth`:               "at 08 pm, 5th May",
		"IYYY-IW-ID DDD D W CC US":                   "2026-19-2 125 3 1 21 178000",
		"MONTH DAY RM| P.M. A.D.":                    "MAY       TUESDAY   V   | P.M. A.D.",
		"":                                           "",
	} {
		if got := FormatTime(at, pattern); got != want {
			t.Errorf("%s: %q, not %q", pattern, got, want)
		}
	}
}

func TestJSONSteps(t *testing.T) {
	for key, want := range map[string]string{
		"$":                  `["f"]`,
		"$.a[0].b":           `["f","a",0,"b"]`,
		`$."a.b"."q\\\"[1]"`: `["f","a.b","q\\\"[1]"]`,
		`$."<\u00e9>"[12]`:   `["f","<é>",12]`,
	} {
		if got, err := jsonSteps("f", key); err != nil || got != want {
			t.Errorf("%s: %v %v, not %s", key, got, err, want)
		}
	}
	for _, key := range []string{`$."a`, `$."\q"`} {
		if got, err := jsonSteps("f", key); err == nil {
			t.Errorf("%s: %v", key, got)
		}
	}
}
