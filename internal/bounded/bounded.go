// Package bounded reads input that an enemy may have made: so many bytes, so
// deep, and no further. What is over a bound is a TooLarge error, what cannot be
// read is Malformed.
//
// It imports the standard library, internal/errs and the YAML library.
package bounded

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/chargehand/chargehand/internal/errs"
)

// MaxDepth is how deep JSON and YAML may nest.
const MaxDepth = 200

// Reader reads at most max bytes of r; a byte more is a TooLarge error, not an
// end of file. A negative max is no bound.
func Reader(r io.Reader, max int64) io.Reader {
	if max < 0 {
		return r
	}
	return &reader{r: r, left: max, max: max}
}

type reader struct {
	r         io.Reader
	left, max int64
}

func (b *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if int64(n) > b.left {
		n = int(b.left)
		b.left = 0
		return n, errs.New(errs.TooLarge, "more than %d bytes", b.max)
	}
	b.left -= int64(n)
	return n, err
}

// ReadAll reads r to its end, at most max bytes.
func ReadAll(r io.Reader, max int64) ([]byte, error) {
	data, err := io.ReadAll(Reader(r, max))
	if err != nil {
		return nil, err
	}
	return data, nil
}

// JSON decodes one JSON value into v; anything after it is Malformed.
func JSON(data []byte, v any) error {
	if err := checkJSONDepth(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(v); err != nil {
		return errs.WrapAs(errs.Malformed, err, "read JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errs.New(errs.Malformed, "more than one JSON value")
	}
	return nil
}

// checkJSONDepth counts brackets outside of strings; it need not know more.
func checkJSONDepth(data []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > MaxDepth {
				return errs.New(errs.TooLarge, "JSON nests deeper than %d", MaxDepth)
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}
