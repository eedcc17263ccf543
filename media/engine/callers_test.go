package engine

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// A far side that shows its password from one address after another has some of them, and another one now and then. The agent would keep
// each for the life of the call, and check it.
func TestSTUNManyAddresses(t *testing.T) {
	c := newChecked(t)
	s, conn := c.e.shards[0], c.term.transport.conn.Load()
	user, pwd := c.term.ice.ufrag+":"+theirUfrag, c.term.ice.pwd
	send := func(n int, pwd string) {
		eventuallyEmpty(t, conn.queue)
		s.mu.RLock()
		defer s.mu.RUnlock()
		s.stun(c.request(user, pwd), netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n >> 14)}), uint16(1024+n&0x3fff)))
	}
	for n := range 200 {
		send(n, "a guess") // takes nothing away from who knows it
	}
	for n := range 2000 {
		send(1000+n, pwd)
	}
	eventuallyEmpty(t, conn.queue)
	known, err := c.term.ice.ice.GetRemoteCandidates()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(known); n < maxCallers || n > maxCallers+2*queueDepth {
		t.Errorf("the agent knows %d addresses, want about %d", n, maxCallers)
	}
	before := s.strays.Load()
	send(1000, pwd) // one of the first
	if after := s.strays.Load(); after != before {
		t.Error("an address that is known is turned away")
	}
}

// eventuallyEmpty waits until an agent has taken what waits for it.
func eventuallyEmpty(t *testing.T, q *queue) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Microsecond) {
		q.mu.Lock()
		n := len(q.items)
		q.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the agent takes nothing")
		}
	}
}

func TestCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c callers
		at := func(n int) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(1+n))
		}
		next := 0
		fill := func() (n int) {
			for c.may(at(next)) {
				for range 3 {
					c.verified(at(next))
				}
				next++
				n++
			}
			return n
		}
		if n := fill(); n != maxCallers {
			t.Errorf("%d at once, want %d", n, maxCallers)
		}
		if !c.may(at(0)) {
			t.Error("a known one is turned away")
		}
		time.Sleep(3*callerEvery + time.Second)
		if n := fill(); n != 3 {
			t.Errorf("%d more after a while, want 3", n)
		}
		time.Sleep(24 * time.Hour)
		if n := fill(); n != maxCallers {
			t.Errorf("%d more after a day, want %d", n, maxCallers)
		}
	})
}
