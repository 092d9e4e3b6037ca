package pki

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"math/big"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// ImportAuthority reads the chain and the key of a Puppet Server's CA directory.
func ImportAuthority(cadir fs.FS) (*Authority, error) {
	chain, err := fs.ReadFile(cadir, "ca_crt.pem")
	if err != nil {
		return nil, errs.WrapAs(errs.NotFound, err, "read the CA certificate")
	}
	key, err := fs.ReadFile(cadir, "ca_key.pem")
	if err != nil {
		return nil, errs.WrapAs(errs.NotFound, err, "read the CA key")
	}
	return ParseAuthority(chain, key)
}

// Import takes over the records of a Puppet Server's CA directory: serial,
// inventory, certificates, requests, revocation lists and infrastructure hosts.
// The store must be empty (Conflict). The directory is only read, so a wrong
// import is undone by starting again with an empty store.
func Import(ctx context.Context, store Store, authority *Authority, cadir fs.FS, now time.Time) error {
	in := importer{authority: authority, dir: cadir, now: now}
	if err := in.read(); err != nil {
		return err
	}
	return store.Update(ctx, in.write)
}

type importer struct {
	authority *Authority
	dir       fs.FS
	now       time.Time

	serial   *big.Int
	crls     []*x509.RevocationList
	certs    map[string]*x509.Certificate
	requests map[string]*Request
	lines    []Line
	infra    []string
}

func (in *importer) read() (err error) {
	if in.serial, err = in.readSerial(); err != nil {
		return err
	}
	data, err := in.optional("ca_crl.pem")
	if err != nil {
		return err
	}
	if in.crls, err = ParseCRLs(data); err != nil {
		return err
	}
	if err := in.readSigned(); err != nil {
		return err
	}
	if err := in.readRequests(); err != nil {
		return err
	}
	if data, err = in.optional("inventory.txt"); err != nil {
		return err
	}
	if in.lines, err = parseInventory(string(data)); err != nil {
		return err
	}
	data, err = in.optional("infra_inventory.txt")
	in.infra = strings.Fields(string(data))
	return err
}

func (in *importer) optional(name string) ([]byte, error) {
	data, err := fs.ReadFile(in.dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, errs.Wrap(err, "read %s", name)
}

func (in *importer) readSerial() (*big.Int, error) {
	data, err := in.optional("serial")
	if err != nil || len(data) == 0 {
		return big.NewInt(2), err
	}
	serial, ok := new(big.Int).SetString(strings.TrimPrefix(strings.TrimSpace(string(data)), "0x"), 16)
	if !ok || serial.Sign() <= 0 {
		return nil, errs.New(errs.Malformed, "the serial file holds no hexadecimal number")
	}
	return serial, nil
}

func (in *importer) readSigned() error {
	in.certs = map[string]*x509.Certificate{}
	return in.each("signed", func(name string, data []byte) error {
		certs, err := ParseCertificates(data)
		if err == nil {
			in.certs[name] = certs[0]
		}
		return err
	})
}

func (in *importer) readRequests() error {
	in.requests = map[string]*Request{}
	return in.each("requests", func(name string, data []byte) error {
		r, err := ParseRequest(data)
		if err == nil && r.Name != name {
			err = errs.New(errs.Invalid, "the request is for %q", r.Name)
		}
		if err == nil {
			in.requests[name] = r
		}
		return err
	})
}

// each reads the PEM files of a folder; a file name is a certificate name.
func (in *importer) each(folder string, fn func(name string, data []byte) error) error {
	files, err := fs.Glob(in.dir, folder+"/*.pem")
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := fs.ReadFile(in.dir, file)
		if err == nil {
			err = fn(strings.TrimSuffix(path.Base(file), ".pem"), data)
		}
		if err != nil {
			return errs.Wrap(err, "import %s", file)
		}
	}
	return nil
}

// parseInventory reads lines such as
// 0x0003 2026-11-22T17:42:53UTC 2031-11-22T17:42:53UTC /CN=agent1.example.test
func parseInventory(text string) ([]Line, error) {
	var lines []Line
	for row := range strings.Lines(text) {
		fields := strings.Fields(row)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 4 {
			return nil, errs.New(errs.Malformed, "inventory line %q has not four fields", strings.TrimSpace(row))
		}
		serial, ok := new(big.Int).SetString(strings.TrimPrefix(fields[0], "0x"), 16)
		from, err1 := time.Parse(timeFormat, fields[1])
		to, err2 := time.Parse(timeFormat, fields[2])
		if !ok || err1 != nil || err2 != nil {
			return nil, errs.New(errs.Malformed, "inventory line %q cannot be read", strings.TrimSpace(row))
		}
		name := strings.TrimPrefix(strings.Join(fields[3:], " "), "/CN=")
		lines = append(lines, Line{Serial: serial.Text(16), Name: name, From: from, To: to})
	}
	return lines, nil
}

