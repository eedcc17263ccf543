package engine

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
)

// TestAddrTable keeps addresses of both families, those of IPv4 written as IPv6 among them, apart from one another.
func TestAddrTable(t *testing.T) {
	table, want := newAddrTable(), map[netip.AddrPort]*transport{}
	for _, text := range []string{
		"192.0.2.1:5004", "192.0.2.1:5005", "192.0.2.2:5004", "0.0.0.0:1", "255.255.255.255:65535", "[::ffff:192.0.2.1]:5004", "[2001:db8::1]:5004",
		"[2001:db8::1]:5005", "[fe80::1%eth0]:5004",
	} {
		a := netip.MustParseAddrPort(text)
		if got := table.of(a); got != nil {
			t.Errorf("%s has an owner before it was given one", a)
		}
		want[a] = new(transport)
		table.set(a, want[a])
	}
	for len(want) > 0 {
		got := map[netip.AddrPort]*transport{}
		for a := range table.all() {
			got[a] = table.of(a)
		}
		if !maps.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		gone := slices.Collect(maps.Keys(want))[0]
		table.drop(gone)
		delete(want, gone)
	}
	for a := range table.all() {
		t.Errorf("%s is left", a)
	}
}
