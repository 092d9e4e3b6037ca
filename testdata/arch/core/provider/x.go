// Package provider imports a provider.
package provider

import _ "github.com/chargehand/chargehand/proxy/dns/nsupdate"
