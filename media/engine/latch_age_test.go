package engine

import (
	"net/netip"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

func TestLatchForgetsEndedCalls(t *testing.T) {
	var l latch
	start := time.Unix(1_700_000_000, 0)
	source := func(n int) leftover {
		return leftover{netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(n)), uint32(n)}
	}
	if l.over(source(1), start) {
		t.Error("a call that never was has ended")
	}
	var now time.Time
	for n := range 15_000 { // a call ends every 2 ms
		now = start.Add(time.Duration(n) * 2 * time.Millisecond)
		l.end(source(n), now)
		if n >= 2499 && !l.over(source(n-2499), now) {
			t.Fatalf("call %d is not remembered for five seconds", n-2499)
		}
		if n >= 5010 && l.over(source(n-5010), now) {
			t.Fatalf("call %d is remembered for more than ten seconds", n-5010)
		}
	}
	if l.over(source(14_999), now.Add(2*latchTurn+time.Second)) {
		t.Error("the last call is remembered for ever")
	}
	for n := range 3 * latchEnded {
		l.end(source(n), now)
	}
	if n := len(l.ended) + len(l.before); n > 2*latchEnded {
		t.Errorf("%d calls are remembered", n)
	}
}

// What was sighted for a call that has ended is not kept.
func TestLatchForgetsSightings(t *testing.T) {
	e := opened(t, "127.0.0.1:0", nil).engine
	leg := legAt(t, e, "192.0.2.2:5060", media.Plain)
	l, w, b := &e.shards[0].latch, new(worker), make([]byte, 172)
	b[0], w.now = 0x80, time.Now()
	for port := range uint16(2) {
		l.see(w, b, netip.AddrPortFrom(leg.at.Addr(), 6000+port))
	}
	if n := len(l.seen); n != 2 {
		t.Fatalf("%d are sighted, want 2", n)
	}
	if err := leg.m.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(l.seen); n != 0 {
		t.Errorf("%d are kept", n)
	}
}
