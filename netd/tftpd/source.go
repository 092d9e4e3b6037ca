package tftpd

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/chargehand/chargehand/netd/tftpd/tftp"
)

// maxText bounds files sent in netascii mode, which are converted in memory.
const maxText = 16 << 20

// content is a file to send. Its size is fixed when it is opened.
type content struct {
	io.ReaderAt
	io.Closer
	size int64
}

// clean makes a request's name relative to the root: slashes or backslashes, as
// many as firmware puts before it; upper and lower case stay.
func clean(name string) string {
	name = strings.TrimLeft(strings.ReplaceAll(name, `\`, "/"), "/")
	return path.Clean(name)
}

// open finds the file of a request. Its errors are what the client is told.
func open(root *os.Root, name, mode string) (content, *tftp.Error) {
	// Without O_NONBLOCK a named pipe would hold the transfer for ever.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return content{}, refusal(err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.Close()
		return content{}, &tftp.Error{Code: tftp.CodeNotFound, Message: "not a file"}
	}
	c := content{f, f, info.Size()}
	switch mode {
	case "octet":
		return c, nil
	case "netascii":
		defer f.Close()
		return netascii(c)
	}
	f.Close()
	return content{}, &tftp.Error{Code: tftp.CodeIllegal, Message: "unknown mode"}
}

func refusal(err error) *tftp.Error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return &tftp.Error{Code: tftp.CodeNotFound, Message: "file not found"}
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EIO):
		return &tftp.Error{Code: tftp.CodeUndefined, Message: "try again later"}
	}
	return &tftp.Error{Code: tftp.CodeAccess, Message: "access denied"} // out of the root, or no permission
}

// netascii converts line ends as RFC 764 wants them: LF to CR LF, CR to CR NUL.
func netascii(c content) (content, *tftp.Error) {
	if c.size > maxText {
		return content{}, &tftp.Error{Code: tftp.CodeIllegal, Message: "too large for netascii mode; use octet"}
	}
	raw, err := io.ReadAll(io.NewSectionReader(c, 0, c.size))
	if err != nil {
		return content{}, refusal(err)
	}
	out := make([]byte, 0, len(raw)+len(raw)/16)
	for _, b := range raw {
		switch b {
		case '\n':
			out = append(out, '\r', '\n')
		case '\r':
			out = append(out, '\r', 0)
		default:
			out = append(out, b)
		}
	}
	return content{bytes.NewReader(out), io.NopCloser(nil), int64(len(out))}, nil
}
