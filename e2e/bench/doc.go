// Package bench measures the whole program as its users meet it. Its benchmark
// carries the build tag bench and runs by `make bench`.
package bench
