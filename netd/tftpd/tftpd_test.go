package tftpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chargehand/chargehand/netd/tftpd/tftp"
	"github.com/chargehand/chargehand/netd/udp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server over a folder of files; mods change its configuration.
func serve(tb testing.TB, files map[string]string, mods ...func(*Config)) *Server {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		tb.Fatal(err)
	}
	cfg := Config{Address: "127.0.0.1:0", Root: root, Log: slog.New(slog.DiscardHandler)}
	for _, mod := range mods {
		mod(&cfg)
	}
	s, err := Listen(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
		root.Close()
	})
	return s
}

func singlePort(c *Config) { c.SinglePort = true }

// A client reads files the way boot loaders do. lose, when set, tells of each
// DATA packet whether to act as if it never came.
type client struct {
	conn    *net.UDPConn
	to      netip.AddrPort
	lose    func(block uint16) bool
	granted map[string]string
	port    uint16 // that the server answered from
}

func dial(tb testing.TB, s *Server) *client {
	tb.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	conn.SetReadBuffer(4 << 20)
	tb.Cleanup(func() { conn.Close() })
	return &client{conn: conn, to: s.Addr(), lose: func(uint16) bool { return false }}
}

func (c *client) get(req tftp.Request) ([]byte, error) {
	if req.Mode == "" {
		req.Mode = "octet"
	}
	req.Op = tftp.OpRead
	if _, err := c.conn.WriteToUDPAddrPort(req.Append(nil), c.to); err != nil {
		return nil, err
	}
	block, window := 512, int64(1)
	c.granted = map[string]string{}
	buf := make([]byte, 70000)
	var out []byte
	var have, since int64
	for silent := 0; silent < 12; {
		c.conn.SetReadDeadline(time.Now().Add(700 * time.Millisecond))
		n, from, err := c.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			silent++ // the server repeats itself
			continue
		} else if err != nil {
			return nil, err
		}
		c.port = from.Port()
		switch p := buf[:n]; tftp.Kind(p) {
		case tftp.OpError:
			e, err := tftp.ParseError(p)
			return out, errors.Join(err, e)
		case tftp.OpOptions:
			opts, err := tftp.ParseOptions(p)
			if err != nil {
				return nil, err
			}
			for _, o := range opts {
				c.granted[o.Name] = o.Value
				if v, ok := o.Int(1, 1<<20); ok && o.Name == "blksize" {
					block = int(v)
				} else if ok && o.Name == "windowsize" {
					window = v
				}
			}
			c.reply(from, 0)
		case tftp.OpData:
			number, _ := tftp.Block(p)
			if c.lose(number) {
				continue
			}
			if number != uint16(have+1) {
				if since > 0 || window > 1 { // RFC 7440: say at once what came last
					c.reply(from, uint16(have))
					since = 0
				}
				continue
			}
			out = append(out, p[tftp.HeaderSize:]...)
			have, since = have+1, since+1
			last := n-tftp.HeaderSize < block
			if last || since == window {
				c.reply(from, number)
				since = 0
			}
			if last {
				return out, nil
			}
		}
	}
	return out, errors.New("the server fell silent")
}

func (c *client) reply(to netip.AddrPort, block uint16) {
	c.conn.WriteToUDPAddrPort(tftp.AppendAck(nil, block), to)
}

func random(n int) string {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	r.Read(b)
	return string(b)
}

func options(kv ...any) []tftp.Option {
	var out []tftp.Option
	for i := 0; i < len(kv); i += 2 {
		out = append(out, tftp.Option{Name: kv[i].(string), Value: fmt.Sprint(kv[i+1])})
	}
	return out
}

