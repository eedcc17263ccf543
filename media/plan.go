package media

import (
	"slices"
	"strconv"
	"strings"
)

// A Kind says what a stream carries.
type Kind uint8

// The kinds of media.
const (
	Audio Kind = iota
	Video
)

// String returns the name of k as it stands in an SDP m-line.
func (k Kind) String() string {
	switch k {
	case Audio:
		return "audio"
	case Video:
		return "video"
	default:
		return "kind(" + strconv.Itoa(int(k)) + ")"
	}
}

// A Direction says which way media flows, seen from the party that speaks (RFC 3264 section 5.1).
// Its two bits are independent: bit 0 is sending, bit 1 is receiving.
type Direction uint8

// The directions, as in SDP.
const (
	Inactive Direction = iota
	SendOnly
	RecvOnly
	SendRecv
)

// Sends reports whether d includes sending.
func (d Direction) Sends() bool { return d&SendOnly != 0 }

// Receives reports whether d includes receiving.
func (d Direction) Receives() bool { return d&RecvOnly != 0 }

// Reverse returns d as the other party sees it.
func (d Direction) Reverse() Direction { return d>>1&SendOnly | d<<1&RecvOnly }

// String returns the SDP attribute of d.
func (d Direction) String() string {
	switch d {
	case Inactive:
		return "inactive"
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case SendRecv:
		return "sendrecv"
	default:
		return "direction(" + strconv.Itoa(int(d)) + ")"
	}
}

// Media is what a party says of one kind of media: the codecs that it takes, preferred first, and the direction.
type Media struct {
	Kind   Kind
	Dir    Direction
	Codecs []Codec
}

// A Plan is what one party can do, wants, or has agreed: SDP without addresses. Directions are those of the party that the plan
// speaks for. A plan taken from one leg is passed unchanged to the other; that alone is hold, mute, video and late codec choice.
//
// A nil Plan means that nothing has been said; as a wish it means all that the policy allows. Plans are values: whoever receives
// one does not change it.
type Plan []Media

// Find returns what p says of k.
func (p Plan) Find(k Kind) (Media, bool) {
	for _, m := range p {
		if m.Kind == k {
			return m, true
		}
	}
	return Media{}, false
}

// Equal reports whether p and q say the same, in the same order.
func (p Plan) Equal(q Plan) bool {
	return (p == nil) == (q == nil) && slices.EqualFunc(p, q, func(a, b Media) bool {
		return a.Dir == b.Dir && sameMedia(a, b)
	})
}

// EqualButDirections reports whether p and q differ in nothing but their directions: what hold, mute and resume look like.
func (p Plan) EqualButDirections(q Plan) bool {
	return (p == nil) == (q == nil) && slices.EqualFunc(p, q, sameMedia)
}

func sameMedia(a, b Media) bool { return a.Kind == b.Kind && slices.Equal(a.Codecs, b.Codecs) }

// Clone returns a copy of p that shares nothing with it.
func (p Plan) Clone() Plan {
	q := slices.Clone(p)
	for i := range q {
		q[i].Codecs = slices.Clone(q[i].Codecs)
	}
	return q
}

// String returns p in a form for people, such as "audio sendrecv PCMU/8000 telephone-event/8000".
func (p Plan) String() string {
	if p == nil {
		return "nothing"
	}
	var b strings.Builder
	for i, m := range p {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(m.Kind.String() + " " + m.Dir.String())
		for _, c := range m.Codecs {
			b.WriteString(" " + c.String())
		}
	}
	return b.String()
}
