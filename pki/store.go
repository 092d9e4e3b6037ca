package pki

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Store keeps the CA's records: small JSON values under a key in one of a
// few named buckets. It has no rules of its own, so that a directory, a database
// or memory can be its home; pkitest is the suite that each of them passes.
// A Store is safe for concurrent use, by several processes too if its home is.
type Store interface {
	// View runs fn over a consistent state. Errors of fn come back as they are.
	View(ctx context.Context, fn func(Tx) error) error

	// Update runs fn over a consistent state that no other Update changes
	// meanwhile. When it returns nil all changes are durable, when it returns an
	// error there are none. A home may run fn again (databases do, when two
	// transactions collide), so fn has no effect but on the Tx. A home that
	// cannot write answers Unavailable.
	Update(ctx context.Context, fn func(Tx) error) error
}

// A Tx is a Store within one View or Update, and is of no use after it. It sees
// its own changes. It is not safe for concurrent use.
type Tx interface {
	// Get gives a value, or false. The caller must not change the bytes.
	Get(bucket, key string) ([]byte, bool, error)

	// Put sets a value, and takes the bytes over. In a View it is an error.
	Put(bucket, key string, value []byte) error

	// Delete removes a value; one that is not there is no error.
	Delete(bucket, key string) error

	// Scan gives all values of a bucket in the order of their keys, as bytes
	// compare, until fn returns an error. fn must not change the bucket.
	Scan(bucket string, fn func(key string, value []byte) error) error
}

// The buckets.
const (
	bucketState    = "state"    // "ca": state; "crl", "infra_crl": revocation lists
	bucketRequest  = "request"  // by name: pendingRequest
	bucketHost     = "host"     // by name: host
	bucketIssued   = "issued"   // by serial: issued, the inventory
	bucketRevoked  = "revoked"  // by serial: revocation
	bucketKey      = "key"      // by key ID: keyUse
	bucketAutosign = "autosign" // by pattern: Grant
	bucketToken    = "token"    // by digest: Token
	bucketInfra    = "infra"    // by name: {}
	bucketForeign  = "foreign"  // by issuer: revocation list of a CA above us
)

func get[T any](tx Tx, bucket, key string) (value T, found bool, err error) {
	data, found, err := tx.Get(bucket, key)
	if err != nil || !found {
		return value, false, err
	}
	return value, true, decode(bucket, key, data, &value)
}

func put[T any](tx Tx, bucket, key string, value T) error {
	data, err := json.Marshal(value)
	if err != nil {
		return errs.Wrap(err, "encode %s %q", bucket, key)
	}
	return tx.Put(bucket, key, data)
}

func scan[T any](tx Tx, bucket string, fn func(key string, value T) error) error {
	return tx.Scan(bucket, func(key string, data []byte) error {
		var value T
		if err := decode(bucket, key, data, &value); err != nil {
			return err
		}
		return fn(key, value)
	})
}

func decode(bucket, key string, data []byte, value any) error {
	return errs.Wrap(json.Unmarshal(data, value), "decode %s %q", bucket, key)
}

// serialKey writes a serial so that keys sort as numbers do.
func serialKey(hex string) string { return fmt.Sprintf("%040s", hex) }
