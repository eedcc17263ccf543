package outbound_test

import (
	"net/netip"
	"testing"

	"github.com/alexacall/alexacall/internal/outbound"
)

func TestPublic(t *testing.T) {
	for _, a := range []string{
		"1.1.1.1", "8.8.8.8", "52.216.0.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
		"223.255.255.255", "2600:1fa0::1", "2606:4700::1", "2001:200::1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
	} {
		if !outbound.Public(netip.MustParseAddr(a)) {
			t.Errorf("%s is not public", a)
		}
	}
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
		"169.254.0.1", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1",
		"192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
		"240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0:0", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254",
		"64:ff9b:1::1", "100::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "fe80::1%eth0", "2600::1%eth0", "fec0::1", "ff02::1",
		"2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "5f00::1",
	} {
		if outbound.Public(netip.MustParseAddr(a)) {
			t.Errorf("%s is public", a)
		}
	}
	if outbound.Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func FuzzControl(f *testing.F) {
	for _, a := range []string{"1.1.1.1:443", "127.0.0.1:443", "[::1]:443", "[::ffff:10.0.0.1]:443", "[fe80::1%lo]:443", "localhost:443", "", "0x7f.1:443", "2130706433:443"} {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if outbound.Control("tcp", address, nil) != nil {
			return
		}
		a := netip.MustParseAddrPort(address).Addr().Unmap()
		if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
			t.Errorf("%q is let through", address)
		}
	})
}
