package environment

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// maxFile bounds the files that are read.
const maxFile = 32 << 20

// Cache keeps parsed files of all environments.
type Cache struct {
	mu    sync.Mutex
	files map[string]*file
}

// NewCache makes an empty cache.
func NewCache() *Cache { return &Cache{files: map[string]*file{}} }

// file is a parsed file.
type file struct {
	size     int64
	changed  time.Time
	once     sync.Once
	program  *syntax.Program
	warnings []*syntax.Error
	err      error
}

// stamp is what tells whether a file changed.
func stamp(path string) (size int64, changed time.Time, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, time.Time{}, err
	}
	if info.IsDir() {
		return 0, time.Time{}, fs.ErrNotExist
	}
	return info.Size(), info.ModTime(), nil
}

// parsed gives a file's program, nil where there is no file. check validates
// it, with results that depend on where the file is.
func (c *Cache) parsed(path string, opts syntax.Options, check syntax.ValidateOptions) (*file, error) {
	size, changed, err := stamp(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	key := path + "\x00" + check.Strict
	if check.Module != nil {
		key += "\x00" + check.Module.Namespace
	}
	c.mu.Lock()
	f := c.files[key]
	if f == nil || f.size != size || !f.changed.Equal(changed) {
		f = &file{size: size, changed: changed}
		c.files[key] = f
	}
	c.mu.Unlock()
	f.once.Do(func() { f.parse(path, opts, check) })
	return f, nil
}

func (f *file) parse(path string, opts syntax.Options, check syntax.ValidateOptions) {
	text, err := readFile(path)
	if err != nil {
		f.err = err
		return
	}
	res, err := syntax.Parse(path, text, opts)
	f.warnings = res.Warnings
	if err != nil {
		f.err = err
		return
	}
	check.Regexp = CheckRegexp
	found := syntax.Validate(res.Program, check)
	f.warnings = append(f.warnings, found.Warnings...)
	if len(found.Errors) > 0 {
		f.err = &Invalid{Findings: found, Single: found.Err()}
		return
	}
	f.program = res.Program
}

// CheckRegexp tells what is wrong with a regular expression.
func CheckRegexp(pattern string) error {
	_, err := pcore.NewRegexp(pattern)
	return err
}

// Invalid is a file that does not pass validation.
type Invalid struct {
	Findings syntax.Findings
	Single   error // the only error, or one that counts them
}

// Error is that of the only finding, or one that counts them.
func (i *Invalid) Error() string { return i.Single.Error() }

// Unwrap gives the *syntax.Error.
func (i *Invalid) Unwrap() error { return i.Single }

func readFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > maxFile {
		return "", &fs.PathError{Op: "read", Path: path, Err: errors.New("the file is too large")}
	}
	data, err := os.ReadFile(filepath.Clean(path))
	return string(data), err
}
