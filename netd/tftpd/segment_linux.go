package tftpd

import (
	"net"

	"golang.org/x/sys/unix"
)

// segment has the kernel cut each write to conn into datagrams of the size (UDP
// generic segmentation offload, Linux 4.18); 0 ends that.
func segment(conn *net.UDPConn, size int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, size)
	})
	if err != nil {
		return err
	}
	return set
}
