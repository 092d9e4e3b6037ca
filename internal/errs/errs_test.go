package errs

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestEveryKindHasTraits(t *testing.T) {
	names := map[string]Kind{}
	for _, k := range Kinds() {
		if k.String() == "" || k.Status() < 400 || k.Exit() < 64 || k.Exit() > 78 {
			t.Errorf("kind %d: name %q, status %d, exit %d", k, k, k.Status(), k.Exit())
		}
		if other, dup := names[k.String()]; dup {
			t.Errorf("kinds %d and %d share the name %q", k, other, k)
		}
		names[k.String()] = k
		if k != Internal && KindOfStatus(k.Status()) != k {
			t.Errorf("status %d reads back as %v, want %v", k.Status(), KindOfStatus(k.Status()), k)
		}
	}
}

func TestStatusesWithoutAnEntry(t *testing.T) {
	for status, want := range map[int]Kind{418: Malformed, 500: Upstream, 504: Upstream} {
		if got := KindOfStatus(status); got != want {
			t.Errorf("KindOfStatus(%d) = %v, want %v", status, got, want)
		}
	}
}

func TestWrapKeepsKindAndFields(t *testing.T) {
	inner := InvalidField("name", "has already been taken")
	err := Wrap(fmt.Errorf("row 3: %w", inner), "create domain %q", "a.example")
	if !Is(err, Invalid) {
		t.Fatalf("kind %v, want %v", KindOf(err), Invalid)
	}
	if f := FieldsOf(err); len(f) != 1 || f[0].Field != "name" {
		t.Fatalf("fields %v", f)
	}
	if !errors.Is(Wrap(io.EOF, "read"), io.EOF) {
		t.Error("the cause is lost")
	}
	if Wrap(nil, "x") != nil || WrapAs(Upstream, nil, "x") != nil || InvalidFields(nil) != nil {
		t.Error("no cause must give no error")
	}
}

func TestPublicTextHidesTheCause(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"plain", io.EOF, "internal error"},
		{"internal", New(Internal, "secret path"), "internal error"},
		{"foreign cause", WrapAs(Upstream, io.EOF, "ask the proxy"), "ask the proxy"},
		{"our cause", Wrap(New(NotFound, "host %q", "a"), "render template"), `render template: host "a"`},
		{"field", InvalidField("name", "can't be blank"), "name can't be blank"},
		{"base", InvalidField("base", "no"), "no"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := PublicText(test.err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
