// Package machine tests a whole machine: QEMU boots over the network from a
// chargehand process, installs itself, reboots from its disk and runs the real
// puppet agent. It carries the build tag e2e, needs root, and runs by `make e2e`.
package machine
