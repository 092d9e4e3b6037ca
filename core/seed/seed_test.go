package seed_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/noun/nountest"
	"github.com/chargehand/chargehand/core/provision"
	"github.com/chargehand/chargehand/core/seed"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/sqldb"
)

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) Record(context.Context, *noun.Tx, noun.Audit) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return nil
}

func park(t *testing.T) (*noun.Registry, *counter) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "core.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	storetest.Registry(t, db, inventory.Options{}) // migrates
	writes := &counter{}
	reg, err := noun.New(noun.Options{Backend: store.New(db, nountest.Plain{}), Auditor: writes, Now: clock.System}, inventory.Nouns(inventory.Options{})...)
	if err != nil {
		t.Fatal(err)
	}
	return reg, writes
}

func all[T any](t *testing.T, reg *noun.Registry) (found []*T) {
	t.Helper()
	err := reg.Read(t.Context(), func(tx *noun.Tx) (err error) {
		found, err = noun.Find[T](t.Context(), tx, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestTwice: the second start writes nothing, whatever was made of the seed.
func TestTwice(t *testing.T) {
	reg, writes := park(t)
	if err := seed.Run(t.Context(), reg, nountest.Admin{}); err != nil {
		t.Fatal(err)
	}
	defaults, err := provision.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	templates, tables := all[inventory.ProvisioningTemplate](t, reg), all[inventory.Ptable](t, reg)
	if len(templates)+len(tables) != len(defaults) || len(tables) == 0 {
		t.Errorf("%d templates and %d partition tables of %d", len(templates), len(tables), len(defaults))
	}
	for _, tpl := range templates {
		if !tpl.Locked || !tpl.Default || tpl.KindID == 0 && !tpl.Snippet {
			t.Errorf("template %q: locked %v, default %v, kind %d", tpl.Name, tpl.Locked, tpl.Default, tpl.KindID)
		}
	}
	if kinds := all[inventory.TemplateKind](t, reg); len(kinds) != 16 {
		t.Errorf("%d kinds", len(kinds))
	}
	for _, m := range all[inventory.Medium](t, reg)[1:] {
		if err := noun.Of[inventory.Medium](reg).Delete(t.Context(), nountest.Admin{}, m.Name); err != nil {
			t.Fatal(err)
		}
	}
	before := writes.n
	if err := seed.Run(t.Context(), reg, nountest.Admin{}); err != nil {
		t.Fatal(err)
	}
	if writes.n != before || before == 0 {
		t.Errorf("the second start made %d changes, the first %d", writes.n-before, before)
	}
}

// TestTogether: replicas that start at the same time seed once.
func TestTogether(t *testing.T) {
	reg, _ := park(t)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if err := seed.Run(t.Context(), reg, nountest.Admin{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := len(all[inventory.Organization](t, reg)); n != 1 {
		t.Errorf("%d organizations", n)
	}
	seen := map[string]bool{}
	for _, tpl := range all[inventory.ProvisioningTemplate](t, reg) {
		if seen[tpl.Name] {
			t.Errorf("%q is there twice", tpl.Name)
		}
		seen[tpl.Name] = true
	}
}
