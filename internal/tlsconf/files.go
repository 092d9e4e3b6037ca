package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"log/slog"
	"os"
	"sync"

	"github.com/chargehand/chargehand/internal/errs"
)

// Paths name the PEM files of a source; an empty one is left out.
type Paths struct {
	Certificate string // the own certificate, intermediates behind it
	Key         string
	CA          string
	CRL         string // may be missing on disk
}

// Files is a source that follows files: a file that changed is read at the next
// handshake. Should it be unreadable then, the last good material stays in use
// and the log says so; only at the first reading is that an error.
func Files(paths Paths, log *slog.Logger) Source { return &files{paths: paths, log: log} }

type files struct {
	paths Paths
	log   *slog.Logger

	mu   sync.Mutex
	seen [4]fs.FileInfo
	last *Material
}

// Material looks at the files' times and sizes, and reads them if these changed.
func (f *files) Material() (*Material, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.stat()
	if f.last != nil && same(now, f.seen) {
		return f.last, nil
	}
	m, err := f.paths.load()
	if err != nil {
		if f.last == nil {
			return nil, err
		}
		if !same(now, f.seen) {
			f.log.Error("certificate files changed and cannot be read; the old ones stay in use", "error", err)
		}
		f.seen = now
		return f.last, nil
	}
	f.last, f.seen = m, now
	return m, nil
}

func (f *files) stat() (infos [4]fs.FileInfo) {
	for i, path := range [4]string{f.paths.Certificate, f.paths.Key, f.paths.CA, f.paths.CRL} {
		if path != "" {
			infos[i], _ = os.Stat(path)
		}
	}
	return infos
}

func same(a, b [4]fs.FileInfo) bool {
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) {
			return false
		}
		if a[i] != nil && (!a[i].ModTime().Equal(b[i].ModTime()) || a[i].Size() != b[i].Size() || !os.SameFile(a[i], b[i])) {
			return false
		}
	}
	return true
}

func (p Paths) load() (*Material, error) {
	m := &Material{}
	if p.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		if err != nil {
			return nil, errs.Wrap(err, "load certificate %s", p.Certificate)
		}
		m.Certificate = &pair
	}
	if p.CA != "" {
		blocks, err := readPEM(p.CA, "CERTIFICATE")
		if err != nil {
			return nil, err
		}
		if m.CAs, err = parseAll(blocks, x509.ParseCertificate); err != nil || len(m.CAs) == 0 {
			return nil, errs.WrapAs(errs.Invalid, orNone(err), "load CA certificates from %s", p.CA)
		}
	}
	if p.CRL == "" {
		return m, nil
	}
	if _, err := os.Stat(p.CRL); os.IsNotExist(err) {
		return m, nil
	}
	blocks, err := readPEM(p.CRL, "X509 CRL")
	if err != nil {
		return nil, err
	}
	if m.CRLs, err = parseAll(blocks, x509.ParseRevocationList); err != nil || len(m.CRLs) == 0 {
		return nil, errs.WrapAs(errs.Invalid, orNone(err), "load revocation lists from %s", p.CRL)
	}
	return m, m.checkLists()
}

func orNone(err error) error {
	if err == nil {
		return errs.New(errs.Invalid, "there is none")
	}
	return err
}

// checkLists wants each list to be signed by a CA of the material.
func (m *Material) checkLists() error {
	for _, list := range m.CRLs {
		signed := false
		for _, ca := range m.CAs {
			signed = signed || list.CheckSignatureFrom(ca) == nil
		}
		if !signed {
			return errs.New(errs.Invalid, "the revocation list of %q is signed by no CA that is trusted", list.Issuer.CommonName)
		}
	}
	return nil
}

func readPEM(path, kind string) ([][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, errs.Wrap(err, "read %s", path)
	}
	var blocks [][]byte
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == kind {
			blocks = append(blocks, block.Bytes)
		}
	}
	return blocks, nil
}

func parseAll[T any](blocks [][]byte, parse func([]byte) (T, error)) ([]T, error) {
	var all []T
	for _, block := range blocks {
		one, err := parse(block)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}
