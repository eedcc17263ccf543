package engine

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

// TURN as far as packets of calls need it (RFC 8656 sections 11 and 12). Requests and responses are read and written by pion/stun.
const (
	turnSend = 0x0016 // Send indication: towards a peer
	turnData = 0x0017 // Data indication: from a peer

	turnPeerAttr = 0x0012 // XOR-PEER-ADDRESS
	turnDataAttr = 0x0013 // DATA

	channelFirst, channelLast = 0x4000, 0x4FFF // RFC 8656 section 12
	channelHeaderSize         = 4

	turnRoom = 64 // bytes that a message to a server may be longer than what it carries
)

// appendChannelData writes what goes to a peer under a channel number. On a stream it is padded to four bytes.
func appendChannelData(b []byte, number uint16, data []byte, stream bool) []byte {
	b = binary.BigEndian.AppendUint16(b, number)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	b = append(b, data...)
	if stream {
		b = append(b, make([]byte, -len(data)&3)...)
	}
	return b
}

// channelData takes apart what has come under a channel number.
func channelData(b []byte) (number uint16, data []byte, ok bool) {
	if len(b) < channelHeaderSize {
		return 0, nil, false
	}
	end := channelHeaderSize + int(binary.BigEndian.Uint16(b[2:]))
	if end > len(b) {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(b), b[channelHeaderSize:end], true
}

// appendSend writes a Send indication.
func appendSend(b []byte, to netip.AddrPort, data []byte) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, turnSend<<16)
	b = binary.BigEndian.AppendUint32(b, stunCookie)
	b = binary.BigEndian.AppendUint64(b, rand.Uint64())
	b = binary.BigEndian.AppendUint32(b, rand.Uint32())
	var address [20]byte
	peer := putXORAddr(address[:], b[start+4:start+stunHeaderSize], to)
	b = appendAttr(b, turnPeerAttr, peer)
	b = appendAttr(b, turnDataAttr, data)
	binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start-stunHeaderSize))
	return b
}

func appendAttr(b []byte, kind uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	return append(b, make([]byte, -len(value)&3)...)
}

// dataIndication takes a Data indication apart.
func dataIndication(b []byte) (from netip.AddrPort, data []byte, ok bool) {
	if len(b) < stunHeaderSize || binary.BigEndian.Uint16(b) != turnData {
		return from, nil, false
	}
	b = b[:min(len(b), stunHeaderSize+int(binary.BigEndian.Uint16(b[2:])))]
	for at := stunHeaderSize; at+4 <= len(b); {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		at += 4
		if at+size > len(b) {
			return from, nil, false
		}
		switch { // the first of a kind counts (RFC 8489 section 14)
		case kind == turnPeerAttr && !from.IsValid():
			if from, ok = xorAddr(b[at:at+size], b[4:stunHeaderSize]); !ok {
				return from, nil, false
			}
		case kind == turnDataAttr && data == nil:
			data = b[at : at+size]
		}
		at += (size + 3) &^ 3
	}
	return from, data, from.IsValid() && data != nil
}

// Families of addresses in STUN (RFC 8489 section 14.1).
const (
	stunIPv4 = 1
	stunIPv6 = 2
)

// putXORAddr writes the value of an XOR-... address attribute to b and returns it. mask is the cookie and the transaction.
func putXORAddr(b, mask []byte, a netip.AddrPort) []byte {
	ip := a.Addr().AsSlice()
	b[0], b[1] = 0, stunIPv4
	if len(ip) == 16 {
		b[1] = stunIPv6
	}
	binary.BigEndian.PutUint16(b[2:], a.Port()^stunCookie>>16)
	for i := range ip {
		b[4+i] = ip[i] ^ mask[i]
	}
	return b[:4+len(ip)]
}

// xorAddr reads the value of an XOR-... address attribute.
func xorAddr(b, mask []byte) (netip.AddrPort, bool) {
	var ip [16]byte
	size := 4
	switch {
	case len(b) >= 8 && b[1] == stunIPv4:
	case len(b) >= 20 && b[1] == stunIPv6:
		size = 16
	default:
		return netip.AddrPort{}, false
	}
	for i := range size {
		ip[i] = b[4+i] ^ mask[i]
	}
	addr, _ := netip.AddrFromSlice(ip[:size])
	return netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(b[2:])^stunCookie>>16), true
}

// isChannelData tells channel data from STUN by the first byte (RFC 8656 section 12).
func isChannelData(b []byte) bool { return b[0] >= channelFirst>>8 && b[0] <= channelLast>>8 }
