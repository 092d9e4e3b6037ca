// Package castore keeps a CA in a directory: its records in one log that only
// grows, and its key beside it. Each update is one line, written and synced
// before it is acknowledged, so that a kill or a power cut loses nothing that
// was; a lock file lets several processes share the directory.
//
// It imports pki, internal/errs, the standard library and x/sys.
package castore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
)

const (
	logName  = "ca.log"
	lockName = "ca.lock"
)

// A Store is a pki.Store in a directory. Close it when done.
type Store struct {
	root *os.Root
	lock *os.File

	mu     sync.RWMutex // taken before the file lock, and held around it
	log    *os.File
	read   int64 // how far into log the buckets are up to date
	next   int64 // from which length log is compacted
	data   buckets
	broken error // set when a write failed and could not be taken back
}

var _ pki.Store = (*Store)(nil)

// Open opens the directory, which it makes (0700) if need be, and reads what is
// there. A last line that was cut off by a crash was never acknowledged, and is
// dropped; damage anywhere else is an error.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.Wrap(err, "make the CA directory")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errs.Wrap(err, "open the CA directory")
	}
	s := &Store{root: root}
	if s.lock, err = root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, errors.Join(errs.Wrap(err, "open the CA's lock"), s.Close())
	}
	if err := s.locked(unix.LOCK_EX, s.openLog); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close lets go of the directory.
func (s *Store) Close() error {
	var err error
	for _, f := range []*os.File{s.log, s.lock} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return errors.Join(err, s.root.Close())
}

// locked runs fn while this process holds the directory's lock. Holders do no
// more than read or write a few lines, so waiting is short.
func (s *Store) locked(how int, fn func() error) error {
	for {
		err := unix.Flock(int(s.lock.Fd()), how)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return errs.WrapAs(errs.Unavailable, err, "lock the CA directory")
		}
	}
	defer func() { _ = unix.Flock(int(s.lock.Fd()), unix.LOCK_UN) }()
	return fn()
}

// View runs fn over what all processes have written so far.
func (s *Store) View(ctx context.Context, fn func(pki.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.refresh(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return fn(&tx{base: s.data})
}

// refresh reads what another process has added, if anything.
func (s *Store) refresh() error {
	s.mu.RLock()
	current := s.current()
	s.mu.RUnlock()
	if current {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.locked(unix.LOCK_EX, s.catchUp)
}

// current reports whether the log is the file under its name, and read whole.
func (s *Store) current() bool {
	named, err := s.root.Stat(logName)
	if err != nil {
		return false
	}
	open, err := s.log.Stat()
	return err == nil && os.SameFile(named, open) && named.Size() == s.read
}

// catchUp brings the buckets up to date; another process may have put a
// shorter log in the old one's place.
func (s *Store) catchUp() error {
	if s.current() {
		return nil
	}
	named, err := s.root.Stat(logName)
	if err == nil {
		var open fs.FileInfo
		if open, err = s.log.Stat(); err == nil && os.SameFile(named, open) {
			return s.replay()
		}
	}
	if err := s.log.Close(); err != nil {
		return errs.WrapAs(errs.Unavailable, err, "close the CA's old log")
	}
	return s.openLog()
}

// Update runs fn on a draft and appends its changes as one line.
func (s *Store) Update(ctx context.Context, fn func(pki.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	return s.locked(unix.LOCK_EX, func() error {
		if err := s.catchUp(); err != nil {
			return err
		}
		draft := &tx{base: s.data, draft: buckets{}}
		if err := fn(draft); err != nil {
			return err
		}
		if len(draft.changes) == 0 {
			return nil
		}
		return s.append(draft.changes)
	})
}
