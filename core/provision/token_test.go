package provision

import (
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestBuildToken(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	token, err := NewBuildToken(now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewBuildToken(now, 0)
	if err != nil || other.Value == token.Value || len(token.Value) != 36 {
		t.Fatalf("%+v and %+v, %v", token, other, err)
	}
	for _, tt := range []struct {
		name      string
		token     BuildToken
		presented string
		after     time.Duration
		want      errs.Kind
		ok        bool
	}{
		{"right", token, token.Value, 0, 0, true},
		{"right, in time", token, token.Value, time.Hour - 1, 0, true},
		{"right, too late", token, token.Value, time.Hour, errs.Unauthenticated, false},
		{"wrong", token, other.Value, 0, errs.NotFound, false},
		{"wrong, too late", token, other.Value, 2 * time.Hour, errs.NotFound, false},
		{"empty", token, "", 0, errs.NotFound, false},
		{"beginning", token, token.Value[:35], 0, errs.NotFound, false},
		{"for ever", other, other.Value, 1e6 * time.Hour, 0, true},
		{"none was made", BuildToken{}, "", 0, errs.NotFound, false},
	} {
		err := tt.token.Check(tt.presented, now.Add(tt.after))
		if tt.ok != (err == nil) || err != nil && !errs.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
