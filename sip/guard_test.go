package sip

import (
	"net/netip"
	"testing"
	"time"
)

var (
	scanner = netip.MustParseAddr("198.51.100.7")
	epoch   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// offend charges a source until it is not admitted, and returns how many offences that took.
func offend(g *guard, from netip.Addr, weight float64, now time.Time) int {
	for n := range 1 << 12 {
		if !g.admits(from, now) {
			return n
		}
		g.charge(from, weight, now)
	}
	return -1
}

// TestGuardPatience empties the bucket of a source and lets time fill it.
func TestGuardPatience(t *testing.T) {
	g := newGuard(nil)
	if n := offend(g, scanner, offenceUnparsed, epoch); n != 64 {
		t.Errorf("dropped after %d offences, want 64", n)
	}
	if !g.admits(scanner.Next(), epoch) {
		t.Error("its neighbour is dropped too")
	}
	if n := offend(g, scanner, offenceUnparsed, epoch.Add(time.Second)); n != 1 {
		t.Errorf("%d messages are looked at a second later, want 1", n)
	}
	if n := offend(g, scanner, offenceUnparsed, epoch.Add(time.Hour)); n != 64 {
		t.Errorf("dropped after %d offences an hour later, want 64", n)
	}
	if n := offend(g, scanner.Prev(), offenceDialog, epoch); n != 253 {
		t.Errorf("dropped after %d requests for calls that there are not, want 253", n)
	}
}

// TestGuardTrust forgives a source more that belongs to a call, for a day.
func TestGuardTrust(t *testing.T) {
	g := newGuard(nil)
	g.trust(scanner, epoch)
	if n := offend(g, scanner, offenceUnparsed, epoch); n != 63*16+1 {
		t.Errorf("dropped after %d offences, want %d", n, 63*16+1)
	}
	if n := offend(g, scanner, offenceUnparsed, epoch.Add(25*time.Hour)); n != 64 {
		t.Errorf("dropped after %d offences a day later, want 64", n)
	}
}

// TestGuardPeers admits those that are listed, whatever they do, and those that we have turned to.
func TestGuardPeers(t *testing.T) {
	g := newGuard([]netip.Prefix{netip.MustParsePrefix("192.0.2.77/24"), netip.MustParsePrefix("::ffff:203.0.113.0/120"), netip.MustParsePrefix("2001:db8::/32")})
	for _, a := range []string{"192.0.2.1", "203.0.113.9", "2001:db8:1::5"} {
		if n := offend(g, netip.MustParseAddr(a), offenceUnparsed, epoch); n != -1 {
			t.Errorf("%s is dropped after %d offences", a, n)
		}
	}
	for _, a := range []string{"198.51.100.7", "203.0.114.1", "2001:db9::1"} {
		if g.admits(netip.MustParseAddr(a), epoch) {
			t.Errorf("%s is admitted", a)
		}
	}
	g.charge(scanner, offenceUnparsed, epoch)
	if len(g.sources) != 0 {
		t.Error("a source that is not admitted takes memory")
	}
	g.trust(scanner, epoch)
	if !g.admits(scanner, epoch.Add(23*time.Hour)) || g.admits(scanner, epoch.Add(24*time.Hour)) || g.peer(scanner) {
		t.Error("a source that we have turned to is to be admitted for a day, and may begin nothing")
	}
	if newGuard([]netip.Prefix{}).admits(scanner, epoch) {
		t.Error("an empty list admits")
	}
}

// TestGuardNetworks counts the network of 64 bits as one source.
func TestGuardNetworks(t *testing.T) {
	g := newGuard(nil)
	offend(g, netip.MustParseAddr("2001:db8::1"), offenceUnparsed, epoch)
	if g.admits(netip.MustParseAddr("2001:db8::ffff:2"), epoch) || !g.admits(netip.MustParseAddr("2001:db8:0:1::1"), epoch) {
		t.Error("want the network of 64 bits dropped, and no other")
	}
}

// TestGuardMemory floods it with sources: the table has its bound, and who has calls stays in it.
func TestGuardMemory(t *testing.T) {
	g := newGuard(nil)
	g.trust(scanner, epoch)
	at := netip.MustParseAddr("10.0.0.0")
	for range 5 * maxSources {
		at = at.Next()
		g.charge(at, offenceUnparsed, epoch)
	}
	if len(g.sources) > maxSources {
		t.Errorf("%d sources", len(g.sources))
	}
	if s := g.sources[scanner]; s == nil || !epoch.Before(s.trusted) {
		t.Error("the source with calls is forgotten")
	}
}

func TestGuardAllocates(t *testing.T) {
	g := newGuard([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})
	g.trust(scanner, epoch)
	v6 := netip.MustParseAddr("2001:db8::1")
	if n := testing.AllocsPerRun(100, func() { _, _ = g.admits(scanner, epoch), g.admits(v6, epoch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