func TestFilesOfEverySizeArriveWhole(t *testing.T) {
	sizes := []int{0, 1, 511, 512, 513, 1024, 51200, 65536*8 + 5}
	files := map[string]string{"wrap": random(70000 * 8)}
	for _, n := range sizes {
		files[fmt.Sprint(n)] = random(n)
	}
	for mode, mod := range map[string]func(*Config){"own port": func(*Config) {}, "single port": singlePort} {
		s := serve(t, files, mod)
		for _, opts := range [][]tftp.Option{
			nil,
			options("blksize", 1428, "tsize", 0),
			options("blksize", 512, "windowsize", 4),
			options("blksize", 1468, "windowsize", 64, "timeout", 3),
			options("blksize", 65464, "windowsize", 7),
		} {
			for _, n := range sizes {
				got, err := dial(t, s).get(tftp.Request{Name: fmt.Sprint(n), Options: opts})
				if err != nil || string(got) != files[fmt.Sprint(n)] {
					t.Errorf("%s, %v, %d bytes: got %d, %v", mode, opts, n, len(got), err)
				}
			}
		}
		// Over 65,535 blocks the number on the wire begins again.
		c := dial(t, s)
		if got, err := c.get(tftp.Request{Name: "wrap", Options: options("blksize", 8, "windowsize", 32)}); err != nil || string(got) != files["wrap"] {
			t.Errorf("%s: block numbers that wrap: got %d, %v", mode, len(got), err)
		}
		if single := c.port == s.Addr().Port(); single != (mode == "single port") {
			t.Errorf("%s: answered from port %d", mode, c.port)
		}
	}
}

func TestOptions(t *testing.T) {
	s := serve(t, map[string]string{"f": random(100000)})
	for _, tc := range []struct {
		name string
		ask  []tftp.Option
		want map[string]string
	}{
		{"none", nil, map[string]string{}},
		{"all", options("blksize", 1468, "tsize", 0, "timeout", 2, "windowsize", 8), map[string]string{"blksize": "1468", "tsize": "100000", "timeout": "2", "windowsize": "8"}},
		{"unknown", options("multicast", "", "tsize", 0), map[string]string{"tsize": "100000"}},
		{"too large a block", options("blksize", 70000), map[string]string{"blksize": "65464"}},
		{"too small a block", options("blksize", 7), map[string]string{}},
		{"no number", options("blksize", "big", "windowsize", -1, "timeout", 0), map[string]string{}},
		{"a window beyond bounds", options("blksize", 65464, "windowsize", 65535), map[string]string{"blksize": "65464", "windowsize": "64"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, s)
			if _, err := c.get(tftp.Request{Name: "f", Options: tc.ask}); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(c.granted) != fmt.Sprint(tc.want) {
				t.Errorf("granted %v, want %v", c.granted, tc.want)
			}
		})
	}
}

func TestNamesAndRefusals(t *testing.T) {
	s := serve(t, map[string]string{"pxelinux.cfg/default": "menu", "Case": "upper", "text": "a\nb\rc"})
	dir := s.cfg.Root.Name()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"inside": "Case", "escape": outside, "up": "../../../../../../etc/passwd"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, mode string
		want       string
		code       uint16
	}{
		{"pxelinux.cfg/default", "", "menu", 0},
		{"/pxelinux.cfg/default", "", "menu", 0},
		{"//pxelinux.cfg//default", "", "menu", 0},
		{`\pxelinux.cfg\default`, "", "menu", 0},
		{"./pxelinux.cfg/../Case", "", "upper", 0},
		{"inside", "", "upper", 0},
		{"text", "netascii", "a\r\nb\r\x00c", 0},
		{"case", "", "", tftp.CodeNotFound},
		{"pxelinux.cfg", "", "", tftp.CodeNotFound},
		{"pxelinux.cfg/default/x", "", "", tftp.CodeNotFound},
		{"pipe", "", "", tftp.CodeNotFound},
		{"../secret", "", "", tftp.CodeAccess},
		{"/../../etc/passwd", "", "", tftp.CodeAccess},
		{`..\..\etc\passwd`, "", "", tftp.CodeAccess},
		{outside, "", "", tftp.CodeNotFound},
		{"escape", "", "", tftp.CodeAccess},
		{"up", "", "", tftp.CodeAccess},
		{"text", "mail", "", tftp.CodeIllegal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := time.Now()
			got, err := dial(t, s).get(tftp.Request{Name: tc.name, Mode: tc.mode})
			var e *tftp.Error
			if errors.As(err, &e) != (tc.code != 0) || (e != nil && e.Code != tc.code) || string(got) != tc.want {
				t.Errorf("got %q, %v", got, err)
			}
			if d := time.Since(start); d > 400*time.Millisecond {
				t.Errorf("that took %v", d)
			}
		})
	}
}

