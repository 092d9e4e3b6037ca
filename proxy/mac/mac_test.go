package mac_test

import (
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/mac"
)

func TestParse(t *testing.T) {
	const ib = "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:0a:6f"
	for in, want := range map[string]string{
		"00:16:3e:00:00:33": "00:16:3e:00:00:33", "0:16:3E:0:0:33": "00:16:3e:00:00:33", ib: ib, strings.ToUpper(ib): ib,
	} {
		got, err := mac.Parse(in)
		if err != nil || got.String() != want || got.IsZero() {
			t.Errorf("%s: %s %v", in, got, err)
		}
		if again := mac.FromHardware(got.Hardware()); again != got {
			t.Errorf("%s: raw and back is %s", in, again)
		}
	}
	for _, in := range []string{
		"", ":::::", "00-16-3e-00-00-33", "00163e000033", "00:16:3e:00:00", "00:16:3e:00:00:33:44", "00:16:3e:00:00:3g",
		"00:16:3e:00:00:033", " 00:16:3e:00:00:33", "00:16:3e:00:00:33\n", "+1:16:3e:00:00:33", strings.Repeat("0:", 1000),
	} {
		if got, err := mac.Parse(in); !errs.Is(err, errs.Malformed) {
			t.Errorf("%q: %s %v", in, got, err)
		}
	}
}

func TestForms(t *testing.T) {
	m := mac.MustParse("AA:bb:0:1:2:3")
	if m.Plain() != "aabb00010203" || m.Dashed() != "aa-bb-00-01-02-03" {
		t.Errorf("%s %s", m.Plain(), m.Dashed())
	}
	if z := mac.FromHardware([]byte{1, 2}); !z.IsZero() || z.String() != "" {
		t.Errorf("two octets are %s", z)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("00:16:3e:00:00:33")
	f.Add("0:0:0:0:0:0")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := mac.Parse(s)
		if err != nil {
			return
		}
		if again, err := mac.Parse(m.String()); err != nil || again != m {
			t.Errorf("%q: %s reads back as %s, %v", s, m, again, err)
		}
		if n := len(m.Hardware()); n != 6 && n != 20 {
			t.Errorf("%q: %d octets", s, n)
		}
	})
}
