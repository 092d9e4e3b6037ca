package hiera

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// dataFile reads a data file of one of the formats that are built in.
func (s *search) dataFile(function, name string) (pcore.Value, error) {
	if function == "json_data" {
		v, err := s.opts.Cache.load(s.opts.Files, name, parseJSON)
		if err != nil {
			return nil, &Error{Message: fmt.Sprintf("Unable to parse (%s): %s", name, err)}
		}
		return v, nil
	}
	v, err := s.opts.Cache.load(s.opts.Files, name, parseYAML)
	if err != nil {
		return nil, &Error{Message: fmt.Sprintf("Unable to parse (%s): %s", name, err)}
	}
	h, ok := v.(*pcore.Hash)
	if ok {
		return h, nil
	}
	message := name + ": file does not contain a valid yaml hash"
	if s.opts.Strict == "error" && v != pcore.Value(pcore.Boolean(false)) && !pcore.IsUndef(v) {
		return nil, &Error{Message: message}
	}
	s.env.WarnOnce("hiera data "+name, message)
	return pcore.NewHash(nil), nil
}

// maxNesting bounds the depth of data.
const maxNesting = 200

var errNesting = errors.New("the data is nested too deeply")

func parseJSON(text []byte) (pcore.Value, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := decodeJSON(d, 0)
	if err == nil {
		if _, extra := d.Token(); extra != io.EOF {
			err = errors.New("unexpected text after the end")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("unexpected token at '%s'", text)
	}
	return v, nil
}

func decodeJSON(d *json.Decoder, depth int) (pcore.Value, error) {
	if depth > maxNesting {
		return nil, errNesting
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case nil:
		return pcore.Undef{}, nil
	case bool:
		return pcore.Boolean(t), nil
	case string:
		return pcore.String(t), nil
	case json.Number:
		return pcore.ParseNumber(t.String())
	case json.Delim:
		if t == '[' {
			return decodeJSONArray(d, depth)
		}
		if t == '{' {
			return decodeJSONObject(d, depth)
		}
	}
	return nil, errors.New("unexpected token")
}

func decodeJSONArray(d *json.Decoder, depth int) (pcore.Value, error) {
	var elems []pcore.Value
	for d.More() {
		v, err := decodeJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		elems = append(elems, v)
	}
	_, err := d.Token()
	return pcore.NewArray(elems), err
}

func decodeJSONObject(d *json.Decoder, depth int) (pcore.Value, error) {
	b := pcore.HashBuilder{}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := decodeJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		b.SetString(k.(string), v)
	}
	_, err := d.Token()
	return b.Hash(), err
}
