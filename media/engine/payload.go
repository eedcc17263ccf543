package engine

import (
	"encoding/binary"

	"github.com/alexacall/alexacall/media"
)

// payloads are the payload types that were negotiated for one transport. A new negotiation makes a new value, so that the packet path
// reads it without a lock.
type payloads struct {
	number   uint8      // of the first one, which nearly every packet has: it is found in one place of memory and not in three
	first    payload    // what number stands for
	main     *stream    // that of the first section on the transport: of what cannot be told
	recorder *recorder  // of when packets come; nil: nobody wants to know
	numberID uint8      // of the header extension with their numbers
	index    [128]uint8 // by number, into in; 0: not negotiated
	in       []payload
}

// newPayloads returns a table without payload types.
func newPayloads(main *stream) *payloads { return &payloads{in: make([]payload, 1), main: main} }

// of returns the stream that a packet belongs to by its payload type, which is not encrypted.
func (t *payloads) of(pkt []byte) *stream {
	if len(pkt) > 1 {
		if s := t.find(pkt[1] & 0x7f).stream; s != nil {
			return s
		}
	}
	return t.main
}

// add puts p under a number, in place of what was there. There are 128 numbers, so they fit.
func (t *payloads) add(number uint8, p payload) {
	if len(t.in) == 1 || number == t.number {
		t.number, t.first = number, p
	}
	if i := t.index[number&0x7f]; i > 0 {
		t.in[i] = p
		return
	}
	t.index[number&0x7f] = uint8(len(t.in))
	t.in = append(t.in, p)
}

// find returns what a number stands for.
func (t *payloads) find(number uint8) *payload {
	if number == t.number {
		return &t.first
	}
	return &t.in[t.index[number&0x7f]]
}

// payload is one payload type that we receive.
type payload struct {
	codec  *media.Codec // nil: not negotiated
	stream *stream
	what   media.What
	repair bool  // packets of the codec that are sent again (RFC 4588)
	extra  uint8 // id of the header extension that passes; 0: none
}

// format is one payload type that we send.
type format struct {
	number uint8
	codec  media.Codec
	repair uint8 // payload type for what is sent again (RFC 4588); 0: its own
	extra  uint8 // id of the header extension that passes; 0: none
}

// outbound is what a stream may send: sound or pictures, and telephone events.
type outbound struct {
	formats []format
	events  []format
}

func newOutbound(fs []media.Format, repairs []media.Repair, extra uint8) *outbound {
	o := new(outbound)
	for _, f := range fs {
		if f.Codec.IsDigits() {
			o.events = append(o.events, format{number: f.Number, codec: f.Codec})
		} else {
			o.formats = append(o.formats, format{number: f.Number, codec: f.Codec, extra: extra})
		}
	}
	for _, r := range repairs {
		for i := range o.formats {
			if f := &o.formats[i]; f.number == r.Of {
				f.repair = r.Number
			}
		}
	}
	return o
}

// repair returns the payload type for packets of another one that are sent again; 0: that one.
func (o *outbound) repair(of uint8) uint8 {
	for i := range o.formats {
		if o.formats[i].number == of {
			return o.formats[i].repair
		}
	}
	return 0
}

// find returns the payload type for a codec.
func (o *outbound) find(c *media.Codec) *format {
	for i := range o.formats {
		if f := &o.formats[i]; f.codec == *c || f.codec.Matches(*c) {
			return f
		}
	}
	return nil
}

// event returns the payload type for telephone events beside sound of a clock rate, which the events share where they can.
func (o *outbound) event(rate int) *format {
	for i := range o.events {
		if o.events[i].codec.ClockRate == rate {
			return &o.events[i]
		}
	}
	if len(o.events) > 0 {
		return &o.events[0]
	}
	return nil
}

// first returns what is sent unless a packet says otherwise.
func (o *outbound) first() media.Codec {
	if o == nil || len(o.formats) == 0 {
		return media.Codec{}
	}
	return o.formats[0].codec
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
