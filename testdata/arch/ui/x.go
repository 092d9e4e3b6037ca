// Package ui imports its neighbour.
package ui

import _ "github.com/chargehand/chargehand/api"
