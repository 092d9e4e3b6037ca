package command

import (
	"encoding/json"
	"fmt"
)

// A Package is one installed package: [name, version, provider] on the wire.
type Package struct{ Name, Version, Provider string }

// UnmarshalJSON reads the array of three texts.
func (p *Package) UnmarshalJSON(b []byte) error {
	var parts []string
	if err := json.Unmarshal(b, &parts); err != nil || len(parts) != 3 {
		return fmt.Errorf("a package is [name, version, provider], not %.100s", b)
	}
	*p = Package{Name: parts[0], Version: parts[1], Provider: parts[2]}
	return nil
}

// An Expiration tells whether a node expires when it sends no facts.
type Expiration struct {
	Certname string `json:"certname"`
	Expire   struct {
		Facts *bool `json:"facts"`
	} `json:"expire"`
	ProducerTimestamp Time `json:"producer_timestamp"`
}

// CatalogInputs tell what a catalog was made from.
type CatalogInputs struct {
	Certname          string  `json:"certname"`
	CatalogUUID       string  `json:"catalog_uuid"`
	ProducerTimestamp Time    `json:"producer_timestamp"`
	Inputs            []Input `json:"inputs"`
}

// An Input is one of them: [type, name] on the wire, as ["hiera", "role::port"].
type Input struct{ Type, Name string }

// UnmarshalJSON reads the array of two texts.
func (i *Input) UnmarshalJSON(b []byte) error {
	var parts []string
	if err := json.Unmarshal(b, &parts); err != nil || len(parts) != 2 {
		return fmt.Errorf("an input is [type, name], not %.100s", b)
	}
	*i = Input{Type: parts[0], Name: parts[1]}
	return nil
}

func (e *Expiration) name() string    { return e.Certname }
func (c *CatalogInputs) name() string { return c.Certname }

func (e *Expiration) check() error {
	if e.Expire.Facts == nil {
		return missing("expire.facts")
	}
	return nil
}

func (c *CatalogInputs) check() error {
	switch {
	case c.CatalogUUID == "":
		return missing("catalog_uuid")
	case c.ProducerTimestamp.IsZero():
		return missing("producer_timestamp")
	case c.Inputs == nil:
		return missing("inputs")
	}
	return nil
}
