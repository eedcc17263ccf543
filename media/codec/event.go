package codec

import (
	"encoding/binary"
	"strings"
	"time"
)

const (
	eventSize   = 4  // of a report of an event (RFC 4733 section 2.3)
	maxEvents   = 64 // octets of a payload that is believed to be one
	eventEnd    = 0x80
	eventVolume = 0x3f
)

// keyNames are the events 0 to 16 of RFC 4733 section 3.2; the last, "!", is the hook flash.
const keyNames = "0123456789*#ABCD!"

// KeyFlash is the key that stands for the hook flash, which has no tone.
const KeyFlash = '!'

// An Event is what one packet says of a telephone event (RFC 4733 section 2.3).
type Event struct {
	Code     uint8  // 0 to 15 are the keys 0-9 * # A-D, 16 is the hook flash
	End      bool   // it is over
	Volume   uint8  // of the tone, in -dBm0, 0 to 63
	Duration uint16 // so far, in units of the RTP clock; an event that lasts longer goes on in a further segment
}

// ReadEvent reads the payload of a packet of events. Of several reports in one packet it reads the first: those that follow are of events
// without a pause between them (section 2.5.1.5), which keys are not.
func ReadEvent(payload []byte) (e Event, ok bool) {
	if len(payload) < eventSize || len(payload) > maxEvents {
		return Event{}, false
	}
	return Event{
		Code:     payload[0],
		End:      payload[1]&eventEnd != 0,
		Volume:   payload[1] & eventVolume,
		Duration: binary.BigEndian.Uint16(payload[2:]),
	}, true
}

// Append appends the payload of e to b.
func (e Event) Append(b []byte) []byte {
	flags := e.Volume & eventVolume
	if e.End {
		flags |= eventEnd
	}
	return binary.BigEndian.AppendUint16(append(b, e.Code, flags), e.Duration)
}

// Key returns the key of e: one of 0-9 * # A-D or KeyFlash; ok is false for what is no key, such as a modem's tone.
func (e Event) Key() (key byte, ok bool) {
	if int(e.Code) >= len(keyNames) {
		return 0, false
	}
	return keyNames[e.Code], true
}

// KeyCode returns the event of a key: one of 0-9 * # A-D a-d or KeyFlash.
func KeyCode(key byte) (code uint8, ok bool) {
	if key >= 'a' && key <= 'd' {
		key -= 'a' - 'A'
	}
	i := strings.IndexByte(keyNames, key)
	return uint8(max(i, 0)), i >= 0
}

// A Press is a key that goes down, or that is let go again.
type Press struct {
	Key      byte // 0-9 * # A-D or KeyFlash
	Down     bool
	Duration time.Duration // how long it was held, once it is let go
}
