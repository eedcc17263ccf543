package alexatest

import (
	"slices"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// Types of NAL units (ITU-T H.264, table 7-1) and of payload structures (RFC 6184, table 1).
const (
	nalSlice = 1
	nalIDR   = 5
	nalSPS   = 7
	nalPPS   = 8
	nalSTAPA = 24
	nalFUA   = 28
)

// maxFrame is the size of a frame that is put together.
const maxFrame = 8 << 20

// frame is an access unit with a picture.
type frame struct {
	key   bool   // it has an IDR picture, as far as it arrived
	shown bool   // whole, and decodable
	data  []byte // as a byte stream; nil for one that is not shown
}

// assembler puts H.264 frames together from packets in order (RFC 6184, packetization modes 0 and 1). It knows neither sockets nor time.
type assembler struct {
	at       uint32 // timestamp of the frame in hand
	begun    bool
	broken   bool
	key      bool
	picture  bool // has a slice, or a piece of one
	units    [][]byte
	size     int
	piece    []byte // of a fragmented unit
	sps, pps []byte
	chain    bool // a key frame and all after it have arrived
	afterGap bool // the next frame may lack its beginning
	wantKey  bool
}

// hole notes that packets are lost for good.
func (a *assembler) hole() {
	a.broken, a.afterGap = true, true
	a.chain, a.wantKey = false, true
	a.piece = nil
}

// take takes the next packet, and returns the frames that are complete or over with it.
func (a *assembler) take(p *rtp.Packet) (out []frame) {
	if a.begun && p.Timestamp != a.at {
		out = a.finish(out)
	}
	if !a.begun {
		a.begun, a.at = true, p.Timestamp
		a.broken, a.afterGap = a.afterGap, false
	}
	if len(p.Payload) > 0 {
		a.payload(p.Payload)
	}
	if p.Marker {
		out = a.finish(out)
	}
	return out
}

func (a *assembler) payload(b []byte) {
	switch kind := b[0] & 0x1f; {
	case kind >= nalSlice && kind < nalSTAPA:
		a.unit(b)
	case kind == nalSTAPA:
		for b = b[1:]; len(b) > 2; {
			n := int(b[0])<<8 | int(b[1])
			if b = b[2:]; n == 0 || n > len(b) {
				a.broken = true
				return
			}
			a.unit(b[:n])
			b = b[n:]
		}
	case kind == nalFUA && len(b) > 2:
		a.fragment(b)
	default:
		a.broken = true
	}
}

// fragment adds a piece of a unit (RFC 6184, section 5.8).
func (a *assembler) fragment(b []byte) {
	first, last, kind := b[1]&0x80 != 0, b[1]&0x40 != 0, b[1]&0x1f
	a.note(kind)
	switch {
	case first:
		a.piece = append([]byte{b[0]&0xe0 | kind}, b[2:]...)
	case a.piece == nil || len(a.piece) > maxFrame:
		a.piece, a.broken = nil, true
		return
	default:
		a.piece = append(a.piece, b[2:]...)
	}
	if last {
		a.unit(a.piece)
		a.piece = nil
	}
}

// note keeps what kind of frame this is.
func (a *assembler) note(kind byte) {
	a.key = a.key || kind == nalIDR
	a.picture = a.picture || kind >= nalSlice && kind <= nalIDR
}

// unit adds a whole unit.
func (a *assembler) unit(b []byte) {
	kind := b[0] & 0x1f
	a.note(kind)
	if a.size += len(b); a.size > maxFrame {
		a.broken = true
		return
	}
	b = slices.Clone(b)
	switch kind {
	case nalSPS:
		a.sps = b
	case nalPPS:
		a.pps = b
	}
	a.units = append(a.units, b)
}

// finish ends the frame in hand. Parameter sets that came in a frame of their own go with the next one.
func (a *assembler) finish(out []frame) []frame {
	if a.piece != nil {
		a.piece, a.broken = nil, true
	}
	a.begun = false
	if !a.picture && !a.broken {
		return out
	}
	f := frame{key: a.key}
	switch {
	case a.broken:
		a.chain = false
	case a.key && a.sps != nil && a.pps != nil:
		a.chain = true
	}
	if f.shown = a.chain && !a.broken; f.shown {
		f.data = a.stream()
	}
	a.wantKey = !a.chain
	if a.picture {
		out = append(out, f)
	}
	a.units, a.size, a.key, a.picture, a.broken = nil, 0, false, false, false
	return out
}

// stream writes the frame's units with start codes; a key frame has its parameter sets in front, so that a decoder can begin there.
func (a *assembler) stream() (b []byte) {
	units := a.units
	has := func(kind byte) bool {
		return slices.ContainsFunc(units, func(u []byte) bool { return u[0]&0x1f == kind })
	}
	if a.key && !has(nalPPS) {
		units = append([][]byte{a.pps}, units...)
	}
	if a.key && !has(nalSPS) {
		units = append([][]byte{a.sps}, units...)
	}
	for _, u := range units {
		b = append(b, 0, 0, 0, 1)
		b = append(b, u...)
	}
	return b
}

// nackPairs writes sequence numbers in the form of RFC 4585, section 6.2.1.
func nackPairs(numbers []uint16) []rtcp.NackPair {
	slices.SortFunc(numbers, func(x, y uint16) int { return int(int16(x - y)) })
	return rtcp.NackPairsFromSequenceNumbers(numbers)
}
