package tftpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/chargehand/chargehand/netd/tftpd/tftp"
	"github.com/chargehand/chargehand/netd/udp"
)

const (
	firstTimeout = 500 * time.Millisecond // doubled each time, where the client sets none
	maxTimeout   = 8 * time.Second
	maxTries     = 6
	// quiet is how long further duplicates of an acknowledgement may be echoes of
	// packets already on their way, after the window was sent again.
	quiet = 10 * time.Millisecond
	// maxStalls bounds how often a client may ask for the same window.
	maxStalls = 100
	// maxWindowBytes bounds what goes out unacknowledged, whatever the client asks.
	maxWindowBytes = 4 << 20
	// batchBytes is how much of a window is read and handed to the system at once.
	batchBytes  = 65507 // the largest UDP payload
	batchBlocks = 64    // the most datagrams the kernel cuts one batch into
)

var (
	errSilent  = errors.New("the client fell silent")
	errStopped = errors.New("stopped")
	// errSuperseded ends a transfer whose client began another one from its port.
	errSuperseded = errors.New("the client began anew")
)

// A session is one transfer.
type session struct {
	server  *Server
	ctx     context.Context
	cancel  context.CancelCauseFunc
	request tftp.Request
	name    string
	peer    udp.Peer
	inbox   chan []byte // single-port mode: what came in for this transfer; else nil
	heard   atomic.Bool // the client acknowledged something

	file    content
	wire    wire
	block   int
	window  int
	timeout time.Duration // 0: firstTimeout, doubling
	batch   []byte
	resent  int64 // the block after which the window was last sent again; -1 at first
}

func newSession(ctx context.Context, s *Server, req tftp.Request, from udp.Peer) *session {
	x := &session{server: s, request: req, name: clean(req.Name), peer: from, block: tftp.DefaultBlock, window: 1, resent: -1}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	if s.cfg.SinglePort {
		x.inbox = make(chan []byte, 32)
	}
	return x
}

// deliver hands over a packet that came to the listening port; false when it is
// not expected there.
func (x *session) deliver(packet []byte) bool {
	if x.inbox == nil {
		return false
	}
	select {
	case x.inbox <- append([]byte(nil), packet...):
	default: // the client repeats what matters
	}
	return true
}

// run does the transfer, reports and counts it.
func (x *session) run() {
	defer x.cancel(nil)
	start := time.Now()
	sent, err := x.transfer()
	c := &x.server.count
	c.bytes.Add(uint64(sent))
	told := new(tftp.Error)
	switch {
	case err == nil:
		c.completed.Add(1)
	case errors.As(err, &told) && told.Code == tftp.CodeNotFound:
		c.notFound.Add(1)
	default:
		c.failed.Add(1)
	}
	if x.server.cfg.Observe != nil {
		x.server.cfg.Observe(Transfer{
			Time: start, Client: x.peer.Remote, Name: x.name,
			Bytes: sent, Duration: time.Since(start), Err: err,
		})
	}
}

func (x *session) transfer() (int64, error) {
	file, refused := open(x.server.cfg.Root, x.name, x.request.Mode)
	if refused != nil {
		return 0, errors.Join(refused, x.server.conn.Write(tftp.AppendError(nil, refused), x.peer))
	}
	defer file.Close()
	x.file = file
	wire, err := x.openWire()
	if err != nil {
		return 0, err
	}
	defer wire.close()
	x.wire = wire

	if accepted := x.negotiate(); len(accepted) > 0 {
		if err := x.offer(tftp.AppendOptions(nil, accepted)); err != nil {
			return 0, x.giveUp(err)
		}
	}
	sent, err := x.send()
	return sent, x.giveUp(err)
}

// giveUp tells the client of an error that is ours, unless it has gone on.
func (x *session) giveUp(err error) error {
	if errors.Is(err, errStopped) && errors.Is(context.Cause(x.ctx), errSuperseded) {
		return errSuperseded
	}
	var theirs *tftp.Error
	if err == nil || errors.As(err, &theirs) || errors.Is(err, errSilent) {
		return err
	}
	e := &tftp.Error{Code: tftp.CodeUndefined, Message: "the server broke off"}
	return errors.Join(err, x.wire.send(tftp.AppendError(nil, e)))
}

// negotiate takes the options that it knows, within the server's bounds, and
// returns those to acknowledge. Values that make no sense are passed over, as
// RFC 2347 has it.
func (x *session) negotiate() []tftp.Option {
	var accepted []tftp.Option
	for _, o := range x.request.Options {
		switch o.Name {
		case "blksize":
			if n, ok := o.Int(tftp.MinBlock, 1<<31); ok {
				x.block = int(min(n, tftp.MaxBlock))
				accepted = append(accepted, tftp.IntOption(o.Name, int64(x.block)))
			}
		case "tsize":
			if _, ok := o.Int(0, 1<<62); ok {
				accepted = append(accepted, tftp.IntOption(o.Name, x.file.size))
			}
		case "timeout":
			if n, ok := o.Int(1, 255); ok {
				x.timeout = time.Duration(n) * time.Second
				accepted = append(accepted, o)
			}
		case "windowsize":
			if n, ok := o.Int(1, tftp.MaxWindow); ok {
				x.window = int(n)
				accepted = append(accepted, o)
			}
		}
	}
	if most := max(1, maxWindowBytes/x.block); x.window > most {
		x.window = most
		for i := range accepted {
			if accepted[i].Name == "windowsize" {
				accepted[i] = tftp.IntOption("windowsize", int64(most))
			}
		}
	}
	return accepted
}

