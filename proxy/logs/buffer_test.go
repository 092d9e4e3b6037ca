package logs_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/proxy/logs"
)

func messages(t *testing.T, b *logs.Buffer, since time.Time) string {
	t.Helper()
	rep, err := b.Since(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rep.Records {
		out = append(out, r.Message)
	}
	return strings.Join(out, " ")
}

func TestRings(t *testing.T) {
	b := logs.NewBuffer(3, 2)
	at := func(i int) time.Time { return time.Unix(int64(i), 0) }
	for i, level := range []string{"ERROR", "INFO", "FATAL", "ERROR", "INFO", "WARN", "INFO", "DEBUG"} {
		b.Add(logs.Record{Time: at(i), Level: level, Message: fmt.Sprint(i)})
	}
	if got := messages(t, b, time.Time{}); got != "2 3 5 6 7" { // errors pushed out, newest two; then the newest three
		t.Errorf("kept %s", got)
	}
	if got := messages(t, b, at(6)); got != "6 7" {
		t.Errorf("since 6: %s", got)
	}
	rep, err := b.Since(t.Context(), at(99))
	if err != nil || rep.Records == nil || len(rep.Records) != 0 || rep.Size != 3 || rep.TailSize != 2 {
		t.Errorf("%+v %v", rep, err)
	}
}

func TestHandler(t *testing.T) {
	b := logs.NewBuffer(10, 1)
	var passed bytes.Buffer
	log := slog.New(b.Handler(slog.NewTextHandler(&passed, &slog.HandlerOptions{Level: slog.LevelInfo})))
	ctx := logs.WithRequestID(t.Context(), "0123456789")
	log.DebugContext(ctx, "too low")
	log.With("a", 1).WithGroup("g").With("b", 2).InfoContext(ctx, "one", "c", 3, slog.Group("h", "d", 4), slog.Attr{})
	log.WithGroup("").Log(ctx, slog.LevelError+4, "two")
	rep, err := b.Since(t.Context(), time.Time{})
	if err != nil || len(rep.Records) != 2 {
		t.Fatalf("%+v %v", rep, err)
	}
	one, two := rep.Records[0], rep.Records[1]
	if one.Message != "one a=1 g.b=2 g.c=3 g.h.d=4" || one.Level != "INFO" || one.RequestID != "01234567" || one.Time.IsZero() {
		t.Errorf("%+v", one)
	}
	if two.Message != "two" || two.Level != "FATAL" {
		t.Errorf("%+v", two)
	}
	if got := passed.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "g.h.d=4") {
		t.Errorf("passed on: %s", got)
	}
}

func TestBounds(t *testing.T) {
	b := logs.NewBuffer(2, 1)
	b.Add(logs.Record{Message: strings.Repeat("é", 1<<20)})
	rep, _ := b.Since(t.Context(), time.Time{})
	if n := len(rep.Records[0].Message); n > 9000 {
		t.Errorf("%d bytes are kept", n)
	}
	b.Fail("dns", "no server")
	rep, _ = b.Since(t.Context(), time.Time{})
	rep.Failed["dns"] = "changed"
	if rep, _ = b.Since(t.Context(), time.Time{}); rep.Failed["dns"] != "no server" {
		t.Error("the report is not the caller's own")
	}
}

func TestParallel(t *testing.T) {
	b := logs.NewBuffer(50, 5)
	log := slog.New(b.Handler(slog.DiscardHandler))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				log.Error("x", "i", i, "j", j)
				_, _ = b.Since(t.Context(), time.Time{})
			}
		})
	}
	wg.Wait()
}
