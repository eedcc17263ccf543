package engine_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// What a NAT makes of the shared port is told, and the other port after it has changed.
func TestSTUNMapping(t *testing.T) {
	t.Parallel()
	s := newTURNServer(t, nil, netip.AddrPort{})
	f := newForwarder(t, s.udp)
	e, log := listenTo(t, engine.Options{STUN: []string{"stun:" + portOf(f.toPeer).String()}}, impatience)
	for range 2 {
		want := portOf(f.near())
		eventually(t, "the mapping is known", func() bool {
			all := engine.MappedOf(e)
			return len(all) == 1 && all[0] == want
		})
		offer, err := open(t, e, media.AlexaCalling()).Offer(g711())
		if err != nil {
			t.Fatal(err)
		}
		if text := described(offer); !strings.Contains(text, " 127.0.0.1 "+portText(want)+" typ srflx") {
			t.Errorf("no candidate with port %s in\n%s", portText(want), text)
		}
		if !strings.Contains(log.String(), "addr="+want.String()) {
			t.Errorf("the log does not have the address:\n%s", log)
		}
		f.move()
	}
	f.with(func([]byte, bool) int { return 0 })
	eventually(t, "the mapping of a server that is silent is told no more", func() bool { return len(engine.MappedOf(e)) == 0 })
	f.with(func([]byte, bool) int { return 1 })
	eventually(t, "the mapping is known again", func() bool { return len(engine.MappedOf(e)) == 1 })
}

func TestServerURLs(t *testing.T) {
	for _, o := range []engine.Options{
		{STUN: []string{"stun:"}},
		{STUN: []string{"turn:127.0.0.1"}},
		{STUN: []string{"stun:127.0.0.1:99999"}},
		{TURN: []engine.TURNServer{{URL: "stun:127.0.0.1"}}},
		{TURN: []engine.TURNServer{{URL: "turn:127.0.0.1?transport=sctp"}}},
		{TURN: []engine.TURNServer{{URL: "turns:127.0.0.1?transport=udp"}}},
		{TURN: []engine.TURNServer{{URL: "turn:127.0.0.1", Username: strings.Repeat("x", 509)}}},
	} {
		if e, err := engine.Listen("127.0.0.1:0", &o); err == nil || !strings.HasPrefix(err.Error(), "engine: ") {
			t.Errorf("%+v is taken, %v", o, err)
			_ = e.Close()
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", turnAt(netip.AddrPort{}), turnAt(netip.AddrPort{}), turnAt(netip.AddrPort{}), turnAt(netip.AddrPort{}).LogValue()); strings.Contains(text, turnPassword) {
		t.Errorf("the password is printed: %s", text)
	}
	p := media.Phone()
	p.RelayOnly = true
	if _, err := open(t, listen(t), p).Offer(nil); err == nil {
		t.Error("a leg without ICE may want relays")
	}
}
