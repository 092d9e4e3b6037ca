//go:build e2e

package dnsd

import (
	"encoding/base64"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// dig and nsupdate of BIND against the server. Needs bind9-dnsutils.

func tool(t *testing.T, stdin string, argv ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestE2EDigAndNsupdate(t *testing.T) {
	store := fill(t, openStore(t, t.TempDir()))
	s := serve(t, store)
	port := strconv.Itoa(int(s.Addr().Port()))
	key := "hmac-sha256:" + keyName + ":" + base64.StdEncoding.EncodeToString(secret())
	dig := func(args ...string) string {
		out, err := tool(t, "", append([]string{"dig", "@127.0.0.1", "-p", port, "+tries=1", "+time=5"}, args...)...)
		if err != nil {
			t.Fatalf("dig %v: %v\n%s", args, err, out)
		}
		return out
	}
	for _, tc := range []struct{ args, want string }{
		{"+short web.example.test A", "192.0.2.10\n192.0.2.11\n"},
		{"+short +tcp www.example.test AAAA", "Web.example.test.\n2001:db8::10\n"},
		{"+short -x 192.0.2.10", "web.example.test.\n"},
		{"none.example.test", "status: NXDOMAIN"},
		{"elsewhere.test", "status: REFUSED"},
		{"+norec web.example.test ANY", "RFC8482"},
		{"+ignore +bufsize=512 big.example.test TXT", "flags: qr aa tc"},
		{"big.example.test TXT", "Truncated, retrying in TCP mode"},
		{"-y " + key + " example.test AXFR", "a.b.c.example.test."},
		{"example.test AXFR", "Transfer failed"},
		{"+nsid +cookie +subnet=192.0.2.0/24 web.example.test", "status: NOERROR"},
	} {
		if got := dig(strings.Fields(tc.args)...); !strings.Contains(got, tc.want) {
			t.Errorf("dig %s:\n%s\nwant %q", tc.args, got, tc.want)
		}
	}
	update := func(text string, args ...string) (string, error) {
		return tool(t, "server 127.0.0.1 "+port+"\n"+text+"send\n", append([]string{"nsupdate"}, args...)...)
	}
	const add = "zone example.test\nprereq nxrrset e2e.example.test A\nupdate add e2e.example.test 60 A 192.0.2.77\n"
	if out, err := update(add); err == nil || !strings.Contains(out, "REFUSED") {
		t.Errorf("an unsigned update: %v\n%s", err, out)
	}
	if out, err := update(add, "-y", key); err != nil {
		t.Errorf("a signed update: %v\n%s", err, out)
	}
	if got := dig("+short", "e2e.example.test"); got != "192.0.2.77\n" {
		t.Errorf("after the update: %q", got)
	}
	if out, err := update(add, "-y", key); err == nil || !strings.Contains(out, "YXRRSET") {
		t.Errorf("the same update again: %v\n%s", err, out)
	}
	if out, err := update("update delete e2e.example.test\n", "-v", "-y", key); err != nil { // over TCP; nsupdate finds the zone itself
		t.Errorf("a deletion: %v\n%s", err, out)
	}
	if got := dig("e2e.example.test"); !strings.Contains(got, "NXDOMAIN") {
		t.Errorf("after the deletion:\n%s", got)
	}
}
