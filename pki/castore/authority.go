package castore

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
)

const (
	chainName = "ca_crt.pem"
	keyName   = "ca_key.pem"
)

// Authority gives the directory's authority; the first time, it is what create
// makes. Of processes that come at the same time one creates.
func (s *Store) Authority(create func() (*pki.Authority, error)) (authority *pki.Authority, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.locked(unix.LOCK_EX, func() error {
		if authority, err = s.loadAuthority(); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if authority, err = create(); err != nil {
			return err
		}
		return s.saveAuthority(authority)
	})
	return authority, err
}

func (s *Store) loadAuthority() (*pki.Authority, error) {
	chain, err := s.root.ReadFile(chainName)
	if err != nil {
		return nil, errs.Wrap(err, "read the CA certificate")
	}
	key, err := s.root.ReadFile(keyName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errs.New(errs.Internal, "the CA has a certificate but no key")
	}
	if err != nil {
		return nil, errs.Wrap(err, "read the CA key")
	}
	return pki.ParseAuthority(chain, key)
}

// saveAuthority writes the key first: a certificate without its key would look
// like a CA that lost it.
func (s *Store) saveAuthority(a *pki.Authority) error {
	key, err := pki.EncodeKey(a.Key)
	if err != nil {
		return err
	}
	if err := s.writeFile(keyName, key, 0o600); err != nil {
		return errs.WrapAs(errs.Unavailable, err, "write the CA key")
	}
	return errs.WrapAs(errs.Unavailable, s.writeFile(chainName, a.ChainPEM(), 0o644), "write the CA certificate")
}

// writeFile replaces a file as a whole, and durably.
func (s *Store) writeFile(name string, data []byte, mode fs.FileMode) error {
	draft := name + ".new"
	f, err := s.root.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return errors.Join(s.root.Rename(draft, name), s.syncDir())
}
