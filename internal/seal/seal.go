// Package seal keeps secrets unreadable at rest: AES-256-GCM under a key that
// lives outside of the database.
//
// It imports the standard library and internal/errs.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// KeySize is the length of a key, in bytes.
const KeySize = 32

// A Key seals and opens. It is safe for concurrent use.
type Key struct {
	id   string // names the key in what it sealed
	aead cipher.AEAD
	raw  [KeySize]byte
}

// prefix marks sealed text and its form.
const prefix = "sealed1:"

// New makes a key of KeySize bytes.
func New(raw []byte) (*Key, error) {
	if len(raw) != KeySize {
		return nil, errs.New(errs.Malformed, "a sealing key has %d bytes, not %d", KeySize, len(raw))
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "sealing key")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "sealing key")
	}
	sum := sha256.Sum256(raw)
	k := &Key{id: hex.EncodeToString(sum[:4]), aead: aead}
	copy(k.raw[:], raw)
	return k, nil
}

// Load reads the key in hex from env, or else from a file, which is made (0600)
// at the first start. Whoever keeps a backup of the database without the key has
// no secrets.
func Load(env, path string) (*Key, error) {
	if env != "" {
		raw, err := hex.DecodeString(strings.TrimSpace(env))
		if err != nil {
			return nil, errs.New(errs.Malformed, "CHARGEHAND_SECRET_KEY is not %d bytes in hex", KeySize)
		}
		return New(raw)
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path)
	}
	if err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "read the sealing key")
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, errs.New(errs.Malformed, "%s is not %d bytes in hex; restore it from a backup", path, KeySize)
	}
	return New(raw)
}

// create makes a new key file, durable before the key is used. Of processes that
// start together, one creates and the others read.
func create(path string) (*Key, error) {
	raw := make([]byte, KeySize)
	if _, err := rand.Read(raw); err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "make a sealing key")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return Load("", path)
	}
	if err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "write the sealing key")
	}
	_, werr := f.WriteString(hex.EncodeToString(raw) + "\n")
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "write the sealing key")
	}
	return New(raw)
}

// Seal gives text that only Open reads; equal secrets seal differently.
func (k *Key) Seal(plain string) (string, error) {
	nonce := make([]byte, k.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", errs.WrapAs(errs.Internal, err, "seal")
	}
	box := k.aead.Seal(nonce, nonce, []byte(plain), []byte(k.id))
	return prefix + k.id + ":" + base64.StdEncoding.EncodeToString(box), nil
}

// Open gives the plain text. Invalid when it was changed, Unavailable when it was
// sealed with another key.
func (k *Key) Open(sealed string) (string, error) {
	rest, ok := strings.CutPrefix(sealed, prefix)
	id, text, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 {
		return "", errs.New(errs.Invalid, "this is not a sealed secret")
	}
	if id != k.id {
		return "", errs.New(errs.Unavailable, "a secret was sealed with key %s and this is key %s; give the old key back (secret.key in the data folder, or CHARGEHAND_SECRET_KEY)", id, k.id)
	}
	box, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(box) < k.aead.NonceSize() {
		return "", errs.New(errs.Invalid, "a sealed secret is damaged")
	}
	plain, err := k.aead.Open(nil, box[:k.aead.NonceSize()], box[k.aead.NonceSize():], []byte(k.id))
	if err != nil {
		return "", errs.New(errs.Invalid, "a sealed secret was changed")
	}
	return string(plain), nil
}

// Derive gives another key for another purpose, such as the audit trail's.
func (k *Key) Derive(purpose string) ([]byte, error) {
	derived, err := hkdf.Key(sha256.New, k.raw[:], nil, purpose, KeySize)
	return derived, errs.WrapAs(errs.Internal, err, "derive a key")
}
