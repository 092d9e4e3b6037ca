package storage

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io/fs"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

func subFS() (fs.FS, error) {
	sub, err := fs.Sub(migrations, "migrations")
	return sub, errs.WrapAs(errs.Internal, err, "migrations")
}

// maxDigits and maxExponent bound numbers. PostgreSQL would write 1e131071 out,
// digit by digit, in every answer.
const (
	maxDigits   = 400
	maxExponent = 308
)

// checkNumbers refuses numbers that are small to send and large to keep.
func checkNumbers(v any) error {
	switch v := v.(type) {
	case json.Number:
		mantissa, exponent, _ := strings.Cut(strings.ToLower(v.String()), "e")
		n, err := strconv.Atoi(cmp.Or(exponent, "0"))
		if err != nil || n > maxExponent || n < -maxExponent || len(mantissa) > maxDigits {
			return errs.New(errs.Invalid, "the number %.40s… is out of range", v)
		}
	case []any:
		for _, item := range v {
			if err := checkNumbers(item); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, item := range v {
			if err := checkNumbers(item); err != nil {
				return err
			}
		}
	}
	return nil
}

func decodeNumbers(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(into)
}

// marshal writes compact JSON without escaping <, > and &. NUL, which
// PostgreSQL's jsonb cannot hold, becomes U+FFFD.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, errs.WrapAs(errs.Invalid, err, "encode")
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if bytes.Contains(out, []byte(`\u0000`)) {
		out = replaceNUL(out)
	}
	return out, nil
}

// replaceNUL replaces \u0000 escapes, leaving an escaped backslash before
// "u0000" alone.
func replaceNUL(b []byte) []byte {
	var out bytes.Buffer
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 >= len(b) {
			out.WriteByte(b[i])
			continue
		}
		if bytes.HasPrefix(b[i:], []byte(`\u0000`)) {
			out.WriteString("\ufffd")
			i += 5
			continue
		}
		out.Write(b[i : i+2])
		i++
	}
	return out.Bytes()
}

// clean makes a text storable on both databases.
func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\ufffd"), "\ufffd")
}

func cleanPtr(s *string) *string {
	if s == nil {
		return nil
	}
	c := clean(*s)
	return &c
}
