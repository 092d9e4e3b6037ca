// Package tftp reads and writes TFTP packets: RFC 1350 with the options of RFC
// 2347, 2348, 2349 and 7440. It is pure and imports the standard library only;
// servers and clients import it.
package tftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
)

// An Op is a packet's kind.
type Op uint16

// The packets.
const (
	OpRead     Op = 1
	OpWrite    Op = 2
	OpData     Op = 3
	OpAck      Op = 4
	OpError    Op = 5
	OpOptions  Op = 6 // OACK
	HeaderSize    = 4 // of DATA and ACK
)

// Error codes.
const (
	CodeUndefined  uint16 = 0
	CodeNotFound   uint16 = 1
	CodeAccess     uint16 = 2
	CodeFull       uint16 = 3
	CodeIllegal    uint16 = 4
	CodeUnknownID  uint16 = 5
	CodeExists     uint16 = 6
	CodeNoUser     uint16 = 7
	CodeBadOptions uint16 = 8
	DefaultBlock          = 512
	MinBlock              = 8
	MaxBlock              = 65464
	MaxWindow             = 65535
	maxName               = 1024
)

// ErrMalformed says that a packet breaks the format.
var ErrMalformed = errors.New("malformed TFTP packet")

// A Request is a read or write request. Options keep their order; names are
// lower case.
type Request struct {
	Op      Op
	Name    string
	Mode    string // lower case: octet, netascii
	Options []Option
}

// An Option is a name and value of a request or its acknowledgement.
type Option struct{ Name, Value string }

// An Error is the packet that ends a transfer early.
type Error struct {
	Code    uint16
	Message string
}

// Error gives the message.
func (e *Error) Error() string {
	return "TFTP error " + strconv.Itoa(int(e.Code)) + ": " + e.Message
}

// Kind is the packet's op; 0 when it is too short to have one.
func Kind(p []byte) Op {
	if len(p) < 2 {
		return 0
	}
	return Op(binary.BigEndian.Uint16(p))
}

// ParseRequest reads a read or write request. Trailing bytes that form no whole
// option are passed over, as some firmware pads its packets.
func ParseRequest(p []byte) (Request, error) {
	op := Kind(p)
	if op != OpRead && op != OpWrite {
		return Request{}, ErrMalformed
	}
	rest := p[2:]
	name, rest, ok := text(rest)
	if !ok || name == "" || len(name) > maxName {
		return Request{}, ErrMalformed
	}
	mode, rest, ok := text(rest)
	if !ok {
		return Request{}, ErrMalformed
	}
	return Request{Op: op, Name: name, Mode: strings.ToLower(mode), Options: options(rest)}, nil
}

// Append writes the request.
func (r Request) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(r.Op))
	b = append(append(b, r.Name...), 0)
	b = append(append(b, r.Mode...), 0)
	return appendOptions(b, r.Options)
}

// ParseOptions reads an OACK.
func ParseOptions(p []byte) ([]Option, error) {
	if Kind(p) != OpOptions {
		return nil, ErrMalformed
	}
	return options(p[2:]), nil
}

// AppendOptions writes an OACK.
func AppendOptions(b []byte, opts []Option) []byte {
	return appendOptions(binary.BigEndian.AppendUint16(b, uint16(OpOptions)), opts)
}

// ParseError reads an ERROR packet.
func ParseError(p []byte) (*Error, error) {
	if Kind(p) != OpError || len(p) < HeaderSize {
		return nil, ErrMalformed
	}
	message, _, ok := text(p[HeaderSize:])
	if !ok {
		message = string(p[HeaderSize:])
	}
	return &Error{binary.BigEndian.Uint16(p[2:]), message}, nil
}

// AppendError writes an ERROR packet.
func AppendError(b []byte, e *Error) []byte {
	b = header(b, OpError, e.Code)
	return append(append(b, e.Message...), 0)
}

// Block is the number in a DATA or ACK packet.
func Block(p []byte) (uint16, bool) {
	if len(p) < HeaderSize {
		return 0, false
	}
	return binary.BigEndian.Uint16(p[2:]), true
}

// AppendAck writes an ACK.
func AppendAck(b []byte, block uint16) []byte { return header(b, OpAck, block) }

// AppendDataHeader writes the header of a DATA packet; its content follows.
func AppendDataHeader(b []byte, block uint16) []byte { return header(b, OpData, block) }

// Int reads an option's number, which must be within least and most.
func (o Option) Int(least, most int64) (int64, bool) {
	n, err := strconv.ParseInt(o.Value, 10, 64)
	return n, err == nil && n >= least && n <= most
}

// IntOption makes an option of a number.
func IntOption(name string, n int64) Option { return Option{name, strconv.FormatInt(n, 10)} }

func header(b []byte, op Op, n uint16) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(op))
	return binary.BigEndian.AppendUint16(b, n)
}

func text(p []byte) (string, []byte, bool) {
	before, after, ok := bytes.Cut(p, []byte{0})
	return string(before), after, ok
}

func options(p []byte) []Option {
	var out []Option
	for len(p) > 0 && len(out) < 16 {
		name, rest, ok := text(p)
		if !ok {
			break
		}
		value, rest, ok := text(rest)
		if !ok {
			break
		}
		if name != "" {
			out = append(out, Option{strings.ToLower(name), value})
		}
		p = rest
	}
	return out
}

func appendOptions(b []byte, opts []Option) []byte {
	for _, o := range opts {
		b = append(append(b, o.Name...), 0)
		b = append(append(b, o.Value...), 0)
	}
	return b
}
