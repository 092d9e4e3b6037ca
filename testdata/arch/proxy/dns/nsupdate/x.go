// Package nsupdate is a provider.
package nsupdate
