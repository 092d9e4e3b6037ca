package chargehand_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// curl plays the few words of curl that the documentation uses.
func curl(args []string, out, complaints io.Writer) int {
	c, err := parseCurl(args)
	if err == nil {
		err = c.do(out)
	}
	if err != nil {
		_, _ = fmt.Fprintln(complaints, "curl:", err)
		return 22
	}
	return 0
}

type curlCall struct {
	method, url, user, data string
	ca, cert, key           string
	query                   url.Values
	header                  http.Header
	fail, get               bool
}

func parseCurl(args []string) (*curlCall, error) {
	c := &curlCall{header: http.Header{}, query: url.Values{}}
	texts := map[string]*string{"-X": &c.method, "-u": &c.user, "-d": &c.data, "--cacert": &c.ca, "--cert": &c.cert, "--key": &c.key}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		takes := texts[arg] != nil || arg == "-H" || arg == "--data-urlencode"
		if takes && i+1 == len(args) {
			return nil, fmt.Errorf("%s wants a value", arg)
		}
		switch {
		case arg == "-sSf":
			c.fail = true
		case arg == "-sS":
		case arg == "-G":
			c.get = true
		case texts[arg] != nil:
			i++
			*texts[arg] = args[i]
		case arg == "-H":
			i++
			name, value, _ := strings.Cut(args[i], ":")
			c.header.Set(name, strings.TrimSpace(value))
		case arg == "--data-urlencode":
			i++
			name, value, _ := strings.Cut(args[i], "=")
			c.query.Set(name, value)
		case strings.HasPrefix(arg, "-"):
			return nil, fmt.Errorf("the documentation may not use %s: teach it to docs_test.go", arg)
		default:
			c.url = arg
		}
	}
	if c.url == "" {
		return nil, errors.New("no URL")
	}
	return c, nil
}

func (c *curlCall) client() (*http.Client, error) {
	conf := &tls.Config{RootCAs: x509.NewCertPool()}
	if c.ca != "" {
		text, err := os.ReadFile(c.ca)
		if err != nil {
			return nil, err
		}
		conf.RootCAs.AppendCertsFromPEM(text)
	}
	if c.cert != "" {
		pair, err := tls.LoadX509KeyPair(c.cert, c.key)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	follow := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	// Names below localhost are this machine, as they are to curl.
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("localhost", port)
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: conf, DialContext: dial}, CheckRedirect: follow, Timeout: time.Minute}, nil
}

func (c *curlCall) do(out io.Writer) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	method, target := "GET", c.url
	if c.get {
		target += "?" + c.query.Encode()
	} else if c.data != "" {
		method = "POST"
	}
	if c.method != "" {
		method = c.method
	}
	req, err := http.NewRequest(method, target, strings.NewReader(c.data))
	if err != nil {
		return err
	}
	req.Header = c.header
	if c.data != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if login, password, ok := strings.Cut(c.user, ":"); ok {
		req.SetBasicAuth(login, password)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if c.fail && resp.StatusCode >= 400 {
		return fmt.Errorf("%s: %s\n%s", target, resp.Status, body)
	}
	_, err = out.Write(body)
	return err
}
