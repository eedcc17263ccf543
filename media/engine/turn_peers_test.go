package engine

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// Permissions and channels are asked for once, renewed while they are used, and given up after.
func TestTURNClientPeers(t *testing.T) {
	o := upTURN(t)
	if _, known, ok := o.c.peer(testPeer, false); known || ok {
		t.Error("a far side is known before")
	}
	o.c.want(o.now, testPeer, false)
	o.c.want(o.now, testPeer, false)
	if number, known, ok := o.c.peer(testPeer, false); number != 0 || !known || !ok {
		t.Errorf("STUN goes under %#x, %v, %v", number, known, ok)
	}
	if _, known, _ := o.c.peer(testPeer, true); known {
		t.Error("there is a channel that nobody has asked for")
	}
	o.c.want(o.now, testPeer, true)
	if number, known, ok := o.c.peer(testPeer, true); number != 0 || !known || !ok {
		t.Errorf("before the channel stands, media goes under %#x, %v, %v", number, known, ok)
	}
	o.serve()
	number, known, ok := o.c.peer(testPeer, true)
	if number < channelFirst || number > channelLast || !known || !ok || o.c.numbers[number].peer != testPeer {
		t.Errorf("media goes under %#x, %v, %v", number, known, ok)
	}
	for range 60 {
		o.pass(time.Minute, false)
		o.c.peer(testPeer, true)
	}
	if n, p := o.count(stun.MethodChannelBind), o.count(stun.MethodCreatePermission); n < 12 || n > 16 || p < 12 || p > 16 {
		t.Errorf("%d bindings and %d permissions in an hour of use, want one every four minutes", n, p)
	}
	if got, _, _ := o.c.peer(testPeer, true); got != number {
		t.Errorf("the channel is %#x now, it was %#x", got, number)
	}
	o.pass(9*time.Minute, false)
	if len(o.c.permits) != 0 || o.c.channels[testPeer] == nil || o.c.channels[testPeer].ready {
		t.Errorf("%d permissions and %v after nine minutes", len(o.c.permits), o.c.channels[testPeer])
	}
	o.pass(12*time.Minute, false)
	if len(o.c.channels)+len(o.c.numbers) != 0 {
		t.Errorf("%d channels after twenty-one minutes", len(o.c.channels))
	}
}

// A channel that has been given up takes its number again, for the same far side alone.
func TestTURNClientChannelAgain(t *testing.T) {
	o := upTURN(t)
	o.c.want(o.now, testPeer, true)
	o.serve()
	first, _, _ := o.c.peer(testPeer, true)
	o.pass(9*time.Minute, false)
	other := netip.MustParseAddrPort("192.0.2.8:4000")
	for _, to := range []netip.AddrPort{other, testPeer} {
		o.c.want(o.now, to, true)
		o.c.peer(to, true)
	}
	o.pass(2*turnSweep, false)
	again, _, _ := o.c.peer(testPeer, true)
	if different, _, _ := o.c.peer(other, true); again != first || different == first || different == 0 {
		t.Errorf("channel %#x again as %#x, another is %#x", first, again, different)
	}
}

func TestTURNClientPeerRefused(t *testing.T) {
	o := upTURN(t)
	o.c.want(o.now, testPeer, true)
	for _, m := range o.sent() {
		o.refuse(m, stun.CodeForbidden)
	}
	if _, known, ok := o.c.peer(testPeer, true); !known || ok || o.c.phase != turnUp {
		t.Errorf("known %v, allowed %v, phase %d", known, ok, o.c.phase)
	}
	o.pass(permitRefused+turnSweep, false) // somebody still tries
	if _, _, ok := o.c.peer(testPeer, true); !ok {
		t.Error("a refusal holds for ever")
	}
	if o.c.want(o.now, netip.MustParseAddrPort("[2001:db8::1]:5"), false); len(o.c.permits) != 1 {
		t.Error("a permission is asked for another family")
	}
}

// What is asked of a deaf server for far sides makes us doubt that it is there.
func TestTURNClientDoubt(t *testing.T) {
	o := upTURN(t)
	o.pass(time.Second, false)
	o.c.want(o.now, testPeer, false)
	o.pass(18*time.Second, true)
	if !errors.Is(o.c.err, errTURNSilent) {
		t.Errorf("phase %d, %v; the next refresh would be due only now", o.c.phase, o.c.err)
	}
}

func TestTURNClientLimits(t *testing.T) {
	o := upTURN(t)
	for i := range maxPermits + 10 {
		o.c.want(o.now, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 9), true)
	}
	if len(o.c.permits) != maxPermits || len(o.c.channels) != channelLast-channelFirst+1 || len(o.c.numbers) != len(o.c.channels) {
		t.Errorf("%d permissions, %d channels", len(o.c.permits), len(o.c.channels))
	}

	const free = channelFirst + 5
	ch := o.c.numbers[free]
	delete(o.c.numbers, free)
	delete(o.c.channels, ch.peer)
	o.c.want(o.now, ch.peer, true)
	if again := o.c.channels[ch.peer]; again == nil || again.number != free {
		t.Errorf("of all numbers %#x is free, and %+v is taken", free, again)
	}
}
