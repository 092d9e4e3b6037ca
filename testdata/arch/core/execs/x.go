// Package execs runs programs.
package execs

import _ "os/exec"
