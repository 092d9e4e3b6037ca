package search

import "testing"

func BenchmarkQuery(b *testing.B) {
	fields, env := testFields(), testEnv()
	for b.Loop() {
		if _, err := fields.Query(`name ~ web and (status = ok or facts.kernel = Linux) and last_report > "35 minutes ago"`, env); err != nil {
			b.Fatal(err)
		}
	}
}
