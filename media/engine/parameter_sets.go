package engine

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/alexacall/alexacall/media"
)

const (
	maxParameterSets    = 8    // of one description
	maxParameterSetSize = 1024 // bytes, so that each goes in a packet of its own

	// setsEvery is how often they are sent, in the long run: before each picture of a camera that makes key pictures alone. More of them may follow
	// upon each other within setsAtOnce, but no camera has us send many times what it sends itself.
	setsEvery  = 40 * time.Millisecond
	setsAtOnce = time.Second
)

// NAL unit types of H.264 and of its RTP packets (RFC 6184 section 5.2).
const (
	nalKey = 5  // a slice of a picture that needs no other
	nalSPS = 7  // sequence parameter set
	nalPPS = 8  // picture parameter set
	nalAll = 24 // several units (STAP-A)
	nalCut = 28 // a part of one (FU-A)
)

// parameterSets knows what a decoder of H.264 has to have been told before it can show a picture. Some cameras say it in their description
// alone (sprop-parameter-sets, RFC 6184 section 8.4), which the far side of another leg does not see: then it goes into the stream, before
// each key picture.
type parameterSets struct {
	of    *outbound    // of the stream that the pictures come from, whose formats are as its far side describes them
	codec *media.Codec // that the packets have
	units [][]byte
	own   bool      // the source sends its own
	at    uint32    // time of the last key picture
	known bool      // there was one
	due   time.Time // until when what was sent would last at setsEvery
}

// before returns the units that have to go out before a packet of pictures from a stream: nil for most.
func (h *parameterSets) before(from *stream, p *media.Packet, now time.Time) [][]byte {
	if p.What != media.RTP || p.Codec == nil {
		return nil
	}
	if formats := from.out.formats.Load(); formats != h.of || p.Codec != h.codec {
		*h = parameterSets{of: formats, codec: p.Codec, units: describedSets(formats, p.Codec), due: h.due}
	}
	if h.units == nil {
		return nil
	}
	if p.Start {
		h.own, h.known = false, false
	}
	sets, key := looksInto(p.Payload)
	h.own = h.own || sets
	if h.own || !key || h.known && h.at == p.Time {
		return nil
	}
	h.at, h.known = p.Time, true
	if h.due.Sub(now) >= setsAtOnce {
		return nil
	}
	if h.due.Before(now) {
		h.due = now
	}
	h.due = h.due.Add(setsEvery)
	return h.units
}

// describedSets returns the parameter sets that a description names for a codec.
func describedSets(formats *outbound, c *media.Codec) [][]byte {
	if formats == nil || !strings.EqualFold(c.Name, "H264") {
		return nil
	}
	f := formats.find(c).format
	if f == nil {
		return nil
	}
	for one := range strings.SplitSeq(f.codec.Params, ";") {
		name, value, _ := strings.Cut(one, "=")
		if strings.EqualFold(strings.TrimSpace(name), "sprop-parameter-sets") {
			return readSets(value)
		}
	}
	return nil
}

// readSets reads the value of sprop-parameter-sets; nil if there is no sequence parameter set in it.
func readSets(value string) [][]byte {
	var units [][]byte
	first := false
	for text := range strings.SplitSeq(value, ",") {
		text = strings.TrimRight(strings.TrimSpace(text), "=") // which some leave out
		unit, err := base64.RawStdEncoding.DecodeString(text)
		if err != nil || len(unit) < 2 || len(unit) > maxParameterSetSize || len(units) == maxParameterSets {
			return nil
		}
		switch unit[0] & 0x1f {
		case nalSPS:
			first = true
		case nalPPS:
		default:
			continue
		}
		units = append(units, unit)
	}
	if !first {
		return nil
	}
	return units
}

// looksInto reports whether a packet of H.264 has a sequence parameter set in it, and whether a slice of a key picture begins in it.
func looksInto(payload []byte) (sets, key bool) {
	if len(payload) < 2 {
		return false, false
	}
	switch kind := payload[0] & 0x1f; kind {
	case nalSPS:
		return true, false
	case nalKey:
		return false, true
	case nalCut:
		return false, payload[1]&0x80 != 0 && payload[1]&0x1f == nalKey
	case nalAll:
		for rest := payload[1:]; len(rest) > 2; {
			n := int(binary.BigEndian.Uint16(rest))
			if n == 0 || n > len(rest)-2 {
				break
			}
			sets, key = sets || rest[2]&0x1f == nalSPS, key || rest[2]&0x1f == nalKey
			rest = rest[2+n:]
		}
	}
	return sets, key
}

// precede sends units in packets of their own before p, at its time. Where p has come late, so that there is no room before it, they are left
// out: the next key picture brings them.
func (o *sender) precede(s *stream, w *worker, p *media.Packet, units [][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	tr, c := s.way.Load(), s.crypt.Load()
	if !s.passes(media.SendOnly) || !tr.ready() || !c.ready() {
		return
	}
	f := o.formats.Load().find(p.Codec).format
	if f == nil {
		return
	}
	seq, ts, ok := o.rewrite.insert(p, uint16(len(units)), f.codec.ClockRate, o.start || p.Start, w.now)
	if !ok {
		return
	}
	o.start, p.Start = false, false
	w.flush() // what came before goes before
	buf := s.t.engine.spare.get()
	defer s.t.engine.spare.put(buf)
	for i, unit := range units {
		o.sendUnit(tr, c, append(o.header(buf[:0], f.number, seq+uint16(i), ts), unit...), w.now)
	}
}

// header appends the header of an RTP packet.
func (o *sender) header(b []byte, number uint8, seq uint16, ts uint32) []byte {
	b = append(b, 2<<6, number)
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, ts)
	return binary.BigEndian.AppendUint32(b, o.ssrc.Load())
}

// sendUnit sends a packet that is made here. o.mu is held.
func (o *sender) sendUnit(tr *transport, c *crypt, room []byte, now time.Time) {
	o.count(len(room)-rtpHeaderSize, now)
	if o.repeater != nil {
		o.repeater.sent(room, binary.BigEndian.Uint16(room[2:]), now)
	}
	pkt, err := c.protect(room)
	if err != nil || tr.send(pkt, tr.remote()) != nil {
		o.stats.failed++
	}
}
