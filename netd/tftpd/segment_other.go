//go:build !linux

package tftpd

import (
	"errors"
	"net"
)

// segment is for Linux.
func segment(_ *net.UDPConn, size int) error {
	if size == 0 {
		return nil
	}
	return errors.ErrUnsupported
}
