package function

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func digestFunctions(t *Table) {
	for name, sum := range map[string]func(string) string{
		"md5":    func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) },
		"sha1":   func(s string) string { h := sha1.Sum([]byte(s)); return hex.EncodeToString(h[:]) },
		"sha256": sha256Hex, "digest": sha256Hex,
	} {
		t.addLegacy(name, 1, func(c *call) (pcore.Value, error) {
			s, ok := c.args[0].(pcore.String)
			if !ok {
				return nil, notAString(c.args[0])
			}
			return pcore.String(sum(string(s))), nil
		})
	}
	t.addLegacy("fqdn_rand", -2, fqdnRand)
}

func sha256Hex(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }

// fqdnRand gives a number below the first argument that is the same each time for a node and a seed.
func fqdnRand(c *call) (pcore.Value, error) {
	limit := rubyToInteger(c.args[0])
	seed := ""
	if v := c.arg(1); v != nil {
		seed = v.String()
	}
	fqdn := ""
	if vars, ok := c.env.(Variables); ok {
		if facts, found, err := vars.Variable("facts"); err == nil && found {
			if v, err := dig(facts, []pcore.Value{pcore.String("networking"), pcore.String("fqdn")}); err == nil {
				fqdn = v.String()
			}
		}
	}
	if len(c.args) > 2 && pcore.Truthy(c.args[2]) {
		fqdn = strings.ToLower(fqdn)
	}
	if limit == 0 {
		return nil, errors.New("invalid argument - 0")
	}
	sum := md5.Sum([]byte(fqdn + ":" + strconv.FormatInt(limit, 10) + ":" + seed))
	if limit < 0 {
		return nil, fmt.Errorf("invalid argument - %d", limit)
	}
	return pcore.Integer(newTwister(sum[:]).below(uint64(limit))), nil
}

// rubyToInteger is to_i: the integer that a text starts with, 0 when there is none.
func rubyToInteger(v pcore.Value) int64 {
	switch v := v.(type) {
	case pcore.Integer:
		return int64(v)
	case pcore.Float:
		if math.Abs(float64(v)) < 1<<62 {
			return int64(v)
		}
		return 0
	}
	s := strings.TrimSpace(v.String())
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || n == 0 && (s[n] == '-' || s[n] == '+')) {
		n++
	}
	i, err := strconv.ParseInt(s[:n], 10, 64)
	if err != nil {
		return 0
	}
	return i
}