func TestWritesAreRefused(t *testing.T) {
	s := serve(t, nil)
	c := dial(t, s)
	c.conn.WriteToUDPAddrPort(tftp.Request{Op: tftp.OpWrite, Name: "f", Mode: "octet"}.Append(nil), c.to)
	c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 600)
	n, err := c.conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := tftp.ParseError(buf[:n]); err != nil || e.Code != tftp.CodeAccess {
		t.Errorf("got %v, %v", e, err)
	}
	if names, _ := os.ReadDir(s.cfg.Root.Name()); len(names) != 0 {
		t.Errorf("something was written: %v", names)
	}
}

// Every fifth packet is lost on its way, once or twice; the file arrives all the
// same, and soon.
func TestLossIsMadeGood(t *testing.T) {
	files := map[string]string{"f": random(300000)}
	for _, window := range []int{8, 64} {
		s := serve(t, files)
		c := dial(t, s)
		lost := map[uint16]int{}
		c.lose = func(b uint16) bool {
			lost[b]++
			return b%5 == 0 && lost[b] <= 1+int(b%2)
		}
		start := time.Now()
		got, err := c.get(tftp.Request{Name: "f", Options: options("blksize", 1024, "windowsize", window)})
		if err != nil || string(got) != files["f"] {
			t.Errorf("window %d: got %d bytes, %v", window, len(got), err)
		}
		t.Logf("window %d: %v, %+v", window, time.Since(start), s.Counters())
	}
}

func TestObserverHearsOfEveryTransfer(t *testing.T) {
	heard := make(chan Transfer, 10)
	s := serve(t, map[string]string{"a/b": "content"}, func(c *Config) { c.Observe = func(x Transfer) { heard <- x } })
	c := dial(t, s)
	if _, err := c.get(tftp.Request{Name: `\a\b`}); err != nil {
		t.Fatal(err)
	}
	x := <-heard
	if x.Name != "a/b" || x.Bytes != 7 || x.Err != nil || x.Client.Port() != uint16(c.conn.LocalAddr().(*net.UDPAddr).Port) {
		t.Errorf("heard %+v", x)
	}
	if _, err := c.get(tftp.Request{Name: "none"}); err == nil {
		t.Fatal("a file that is not there arrived")
	}
	var e *tftp.Error
	if x := <-heard; !errors.As(x.Err, &e) || e.Code != tftp.CodeNotFound || x.Bytes != 0 {
		t.Errorf("heard %+v", x)
	}
	if n := s.Counters(); n.Completed != 1 || n.NotFound != 1 || n.Requests != 2 || n.Bytes != 7 {
		t.Errorf("%+v", n)
	}
}

func TestTransfersAreBounded(t *testing.T) {
	s := serve(t, map[string]string{"f": random(5000)}, func(c *Config) { c.Sessions = 8 })
	s.mu.Lock()
	s.strict = true
	s.mu.Unlock()
	for range 5 { // each stops after its first block
		dial(t, s).write(tftp.OpRead)
	}
	c := dial(t, s)
	c.write(tftp.OpWrite) // refused at once, and after all requests before it
	c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.conn.Read(make([]byte, 600)); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) != 2 || s.Counters().Dropped != 3 {
		t.Errorf("%d transfers of one client, want a quarter of 8: %+v", len(s.sessions), s.Counters())
	}
}

