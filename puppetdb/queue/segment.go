package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// A segment is one append-only file of records. On disk a record is
//
//	length of key+payload (4, big endian) | length of key (4) | CRC-32C of both (4) | key | payload
type segment struct {
	number  uint64
	file    *os.File
	size    int64
	pending int  // records not done; guarded by Queue.mu
	sealed  bool // no more appends; guarded by Queue.mu
}

const (
	headerBytes = 12
	maxRecord   = 256 << 20
	suffix      = ".log"
)

func segmentName(number uint64) string { return fmt.Sprintf("%016d%s", number, suffix) }

// recover opens the segments of earlier runs and enlists their records.
func (q *Queue) recover() error {
	numbers, err := q.segmentNumbers()
	if err != nil {
		return err
	}
	for _, n := range numbers {
		s, err := q.openSegment(n, os.O_RDWR)
		if err != nil {
			return err
		}
		s.sealed = true
		if err := q.replay(s); err != nil {
			return err
		}
		q.removeIfDone(s)
		q.nextSeq = n + 1
	}
	return nil
}

func (q *Queue) segmentNumbers() ([]uint64, error) {
	dir, err := q.root.Open(".")
	if err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "open the command queue")
	}
	defer func() { _ = dir.Close() }()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "list the command queue")
	}
	var numbers []uint64
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return nil, errs.New(errs.Internal, "command queue: %s is no segment of it; move it away", e.Name())
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (q *Queue) openSegment(number uint64, flags int) (*segment, error) {
	f, err := q.root.OpenFile(segmentName(number), flags, 0o600)
	if err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "open segment %d of the command queue", number)
	}
	s := &segment{number: number, file: f}
	q.mu.Lock()
	q.segments[number] = s
	q.mu.Unlock()
	return s, nil
}

// replay enlists the records of a segment and cuts off a torn end.
func (q *Queue) replay(s *segment) error {
	info, err := s.file.Stat()
	if err != nil {
		return errs.WrapAs(errs.Unavailable, err, "read segment %d of the command queue", s.number)
	}
	for offset := int64(0); ; {
		r, next, err := readRecord(s, offset, info.Size())
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			q.opts.Log.Warn("command queue: dropping an unacknowledged record", "segment", s.number, "offset", offset, "reason", err)
			return s.file.Truncate(offset)
		}
		s.pending++
		s.size = next
		q.enlist(r)
		offset = next
	}
}

// readRecord reads the head of the record at offset and checks its sum. The
// error is io.EOF at the exact end of the file.
func readRecord(s *segment, offset, size int64) (*record, int64, error) {
	if offset == size {
		return nil, 0, io.EOF
	}
	var head [headerBytes]byte
	if _, err := s.file.ReadAt(head[:], offset); err != nil {
		return nil, 0, errors.New("torn head")
	}
	total, keyLen := int64(binary.BigEndian.Uint32(head[0:])), int64(binary.BigEndian.Uint32(head[4:]))
	if keyLen > total || total > maxRecord || offset+headerBytes+total > size {
		return nil, 0, errors.New("torn body")
	}
	body := make([]byte, total)
	if _, err := s.file.ReadAt(body, offset+headerBytes); err != nil {
		return nil, 0, errors.New("torn body")
	}
	if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != binary.BigEndian.Uint32(head[8:]) {
		return nil, 0, errors.New("wrong checksum")
	}
	r := &record{
		key: string(body[:keyLen]), segment: s,
		offset: offset + headerBytes + keyLen, length: int(total - keyLen),
		done: make(chan error, 1),
	}
	return r, offset + headerBytes + total, nil
}

// commit is the one writer: it takes every append that waits, writes them, makes
// them durable with one fsync and acknowledges them together.
func (q *Queue) commit(ctx context.Context) error {
	var current *segment
	defer close(q.stopped)
	for {
		var batch []*write
		select {
		case w := <-q.writes:
			batch = append(batch, w)
		case <-ctx.Done():
			return nil
		}
		for len(batch) < cap(q.writes) {
			select {
			case w := <-q.writes:
				batch = append(batch, w)
				continue
			default:
			}
			break
		}
		var err error
		if current, err = q.room(current); err == nil {
			err = q.store(current, batch)
		}
		if err != nil {
			q.opts.Log.Error("command queue: cannot store", "error", err)
			current = q.seal(current)
			for _, w := range batch {
				w.result <- writeResult{err: errs.WrapAs(errs.Unavailable, err, "store the command")}
			}
		}
	}
}

// room gives the segment to append to, a new one when the current is full.
func (q *Queue) room(current *segment) (*segment, error) {
	if current != nil && current.size < q.opts.SegmentBytes {
		return current, nil
	}
	q.seal(current)
	s, err := q.openSegment(q.nextSeq, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	q.nextSeq++
	return s, q.syncDir()
}

func (q *Queue) syncDir() error {
	dir, err := q.root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return dir.Sync()
}

// seal ends a segment; it goes when its last record is done.
func (q *Queue) seal(s *segment) *segment {
	if s == nil {
		return nil
	}
	q.mu.Lock()
	s.sealed = true
	q.mu.Unlock()
	q.removeIfDone(s)
	return nil
}

func (q *Queue) store(s *segment, batch []*write) error {
	var buf []byte
	records := make([]*record, len(batch))
	start := s.size
	for i, w := range batch {
		records[i] = &record{
			key: w.key, segment: s, length: len(w.payload),
			offset: start + int64(len(buf)) + headerBytes + int64(len(w.key)),
			done:   make(chan error, 1),
		}
		buf = appendRecord(buf, w.key, w.payload)
	}
	if _, err := s.file.WriteAt(buf, start); err != nil {
		return errors.Join(err, s.file.Truncate(start))
	}
	if err := s.file.Sync(); err != nil {
		return errors.Join(err, s.file.Truncate(start))
	}
	s.size += int64(len(buf))
	q.mu.Lock()
	s.pending += len(batch)
	q.mu.Unlock()
	for i, w := range batch {
		q.enlist(records[i])
		w.result <- writeResult{record: records[i]}
	}
	return nil
}

func appendRecord(buf []byte, key string, payload []byte) []byte {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	_, _ = sum.Write([]byte(key))
	_, _ = sum.Write(payload)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(key)+len(payload)))
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(key)))
	buf = binary.BigEndian.AppendUint32(buf, sum.Sum32())
	buf = append(buf, key...)
	return append(buf, payload...)
}

func (q *Queue) removeIfDone(s *segment) {
	q.mu.Lock()
	finished := s.sealed && s.pending == 0 && q.segments[s.number] == s
	if finished {
		delete(q.segments, s.number)
	}
	q.mu.Unlock()
	if !finished {
		return
	}
	_ = s.file.Close()
	if err := q.root.Remove(segmentName(s.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		q.opts.Log.Warn("command queue: cannot remove a finished segment", "segment", s.number, "error", err)
	}
}

func (q *Queue) closeSegments() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.segments {
		_ = s.file.Close()
	}
}
