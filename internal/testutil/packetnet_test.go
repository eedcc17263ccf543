package testutil_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

// read returns the next packet as text, or the error.
func read(c net.PacketConn) (string, net.Addr, error) {
	buf := make([]byte, 1500)
	n, from, err := c.ReadFrom(buf)
	return string(buf[:n]), from, err
}

func write(t *testing.T, c net.PacketConn, p string, to net.Addr) {
	t.Helper()
	if n, err := c.WriteTo([]byte(p), to); err != nil || n != len(p) {
		t.Fatalf("write %q: got %d, %v", p, n, err)
	}
}

func TestPacketPipe(t *testing.T) {
	a, b := testutil.PacketPipe(t)
	out := []byte("hello")
	if _, err := a.WriteTo(out, b.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	clear(out) // the writer may use its buffer again
	got, from, err := read(b)
	if err != nil || got != "hello" {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, ok := from.(*net.UDPAddr); !ok || from.String() != "192.0.2.1:5060" || a.LocalAddr().String() != from.String() {
		t.Errorf("got sender %T %v, want the *net.UDPAddr of %v", from, from, a.LocalAddr())
	}
	write(t, b, "hello back", from)
	if got, _, err := read(a); err != nil || got != "hello back" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPacketConnAsUDPSocket(t *testing.T) {
	a, b := testutil.PacketPipe(t)
	write(t, a, "", b.LocalAddr())
	write(t, a, "too long for it", b.LocalAddr())
	buf := make([]byte, 3)
	if n, _, err := b.ReadFrom(buf); n != 0 || err != nil {
		t.Errorf("an empty packet: got %d bytes, %v", n, err)
	}
	if n, _, err := b.ReadFrom(buf); n != 3 || err != nil || string(buf) != "too" {
		t.Errorf("a short buffer: got %q, %v, want what fits", buf[:n], err)
	}
	if _, err := a.WriteTo(make([]byte, 65_508), b.LocalAddr()); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("an oversized packet: got %v, want EMSGSIZE", err)
	}
	if _, err := a.WriteTo([]byte("x"), &net.TCPAddr{}); err == nil {
		t.Error("a TCP address was taken")
	}
	if _, err := a.WriteTo([]byte("x"), nil); err == nil {
		t.Error("no address was taken")
	}
}

func TestPacketConnAddrPort(t *testing.T) {
	type addrPortConn interface {
		ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
		WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	}
	a, b := testutil.PacketPipe(t)
	for name, pair := range map[string][2]net.PacketConn{
		"plain":    {a, b},
		"impaired": {testutil.Impair(a, testutil.Impairment{}), testutil.Impair(b, testutil.Impairment{})},
	} {
		from, ok := pair[0].(addrPortConn)
		to, ok2 := pair[1].(addrPortConn)
		if !ok || !ok2 {
			t.Fatalf("%s: no AddrPort calls", name)
		}
		// An IPv4 address in IPv6 form is the same address.
		mapped := netip.MustParseAddrPort("[::ffff:192.0.2.2]:5060")
		if _, err := from.WriteToUDPAddrPort([]byte("hi"), mapped); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 10)
		n, at, err := to.ReadFromUDPAddrPort(buf)
		if err != nil || string(buf[:n]) != "hi" || at != netip.MustParseAddrPort("192.0.2.1:5060") {
			t.Errorf("%s: got %q from %v, %v", name, buf[:n], at, err)
		}
	}
}

func TestListenPacketAddresses(t *testing.T) {
	n := testutil.NewPacketNet()
	for _, c := range []struct{ network, addr, want string }{
		{"udp", "192.0.2.7:5060", "192.0.2.7:5060"},
		{"udp4", ":0", "127.0.0.1:49152"},
		{"udp", "0.0.0.0:0", "127.0.0.1:49153"},
		{"udp", "[::]:7", "[::1]:7"},
		{"udp6", ":0", "[::1]:49152"},
		{"udp", "192.0.2.7:0", "192.0.2.7:49152"},
		{"udp", "[::ffff:192.0.2.8]:1", "192.0.2.8:1"},
		{"udp", "192.0.2.7:5060", "address already in use"},
		{"tcp", "192.0.2.7:1", "unknown network"},
		{"udp4", "[::1]:1", "not of network"},
		{"udp6", "127.0.0.1:1", "not of network"},
		{"udp", "example.com:1", "example.com"},
		{"udp", "192.0.2.7", "missing port"},
		{"udp", "192.0.2.7:70000", "70000"},
	} {
		conn, err := n.ListenPacket(c.network, c.addr)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %s: got %v, want %q", c.network, c.addr, err, c.want)
			}
			continue
		}
		defer conn.Close()
		if got := conn.LocalAddr().String(); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.network, c.addr, got, c.want)
		}
	}
}

