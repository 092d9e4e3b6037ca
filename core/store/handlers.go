package store

import (
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// handled writes the tests of search fields that no path leads to.
func (b *builder) handled(n *noun.Any, _ string, t noun.Test, _ string) error {
	return errs.New(errs.Internal, "the search field of %s has no handler %q", n.Name(), t.Target.Handler)
}
