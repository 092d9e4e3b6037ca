package machine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/tftpd/tftp"
)

const (
	tftpPort  = 69
	tftpTries = 6
	tftpBlock = 1408 // what pxelinux asks for
	maxFile   = 1 << 30
)

// loadLoader is steps 3 and 4: the boot file that DHCP named.
func (m *Machine) loadLoader(ctx context.Context) error {
	m.step(3, []string{"TFTP read request for " + m.lease.file + " at " + m.tftp().String()},
		"TFTP request: %s", m.lease.file)
	size, _, err := m.get(ctx, m.lease.file, 0)
	if err != nil {
		return err
	}
	m.step(4, []string{fmt.Sprintf("%s: %d bytes", m.lease.file, size)}, "Boot loader received: %d bytes, started", size)
	return nil
}

// loadConfig is steps 5 to 8: the loader looks for the configuration made for
// this machine, under the names that it tries in their order.
func (m *Machine) loadConfig(ctx context.Context) error {
	names := m.configNames()
	var tried []string
	for _, name := range names {
		_, config, err := m.get(ctx, name, maxTemplate)
		if errs.Is(err, errs.NotFound) {
			tried = append(tried, name+": not found")
			continue
		}
		if err != nil {
			return err
		}
		m.boot, err = readBootConfig(string(config))
		if err != nil {
			return errs.Wrap(err, "read %s", name)
		}
		m.step(5, append(tried, name), "Boot configuration asked for by hardware address: %s", name)
		m.seen(6, nil, "The Smart Proxy has the file that was written when build mode was set")
		m.seen(7, []string{m.boot.label}, "It was rendered for this host, to boot %q", m.boot.label)
		m.step(8, []string{"kernel " + m.boot.kernel, "initrd " + strings.Join(m.boot.initrd, ", "), "append " + redact(m.boot.args)},
			"Boot configuration received: %d bytes", len(config))
		return nil
	}
	return errs.New(errs.NotFound, "no boot configuration for this machine: %s; is build mode on?", strings.Join(tried, ", "))
}

// configNames are the names that pxelinux or GRUB look for.
func (m *Machine) configNames() []string {
	dashed := strings.ReplaceAll(m.cfg.MAC.String(), ":", "-")
	if strings.Contains(m.lease.file, "grub") || strings.Contains(m.lease.file, "shim") {
		return []string{"grub2/grub.cfg-01-" + dashed, "grub2/grub.cfg-" + m.cfg.MAC.String()}
	}
	names := []string{"pxelinux.cfg/" + m.uuidText(), "pxelinux.cfg/01-" + dashed}
	hex := fmt.Sprintf("%X", m.lease.ip.AsSlice())
	for ; hex != ""; hex = hex[:len(hex)-1] {
		names = append(names, "pxelinux.cfg/"+hex)
	}
	return append(names, "pxelinux.cfg/default")
}

// loadKernel is steps 9 and 10.
func (m *Machine) loadKernel(ctx context.Context) error {
	if m.boot.kernel == "" {
		return errs.New(errs.Upstream, "the boot configuration starts no kernel (%q): is build mode on?", m.boot.label)
	}
	var detail []string
	var total int64
	for _, name := range append([]string{m.boot.kernel}, m.boot.initrd...) {
		size, _, err := m.get(ctx, name, 0)
		if err != nil {
			return err
		}
		total += size
		detail = append(detail, fmt.Sprintf("%s: %d bytes", name, size))
	}
	m.step(9, detail, "Kernel and initial RAM disk received: %d bytes", total)
	m.step(10, []string{"kernel command line: " + redact(m.boot.args)}, "The installer starts")
	return nil
}

// tftp is where the boot server listens.
func (m *Machine) tftp() netip.AddrPort {
	if m.cfg.TFTP.IsValid() {
		return m.cfg.TFTP
	}
	return netip.AddrPortFrom(m.lease.server, tftpPort)
}