func TestListenFailsTheTest(t *testing.T) {
	n := testutil.NewPacketNet()
	tb := new(fakeTB)
	if tb.run(func(tb testing.TB) { n.Listen(tb, "nonsense") }).failed == "" {
		t.Error("a wrong address did not fail the test")
	}
	var conn net.PacketConn
	tb.run(func(tb testing.TB) { conn = n.Listen(tb, "192.0.2.1:1") })
	for _, do := range tb.cleanups {
		do()
	}
	if _, _, err := read(conn); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the test's end: got %v, want net.ErrClosed", err)
	}
}

func TestPacketNetDrops(t *testing.T) {
	n := testutil.NewPacketNet()
	a, b := n.Listen(t, "192.0.2.1:1"), n.Listen(t, "192.0.2.2:2")
	write(t, a, "nobody there", &net.UDPAddr{IP: net.IPv4(192, 0, 2, 3), Port: 2})
	for i := range 1024 + 5 {
		write(t, a, fmt.Sprint(i), b.LocalAddr())
	}
	if got := n.Dropped(); got != 6 {
		t.Errorf("got %d dropped, want 1 for nobody and 5 over the queue", got)
	}
	for i := range 1024 {
		if got, _, err := read(b); err != nil || got != fmt.Sprint(i) {
			t.Fatalf("packet %d: got %q, %v", i, got, err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, a, "gone", b.LocalAddr())
	if got := n.Dropped(); got != 7 {
		t.Errorf("got %d dropped, want one more after Close", got)
	}
	if _, err := n.ListenPacket("udp", "192.0.2.2:2"); err != nil {
		t.Errorf("the address was not freed: %v", err)
	}
}

func TestPacketConnClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := testutil.PacketPipe(t)
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				if _, _, err := read(a); !errors.Is(err, net.ErrClosed) {
					t.Errorf("a waiting reader: got %v, want net.ErrClosed", err)
				}
			})
		}
		synctest.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		readers.Wait()
		_, writeErr := a.WriteTo([]byte("x"), b.LocalAddr())
		for what, err := range map[string]error{
			"a second Close":        a.Close(),
			"a write":               writeErr,
			"setting of a deadline": a.SetDeadline(time.Now()),
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: got %v, want net.ErrClosed", what, err)
			}
		}
	})
}

func TestPacketConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := testutil.PacketPipe(t)
		start := time.Now()
		wantTimeout := func(why string, after time.Duration) {
			t.Helper()
			_, _, err := read(a)
			var timeout net.Error
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("%s: got %v, want a timeout", why, err)
			}
			if got := time.Since(start); got != after {
				t.Errorf("%s: after %v, want %v", why, got, after)
			}
		}
		set := func(d time.Duration) {
			t.Helper()
			if err := a.SetReadDeadline(start.Add(d)); err != nil {
				t.Fatal(err)
			}
		}

		set(time.Second)
		wantTimeout("the deadline passes", time.Second)
		write(t, b, "waiting", a.LocalAddr())
		for range 20 { // so that no luck of a select decides
			wantTimeout("a passed deadline comes before what is queued", time.Second)
		}

		set(5 * time.Second)
		if got, _, err := read(a); err != nil || got != "waiting" {
			t.Errorf("a later deadline: got %q, %v", got, err)
		}
		time.AfterFunc(time.Second, func() { set(3 * time.Second) })
		wantTimeout("the deadline is brought forward under a reader", 3*time.Second)

		set(4 * time.Second)
		time.AfterFunc(500*time.Millisecond, func() { set(6 * time.Second) })
		wantTimeout("the deadline is put off under a reader", 6*time.Second)

		set(7 * time.Second)
		if err := a.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Hour, func() { write(t, b, "late", a.LocalAddr()) })
		if got, _, err := read(a); err != nil || got != "late" {
			t.Errorf("no deadline: got %q, %v", got, err)
		}

		if err := a.SetWriteDeadline(time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.WriteTo([]byte("x"), b.LocalAddr()); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a passed write deadline: got %v", err)
		}
	})
}

func TestPacketNetConcurrently(t *testing.T) {
	n := testutil.NewPacketNet()
	b := n.Listen(t, "192.0.2.2:2")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			a, err := n.ListenPacket("udp", "192.0.2.1:0")
			if err != nil {
				t.Error(err)
				return
			}
			defer a.Close()
			for range 200 {
				if _, err := a.WriteTo([]byte("x"), b.LocalAddr()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 800 {
		if _, _, err := read(b); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
}
