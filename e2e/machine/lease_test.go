//go:build e2e

package machine_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/e2e/site"
)

// asks is what udhcpc is given for the machine's hardware address, by its own
// names, and what it was offered before.
func (y *yard) asks() map[string]string {
	y.Helper()
	code, out := site.Run(y, 2*time.Minute, "unshare", "--net", "testdata/lease", hostMAC, strconv.Itoa(os.Getpid()))
	if code != 0 {
		y.Fatalf("udhcpc ended with %d:\n%s", code, out)
	}
	given := map[string]string{}
	for line := range strings.Lines(out) {
		if pair, ok := strings.CutPrefix(strings.TrimSpace(line), "given "); ok {
			name, value, _ := strings.Cut(pair, "=")
			given[name] = value
		}
	}
	if offered := offer.FindStringSubmatch(out); offered != nil {
		given["offered"] = offered[1]
	}
	if !strings.Contains(out, "unicasting a release of "+given["ip"]) {
		y.Errorf("udhcpc gave nothing back:\n%s", out)
	}
	return given
}

var offer = regexp.MustCompile(`broadcasting select for ([0-9.]+),`)

// isReserved asks for the machine's address as its firmware will.
func (y *yard) isReserved() {
	y.Helper()
	given, got := y.asks(), map[string]string{}
	want := map[string]string{
		"offered": hostIP, "ip": hostIP, "subnet": "255.255.255.0", "router": serverIP, "dns": serverIP, "serverid": serverIP,
		"siaddr": serverIP, "boot_file": "pxelinux.0", "tftp": serverIP, "bootfile": "pxelinux.0", "hostname": hostName,
	}
	for name := range want {
		got[name] = given[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		y.Errorf("the lease of the machine's firmware (-want +got):\n%s\nall of it: %v", diff, given)
	}
}

// isStranger asks with the hardware address of a machine that is gone.
func (y *yard) isStranger() {
	y.Helper()
	y.isWithoutLease()
	given := y.asks()
	ip, err := netip.ParseAddr(given["ip"])
	if err != nil || ip.Less(netip.MustParseAddr(poolFrom)) || netip.MustParseAddr(poolTo).Less(ip) || given["offered"] != given["ip"] {
		y.Errorf("deleted, the machine has a lease outside of the pool: %v", given)
	}
	if given["hostname"] != "" || given["boot_file"] == "" {
		y.Errorf("deleted, the machine is called and boots: %v", given)
	}
	y.isWithoutLease()
}

// isWithoutLease waits: giving an address back has no answer.
func (y *yard) isWithoutLease() {
	y.Helper()
	site.Eventually(y, 30*time.Second, func() string {
		if leases := y.dhcp().Leases; len(leases) != 0 {
			return fmt.Sprintf("the deleted machine has %v", leases)
		}
		return ""
	})
}

// records are what the DHCP server keeps.
type records struct {
	Reservations, Leases []record
}

type record struct{ IP, MAC string }

func (y *yard) dhcp() records {
	y.Helper()
	status, text := y.p.Smart(http.MethodGet, y.p.Endpoints["proxy.https"], "/dhcp/10.77.0.0")
	var all records
	if err := json.Unmarshal([]byte(text), &all); status != http.StatusOK || err != nil {
		y.Fatalf("DHCP records: %d %v\n%s", status, err, text)
	}
	return all
}
