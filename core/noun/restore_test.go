package noun_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/noun/nountest"
	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestRestore takes an update and a deletion back, twice each: the rows are what
// they were, under the same ids.
func TestRestore(t *testing.T) {
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "core.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	reg := storetest.Registry(t, db, inventory.Options{})
	w := storetest.Make(t, reg)
	class := storetest.Create(t, reg, &inventory.Puppetclass{Name: "motd"})
	h := w.Host("web01.example.com", 1)
	h.Interfaces = []inventory.Interface{
		{Identifier: "eth0", Type: inventory.InterfaceManaged, Primary: true, Provision: true, Managed: true},
		{Identifier: "ipmi", Type: inventory.InterfaceBMC, Provider: "IPMI", Password: "geheim"},
	}
	h.Parameters, h.PuppetclassIDs, h.RootPass = []noun.Parameter{{Name: "role", Type: "string", Value: "web"}}, []int64{class}, "$6$a$b"
	id := storetest.Create(t, reg, h)
	hosts, ref := noun.Of[inventory.Host](reg), strconv.FormatInt(id, 10)
	load := func() (found *inventory.Host) {
		t.Helper()
		err := reg.Read(t.Context(), func(tx *noun.Tx) (err error) {
			found, err = noun.LoadWhole[inventory.Host](t.Context(), tx, id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	before := load()
	same := cmp.Options{cmpopts.IgnoreFields(inventory.Host{}, "LockVersion"), cmpopts.IgnoreFields(noun.Base{}, "UpdatedAt"), cmpopts.EquateEmpty()}
	for name, change := range map[string]func() error{
		"update": func() error {
			_, err := hosts.Update(t.Context(), nountest.Admin{}, ref, func(h *inventory.Host) error {
				h.Comment, h.Parameters, h.PuppetclassIDs = "changed", []noun.Parameter{{Name: "other", Type: "string", Value: "x"}}, []int64{}
				h.Interfaces = append(h.Interfaces[:1:1], inventory.Interface{Identifier: "eth1", Type: inventory.InterfaceManaged, MAC: "52:54:00:00:00:09"})
				return nil
			})
			return err
		},
		"deletion": func() error { return hosts.Delete(t.Context(), nountest.Admin{}, ref) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				was := *before
				err := reg.Write(t.Context(), func(tx *noun.Tx) error { return hosts.Restore(t.Context(), tx, nountest.Admin{}, &was) })
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(before, load(), same); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	if next := storetest.Create(t, reg, w.Host("web02.example.com", 2)); next <= id {
		t.Errorf("id %d is given again", next)
	}
	for range 2 {
		if err := reg.Write(t.Context(), func(tx *noun.Tx) error { return hosts.Forget(t.Context(), tx, nountest.Admin{}, id) }); err != nil {
			t.Fatal(err)
		}
	}
	err = reg.Read(t.Context(), func(tx *noun.Tx) error {
		nics, err := noun.Find[inventory.Interface](t.Context(), tx, noun.Match{"host": id})
		if len(nics) != 0 {
			t.Errorf("%d interfaces are left", len(nics))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
