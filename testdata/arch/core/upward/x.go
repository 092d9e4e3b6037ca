// Package upward imports an edge.
package upward

import _ "github.com/chargehand/chargehand/api"
