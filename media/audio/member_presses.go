package audio

import "github.com/alexacall/alexacall/media"

const (
	mostKeys = 8 // packets of presses that are passed on in a turn; a key that is held down sends one or two
	keySize  = 4 // octets of a payload (RFC 4733 section 2.3)
)

// presses are the packets of telephone events that a member has sent in this turn.
type presses struct {
	keys [mostKeys]press
	n    int

	known bool
	time  uint32 // of the last event, at the member
	turn  uint64 // in which it began
}

type press struct {
	p       media.Packet
	payload [keySize]byte
	n       int
	turn    uint64 // in which the press began
}

// add takes a packet. Packets of one event bear one time; one that came by signalling begins with Start.
func (s *presses) add(p *media.Packet, turn uint64) {
	if len(p.Payload) != keySize || p.Codec == nil {
		return
	}
	if !s.known || p.Start || p.Time != s.time {
		s.known, s.time, s.turn = true, p.Time, turn
	}
	if s.n == mostKeys {
		return
	}
	key := &s.keys[s.n]
	key.p, key.turn = *p, s.turn
	key.n = copy(key.payload[:], p.Payload)
	s.n++
}
