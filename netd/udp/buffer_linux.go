package udp

import "golang.org/x/sys/unix"

// Buffer asks for room for that many bytes of datagrams that nobody has read
// yet: of a boot storm's first second, for instance. A privileged process gets
// it, another as much of it as net.core.rmem_max allows.
func (c *Conn) Buffer(bytes int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bytes)
	})
	if err != nil {
		return err
	}
	if set == nil {
		return nil
	}
	return c.SetReadBuffer(bytes)
}
