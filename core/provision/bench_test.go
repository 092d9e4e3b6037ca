package provision

import "testing"

func BenchmarkKickstart(b *testing.B) {
	r := newRenderer(b, nil)
	all, err := Defaults()
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range all {
		if d.Name != "Kickstart default" || d.Model == "Ptable" {
			continue
		}
		s := Subject{Host: alma(b), Site: exampleSite()}
		for b.Loop() {
			if _, err := r.Render(b.Context(), Template{d.Name, d.Text}, s); err != nil {
				b.Fatal(err)
			}
		}
	}
}
