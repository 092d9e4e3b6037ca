// Package search opens files.
package search

import _ "os"
