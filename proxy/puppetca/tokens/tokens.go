// Package tokens is the autosign provider that hands out tokens: a request is
// signed when it carries, as its challenge password, a token that was made for
// its certname, once, in time.
//
// It imports the standard library, internal/rootfs, internal/bounded,
// internal/clock, internal/errs, pki (to read requests) and proxy/puppetca.
package tokens

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/proxy/puppetca"
)

// DefaultTTL is how long a token is good when nobody says.
const DefaultTTL = 6 * time.Hour

const (
	maxFile   = 16 << 20
	maxTokens = 50_000
)

// A token is kept by its digest: who reads the file cannot have anything signed.
type token struct {
	Certname string    `json:"certname"`
	Digest   string    `json:"digest"`
	Expires  time.Time `json:"expires"`
}

// A Store keeps tokens in a file. Make one with Open; it is safe for concurrent
// use within a process.
type Store struct {
	root *rootfs.Root
	name string
	ttl  time.Duration
	now  clock.Clock
	mu   sync.Mutex
}

var (
	_ puppetca.Autosigner = (*Store)(nil)
	_ puppetca.Validator  = (*Store)(nil)
)

// Open names the file, which need not exist. ttl 0 is DefaultTTL.
func Open(path string, ttl time.Duration, now clock.Clock) (*Store, error) {
	root, err := rootfs.Open(filepath.Dir(path))
	if err != nil {
		return nil, errs.Wrap(err, "token file %s", path)
	}
	return &Store{root: root, name: filepath.Base(path), ttl: cmp.Or(ttl, DefaultTTL), now: now}, nil
}

// Close lets the directory go.
func (s *Store) Close() error { return s.root.Close() }

// live reads the tokens that have not expired.
func (s *Store) live() ([]token, error) {
	data, err := s.root.ReadFile(s.name, maxFile)
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, errs.Wrap(err, "read %s", s.name)
	}
	var all []token
	if err := bounded.JSON(data, &all); err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "read %s", s.name)
	}
	return slices.DeleteFunc(all, func(t token) bool { return !s.now().Before(t.Expires) }), nil
}

func (s *Store) save(all []token) error {
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return errs.Wrap(s.root.WriteFile(s.name, append(data, '\n'), 0o600), "write %s", s.name)
}

// List implements puppetca.Autosigner.
func (s *Store) List(context.Context) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.live()
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.Certname
	}
	return names, err
}

// Add implements puppetca.Autosigner. A certname's earlier token is good no more:
// whoever asks again did not get it.
func (s *Store) Add(_ context.Context, certname string, ttl time.Duration) (string, error) {
	if err := puppetca.CheckCertname(certname); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.live()
	if err != nil {
		return "", err
	}
	secret := rand.Text() + rand.Text()
	fresh := token{certname, digest(secret), s.now().Add(cmp.Or(ttl, s.ttl)).UTC()}
	if i := slices.IndexFunc(all, ofName(certname)); i >= 0 {
		all[i] = fresh
	} else if all = append(all, fresh); len(all) > maxTokens {
		return "", errs.New(errs.TooLarge, "more than %d tokens are open", maxTokens)
	}
	return secret, s.save(all)
}

// Remove implements puppetca.Autosigner; like Smart Proxy's tokens it never says
// that there was none.
func (s *Store) Remove(_ context.Context, certname string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.live()
	if err != nil {
		return false, err
	}
	return true, s.save(slices.DeleteFunc(all, ofName(certname)))
}

// Validate implements puppetca.Validator.
func (s *Store) Validate(_ context.Context, csrPEM []byte) (bool, error) {
	r, err := pki.ParseRequest(csrPEM)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.live()
	if err != nil || r.Challenge == "" {
		return false, err
	}
	i := slices.IndexFunc(all, ofName(r.Name))
	if i < 0 || subtle.ConstantTimeCompare([]byte(all[i].Digest), []byte(digest(r.Challenge))) == 0 {
		return false, nil
	}
	if err := s.save(slices.Delete(all, i, i+1)); err != nil {
		return false, err
	}
	return true, nil
}

func ofName(certname string) func(token) bool {
	return func(t token) bool { return t.Certname == certname }
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
