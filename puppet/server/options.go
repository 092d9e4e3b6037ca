package server

import (
	"log/slog"
	"runtime"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
)

func (o *Options) setDefaults() {
	if o.DefaultEnvironment == "" {
		o.DefaultEnvironment = "production"
	}
	if o.Compilations == 0 {
		o.Compilations = runtime.GOMAXPROCS(0)
	}
	if o.Waiting == 0 {
		o.Waiting = 50 * o.Compilations
	}
	if o.RetryAfter == 0 {
		o.RetryAfter = 30 * time.Second
	}
	if o.CompileTimeout == 0 {
		o.CompileTimeout = 5 * time.Minute
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}
