package dhcpd

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// A rawSender sends UDP datagrams to hardware addresses, for clients that have
// no address to answer ARP for. The zero rawSender is not open.
type rawSender struct{ fd int }

const ipv4Header, udpHeader = 20, 8

func openRaw() (rawSender, error) {
	// The kernel writes the Ethernet header; protocol 0 receives nothing.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	return rawSender{fd}, err
}

func (r rawSender) open() bool { return r.fd > 0 }

func (r rawSender) close() {
	if r.open() {
		unix.Close(r.fd)
	}
}

// send puts a DHCP answer on the wire of an interface.
func (r rawSender) send(payload []byte, ifindex int, to net.HardwareAddr, src, dst netip.Addr) error {
	link := unix.SockaddrLinklayer{
		Protocol: binary.NativeEndian.Uint16([]byte{0x08, 0x00}), // ETH_P_IP in network order
		Ifindex:  ifindex,
		Halen:    uint8(min(len(to), 8)),
	}
	copy(link.Addr[:], to)
	return unix.Sendto(r.fd, datagram(payload, src, dst), 0, &link)
}

// datagram wraps a payload in IPv4 and UDP headers, server port to client port.
func datagram(payload []byte, src, dst netip.Addr) []byte {
	size := ipv4Header + udpHeader + len(payload)
	b := make([]byte, size)
	b[0] = 4<<4 | ipv4Header/4
	b[1] = 0x10 // low delay, as other servers mark it
	binary.BigEndian.PutUint16(b[2:], uint16(size))
	b[8], b[9] = 64, unix.IPPROTO_UDP
	copy(b[12:], src.AsSlice())
	copy(b[16:], dst.AsSlice())
	binary.BigEndian.PutUint16(b[10:], checksum(b[:ipv4Header], 0))

	u := b[ipv4Header:]
	binary.BigEndian.PutUint16(u[0:], serverPort)
	binary.BigEndian.PutUint16(u[2:], clientPort)
	binary.BigEndian.PutUint16(u[4:], uint16(len(u)))
	copy(u[udpHeader:], payload)
	sum := checksum(u, sum16(b[12:20])+unix.IPPROTO_UDP+uint32(len(u)))
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(u[6:], sum)
	return b
}

func checksum(b []byte, start uint32) uint16 {
	sum := start + sum16(b)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func sum16(b []byte) uint32 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}
