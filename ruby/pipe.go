package ruby

import "sync"

// pipePiece bounds what a pipe holds, whatever a guest writes at once.
const pipePiece = 64 << 10

// A pipe is like io.Pipe, but whoever writes a piece need not wait for its reader:
// half of the switches between guest and host are saved.
type pipe struct {
	pieces chan []byte
	rest   []byte // of the piece that is being read
	closed chan struct{}
	once   sync.Once
	err    error // why it is closed
}

func newPipe() *pipe { return &pipe{pieces: make(chan []byte, 1), closed: make(chan struct{})} }

// Read gives what was written before the pipe was closed, then the reason of that.
func (p *pipe) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		select {
		case p.rest = <-p.pieces:
		default:
			select {
			case p.rest = <-p.pieces:
			case <-p.closed:
				select {
				case p.rest = <-p.pieces:
				default:
					return 0, p.err
				}
			}
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Write copies b, and waits only while an earlier piece is not read.
func (p *pipe) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		select {
		case <-p.closed:
			return done, p.err
		default:
		}
		piece := append([]byte(nil), b[done:min(done+pipePiece, len(b))]...)
		select {
		case p.pieces <- piece:
			done += len(piece)
		case <-p.closed:
			return done, p.err
		}
	}
	return done, nil
}

// Close ends reading and writing with err; the first reason stays.
func (p *pipe) Close(err error) {
	p.once.Do(func() {
		p.err = err
		close(p.closed)
	})
}
