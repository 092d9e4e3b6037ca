//go:build !linux

package dhcpd

import (
	"errors"
	"net"
	"net/netip"
)

// A rawSender would send to hardware addresses; only Linux has one.
type rawSender struct{}

func openRaw() (rawSender, error) {
	return rawSender{}, errors.New("no packet sockets on this system")
}

func (rawSender) open() bool { return false }
func (rawSender) close()     {}
func (rawSender) send([]byte, int, net.HardwareAddr, netip.Addr, netip.Addr) error {
	return errors.ErrUnsupported
}
