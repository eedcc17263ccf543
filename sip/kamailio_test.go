package sip_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// kamailioConfig is a proxy that stays in the path of every call by Record-Route, and sends users where it is told.
const kamailioConfig = `#!KAMAILIO
debug=0
log_stderror=yes
children=2
auto_aliases=no
listen=udp:127.0.0.1:PORT
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
request_route {
	if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
	if (has_totag()) {
		if (loose_route()) { t_relay(); exit; }
		if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
		sl_send_reply("404", "Not here");
		exit;
	}
	t_check_trans();
	record_route();
	if ($rU == "room") { $du = "sip:AGENT"; t_relay(); exit; }
	if ($rU == "bob") { $du = "sip:PHONE"; t_relay(); exit; }
	sl_send_reply("404", "Not Found");
}
`

// ledger is a socket that keeps the addresses it sends to.
type ledger struct {
	net.PacketConn
	mu   sync.Mutex
	sent map[netip.AddrPort]int
}

func (l *ledger) WriteTo(b []byte, to net.Addr) (int, error) {
	at, _ := netip.ParseAddrPort(to.String())
	l.mu.Lock()
	l.sent[at]++
	l.mu.Unlock()
	return l.PacketConn.WriteTo(b, to)
}

// TestInteropKamailio calls both ways through a proxy that stays in the path: every message of ours goes to it.
func TestInteropKamailio(t *testing.T) {
	testutil.Need(t, "kamailio")
	e, err := engine.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	in, book := newIncoming(), &ledger{sent: map[netip.AddrPort]int{}}
	a, err := sip.Listen("127.0.0.1:0", e, &sip.Options{Bridge: in, ListenPacket: func(network, addr string) (net.PacketConn, error) {
		c, err := net.ListenPacket(network, addr)
		book.PacketConn = c
		return book, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Network: "udp"})
	proxy := startKamailio(t, a.Addr().String(), bob.Addr().String())

	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	callsThrough(ctx, t, a, in, bob, [2]string{"sip:bob@" + proxy, "sip:bob@" + proxy}, "sip:room@"+proxy)
	wait(t, "the end of the calls", func() bool { return a.Stats().Standing == 0 })
	book.mu.Lock()
	defer book.mu.Unlock()
	if len(book.sent) != 1 || book.sent[netip.MustParseAddrPort(proxy)] == 0 {
		t.Errorf("messages went to %v, want all of them to go to the proxy %s", book.sent, proxy)
	}
}

// callsThrough makes four calls through a proxy between the agent and a phone: each way, hung up by each side, with a re-INVITE of the agent's.
// out is whom the agent calls, in the call that it hangs up and in the one that the phone does; room is whom the phone calls.
func callsThrough(ctx context.Context, t *testing.T, a *sip.Agent, in *incoming, bob *siptest.Phone, out [2]string, room string) {
	t.Helper()
	for n := range 4 {
		var err error
		var l *sip.Leg
		var phone *siptest.Call
		if n%2 == 0 {
			var d bridge.Leg
			if d, err = a.Dial(ctx, out[n/2], nil); err != nil {
				t.Fatal(err)
			}
			l, _ = d.(*sip.Leg)
			if phone, err = bob.NextCall(ctx); err != nil {
				t.Fatal(err)
			}
		} else {
			if phone, err = bob.Call(ctx, room, nil); err != nil {
				t.Fatal(err)
			}
			select {
			case l = <-in.legs:
			case <-ctx.Done():
				t.Fatal("no call came in")
			}
			if err := l.Answer(ctx, nil); err != nil {
				t.Fatal(err)
			}
		}
		waitPhase(t, l, bridge.Up)
		if err := phone.WaitState(ctx, siptest.Up); err != nil {
			t.Fatal(err)
		}
		if err := l.Update(ctx, pcmu(media.RecvOnly)); err != nil { // a re-INVITE goes the same way
			t.Errorf("update: %v", err)
		}
		if n < 2 {
			err = l.Hangup(ctx, bridge.Normal)
		} else {
			err = phone.Hangup(ctx)
		}
		if err != nil {
			t.Errorf("hang up: %v", err)
		}
		if err := phone.WaitState(ctx, siptest.Ended); err != nil {
			t.Error(err)
		}
		waitPhase(t, l, bridge.Over)
	}
}

// startKamailio starts a proxy and returns its address.
func startKamailio(t *testing.T, agent, phone string) string {
	t.Helper()
	return startKamailioWith(t, kamailioConfig, agent, phone)
}

func startKamailioWith(t *testing.T, config, agent, phone string) string {
	t.Helper()
	return testutil.StartKamailio(t, strings.NewReplacer("AGENT", agent, "PHONE", phone).Replace(config)).Addr
}
