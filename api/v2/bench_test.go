package v2

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/store/storetest"
)

// park is a server with n hosts.
func park(b *testing.B, n int) *server {
	s := newServer(b, "")
	err := s.w.Reg.Write(b.Context(), func(tx *noun.Tx) error {
		hosts, nics := noun.Of[inventory.Host](s.w.Reg), noun.Of[inventory.Interface](s.w.Reg)
		for i := range n {
			h := s.w.Host(fmt.Sprintf("host%05d.example.com", i), i)
			h.CreatedAt, h.UpdatedAt = tx.Now(), tx.Now()
			if err := tx.Conn().Insert(b.Context(), hosts.Any, h); err != nil {
				return err
			}
			nic := &inventory.Interface{HostID: h.ID, Type: inventory.InterfaceManaged, Name: h.Name, MAC: h.MAC, Identifier: "eth0", Primary: true, Provision: true, Managed: true, DomainID: s.w.Domain}
			nic.CreatedAt, nic.UpdatedAt = tx.Now(), tx.Now()
			if err := tx.Conn().Insert(b.Context(), nics.Any, nic); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func (s *server) bench(b *testing.B, path string) {
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("GET", path, nil)
		r.SetBasicAuth("admin", "x")
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
}

func BenchmarkHosts(b *testing.B) {
	s := park(b, 5000)
	b.Run("show", func(b *testing.B) { s.bench(b, "/api/hosts/2500") })
	b.Run("index20", func(b *testing.B) { s.bench(b, "/api/hosts?per_page=20&page=100") })
	b.Run("search", func(b *testing.B) { s.bench(b, "/api/hosts?search=name+%3D+host02500.example.com") })
	b.Run("create", func(b *testing.B) {
		i := 10000
		for b.Loop() {
			i++
			storetest.Create(b, s.w.Reg, s.w.Host(fmt.Sprintf("new%05d", i), i))
		}
	})
}
