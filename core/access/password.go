package access

import (
	"container/list"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"golang.org/x/crypto/argon2"
)

// A Cost says how much work one password is.
type Cost struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// DefaultCost is what OWASP advises as the least for argon2id; it takes some
// tens of milliseconds.
func DefaultCost() Cost { return Cost{Memory: 19 << 10, Passes: 2, Threads: 1} }

const (
	saltSize = 16
	hashSize = 32
	// maxPassword bounds what is hashed.
	maxPassword = 1024
	// remembered bounds how many verified passwords are held.
	remembered = 1024
	// rememberFor is how long a verified password need not be hashed again.
	rememberFor = 5 * time.Minute
)

// A Hasher hashes and verifies passwords, a bounded number at a time, and
// remembers for some minutes which were right: clients that send the password
// with each request pay for it once. It remembers a digest under a key that
// dies with the process, and the digest covers the stored hash, so that a
// changed password is forgotten at once.
type Hasher struct {
	cost  Cost
	now   func() time.Time
	slots chan struct{}
	key   [32]byte
	dummy string

	mu    sync.Mutex
	known map[[sha256.Size]byte]*list.Element
	order *list.List // of *memory, the latest first
}

type memory struct {
	digest [sha256.Size]byte
	until  time.Time
}

// NewHasher makes a hasher; now may be nil for the system's clock.
func NewHasher(cost Cost, now func() time.Time) (*Hasher, error) {
	if now == nil {
		now = time.Now
	}
	h := &Hasher{
		cost: cost, now: now, slots: make(chan struct{}, max(2, runtime.NumCPU())),
		known: map[[sha256.Size]byte]*list.Element{}, order: list.New(),
	}
	_, _ = rand.Read(h.key[:]) // never fails
	// What the passwords of unknown users are compared with, at equal cost.
	dummy, err := h.Hash(context.Background(), rand.Text())
	h.dummy = dummy
	return h, err
}

// Hash gives the encoded hash of a password.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	sum, err := h.derive(ctx, password, salt, h.cost)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.cost.Memory, h.cost.Passes, h.cost.Threads, enc(salt), enc(sum)), nil
}

// derive waits for one of the slots: what an attacker can make the machine do
// at once is bounded.
func (h *Hasher) derive(ctx context.Context, password string, salt []byte, cost Cost) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, cost.Passes, cost.Memory, cost.Threads, hashSize), nil
}

// Verify tells whether password is the one that was hashed, and whether the
// hash should be made anew because the cost has changed since. An empty hash
// stands for "no such user": it takes as long and is never right.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (ok, stale bool, err error) {
	exists := hash != ""
	if !exists {
		hash = h.dummy
	}
	cost, salt, sum, err := parseHash(hash)
	if err != nil {
		return false, false, err
	}
	if len(password) > maxPassword {
		password, exists = password[:maxPassword], false
	}
	got, err := h.derive(ctx, password, salt, cost)
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(got, sum) == 1 && exists && password != ""
	if ok {
		h.remember(h.digest(hash, password))
	}
	return ok, ok && cost != h.cost, nil
}

func parseHash(hash string) (cost Cost, salt, sum []byte, err error) {
	parts := strings.Split(hash, "$")
	version := 0
	if len(parts) == 6 && parts[1] == "argon2id" {
		_, err = fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &cost.Memory, &cost.Passes, &cost.Threads)
	}
	dec := base64.RawStdEncoding.DecodeString
	if err == nil && version == argon2.Version && cost.Memory <= 1<<20 && cost.Passes <= 64 && cost.Passes > 0 && cost.Threads > 0 {
		if salt, err = dec(parts[4]); err == nil {
			sum, err = dec(parts[5])
		}
		if err == nil && len(sum) == hashSize {
			return cost, salt, sum, nil
		}
	}
	return cost, nil, nil, errs.New(errs.Internal, "a stored password hash cannot be read")
}

// Knows tells whether the password was verified against this hash within the
// last minutes.
func (h *Hasher) Knows(hash, password string) bool {
	digest := h.digest(hash, password)
	h.mu.Lock()
	defer h.mu.Unlock()
	e, ok := h.known[digest]
	return ok && h.now().Before(e.Value.(*memory).until)
}

func (h *Hasher) digest(hash, password string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, h.key[:])
	fmt.Fprintf(mac, "%d:%s%s", len(hash), hash, password)
	return [sha256.Size]byte(mac.Sum(nil))
}

func (h *Hasher) remember(digest [sha256.Size]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e, ok := h.known[digest]; ok {
		h.order.Remove(e)
	}
	h.known[digest] = h.order.PushFront(&memory{digest, h.now().Add(rememberFor)})
	for last := h.order.Back(); last != nil; last = h.order.Back() {
		m := last.Value.(*memory)
		if len(h.known) <= remembered && h.now().Before(m.until) {
			return
		}
		h.order.Remove(last)
		delete(h.known, m.digest)
	}
}
