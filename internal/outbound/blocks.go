package outbound

import "net/netip"

func block4(a, b, c byte, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b, c}), bits)
}

func block6(a, b uint16, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{byte(a >> 8), byte(a), byte(b >> 8), byte(b)}), bits)
}

// Blocks of IPv4 that are not the Internet's, by the IANA IPv4 Special-Purpose Address Registry.
var block4Table = [...]netip.Prefix{
	block4(0, 0, 0, 8),       // this network, RFC 791
	block4(10, 0, 0, 8),      // private, RFC 1918
	block4(100, 64, 0, 10),   // shared by carriers, RFC 6598
	block4(127, 0, 0, 8),     // loopback, RFC 1122
	block4(169, 254, 0, 16),  // link-local, RFC 3927; also where clouds keep their metadata
	block4(172, 16, 0, 12),   // private, RFC 1918
	block4(192, 0, 0, 24),    // protocol assignments, RFC 6890
	block4(192, 0, 2, 24),    // documentation, RFC 5737
	block4(192, 88, 99, 24),  // 6to4 relays, RFC 7526
	block4(192, 168, 0, 16),  // private, RFC 1918
	block4(198, 18, 0, 15),   // benchmarks, RFC 2544
	block4(198, 51, 100, 24), // documentation, RFC 5737
	block4(203, 0, 113, 24),  // documentation, RFC 5737
	block4(224, 0, 0, 4),     // multicast, RFC 5771
	block4(240, 0, 0, 4),     // reserved and broadcast, RFC 1112
}

// Blocks within 2000::/3 that are not the Internet's, by the IANA IPv6 Special-Purpose Address Registry.
var block6Table = [...]netip.Prefix{
	block6(0x2001, 0, 23),     // protocol assignments, Teredo among them, RFC 2928
	block6(0x2001, 0xdb8, 32), // documentation, RFC 3849
	block6(0x2002, 0, 16),     // 6to4, which carries any IPv4 address, RFC 3056
	block6(0x3fff, 0, 20),     // documentation, RFC 9637
}

// global6Table holds all that is assigned as global unicast; nat64Table holds IPv4 addresses, RFC 6052.
var (
	global6Table = block6(0x2000, 0, 3)
	nat64Table   = block6(0x64, 0xff9b, 96)
)
