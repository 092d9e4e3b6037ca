package compile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// maxNesting bounds how deep JSON may nest.
const maxNesting = 200

// FromJSON reads a JSON document; hashes keep the order of their keys.
func FromJSON(data []byte) (pcore.Value, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := readJSON(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("there is more after the JSON document")
	}
	return v, nil
}

// HashFromJSON reads a JSON object.
func HashFromJSON(data []byte) (*pcore.Hash, error) {
	v, err := FromJSON(data)
	if err != nil {
		return nil, err
	}
	h, ok := v.(*pcore.Hash)
	if !ok {
		return nil, fmt.Errorf("expected a JSON object")
	}
	return h, nil
}

func readJSON(d *json.Decoder, depth int) (pcore.Value, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("JSON is nested too deeply")
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return readArray(d, depth)
		}
		return readObject(d, depth)
	case bool:
		return pcore.Boolean(t), nil
	case string:
		return pcore.String(t), nil
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return pcore.Integer(n), nil
		}
		f, err := t.Float64()
		return pcore.Float(f), err
	}
	return pcore.Undef{}, nil
}

func readArray(d *json.Decoder, depth int) (pcore.Value, error) {
	list := []pcore.Value{}
	for d.More() {
		v, err := readJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return pcore.NewArray(list), err
}

func readObject(d *json.Decoder, depth int) (pcore.Value, error) {
	b := pcore.NewHashBuilder(8)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := readJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		b.SetString(key.(string), v)
	}
	_, err := d.Token()
	return b.Hash(), err
}
