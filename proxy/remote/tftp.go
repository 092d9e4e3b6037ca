package remote

import (
	"context"
	"net/http"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/tftp"
)

// TFTP is the proxy's TFTP feature.
func (c *Client) TFTP() tftp.Provider { return tftpClient{c} }

// BootFiles has the proxy fetch boot files.
func (c *Client) BootFiles() tftp.Fetcher { return tftpClient{c} }

// TFTPServerName is the boot server that the proxy announces; empty when it
// leaves that to the caller.
func (c *Client) TFTPServerName(ctx context.Context) (string, error) {
	var v struct {
		ServerName string `json:"serverName"`
	}
	err := c.get(ctx, "/tftp/serverName", &v)
	if errs.Is(err, errs.NotFound) {
		return "", nil
	}
	return v.ServerName, err
}

type tftpClient struct{ c *Client }

func (t tftpClient) path(v tftp.Variant, m mac.Addr) string {
	return "/tftp/" + v.Title() + "/" + m.String()
}

// Set implements tftp.Provider.
func (t tftpClient) Set(ctx context.Context, v tftp.Variant, m mac.Addr, config []byte) error {
	return t.c.call(ctx, http.MethodPost, t.path(v, m), (&form{}).add("pxeconfig", string(config)), nil)
}

// Get implements tftp.Provider.
func (t tftpClient) Get(ctx context.Context, v tftp.Variant, m mac.Addr) ([]byte, error) {
	return t.c.exchange(ctx, http.MethodGet, t.path(v, m), nil)
}

// Delete implements tftp.Provider.
func (t tftpClient) Delete(ctx context.Context, v tftp.Variant, m mac.Addr) error {
	return t.c.call(ctx, http.MethodDelete, t.path(v, m), nil, nil)
}

// SetDefault implements tftp.Provider.
func (t tftpClient) SetDefault(ctx context.Context, v tftp.Variant, menu []byte) error {
	path := "/tftp/" + v.Title() + "/create_default"
	return t.c.call(ctx, http.MethodPost, path, (&form{}).add("menu", string(menu)), nil)
}

// Fetch implements tftp.Fetcher.
func (t tftpClient) Fetch(ctx context.Context, prefix, src string) error {
	f := (&form{}).add("prefix", prefix).add("path", src)
	return t.c.call(ctx, http.MethodPost, "/tftp/fetch_boot_file", f, nil)
}
