package machine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/chargehand/chargehand/internal/errs"
)

// dhcpTries is how often a request is sent, the waits between doubling from one
// second as firmware does it.
const dhcpTries = 5

// A lease is what DHCP told.
type lease struct {
	ip, router, server netip.Addr // server: the boot server
	prefix             netip.Prefix
	file               string
	hostname, domain   string
	time               time.Duration
}

// discover is steps 1 and 2: DISCOVER, OFFER, REQUEST, ACK.
func (m *Machine) discover(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp4", m.cfg.DHCP.String())
	if err != nil {
		return errs.WrapAs(errs.Upstream, err, "reach %s", m.cfg.DHCP)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()

	arch := m.arch()
	discover, err := dhcpv4.New(append(m.netboot(arch), dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover))...)
	if err != nil {
		return errs.Wrap(err, "write DISCOVER")
	}
	offer, err := m.converse(ctx, conn, discover, dhcpv4.MessageTypeOffer)
	if err != nil {
		return err
	}
	m.step(1, []string{fmt.Sprintf("to %s: DHCPDISCOVER from %s, %s, architecture %d", m.cfg.DHCP, m.cfg.MAC, "PXEClient", uint16(arch))},
		"DHCP discover: %s (%s) asks for an address and a boot file", m.cfg.MAC, arch)

	request, err := dhcpv4.New(append(m.netboot(arch), dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest),
		dhcpv4.WithTransactionID(offer.TransactionID),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier())))...)
	if err != nil {
		return errs.Wrap(err, "write REQUEST")
	}
	ack, err := m.converse(ctx, conn, request, dhcpv4.MessageTypeAck)
	if err != nil {
		return err
	}
	if m.lease, err = readLease(ack); err != nil {
		return err
	}
	m.step(2, []string{
		fmt.Sprintf("DHCPOFFER and DHCPACK from %s: %s for %s", ack.ServerIdentifier(), m.lease.prefix, m.lease.time),
		fmt.Sprintf("router %s, next-server %s, file %s, host name %s", m.lease.router, m.lease.server, m.lease.file, m.lease.hostname),
	}, "DHCP offer: %s, next-server %s, boot file %s", m.lease.ip, m.lease.server, m.lease.file)
	return nil
}

func (m *Machine) arch() iana.Arch {
	if m.cfg.Firmware == UEFI {
		return iana.EFI_X86_64
	}
	return iana.INTEL_X86PC
}

// netboot is what PXE firmware says of itself.
func (m *Machine) netboot(arch iana.Arch) []dhcpv4.Modifier {
	uuid := m.uuid()
	return []dhcpv4.Modifier{
		dhcpv4.WithHwAddr(m.cfg.MAC),
		dhcpv4.WithBroadcast(true),
		dhcpv4.WithNetboot,
		dhcpv4.WithOption(dhcpv4.OptClassIdentifier(fmt.Sprintf("PXEClient:Arch:%05d:UNDI:002001", uint16(arch)))),
		dhcpv4.WithOption(dhcpv4.OptClientArch(arch)),
		dhcpv4.WithGeneric(dhcpv4.OptionClientNetworkInterfaceIdentifier, []byte{1, 2, 1}),
		dhcpv4.WithGeneric(dhcpv4.OptionClientMachineIdentifier, append([]byte{0}, uuid[:]...)),
		dhcpv4.WithRequestedOptions(dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer,
			dhcpv4.OptionHostName, dhcpv4.OptionDomainName, dhcpv4.OptionTFTPServerName, dhcpv4.OptionBootfileName),
	}
}

// uuid is the system's, the same for the same hardware address.
func (m *Machine) uuid() [16]byte {
	var uuid [16]byte
	sum := sha256.Sum256(append([]byte("machine "), m.cfg.MAC...))
	copy(uuid[:], sum[:])
	uuid[6], uuid[8] = uuid[6]&0x0f|0x40, uuid[8]&0x3f|0x80
	return uuid
}

func (m *Machine) uuidText() string {
	u := m.uuid()
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// converse sends a request until the answer comes.
func (m *Machine) converse(ctx context.Context, conn net.Conn, req *dhcpv4.DHCPv4, want dhcpv4.MessageType) (*dhcpv4.DHCPv4, error) {
	packet, buf := req.ToBytes(), make([]byte, 1500)
	for try := range dhcpTries {
		if ctx.Err() != nil {
			return nil, errs.WrapAs(errs.Unavailable, ctx.Err(), "wait for %s", want)
		}
		if _, err := conn.Write(packet); err != nil {
			return nil, errs.WrapAs(errs.Upstream, err, "send %s", req.MessageType())
		}
		conn.SetReadDeadline(time.Now().Add(time.Second << try))
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, errs.WrapAs(errs.Upstream, err, "wait for %s", want)
			}
			answer, err := dhcpv4.FromBytes(buf[:n])
			if err != nil || answer.TransactionID != req.TransactionID {
				continue
			}
			switch answer.MessageType() {
			case want:
				return answer, nil
			case dhcpv4.MessageTypeNak:
				return nil, errs.New(errs.Upstream, "the DHCP server refuses %s: %s", req.RequestedIPAddress(), answer.Message())
			}
		}
	}
	return nil, errs.New(errs.Upstream, "no %s from %s: does it have a reservation or a range for %s?", want, m.cfg.DHCP, m.cfg.MAC)
}

func readLease(ack *dhcpv4.DHCPv4) (lease, error) {
	ip, ok := netip.AddrFromSlice(ack.YourIPAddr.To4())
	if !ok || ip.IsUnspecified() {
		return lease{}, errs.New(errs.Upstream, "the ACK has no address")
	}
	ones, _ := ack.SubnetMask().Size()
	l := lease{
		ip: ip, prefix: netip.PrefixFrom(ip, ones), time: ack.IPAddressLeaseTime(0),
		file: ack.BootFileName, hostname: ack.HostName(), domain: ack.DomainName(),
	}
	if l.file == "" {
		l.file = ack.BootFileNameOption()
	}
	if l.file == "" {
		return lease{}, errs.New(errs.Upstream, "the ACK names no boot file for this machine")
	}
	l.server, _ = netip.AddrFromSlice(ack.ServerIPAddr.To4())
	if routers := ack.Router(); len(routers) > 0 {
		l.router, _ = netip.AddrFromSlice(routers[0].To4())
	}
	return l, nil
}
