package ruby

import (
	"encoding/binary"
	"encoding/json"
	"io"

	"github.com/chargehand/chargehand/internal/errs"
)

// The bounds of what a guest may say: bytes of one frame, and calls inside calls.
const (
	maxFrame = 16 << 20
	maxDepth = 32
)

// A frame is one message between host and guest: a call of the other side, or
// the value or error that answers one. On the wire it is JSON after its length,
// four bytes with the highest first.
type frame struct {
	Call  string            `json:"call,omitempty"`
	Args  []json.RawMessage `json:"args,omitempty"`
	Value json.RawMessage   `json:"value,omitempty"`
	Error *failure          `json:"error,omitempty"`
}

// A failure is an exception as the guest describes it, or an error of the host.
type failure struct {
	Class     string   `json:"class,omitempty"`
	Message   string   `json:"message"`
	Backtrace []string `json:"backtrace,omitempty"`
	Ticket    int      `json:"ticket,omitempty"` // counts the host's errors from 1
}

func encodeFrame(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "encode a frame")
	}
	if len(data) > maxFrame {
		return nil, errs.New(errs.TooLarge, "a message to Ruby has more than %d bytes", maxFrame)
	}
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(data)), uint32(len(data))), data...), nil
}

// readFrame reads one frame of a guest that may be hostile.
func readFrame(r io.Reader) (frame, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return frame{}, errs.New(errs.TooLarge, "a message of %d bytes is over the bound of %d", size, maxFrame)
	}
	data := make([]byte, 0, min(size, 64<<10))
	for uint32(len(data)) < size {
		n := min(size-uint32(len(data)), 1<<20)
		at := len(data)
		data = append(data, make([]byte, n)...)
		if _, err := io.ReadFull(r, data[at:]); err != nil {
			return frame{}, err
		}
	}
	return decodeFrame(data)
}

func decodeFrame(data []byte) (frame, error) {
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return frame{}, errs.WrapAs(errs.Malformed, err, "read a frame")
	}
	parts := 0
	for _, has := range []bool{f.Call != "", f.Value != nil, f.Error != nil} {
		if has {
			parts++
		}
	}
	if parts != 1 {
		return frame{}, errs.New(errs.Malformed, "a frame is a call, a value or an error")
	}
	return f, nil
}
