// Package calls goes out.
package calls

import "net/http"

// Call goes out.
func Call() (*http.Response, error) { return http.Get("http://localhost") }
