// Package templates is the Templates feature of the Smart Proxy: machines in
// networks that cannot reach core get their provisioning templates, and report
// that they are built, through the proxy.
//
// It imports the standard library, internal/errs and internal/fetch.
package templates

import (
	"context"
	"net/http"
)

// A Request is one that a machine sent, to be put to core.
type Request struct {
	Method   string      // GET or POST
	Path     string      // such as "/unattended/provision", decoded
	RawQuery string      // as it came
	Header   http.Header // as it came
	Peer     string      // address of the machine, without port
	Body     []byte      // of a POST
	URL      string      // base that core writes into what it renders; "" is TemplateServer's
}

// An Answer is what core said. Body is bounded by the provider.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// A Provider stands between machines and core. It is safe for concurrent use.
type Provider interface {
	// TemplateServer is the base URL that machines use to reach this proxy.
	// May be retried.
	TemplateServer(ctx context.Context) (string, error)

	// Forward puts r to core with the machine's address kept. An answer of
	// core with any status is success; Upstream when there is none, TooLarge
	// when it is over the bound. Whether it may be retried depends on r:
	// GETs may.
	Forward(ctx context.Context, r Request) (Answer, error)
}
