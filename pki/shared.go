package pki

import (
	"context"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Sealer hides secrets from whoever reads the store: a database that replicas
// share, and its backups.
type Sealer interface {
	// Seal gives a form of plain that only Open understands.
	Seal(plain []byte) ([]byte, error)

	// Open gives back what was sealed, and an error for anything else.
	Open(sealed []byte) ([]byte, error)
}

// sharedAuthority is an authority as a store keeps it.
type sharedAuthority struct {
	Chain []byte // PEM
	Key   []byte // PEM, sealed
}

// SharedAuthority gives the authority that the store keeps for all replicas; the
// first time, it is what create makes. Of replicas that come at the same time
// one's is kept, and all get that one.
func SharedAuthority(ctx context.Context, store Store, sealer Sealer, create func() (*Authority, error)) (*Authority, error) {
	kept, found, err := readShared(ctx, store)
	if err != nil {
		return nil, err
	}
	if !found {
		made, err := seal(sealer, create)
		if err != nil {
			return nil, err
		}
		err = store.Update(ctx, func(tx Tx) error {
			if kept, found, err = get[sharedAuthority](tx, bucketState, "authority"); err != nil || found {
				return err
			}
			kept = made
			return put(tx, bucketState, "authority", made)
		})
		if err != nil {
			return nil, err
		}
	}
	key, err := sealer.Open(kept.Key)
	if err != nil {
		return nil, errs.Wrap(err, "open the CA key")
	}
	return ParseAuthority(kept.Chain, key)
}

func readShared(ctx context.Context, store Store) (kept sharedAuthority, found bool, err error) {
	err = store.View(ctx, func(tx Tx) (err error) {
		kept, found, err = get[sharedAuthority](tx, bucketState, "authority")
		return err
	})
	return kept, found, err
}

func seal(sealer Sealer, create func() (*Authority, error)) (sharedAuthority, error) {
	authority, err := create()
	if err != nil {
		return sharedAuthority{}, err
	}
	key, err := EncodeKey(authority.Key)
	if err != nil {
		return sharedAuthority{}, err
	}
	sealed, err := sealer.Seal(key)
	return sharedAuthority{Chain: authority.ChainPEM(), Key: sealed}, errs.Wrap(err, "seal the CA key")
}