func (in *importer) write(tx Tx) error {
	for _, bucket := range []string{bucketHost, bucketRequest, bucketIssued} {
		err := tx.Scan(bucket, func(key string, _ []byte) error {
			return errs.New(errs.Conflict, "the CA is not empty: it knows %s", key)
		})
		if err != nil {
			return err
		}
	}
	steps := []func(Tx) error{in.writeInventory, in.writeRevocations, in.writeHosts, in.writeRequests, in.writeState}
	for _, step := range steps {
		if err := step(tx); err != nil {
			return err
		}
	}
	return nil
}

func (in *importer) writeInventory(tx Tx) error {
	next := in.serial
	for _, l := range in.lines {
		if err := put(tx, bucketIssued, serialKey(l.Serial), issued{Name: l.Name, From: l.From, To: l.To}); err != nil {
			return err
		}
		if n, ok := new(big.Int).SetString(l.Serial, 16); ok && n.Cmp(next) >= 0 {
			next = new(big.Int).Add(n, big.NewInt(1)) // a serial file that lags behind
		}
	}
	in.serial = next
	for _, name := range in.infra {
		if err := put(tx, bucketInfra, name, struct{}{}); err != nil {
			return err
		}
	}
	return nil
}

func (in *importer) writeRevocations(tx Tx) error {
	own := in.authority.Certificate()
	for _, list := range in.crls {
		if list.CheckSignatureFrom(own) != nil {
			if err := put(tx, bucketForeign, list.Issuer.String(), revocationList{DER: list.Raw, Signed: list.ThisUpdate}); err != nil {
				return err
			}
			continue
		}
		for _, e := range list.RevokedCertificateEntries {
			key := serialKey(e.SerialNumber.Text(16))
			line, known, err := get[issued](tx, bucketIssued, key)
			if err != nil {
				return err
			}
			until := line.To
			if !known {
				until = own.NotAfter
			}
			r := revocation{At: e.RevocationTime, Until: until, Infra: slices.Contains(in.infra, line.Name)}
			if err := put(tx, bucketRevoked, key, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *importer) writeHosts(tx Tx) error {
	for name, cert := range in.certs {
		serial := cert.SerialNumber.Text(16)
		_, revoked, err := tx.Get(bucketRevoked, serialKey(serial))
		if err != nil {
			return err
		}
		h := host{Certificate: cert.Raw, Serial: serial, Revoked: revoked}
		if !revoked {
			h.Live = []string{serial}
		}
		keyID, err := KeyID(cert.PublicKey)
		if err != nil {
			return err
		}
		if err := put(tx, bucketHost, name, h); err != nil {
			return err
		}
		if err := put(tx, bucketKey, keyID, keyUse{Name: name, Revoked: revoked, Until: cert.NotAfter}); err != nil {
			return err
		}
		line := issued{Name: name, From: cert.NotBefore, To: cert.NotAfter, KeyID: keyID}
		if err := put(tx, bucketIssued, serialKey(serial), line); err != nil {
			return err
		}
		if cert.SerialNumber.Cmp(in.serial) >= 0 {
			in.serial = new(big.Int).Add(cert.SerialNumber, big.NewInt(1))
		}
	}
	return nil
}

func (in *importer) writeRequests(tx Tx) error {
	for name, r := range in.requests {
		if _, signed := in.certs[name]; signed {
			continue // a leftover: the certificate counts
		}
		if err := put(tx, bucketRequest, name, pendingRequest{DER: r.DER, Received: in.now}); err != nil {
			return err
		}
		if err := put(tx, bucketKey, r.KeyID, keyUse{Name: name, Until: in.now.Add(DefaultTTL)}); err != nil {
			return err
		}
	}
	return nil
}

// writeState carries on the serials and the numbers of the revocation list, and
// lets the CA sign a list of its own at its next start.
func (in *importer) writeState(tx Tx) error {
	st := state{NextSerial: in.serial.Text(16), Pending: len(in.requests)}
	for _, list := range in.crls {
		if list.Number != nil && list.CheckSignatureFrom(in.authority.Certificate()) == nil {
			st.CRLNumber = list.Number.Int64() + 1
		}
	}
	if err := tx.Delete(bucketState, "crl"); err != nil {
		return err
	}
	return put(tx, bucketState, "ca", st)
}