// get fetches a file by TFTP and gives its size, and its content up to keep
// bytes; a larger one is TooLarge where something is to be kept. NotFound when
// the server has none.
func (m *Machine) get(ctx context.Context, name string, keep int64) (int64, []byte, error) {
	server := m.tftp()
	if !server.Addr().IsValid() {
		return 0, nil, errs.New(errs.Upstream, "DHCP named no boot server")
	}
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return 0, nil, errs.WrapAs(errs.Unavailable, err, "open a socket")
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()
	r := &reader{ctx: ctx, conn: conn, server: server, keep: keep, block: tftp.DefaultBlock, window: 1}
	err = r.read(name)
	var refused *tftp.Error
	switch {
	case err == nil:
		return r.size, r.content, nil
	case errors.As(err, &refused) && refused.Code == tftp.CodeNotFound:
		return 0, nil, errs.WrapAs(errs.NotFound, err, "TFTP %s", name)
	case errs.Is(err, errs.TooLarge):
		return 0, nil, err
	}
	return 0, nil, errs.WrapAs(errs.Upstream, err, "TFTP %s from %s", name, server)
}

// A reader reads one file by TFTP.
type reader struct {
	ctx    context.Context
	conn   *net.UDPConn
	server netip.AddrPort // its port changes with the first answer

	block, window int64
	have, since   int64 // blocks received, and since the last acknowledgement
	last          []byte
	size, keep    int64
	content       []byte
	answered      bool
}

func (r *reader) read(name string) error {
	request := tftp.Request{Op: tftp.OpRead, Name: name, Mode: "octet", Options: []tftp.Option{
		tftp.IntOption("blksize", tftpBlock), tftp.IntOption("tsize", 0), tftp.IntOption("windowsize", 16),
	}}
	if err := r.send(request.Append(nil)); err != nil {
		return err
	}
	buf := make([]byte, tftp.MaxBlock+tftp.HeaderSize)
	for try := 0; ; {
		r.conn.SetReadDeadline(time.Now().Add(time.Second << try))
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		n, from, err := r.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if try++; try >= tftpTries {
				return errors.New("the server does not answer")
			}
			if err := r.send(r.last); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if r.answered && from.Port() != r.server.Port() {
			continue // another transfer's
		}
		r.server, r.answered, try = netip.AddrPortFrom(r.server.Addr(), from.Port()), true, 0
		done, err := r.take(buf[:n])
		if done || err != nil {
			return err
		}
	}
}

// take handles one packet; true when the file is complete.
func (r *reader) take(p []byte) (bool, error) {
	switch tftp.Kind(p) {
	case tftp.OpError:
		e, err := tftp.ParseError(p)
		return false, errors.Join(err, e)
	case tftp.OpOptions:
		opts, err := tftp.ParseOptions(p)
		if err != nil {
			return false, err
		}
		for _, o := range opts {
			switch n, ok := o.Int(1, maxFile); {
			case ok && o.Name == "blksize":
				r.block = n
			case ok && o.Name == "windowsize":
				r.window = n
			}
		}
		return false, r.send(tftp.AppendAck(nil, 0))
	case tftp.OpData:
		return r.data(p)
	}
	return false, nil
}

func (r *reader) data(p []byte) (bool, error) {
	number, ok := tftp.Block(p)
	if !ok || number != uint16(r.have+1) {
		return false, r.send(tftp.AppendAck(nil, uint16(r.have)))
	}
	body := p[tftp.HeaderSize:]
	r.have, r.since, r.size = r.have+1, r.since+1, r.size+int64(len(body))
	if r.keep > 0 {
		if r.size > r.keep {
			return false, errs.New(errs.TooLarge, "the file is larger than %d bytes", r.keep)
		}
		r.content = append(r.content, body...)
	}
	done := int64(len(body)) < r.block
	if done || r.since >= r.window {
		r.since = 0
		return done, r.send(tftp.AppendAck(nil, number))
	}
	return false, nil
}

func (r *reader) send(packet []byte) error {
	r.last = packet
	_, err := r.conn.WriteToUDPAddrPort(packet, r.server)
	return err
}
