package app

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/pki"
)

// maxAutosign bounds the file of puppet.autosign, in bytes.
const maxAutosign = 8 << 20

// policy reads puppet.autosign: true, false, the address of a smart proxy that
// knows tokens, or a file of names and globs, which is read anew for each request
// since a proxy may write it. Names of the site's own processes, which other roles
// believe, are signed by nothing but a token of this CA, the operator, or the
// whole name in that file as it was at the start.
func (a *App) policy() (pki.Policy, error) {
	policy := pki.Policy{}
	var whole []string
	policy.Protected = func(name string) bool {
		return name == a.certname() || a.ownSite(name) && !slices.Contains(whole, name)
	}
	switch setting := a.Config.Puppet.Autosign; {
	case setting == "" || setting == "false":
	case setting == "true":
		policy.AutosignAll = true
		a.Log.Warn("puppet.autosign is true: every machine that reaches port 8140 gets a certificate")
	case strings.Contains(setting, "://"):
		policy.Ask = a.askProxy(setting)
	default:
		patterns, ignored, err := readPatterns(setting)
		if err != nil {
			return policy, errs.WrapAs(errs.Malformed, err, "puppet.autosign")
		}
		for _, line := range ignored {
			a.Log.Warn("puppet.autosign: a line means nothing and is passed over", "file", setting, "line", line)
		}
		whole = patterns
		policy.Ask = func(_ context.Context, name string, _ []byte) (bool, error) {
			patterns, _, err := readPatterns(setting)
			return pki.MatchesAny(patterns, name), errs.Wrap(err, "puppet.autosign")
		}
	}
	return policy, nil
}

func readPatterns(path string) (patterns, ignored []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := bounded.ReadAll(f, maxAutosign)
	if err != nil {
		return nil, nil, err
	}
	patterns, ignored = pki.ParsePatterns(string(text))
	return patterns, ignored, nil
}

// askProxy has the smart proxy at base, which made the machines' tokens, judge
// requests.
func (a *App) askProxy(base string) func(context.Context, string, []byte) (bool, error) {
	client := sync.OnceValue(func() *fetch.Client { return a.client(30 * time.Second) }) // the CA is there before the certificate
	return func(ctx context.Context, _ string, request []byte) (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(base, "/")+"/puppet/ca/validate", strings.NewReader(string(request)))
		if err != nil {
			return false, errs.WrapAs(errs.Malformed, err, "puppet.autosign")
		}
		req.Header.Set("Content-Type", "text/plain")
		err = exchange(client(), req, nil)
		if errs.Is(err, errs.NotFound) {
			return false, nil
		}
		return err == nil, err
	}
}
