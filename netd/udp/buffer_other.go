//go:build !linux

package udp

// Buffer asks for room for that many bytes of datagrams that nobody has read yet.
func (c *Conn) Buffer(bytes int) error { return c.SetReadBuffer(bytes) }
