package siptest

import "encoding/binary"

// maxPayload is the most bytes of one packet of pictures: with all headers, and those of encryption on the way, it fits into an Ethernet
// frame.
const maxPayload = 1200

// payloads returns the payloads of the packets that carry an access unit (RFC 6184 section 5).
func payloads(u accessUnit, aggregate bool) [][]byte {
	var all [][]byte
	if sets := u.sets; aggregate && len(sets) > 1 {
		packet := []byte{sets[0][0]&0x60 | unitSTAPA}
		for _, set := range sets {
			packet = binary.BigEndian.AppendUint16(packet, uint16(len(set)))
			packet = append(packet, set...)
		}
		if len(packet) <= maxPayload {
			all, u.sets = append(all, packet), nil
		}
	}
	for _, units := range [][][]byte{u.sets, u.units} {
		for _, unit := range units {
			all = appendPayloads(all, unit)
		}
	}
	return all
}

// appendPayloads appends those of one NAL unit: itself, or its fragments (FU-A).
func appendPayloads(all [][]byte, unit []byte) [][]byte {
	if len(unit) <= maxPayload {
		return append(all, unit)
	}
	const started, ended = 0x80, 0x40
	indicator, header := unit[0]&0xE0|unitFUA, unit[0]&0x1F|started
	for rest := unit[1:]; len(rest) > 0; header &^= started {
		n := min(len(rest), maxPayload-2)
		if n == len(rest) {
			header |= ended
		}
		all = append(all, append([]byte{indicator, header}, rest[:n]...))
		rest = rest[n:]
	}
	return all
}

// startsKey reports whether a payload has the beginning of a slice of a key frame.
func startsKey(payload []byte) bool {
	switch unitType(payload) {
	case unitIDR:
		return true
	case unitFUA:
		return len(payload) > 1 && payload[1]&0x80 != 0 && payload[1]&0x1F == unitIDR
	case unitSTAPA:
		for rest := payload[1:]; len(rest) > 2; {
			n := int(binary.BigEndian.Uint16(rest))
			if rest = rest[2:]; n > len(rest) {
				return false
			}
			if unitType(rest[:n]) == unitIDR {
				return true
			}
			rest = rest[n:]
		}
	}
	return false
}
