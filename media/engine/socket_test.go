package engine

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestSocketWriteTo sends datagrams one at a time: each arrives whole, and what cannot be sent is an error.
func TestSocketWriteTo(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		peer, err := listenSocket(netip.MustParseAddrPort(at), pairRoom)
		if err != nil {
			t.Log(err) // a machine without IPv6
			continue
		}
		defer func() { _ = peer.conn.Close() }()
		sock, err := listenSocket(netip.MustParseAddrPort(at), pairRoom)
		if err != nil {
			t.Fatal(err)
		}
		_ = peer.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		b, buf := bytes.Repeat([]byte{7}, 172), make([]byte, packetSize)
		pass := func() {
			b[0]++
			if err := sock.writeTo(b, peer.addr); err != nil {
				t.Fatal(err)
			}
			if n, from, err := peer.conn.ReadFromUDPAddrPort(buf); err != nil || from != sock.addr || !bytes.Equal(buf[:n], b) {
				t.Fatalf("got %d bytes from %v, %v, want %d from %v", n, from, err, len(b), sock.addr)
			}
		}
		for range 3 { // what sends is used again
			pass()
		}
		if err := sock.writeTo(b, netip.AddrPortFrom(peer.addr.Addr(), 0)); err == nil {
			t.Errorf("%s: a datagram to port 0 is no error", at)
		}
		_ = sock.conn.Close()
		if err := sock.writeTo(b, peer.addr); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: got %v after Close, want %v", at, err, net.ErrClosed)
		}
	}
}
