package environment

import (
	"io/fs"
	"os"
)

// Disk reads files by their absolute paths, with a bound on their size.
type Disk struct{}

// Stat tells about a file.
func (Disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// ReadFile reads a file.
func (Disk) ReadFile(name string) ([]byte, error) {
	text, err := readFile(name)
	return []byte(text), err
}

// ReadDir lists a folder.
func (Disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
