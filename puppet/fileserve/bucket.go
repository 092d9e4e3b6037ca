package fileserve

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/rootfs"
)

// MaxBucketFile bounds a file in the bucket.
const MaxBucketFile = 64 << 20

// A Bucket keeps the former contents of files that agents replaced, by digest.
type Bucket struct{ root *rootfs.Root }

// NewBucket keeps files below root.
func NewBucket(root *rootfs.Root) *Bucket { return &Bucket{root} }

// name is where a content lies: KIND/12/34/1234… Malformed: no digest.
func bucketName(kind, sum string) (string, error) {
	h, known := hashes[kind]
	raw, err := hex.DecodeString(sum)
	if !known || err != nil || len(raw) != h().Size() || strings.ToLower(sum) != sum {
		return "", errs.New(errs.Malformed, "%s/%s is not a digest", kind, sum)
	}
	return strings.Join([]string{kind, sum[:2], sum[2:4], sum}, "/"), nil
}

// Put keeps data under its digest. Invalid: the digest is another's.
func (b *Bucket) Put(kind, sum string, data []byte) error {
	name, err := bucketName(kind, sum)
	if err != nil {
		return err
	}
	h := hashes[kind]()
	_, _ = h.Write(data)
	if !bytes.Equal([]byte(hex.EncodeToString(h.Sum(nil))), []byte(sum)) {
		return errs.New(errs.Invalid, "the content has not the digest {%s}%s", kind, sum)
	}
	if _, err := b.root.Stat(name); err == nil {
		return nil
	}
	return b.root.WriteFile(name, data, 0o640)
}

// Open gives the content of a digest. NotFound: there is none.
func (b *Bucket) Open(kind, sum string) (*os.File, error) {
	name, err := bucketName(kind, sum)
	if err != nil {
		return nil, err
	}
	return b.root.Open(name)
}
