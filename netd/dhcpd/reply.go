package dhcpd

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// ipxeOptions is iPXE's own option, and noProxyDHCP in it tells that nobody else
// will name a boot file: iPXE waits three seconds for such a word otherwise.
const ipxeOptions = dhcpv4.GenericOptionCode(175)

func noProxyDHCP() []byte { return []byte{176, 1, 1} }

// fileField is how long a name the header's file field holds, with its NUL.
const fileField = 128

// reply writes the answer to a request.
func (b Boot) reply(q *inquiry, v verdict, now time.Time) *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootReply,
		HWType:        q.msg.HWType,
		TransactionID: q.msg.TransactionID,
		Flags:         q.msg.Flags,
		ClientHWAddr:  q.msg.ClientHWAddr,
		GatewayIPAddr: q.msg.GatewayIPAddr,
		Options: dhcpv4.Options{
			dhcpv4.OptionDHCPMessageType.Code():  {byte(v.kind)},
			dhcpv4.OptionServerIdentifier.Code(): q.server.AsSlice(),
		},
	}
	set := func(code dhcpv4.OptionCode, value []byte) {
		if len(value) > 0 {
			m.Options[code.Code()] = value
		}
	}
	set(dhcpv4.OptionRelayAgentInformation, q.msg.Options.Get(dhcpv4.OptionRelayAgentInformation))
	set(dhcpv4.OptionClientIdentifier, clientID(q.msg)) // RFC 6842
	if v.kind == dhcpv4.MessageTypeNak {
		set(dhcpv4.OptionMessage, []byte("that address is not yours here"))
		m.SetBroadcast()
		return m
	}
	if v.lease.IP.IsValid() {
		m.YourIPAddr = v.lease.IP.AsSlice()
		left := v.lease.Ends.Sub(now)
		set(dhcpv4.OptionIPAddressLeaseTime, seconds(left))
		set(dhcpv4.OptionRenewTimeValue, seconds(left/2))
		set(dhcpv4.OptionRebindingTimeValue, seconds(left*7/8))
	} else {
		m.ClientIPAddr = q.msg.ClientIPAddr
	}
	v.sub.options(set)
	if v.res.Hostname != "" {
		set(dhcpv4.OptionHostName, []byte(v.res.Hostname))
	}
	b.bootOptions(q, v, m, set)
	return m
}

func (s Subnet) options(set func(dhcpv4.OptionCode, []byte)) {
	set(dhcpv4.OptionSubnetMask, net.CIDRMask(s.Prefix.Bits(), 32))
	set(dhcpv4.OptionBroadcastAddress, broadcast(s.Prefix).AsSlice())
	set(dhcpv4.OptionRouter, addrs(s.Routers))
	set(dhcpv4.OptionDomainNameServer, addrs(s.DNS))
	set(dhcpv4.OptionNTPServers, addrs(s.NTP))
	set(dhcpv4.OptionDomainName, []byte(s.Domain))
	if s.MTU > 0 {
		set(dhcpv4.OptionInterfaceMTU, binary.BigEndian.AppendUint16(nil, uint16(s.MTU)))
	}
}

// bootOptions names boot server and file: in the header's fields, and in options
// 66 and 67 when the client asks for those, or the name is too long for its field.
func (b Boot) bootOptions(q *inquiry, v verdict, m *dhcpv4.DHCPv4, set func(dhcpv4.OptionCode, []byte)) {
	file := b.file(q.firmware, v.res.Filename)
	server := b.server(q, v)
	if a, err := netip.ParseAddr(server); err == nil && a.Is4() {
		m.ServerIPAddr = a.AsSlice()
	} else if len(server) < 64 {
		m.ServerHostName = server
	}
	if q.firmware.http {
		set(dhcpv4.OptionClassIdentifier, []byte(httpClient))
	}
	if file == "" {
		return
	}
	if q.firmware.ipxe {
		set(ipxeOptions, noProxyDHCP())
	}
	if len(file) < fileField {
		m.BootFileName = file
	}
	if len(file) >= fileField || q.firmware.http || q.msg.IsOptionRequested(dhcpv4.OptionBootfileName) {
		set(dhcpv4.OptionBootfileName, []byte(file))
	}
	if q.msg.IsOptionRequested(dhcpv4.OptionTFTPServerName) {
		set(dhcpv4.OptionTFTPServerName, []byte(server))
	}
}

func (b Boot) server(q *inquiry, v verdict) string {
	switch {
	case v.res.NextServer != "":
		return v.res.NextServer
	case v.sub.NextServer.IsValid():
		return v.sub.NextServer.String()
	case b.NextServer != "":
		return b.NextServer
	}
	return q.server.String()
}

func addrs(as []netip.Addr) []byte {
	var out []byte
	for _, a := range as {
		if a.Is4() {
			out = append(out, a.AsSlice()...)
		}
	}
	return out
}

func seconds(d time.Duration) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(max(d, 0).Round(time.Second)/time.Second))
}