// offer sends the option acknowledgement until the client acknowledges it.
func (x *session) offer(oack []byte) error {
	for try := range maxTries {
		if err := x.wire.send(oack); err != nil {
			return err
		}
		deadline := time.Now().Add(x.patience(try))
		for {
			ack, err := x.ack(deadline)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return err
			}
			if ack == 0 {
				x.heard.Store(true)
				return nil
			}
		}
	}
	return errSilent
}

// send brings the file over, a window at a time, and returns how much of it was
// acknowledged. Blocks are counted from 1 in 64 bits; the wire has the low 16.
func (x *session) send() (int64, error) {
	x.wire.blockSize(x.block + tftp.HeaderSize)
	last := x.file.size/int64(x.block) + 1
	acked := int64(0)
	bytes := func() int64 { return min(acked*int64(x.block), x.file.size) }
	for try, stalls := 0, 0; acked < last; {
		window := min(int64(x.window), last-acked)
		if err := x.sendWindow(acked+1, window); err != nil {
			return bytes(), err
		}
		got, err := x.await(acked, window, time.Now().Add(x.patience(try)))
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if try++; try >= maxTries {
				return bytes(), errSilent
			}
			x.server.count.resent.Add(1)
		case err != nil:
			return bytes(), err
		case got == acked:
			if stalls++; stalls >= maxStalls {
				return bytes(), errSilent
			}
			x.server.count.resent.Add(1)
		default:
			acked, try, stalls = got, 0, 0
		}
	}
	return x.file.size, nil
}

// await waits for an acknowledgement of something in the window after acked, or
// for word that its first block is missing, and returns the last block that the
// client has. With windows of one block a duplicate says nothing (the Sorcerer's
// Apprentice). With larger ones the first asks for the window again; more of them
// do so only after a while, since they may be echoes of the earlier window.
func (x *session) await(acked, window int64, deadline time.Time) (int64, error) {
	sent, echoed := time.Now(), false
	for {
		n, err := x.ack(deadline)
		if echoed && errors.Is(err, os.ErrDeadlineExceeded) {
			return acked, nil
		}
		if err != nil {
			return acked, err
		}
		ahead := int64(n - uint16(acked))
		switch {
		case ahead > 0 && ahead <= window:
			x.heard.Store(true)
			if ahead < window {
				x.resent = acked + ahead // what follows goes out a second time
			}
			return acked + ahead, nil
		case ahead == 0 && x.window > 1 && x.resent != acked:
			x.resent = acked
			return acked, nil
		case ahead == 0 && x.window > 1 && !echoed:
			echoed, deadline = true, sent.Add(quiet)
		}
	}
}

// sendWindow sends n blocks from first on, in batches.
func (x *session) sendWindow(first, n int64) error {
	size := x.block + tftp.HeaderSize
	most := int64(max(1, min(batchBlocks, batchBytes/size)))
	for n > 0 {
		count := min(n, most)
		packets, err := x.fill(first, int(count))
		if err != nil {
			return err
		}
		if err := x.wire.sendBlocks(packets, size); err != nil {
			return err
		}
		first, n = first+count, n-count
	}
	return nil
}

// fill reads count blocks with one call and puts a header before each: the
// content is read behind the room for all headers, then moved forward to its
// places, none of which reaches the content that still has to move.
func (x *session) fill(first int64, count int) ([]byte, error) {
	offset := (first - 1) * int64(x.block)
	length := int(min(int64(count*x.block), x.file.size-offset))
	room := count * tftp.HeaderSize
	if need := room + count*x.block; cap(x.batch) < need {
		x.batch = make([]byte, need)
	}
	b := x.batch[:room+length]
	if n, err := x.file.ReadAt(b[room:], offset); n < length {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%s was cut while it was sent", x.name)
		}
		return nil, err
	}
	at, from := 0, room
	for i := range count {
		piece := min(x.block, len(b)-from)
		tftp.AppendDataHeader(b[at:at], uint16(first+int64(i)))
		copy(b[at+tftp.HeaderSize:], b[from:from+piece])
		at, from = at+tftp.HeaderSize+piece, from+piece
	}
	return b[:at], nil
}

// ack waits for the next acknowledgement. An ERROR packet comes as *tftp.Error.
func (x *session) ack(deadline time.Time) (uint16, error) {
	for {
		packet, err := x.wire.receive(x.ctx, deadline)
		if err != nil {
			return 0, err
		}
		switch tftp.Kind(packet) {
		case tftp.OpAck:
			if n, ok := tftp.Block(packet); ok {
				return n, nil
			}
		case tftp.OpError:
			e, err := tftp.ParseError(packet)
			if err != nil {
				e = &tftp.Error{Message: "unreadable"}
			}
			return 0, e
		}
	}
}

// patience is how long to wait for the client before try+1.
func (x *session) patience(try int) time.Duration {
	if x.timeout > 0 {
		return x.timeout
	}
	return min(firstTimeout<<try, maxTimeout)
}
