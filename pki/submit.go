package pki

import (
	"context"

	"github.com/chargehand/chargehand/internal/errs"
)

// maxPending bounds the requests that wait for a decision: anybody may send one.
const maxPending = 10_000

// Submit takes in a request for name in PEM, and signs it at once when the
// policy, a grant or the token it carries says so; signed tells. The request is
// durable when Submit returns without an error, and also when it could not be
// signed at once for what it asks for: then it waits for the operator, and the
// error is Conflict. Other errors store nothing: Malformed, TooLarge, Invalid,
// Conflict (there is a request or certificate of that name), Forbidden (the name
// or the key is another's), Limited (too many requests wait).
func (c *CA) Submit(ctx context.Context, name string, body []byte) (signed bool, err error) {
	r, err := ParseRequest(body)
	if err != nil {
		return false, err
	}
	asked, err := c.ask(ctx, name, r)
	if err != nil {
		return false, err
	}
	var refused error
	err = c.store.Update(ctx, func(tx Tx) error {
		signed, refused = false, nil
		if err := c.admit(tx, name, r); err != nil {
			return err
		}
		allowed, err := c.autosign(tx, r)
		if err != nil {
			return err
		}
		allowed.yes = allowed.yes || asked
		if c.policy.protects(r.Name) && !allowed.explicit {
			return errs.New(errs.Forbidden, "%s is a protected name; its certificate needs a token or the operator", r.Name)
		}
		if err := c.keep(tx, r); err != nil {
			return err
		}
		if !allowed.yes {
			return nil
		}
		if refused = c.policy.vet(r); refused != nil {
			return nil
		}
		signed = true
		if err := allowed.spend(tx); err != nil {
			return err
		}
		_, err = c.issue(tx, r, c.ttl)
		return err
	})
	if err == nil {
		err = refused
	}
	log := c.log.With("name", r.Name, "fingerprint", Fingerprint(r.DER), "signed", signed)
	if err != nil {
		log = log.With("error", err)
	}
	log.InfoContext(ctx, "certificate request")
	return signed, err
}

// admit judges whether a request may be stored. The duplicate check comes first
// and goes by the common name, as in Puppet Server.
func (c *CA) admit(tx Tx, name string, r *Request) error {
	status, err := currentState(tx, r.Name)
	if err != nil {
		return err
	}
	if status != "" {
		return errs.New(errs.Conflict, "%s already has a %s certificate; ignoring certificate request", r.Name, status)
	}
	if r.Name != name {
		return errs.New(errs.Invalid, "Instance name %q does not match requested key %q", r.Name, name)
	}
	if err := CheckName(r.Name); err != nil {
		return err
	}
	return c.admitKey(tx, r)
}

func (c *CA) admitKey(tx Tx, r *Request) error {
	own, err := KeyID(c.authority.Certificate().PublicKey)
	if err != nil {
		return err
	}
	if r.KeyID == own {
		return errs.New(errs.Forbidden, "the key of the request is the CA's own")
	}
	use, found, err := get[keyUse](tx, bucketKey, r.KeyID)
	switch {
	case err != nil || !found:
		return err
	case use.Revoked:
		return errs.New(errs.Forbidden, "the key of the request belonged to a certificate that was revoked; make a new key")
	case use.Name != r.Name:
		return errs.New(errs.Forbidden, "the key of the request belongs to another certificate; make a new key")
	}
	return nil
}

// keep stores a request that waits.
func (c *CA) keep(tx Tx, r *Request) error {
	st, _, err := get[state](tx, bucketState, "ca")
	if err != nil {
		return err
	}
	if st.Pending++; st.Pending > maxPending {
		return errs.New(errs.Limited, "%d certificate requests wait for a decision; no more are taken", maxPending)
	}
	if err := put(tx, bucketState, "ca", st); err != nil {
		return err
	}
	now := c.now()
	if err := put(tx, bucketKey, r.KeyID, keyUse{Name: r.Name, Until: now.Add(c.ttl)}); err != nil {
		return err
	}
	return put(tx, bucketRequest, r.Name, pendingRequest{DER: r.DER, Received: now})
}

// forget removes the request of a name, and says whether there was one.
func forget(tx Tx, name string) (bool, error) {
	_, found, err := tx.Get(bucketRequest, name)
	if err != nil || !found {
		return false, err
	}
	st, _, err := get[state](tx, bucketState, "ca")
	if err != nil {
		return false, err
	}
	st.Pending = max(0, st.Pending-1)
	if err := put(tx, bucketState, "ca", st); err != nil {
		return false, err
	}
	return true, tx.Delete(bucketRequest, name)
}

// currentState is requested, signed or revoked, or empty for an unknown name.
func currentState(tx Tx, name string) (string, error) {
	if _, found, err := tx.Get(bucketRequest, name); err != nil || found {
		return "requested", err
	}
	h, found, err := get[host](tx, bucketHost, name)
	switch {
	case err != nil || !found:
		return "", err
	case h.Revoked:
		return "revoked", nil
	}
	return "signed", nil
}
