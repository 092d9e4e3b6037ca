package udp

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// An answer must come from the address that was asked, also when the socket
// listens on the wildcard address; 127.0.0.2 is not what the route would choose.
func TestAnswersComeFromTheAddressAsked(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "127.0.0.2:0", ":0"} {
		t.Run(listen, func(t *testing.T) {
			server, err := Listen(t.Context(), listen)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			asked := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), server.Addr().Port())
			client, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(asked))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			client.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := client.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			buf, oob := make([]byte, 100), make([]byte, OOBSize)
			n, from, err := server.Read(buf, oob)
			if err != nil || string(buf[:n]) != "hello" {
				t.Fatalf("read %q, %v", buf[:n], err)
			}
			if from.Local != asked.Addr() || from.Interface == 0 {
				t.Fatalf("came to %v by interface %d", from.Local, from.Interface)
			}
			if err := server.Write([]byte("back"), from); err != nil {
				t.Fatal(err)
			}
			// The client's socket is connected: it takes datagrams from the address asked alone.
			if n, err := client.Read(buf); err != nil || string(buf[:n]) != "back" {
				t.Fatalf("read %q, %v", buf[:n], err)
			}
		})
	}
}
