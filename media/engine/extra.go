package engine

import (
	"github.com/pion/rtp"

	"github.com/alexacall/alexacall/media"
)

const (
	hasExtension = 1 << 4 // in the first byte of a packet: there are header extensions
	extraSize    = 8      // bytes of a header extension of one byte (RFC 8285 section 4.2)
)

// extraID returns the id of the header extension that passes from leg to leg with the packets of a section; 0: none.
func extraID(s *media.Section) uint8 {
	if s.Kind == media.Video {
		return s.Ext[media.Orientation]
	}
	return s.Ext[media.AudioLevel]
}

// extraOf reads it.
func extraOf(h *rtp.Header, id uint8, k media.Kind) (x media.Extra) {
	b := h.GetExtension(id)
	switch {
	case len(b) == 0:
	case k == media.Video:
		x.Turned, x.Turn = true, b[0]
	default:
		x.Loud, x.Level = true, b[0]
	}
	return x
}

// extend writes it, and the first byte of the header, into a packet: room is a payload with space for a header before it, which moves to
// make place where there is something to say and the packet stays within the size of those that we send.
func extend(room []byte, id uint8, x *media.Extra, k media.Kind) []byte {
	n, value, said := len(room), x.Level, x.Loud
	if k == media.Video {
		value, said = x.Turn, x.Turned
	}
	if !said || n+extraSize+maxTag > min(cap(room), packetSize) {
		room[0] = 2 << 6
		return room
	}
	room = room[:n+extraSize]
	copy(room[rtpHeaderSize+extraSize:], room[rtpHeaderSize:n])
	room[0] = 2<<6 | hasExtension
	copy(room[rtpHeaderSize:], []byte{0xbe, 0xde, 0, 1, id << 4, value, 0, 0})
	return room
}
