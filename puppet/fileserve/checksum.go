package fileserve

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
)

// hashes are the digests that agents ask for. A type with "lite" behind it
// looks at the first 512 bytes only.
var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

const liteSize = 512

// sums remembers digests by a file's identity, size and times.
type sums struct {
	now   clock.Clock
	cache *lru.Cache[sumKey, string]
}

type sumKey struct {
	dev, ino        uint64
	size            int64
	modified, ctime int64
	kind            string
}

// sumsKept is how many digests are remembered, about 200 bytes each.
const sumsKept = 100_000

func newSums(now clock.Clock) *sums {
	cache, err := lru.New[sumKey, string](sumsKept)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &sums{now: now, cache: cache}
}

// of gives the checksum of a file that info describes.
func (s *sums) of(root *os.Root, name string, info fs.FileInfo, kind string) (Checksum, error) {
	switch kind {
	case "none":
		value := "{none}"
		return Checksum{Type: kind, Value: &value}, nil
	case "mtime":
		return timeChecksum(kind, info.ModTime()), nil
	case "ctime":
		return timeChecksum(kind, changed(info)), nil
	}
	sum, known := hashes[strings.TrimSuffix(kind, "lite")]
	if !known {
		return Checksum{}, errs.New(errs.Invalid, "unknown checksum type %q", kind)
	}
	digest, err := s.digest(root, name, info, kind, sum)
	value := "{" + kind + "}" + digest
	return Checksum{Type: kind, Value: &value}, err
}

func (s *sums) digest(root *os.Root, name string, info fs.FileInfo, kind string, sum func() hash.Hash) (string, error) {
	if key, ok := s.key(info, kind); ok {
		if digest, ok := s.cache.Get(key); ok {
			return digest, nil
		}
	}
	file, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	before, err := file.Stat()
	if err != nil {
		return "", err
	}
	var in io.Reader = file
	if strings.HasSuffix(kind, "lite") {
		in = io.LimitReader(file, liteSize)
	}
	h := sum()
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	digest := hex.EncodeToString(h.Sum(nil))
	if after, err := file.Stat(); err == nil {
		key, ok := s.key(before, kind)
		if again, _ := s.key(after, kind); ok && again == key {
			s.cache.Add(key, digest)
		}
	}
	return digest, nil
}

// key identifies a content. A file that was written this very moment could be
// written again without its times moving on, so it is not remembered yet.
func (s *sums) key(info fs.FileInfo, kind string) (sumKey, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return sumKey{}, false
	}
	ctime := changed(info)
	key := sumKey{uint64(stat.Dev), stat.Ino, info.Size(), info.ModTime().UnixNano(), ctime.UnixNano(), kind}
	return key, s.now().Sub(ctime) > 2*time.Second
}
