package engine

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/alexacall/alexacall/media"
)

// payloads are the payload types that were negotiated for one transport. A new negotiation makes a new value, so that the packet path
// reads it without a lock.
type payloads struct {
	first     payload    // which nearly every packet has: it is found in one place of memory and not in two
	rest      []payload  // a handful, which other legs may share
	streams   [2]*stream // on the transport, by kind
	recording *recording // nil: nobody wants to know when packets come
}

// noNumber is no payload type: those have seven bits.
const noNumber = 0xff

// newPayloads returns a table without payload types.
func newPayloads() *payloads {
	return &payloads{first: payload{number: noNumber}}
}

// main returns the stream of what cannot be told: that of sound, where there is one.
func (t *payloads) main() *stream {
	if s := t.streams[media.Audio]; s != nil {
		return s
	}
	return t.streams[media.Video]
}

// stream returns the stream of a payload type.
func (t *payloads) stream(p *payload) *stream { return t.streams[p.kind] }

// of returns the stream that a packet belongs to by its payload type, which is not encrypted.
func (t *payloads) of(pkt []byte) *stream {
	if len(pkt) > 1 {
		if p := t.find(pkt[1] & 0x7f); p != nil {
			return t.stream(p)
		}
	}
	return t.main()
}

// add puts p under its number, in place of what was there.
func (t *payloads) add(p payload) {
	switch had := t.find(p.number); {
	case had != nil:
		*had = p
	case t.first.number == noNumber:
		t.first = p
	default:
		t.rest = append(t.rest, p)
	}
}

// find returns what a number stands for; nil: it was not negotiated.
func (t *payloads) find(number uint8) *payload {
	if number == t.first.number {
		return &t.first
	}
	for i := range t.rest {
		if p := &t.rest[i]; p.number == number {
			return p
		}
	}
	return nil
}

// payload is one payload type that we receive.
type payload struct {
	codec  *media.Codec
	number uint8
	kind   media.Kind
	what   media.What
	repair bool  // packets of the codec that are sent again (RFC 4588)
	extra  uint8 // id of the header extension that passes; 0: none
}

// format is one payload type that we send.
type format struct {
	codec  *media.Codec
	number uint8
	repair uint8 // payload type for what is sent again (RFC 4588); 0: its own
	extra  uint8 // id of the header extension that passes; 0: none
}

// codec returns c for a table: as the policy has it where it does, so that all legs of the policy share it. Of others the text is no longer
// part of the far side's description, which would stay with it.
func (s *stream) codec(c media.Codec) *media.Codec {
	all := s.t.policy.Audio
	if s.kind == media.Video {
		all = s.t.policy.Video
	}
	if i := slices.Index(all, c); i >= 0 {
		return &all[i]
	}
	c.Name, c.Params = strings.Clone(c.Name), strings.Clone(c.Params)
	return s.t.engine.shelves.codecs.like(&c, func(a, b *media.Codec) bool { return *a == *b })
}

// outbound is what a stream may send: sound or pictures, and telephone events. Other legs may share it.
type outbound struct {
	all  []format
	most int // so many of them are sound or pictures, and stand first
}

func (o *outbound) formats() []format { return o.all[:o.most] }
func (o *outbound) events() []format  { return o.all[o.most:] }

func newOutbound(s *stream, fs []media.Format, repairs []media.Repair, extra uint8) *outbound {
	o := &outbound{all: make([]format, 0, len(fs))}
	for _, f := range fs {
		if !f.Codec.IsDigits() {
			o.all = append(o.all, format{codec: s.codec(f.Codec), number: f.Number, repair: repairOf(repairs, f.Number), extra: extra})
		}
	}
	o.most = len(o.all)
	for _, f := range fs {
		if f.Codec.IsDigits() {
			o.all = append(o.all, format{codec: s.codec(f.Codec), number: f.Number})
		}
	}
	return s.t.engine.shelves.formats.like(o, func(a, b *outbound) bool { return slices.Equal(a.all, b.all) })
}

// repairOf returns the payload type for packets of another one that are sent again; 0: that one.
func repairOf(repairs []media.Repair, of uint8) uint8 {
	if i := slices.IndexFunc(repairs, func(r media.Repair) bool { return r.Of == of }); i >= 0 {
		return repairs[i].Number
	}
	return 0
}

// repair returns the payload type for packets of another one that are sent again; 0: that one.
func (o *outbound) repair(of uint8) uint8 {
	for _, f := range o.formats() {
		if f.number == of {
			return f.repair
		}
	}
	return 0
}

// found is what was found for a codec: it stays the same from packet to packet.
type found struct {
	of     *outbound
	codec  *media.Codec
	format *format // nil: the far side does not take it
}

// find returns the payload type for a codec.
func (o *outbound) find(c *media.Codec) found {
	for i := range o.formats() {
		f := &o.all[i]
		if *f.codec == *c {
			return found{o, f.codec, f}
		}
		if f.codec.Matches(*c) {
			return found{o, new(*c), f}
		}
	}
	return found{o, new(*c), nil}
}

// event returns the payload type for telephone events beside sound of a clock rate, which the events share where they can. The rate is 0
// where no sound has been sent yet: then it is that of the sound that would be.
func (o *outbound) event(rate int) *format {
	if rate == 0 {
		rate = o.first().ClockRate
	}
	events := o.events()
	for i := range events {
		if events[i].codec.ClockRate == rate {
			return &events[i]
		}
	}
	if len(events) > 0 {
		return &events[0]
	}
	return nil
}

// first returns what is sent unless a packet says otherwise.
func (o *outbound) first() media.Codec {
	if o == nil || o.most == 0 {
		return media.Codec{}
	}
	return *o.all[0].codec
}

// eventSize is the size of a telephone event's payload (RFC 4733 section 2.3).
const eventSize = 4

// reclock changes the duration in a telephone event from one clock to another, in place.
func reclock(event []byte, from, to int) {
	if len(event) < eventSize || from == to || from <= 0 {
		return
	}
	d := uint64(binary.BigEndian.Uint16(event[2:])) * uint64(to) / uint64(from)
	binary.BigEndian.PutUint16(event[2:], uint16(min(d, 0xffff)))
}
