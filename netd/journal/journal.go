// Package journal keeps the changes of a small in-memory store on disk: an
// append-only file of checksummed frames, synced before a change counts as made,
// read back at start, and rewritten as a snapshot when it has grown.
//
// It knows nothing of what the records mean. It imports the standard library
// only; netd's stores import it.
package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// The file is a header and then frames; a frame is one call of Append, so a
// power cut loses all of an unacknowledged call or nothing of it:
//
//	magic | { size uint32 | crc32c uint32 | { length uvarint | record }… }…
const (
	magic     = "chjournal1\n"
	frameHead = 8
	// MaxFrame bounds one Append, so that a damaged length cannot ask for
	// gigabytes of memory.
	MaxFrame = 64 << 20
)

// ErrCorrupt says that a frame before the last one fails its checksum: the file
// was damaged, not just cut off, and opening it would lose acknowledged changes.
var ErrCorrupt = errors.New("journal is damaged")

// A Journal is an open journal file. Its methods are safe for concurrent use.
type Journal struct {
	path string

	mu   sync.Mutex // held across the disk: appends are in order, one at a time
	file *os.File
	size int64 // of what is known to be good; a failed append is cut back to it
	base int64 // size after the last snapshot
	buf  []byte
}

// Open reads the journal at path, making it when absent, and hands each record
// to apply in the order of the appends; the slice is valid during the call only.
// An incomplete frame at the end, which is what a power cut leaves of an
// unacknowledged append, is cut off. Errors: ErrCorrupt, apply's, the disk's.
func Open(path string, apply func(record []byte) error) (*Journal, error) {
	if err := removeUnfinished(path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, file: file}
	if err := j.load(apply); err != nil {
		file.Close()
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}
	return j, nil
}

func (j *Journal) load(apply func([]byte) error) error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < int64(len(magic)) { // new, or cut off while it was made
		return j.begin()
	}
	r := bufio.NewReaderSize(j.file, 1<<16)
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	if string(head) != magic {
		return fmt.Errorf("%w: not a journal", ErrCorrupt)
	}
	j.size = int64(len(magic))
	for {
		frame, err := readFrame(r, info.Size()-j.size)
		if err != nil {
			return err
		}
		if frame == nil {
			break
		}
		if err := records(frame, apply); err != nil {
			return err
		}
		j.size += frameHead + int64(len(frame))
	}
	j.base = j.size
	return j.cutBack()
}

// begin writes the header of an empty journal and makes the file's name durable.
func (j *Journal) begin() error {
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	if _, err := j.file.WriteAt([]byte(magic), 0); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.size = int64(len(magic))
	j.base = j.size
	return syncDir(filepath.Dir(j.path))
}

// readFrame reads one frame of the left bytes that the file still has. It gives
// nil at the end and for a frame that the end cuts off.
func readFrame(r io.Reader, left int64) ([]byte, error) {
	var head [frameHead]byte
	if left < frameHead {
		return nil, nil
	}
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(head[:4]))
	left -= frameHead
	if size > left || size == 0 {
		return nil, nil
	}
	if size > MaxFrame {
		return nil, fmt.Errorf("%w: frame of %d bytes", ErrCorrupt, size)
	}
	frame := make([]byte, size)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, err
	}
	if crc32.Checksum(frame, castagnoli()) != binary.BigEndian.Uint32(head[4:]) {
		if size == left {
			return nil, nil // the last frame, written in part
		}
		return nil, fmt.Errorf("%w: bad checksum", ErrCorrupt)
	}
	return frame, nil
}

func records(frame []byte, apply func([]byte) error) error {
	for len(frame) > 0 {
		n, used := binary.Uvarint(frame)
		if used <= 0 || n > uint64(len(frame)-used) {
			return fmt.Errorf("%w: bad record length", ErrCorrupt)
		}
		if err := apply(frame[used : used+int(n)]); err != nil {
			return err
		}
		frame = frame[used+int(n):]
	}
	return nil
}

// Append stores the records as one frame and returns when they are on the disk.
// All of them are kept, or, with an error, none: after a failure the file is cut
// back to its last good frame and a later Append may succeed.
func (j *Journal) Append(recs ...[]byte) error {
	if len(recs) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.buf = appendFrame(j.buf[:0], recs)
	if len(j.buf)-frameHead > MaxFrame {
		return fmt.Errorf("journal %s: %d bytes at once are too many", j.path, len(j.buf))
	}
	if _, err := j.file.WriteAt(j.buf, j.size); err != nil {
		return errors.Join(err, j.cutBack())
	}
	if err := j.file.Sync(); err != nil {
		return errors.Join(err, j.cutBack())
	}
	j.size += int64(len(j.buf))
	return nil
}

func (j *Journal) cutBack() error {
	info, err := j.file.Stat()
	if err != nil || info.Size() == j.size {
		return err
	}
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	return j.file.Sync()
}

func appendFrame(buf []byte, recs [][]byte) []byte {
	start := len(buf)
	buf = append(buf, make([]byte, frameHead)...)
	for _, r := range recs {
		buf = binary.AppendUvarint(buf, uint64(len(r)))
		buf = append(buf, r...)
	}
	body := buf[start+frameHead:]
	binary.BigEndian.PutUint32(buf[start:], uint32(len(body)))
	binary.BigEndian.PutUint32(buf[start+4:], crc32.Checksum(body, castagnoli()))
	return buf
}

// Grown reports whether the journal has more than doubled since its last
// snapshot and is over min bytes: time for Rewrite.
func (j *Journal) Grown(min int64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size > min && j.size > 2*j.base
}

// Rewrite replaces the journal by the records that snapshot emits, atomically:
// after a crash either the old or the new content is there. No Append happens
// meanwhile; the caller sees to it that snapshot's records stand for everything
// appended before.
func (j *Journal) Rewrite(snapshot func(emit func(record []byte))) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	temp, err := os.CreateTemp(filepath.Dir(j.path), filepath.Base(j.path)+unfinished)
	if err != nil {
		return err
	}
	size, err := writeSnapshot(temp, snapshot)
	if err == nil {
		err = os.Rename(temp.Name(), j.path)
	}
	if err != nil {
		temp.Close()
		return errors.Join(err, os.Remove(temp.Name()))
	}
	j.file.Close() // all of it is in the new file
	j.file, j.size, j.base = temp, size, size
	return syncDir(filepath.Dir(j.path))
}

func writeSnapshot(f *os.File, snapshot func(emit func([]byte))) (int64, error) {
	w := bufio.NewWriterSize(f, 1<<16)
	w.WriteString(magic) // a bufio.Writer keeps its first error for Flush
	size := int64(len(magic))
	var buf []byte
	snapshot(func(record []byte) {
		buf = appendFrame(buf[:0], [][]byte{record})
		w.Write(buf)
		size += int64(len(buf))
	})
	if err := w.Flush(); err != nil {
		return 0, err
	}
	return size, f.Sync()
}

// unfinished is the pattern behind the journal's name of snapshots being written.
const unfinished = ".new-*"

// removeUnfinished clears away what a crash left of Rewrite.
func removeUnfinished(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	prefix := filepath.Base(path) + strings.TrimSuffix(unfinished, "*")
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			if err := os.Remove(filepath.Join(filepath.Dir(path), e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close closes the file. What Append acknowledged is on the disk already.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
