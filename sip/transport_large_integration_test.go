package sip_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// bothOn listens with UDP and TCP on one port.
func bothOn(t testing.TB) (net.PacketConn, *farListener) {
	t.Helper()
	for range 20 {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", c.LocalAddr().String())
		if err != nil {
			_ = c.Close()
			continue
		}
		t.Cleanup(func() { _, _ = c.Close(), l.Close() })
		return c, &farListener{l, t}
	}
	t.Fatal("no port is free for both")
	return nil, nil
}

// dialers counts connections as they are made.
func dialers(n *atomic.Int32) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		n.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
}

// TestLargeRequest moves a long INVITE to TCP, with all that belongs to its transaction, unless its URI asks for UDP. The call goes on over UDP.
func TestLargeRequest(t *testing.T) {
	var dials atomic.Int32
	a := listen(t, &sip.Options{DialContext: dialers(&dials)})
	c, l := bothOn(t)
	udp := &peer{t: t, addr: c.LocalAddr().String(), conn: c, to: net.UDPAddrFromAddrPort(a.Addr())}
	long := "sip:" + strings.Repeat("x", 700) + "@" + udp.addr
	place := func(uri string) <-chan error {
		return async(func() error {
			leg, err := a.Dial(background, uri, nil)
			if err == nil {
				go func() { _ = leg.Hangup(background, bridge.Normal) }()
			}
			return err
		})
	}
	for _, uri := range []string{"sip:bob@" + udp.addr, long + ";transport=udp"} {
		dialled := place(uri)
		udp.reply(udp.request("INVITE"), 486, "b1", "")
		udp.request("ACK")
		wantDialError(t, <-dialled, bridge.Busy, 486)
	}
	if n := dials.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	dialled := place(long)
	tcp, _ := overStream(t, l.next(), "TCP")
	tcp.addr = udp.addr
	invite := tcp.request("INVITE")
	if via := invite.Via(); via.Transport != "TCP" {
		t.Errorf("Via is %s, want TCP", via.Value())
	}
	tcp.reply(invite, 486, "b1", "")
	if ack := tcp.request("ACK"); ack.Via().Value() != invite.Via().Value() {
		t.Errorf("Via of ACK is %s", ack.Via().Value())
	}
	wantDialError(t, <-dialled, bridge.Busy, 486)

	dialled = place(long)
	tcp.reply(tcp.request("INVITE"), 200, "b1", overTLS(1))
	udp.request("ACK")
	bye := udp.request("BYE")
	if via := bye.Via(); via.Transport != "UDP" {
		t.Errorf("Via of BYE is %s, want UDP", via.Value())
	}
	udp.reply(bye, 200, "", "")
	if err := <-dialled; err != nil {
		t.Error(err)
	}
	l.none()
}

// TestLargeRequestWithoutTCP has a far side that takes no connections: a long INVITE goes over UDP whole, and the next does not try again.
func TestLargeRequestWithoutTCP(t *testing.T) {
	var dials atomic.Int32
	a := listen(t, &sip.Options{DialContext: dialers(&dials)})
	c, l := bothOn(t)
	_ = l.Close()
	udp := &peer{t: t, addr: c.LocalAddr().String(), conn: c, to: net.UDPAddrFromAddrPort(a.Addr())}
	for range 2 {
		dialled := async(func() error {
			_, err := a.Dial(background, "sip:"+strings.Repeat("x", 700)+"@"+udp.addr, nil)
			return err
		})
		invite := udp.request("INVITE")
		if via := invite.Via(); via.Transport != "UDP" || len(udp.raw) < 1700 {
			t.Errorf("Via is %s, %d bytes", via.Value(), len(udp.raw))
		}
		udp.reply(invite, 486, "b1", "")
		udp.request("ACK")
		wantDialError(t, <-dialled, bridge.Busy, 486)
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections were tried, want 1", n)
	}
}

// TestInteropKamailioLarge calls a phone through a proxy with an INVITE that is too long for UDP, which goes over TCP: the proxy stays in the
// path with both transports, and the call goes on over its connection.
func TestInteropKamailioLarge(t *testing.T) {
	testutil.Need(t, "kamailio")
	var dials atomic.Int32
	a := listen(t, &sip.Options{DialContext: dialers(&dials)})
	bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Network: "udp"})
	config := strings.Replace(kamailioConfig, "listen=udp:127.0.0.1:PORT", "listen=udp:127.0.0.1:PORT\nlisten=tcp:127.0.0.1:PORT", 1)
	proxy := startKamailioWith(t, config, a.Addr().String(), bob.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for n := range 2 { // hung up by each side
		l, err := a.Dial(ctx, "sip:bob@"+proxy+";x="+strings.Repeat("x", 900), nil)
		if err != nil {
			t.Fatal(err)
		}
		phone, err := bob.NextCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		waitPhase(t, l, bridge.Up)
		if err := phone.WaitState(ctx, siptest.Up); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			err = l.Hangup(ctx, bridge.Normal)
		} else {
			err = phone.Hangup(ctx)
		}
		if err != nil {
			t.Errorf("hang up: %v", err)
		}
		waitPhase(t, l, bridge.Over)
		if err := phone.WaitState(ctx, siptest.Ended); err != nil {
			t.Error(err)
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections were made, want 1", n)
	}
}