// write sends the request for f of that kind and reads no answer.
func (c *client) write(op tftp.Op) {
	c.conn.WriteToUDPAddrPort(tftp.Request{Op: op, Name: "f", Mode: "octet"}.Append(nil), c.to)
}

// A client that begins again from the same port, as firmware does, must not be
// taken for the old transfer.
func TestSamePortBeginsAnew(t *testing.T) {
	for _, mod := range []func(*Config){func(*Config) {}, singlePort} {
		s := serve(t, map[string]string{"one": "1", "two": random(2000)}, mod)
		c := dial(t, s)
		for range 20 {
			for _, name := range []string{"one", "two", "none", "two"} {
				_, err := c.get(tftp.Request{Name: name, Options: options("tsize", 0)})
				if (err != nil) != (name == "none") {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
	}
}

func FuzzDispatch(f *testing.F) {
	f.Add(tftp.Request{Op: tftp.OpRead, Name: "f", Mode: "octet", Options: options("blksize", 8, "windowsize", 9)}.Append(nil))
	f.Add(tftp.Request{Op: tftp.OpRead, Name: "../../f", Mode: "netascii"}.Append(nil))
	f.Add(tftp.AppendAck(nil, 1))
	f.Add(tftp.AppendError(nil, &tftp.Error{Code: 1, Message: "x"}))
	root, err := os.OpenRoot(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	defer root.Close()
	s, err := Listen(f.Context(), Config{Address: "127.0.0.1:0", Root: root, Log: slog.New(slog.DiscardHandler), SinglePort: true})
	if err != nil {
		f.Fatal(err)
	}
	defer s.conn.Close()
	from := udp.Peer{Remote: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.Addr().Port()), Local: netip.MustParseAddr("127.0.0.1")}
	f.Fuzz(func(t *testing.T, packet []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		s.dispatch(ctx, packet, from)
		cancel()
		s.running.Wait()
		if len(s.sessions) != 0 || len(s.clients) != 0 {
			t.Errorf("left behind: %v %v", s.sessions, s.clients)
		}
	})
}

// BenchmarkOneStream and BenchmarkManyStreams read 64 MiB files with windows of 64.
func BenchmarkOneStream(b *testing.B)   { benchStreams(b, 1) }
func BenchmarkManyStreams(b *testing.B) { benchStreams(b, 8) }

func benchStreams(b *testing.B, streams int) {
	const size = 64 << 20
	s := serve(b, map[string]string{"initrd": string(bytes.Repeat([]byte("0123456789abcdef"), size/16))})
	b.SetBytes(int64(size * streams))
	for b.Loop() {
		var wg sync.WaitGroup
		for range streams {
			c := dial(b, s)
			wg.Go(func() {
				n, err := c.drain("initrd", 1428, 64)
				if err != nil || n != size {
					b.Errorf("%d bytes, %v", n, err)
				}
			})
		}
		wg.Wait()
	}
}

// drain reads a file and throws it away, doing as little else as a client can.
func (c *client) drain(name string, block, window int64) (int64, error) {
	req := tftp.Request{Op: tftp.OpRead, Name: name, Mode: "octet", Options: options("blksize", block, "windowsize", window)}
	if _, err := c.conn.WriteToUDPAddrPort(req.Append(nil), c.to); err != nil {
		return 0, err
	}
	buf := make([]byte, 70000)
	var total, have int64
	for {
		c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, from, err := c.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return total, err
		}
		if tftp.Kind(buf[:n]) == tftp.OpOptions {
			c.reply(from, 0)
			continue
		}
		number, _ := tftp.Block(buf)
		if number != uint16(have+1) {
			c.reply(from, uint16(have))
			continue
		}
		have++
		total += int64(n - tftp.HeaderSize)
		last := int64(n-tftp.HeaderSize) < block
		if last || have%window == 0 {
			c.reply(from, number)
		}
		if last {
			return total, nil
		}
	}
}
