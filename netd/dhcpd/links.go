package dhcpd

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// linkAge is how long an interface's addresses are believed.
const linkAge = 5 * time.Second

// links remembers the machine's interfaces and their IPv4 addresses, which may
// change while the server runs.
type links struct {
	names []string // to answer on; all when empty

	mu    sync.Mutex
	known map[int]link
	until time.Time
}

type link struct {
	name  string
	mac   net.HardwareAddr
	addrs []netip.Addr
}

func newLinks(names []string) *links { return &links{names: names} }

// byIndex finds an interface; false when the server does not answer on it.
func (l *links) byIndex(index int) (link, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh()
	found, ok := l.known[index]
	if len(l.names) == 0 {
		return found, true // also where the system does not tell interfaces
	}
	return found, ok && slices.Contains(l.names, found.name)
}

// all gives the interfaces that the server answers on, by index.
func (l *links) all() map[int]link {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh()
	out := map[int]link{}
	for index, found := range l.known {
		if len(l.names) == 0 || slices.Contains(l.names, found.name) {
			out[index] = found
		}
	}
	return out
}

// refresh reads the interfaces anew when they are old; the caller holds mu.
func (l *links) refresh() {
	if now := time.Now(); now.After(l.until) {
		l.known, l.until = readLinks(), now.Add(linkAge)
	}
}

func readLinks() map[int]link {
	known := map[int]link{}
	interfaces, err := net.Interfaces()
	if err != nil {
		return known
	}
	for _, i := range interfaces {
		l := link{name: i.Name, mac: i.HardwareAddr}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
				l.addrs = append(l.addrs, p.Addr())
			}
		}
		known[i.Index] = l
	}
	return known
}
