package castore

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/chargehand/chargehand/internal/errs"
)

// A change is one record set or removed; a line of the log is a JSON array of
// them behind its checksum: "0a1b2c3d [{…}]\n".
type change struct {
	Bucket string          `json:"b"`
	Key    string          `json:"k"`
	Value  json.RawMessage `json:"v,omitempty"` // removed when absent
}

// A log is looked at for waste when it is opened with compactAt bytes or more,
// and while running when it has become four times as long as it was then, and
// compactLive at least.
const (
	compactAt   = 1 << 20
	compactLive = 16 << 20
)

func encodeLine(changes []change) ([]byte, error) {
	body, err := json.Marshal(changes)
	if err != nil {
		return nil, errs.Wrap(err, "encode an update of the CA")
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(body), body), nil
}

// decodeLine reads a whole line, its newline included.
func decodeLine(line []byte) ([]change, error) {
	line, whole := bytes.CutSuffix(line, []byte("\n"))
	sum, body, ok := bytes.Cut(line, []byte(" "))
	if !whole || !ok || fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)) != string(sum) {
		return nil, errs.New(errs.Internal, "checksum does not match")
	}
	var changes []change
	return changes, json.Unmarshal(body, &changes)
}

// openLog opens the log, reads it whole and makes it smaller if it pays. The
// lock is held.
func (s *Store) openLog() error {
	log, err := s.root.OpenFile(logName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return errs.WrapAs(errs.Unavailable, err, "open the CA's log")
	}
	s.log, s.read, s.data = log, 0, buckets{}
	if err := s.syncDir(); err != nil {
		return err
	}
	if err := s.replay(); err != nil {
		return err
	}
	if s.read >= compactAt && s.read > 2*s.data.size() {
		return s.compact()
	}
	s.next = max(compactLive, 4*s.read)
	return nil
}

// replay applies the lines from s.read on. A bad last line is cut off: it was
// never acknowledged, and the lock is held, so that nobody is writing it.
func (s *Store) replay() error {
	in := bufio.NewReader(io.NewSectionReader(s.log, s.read, 1<<62))
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return errs.WrapAs(errs.Unavailable, err, "read the CA's log")
		}
		changes, bad := decodeLine(line)
		if bad != nil {
			if _, err := in.Peek(1); !errors.Is(err, io.EOF) {
				return errs.New(errs.Internal, "the CA's log is damaged at byte %d; restore it from a backup", s.read)
			}
			return errs.WrapAs(errs.Unavailable, s.truncate(), "cut off a torn line of the CA's log")
		}
		s.apply(changes)
		s.read += int64(len(line))
	}
}

func (s *Store) truncate() error {
	return errors.Join(s.log.Truncate(s.read), s.log.Sync())
}

func (s *Store) apply(changes []change) {
	for _, c := range changes {
		if c.Value == nil {
			delete(s.data[c.Bucket], c.Key)
		} else {
			s.data.put(c.Bucket, c.Key, c.Value)
		}
	}
}

// append writes one line and syncs it. If it cannot, it takes the line back; if
// that fails too, nobody knows what is on the disk and nothing more is written.
func (s *Store) append(changes []change) error {
	line, err := encodeLine(changes)
	if err != nil {
		return err
	}
	_, err = s.log.WriteAt(line, s.read)
	if err == nil {
		err = s.log.Sync()
	}
	if err != nil {
		if undo := s.truncate(); undo != nil {
			s.broken = errs.WrapAs(errs.Unavailable, errors.Join(err, undo), "the CA's log cannot be written; restart when the disk is well")
		}
		return errs.WrapAs(errs.Unavailable, err, "write the CA's log")
	}
	s.apply(changes)
	s.read += int64(len(line))
	if s.read >= s.next {
		// The update is safe in the old log; a compaction that fails is tried again.
		if err := s.compact(); err != nil {
			s.next = s.read + compactLive
		}
	}
	return nil
}

// compact writes the live records into a new log and puts it in the old one's
// place. Other processes notice by the file's identity.
func (s *Store) compact() error {
	const draft = logName + ".new"
	out, err := s.root.OpenFile(draft, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return errs.WrapAs(errs.Unavailable, err, "compact the CA's log")
	}
	size, err := s.data.write(out)
	if err == nil {
		err = errors.Join(out.Sync(), s.root.Rename(draft, logName), s.syncDir())
	}
	if err != nil {
		return errs.WrapAs(errs.Unavailable, errors.Join(err, out.Close()), "compact the CA's log")
	}
	old := s.log
	s.log, s.read, s.next = out, size, max(compactLive, 4*size)
	return old.Close()
}

func (s *Store) syncDir() error {
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// buckets are the records in memory.
type buckets map[string]map[string]json.RawMessage

func (b buckets) put(bucket, key string, value json.RawMessage) {
	if b[bucket] == nil {
		b[bucket] = map[string]json.RawMessage{}
	}
	b[bucket][key] = value
}

func (b buckets) size() (total int64) {
	for _, bucket := range b {
		for key, value := range bucket {
			total += int64(len(key) + len(value))
		}
	}
	return total
}

func (b buckets) write(w io.Writer) (size int64, err error) {
	for _, bucket := range slices.Sorted(maps.Keys(b)) {
		for _, key := range slices.Sorted(maps.Keys(b[bucket])) {
			line, err := encodeLine([]change{{bucket, key, b[bucket][key]}})
			if err != nil {
				return size, err
			}
			n, err := w.Write(line)
			if size += int64(n); err != nil {
				return size, err
			}
		}
	}
	return size, nil
}
