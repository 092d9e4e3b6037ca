// Package daemon imports a daemon.
package daemon

import _ "github.com/chargehand/chargehand/netd"
