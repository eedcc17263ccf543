package audio

import (
	"strings"

	"github.com/alexacall/alexacall/media"
)

const (
	arrivalsKept = 128  // packets; a power of two
	maxPacket    = 4096 // octets; more than a datagram on any usual path carries

	// Limits of RFC 3550 appendix A.1: a number further ahead or behind than these is no loss and no disorder.
	maxDropout  = 3000
	maxMisorder = 100

	// mistimed is how many packets in a row bear a time that their number does not explain, before times are not believed any more, or are again.
	mistimed = 8
)

// arrivals holds the packets of a source that wait for their time, by number. Numbers are our own: they go on where a source begins anew.
type arrivals struct {
	slots []queued // by the low bits of the number; made for the first packet
	n     int      // of them are full
	known bool
	next  uint16 // the number that is played next
	top   uint16 // the number after the highest
	plus  uint16 // what our numbers are more than the source's
	seen  uint64 // bit i: number next-1-i was there

	topX  int64 // where the newest packet of sound is
	from  stamp // what places are counted from
	last  stamp // the newest packet's
	blind bool  // times are not believed
	odd   int   // packets in a row whose times say the contrary

	jumped  bool // restart is set
	restart uint16
}

// stamp is a time of the source and its place on our line of time.
type stamp struct {
	time  uint32
	clock int // of time, in Hz
	x     int64
}

// queued is a packet that waits.
type queued struct {
	full    bool
	sound   bool
	codec   *media.Codec
	x       int64 // when it is due
	payload []byte
}

// where is what became of a packet.
type where uint8

const (
	isPlaced   where = iota
	isQuiet          // it has a number and no sound
	isFirst          // of a source, or of a line of time
	isHeldBack       // likewise, since it is later than what may be in hand
	isLate
	isTwice
	isStray
)

// put takes a packet in, and returns by how much it comes before it is needed, in samples.
func (a *arrivals) put(p *media.Packet, j *Jitter) (early int, as where) {
	if a.slots == nil {
		a.slots = make([]queued, arrivalsKept)
	}
	fresh, ok := a.begins(p)
	if !ok {
		return 0, isStray
	}
	if fresh {
		a.begin(p)
	}
	number := p.Seq + a.plus
	ahead := int(int16(number - a.next))
	if ahead < 0 {
		if -ahead <= 64 && a.seen>>(-ahead-1)&1 == 1 {
			return 0, isTwice
		}
		return int(a.from.place(p, j.rate) - j.now()), isLate
	}
	for ; ahead >= arrivalsKept; ahead = int(int16(number - a.next)) {
		if a.n == 0 {
			a.next, a.seen = number, 0
			continue
		}
		j.discard()
	}
	q := &a.slots[number%arrivalsKept]
	if q.full {
		return 0, isTwice
	}
	payload := append(q.payload[:0], p.Payload...)
	*q = queued{full: true, codec: p.Codec, payload: payload}
	as = isQuiet
	if p.What == media.RTP && !isNoise(p.Codec) {
		q.x, as = a.place(p, number, fresh, j)
		q.sound = true
	}
	a.n++
	if int16(number-a.top) >= 0 {
		a.top = number + 1
	}
	return int(q.x - j.now()), as
}

// begins reports whether a source begins with p; ok is false if p cannot be told from a stray.
func (a *arrivals) begins(p *media.Packet) (fresh, ok bool) {
	if p.Start || !a.known {
		return true, true
	}
	ahead := int(int16(p.Seq + a.plus - a.next))
	if ahead < maxDropout && ahead > -maxMisorder {
		a.jumped = false
		return ahead >= arrivalsKept && a.n == 0, true
	}
	if a.jumped && p.Seq == a.restart {
		return true, true // two in a row
	}
	a.jumped, a.restart = true, p.Seq+1
	return false, false
}

// begin has the numbers of a source follow those that there were.
func (a *arrivals) begin(p *media.Packet) {
	a.plus, a.known, a.jumped = a.top-p.Seq, true, false
	if a.n == 0 {
		a.next = a.top
	}
}

// isNoise reports whether a codec says how it sounds when nobody speaks (RFC 3389).
func isNoise(c *media.Codec) bool { return len(c.Name) == 2 && strings.EqualFold(c.Name, "CN") }

// first returns the first packet that waits, nil if none does, and how many are missing before it.
func (a *arrivals) first() (q *queued, lost int) {
	if a.n == 0 {
		return nil, 0
	}
	for !a.slots[(a.next+uint16(lost))%arrivalsKept].full {
		lost++
	}
	return &a.slots[(a.next+uint16(lost))%arrivalsKept], lost
}

// pop takes the first packet out.
func (a *arrivals) pop() {
	q, lost := a.first()
	if q == nil {
		return
	}
	q.full = false
	a.n--
	a.next += uint16(lost) + 1
	a.seen = a.seen<<(lost+1) | 1
}

// place returns the place of a time of the same line.
func (s stamp) place(p *media.Packet, rate int) int64 {
	return s.x + int64(int32(p.Time-s.time))*int64(rate)/int64(max(s.clock, 1))
}

// place returns when a packet is due, and whether a new line of time begins with it.
func (a *arrivals) place(p *media.Packet, number uint16, fresh bool, j *Jitter) (x int64, as where) {
	step := int64(int16(number-a.top)) + 1 // numbers after the newest
	newest, counted := step > 0, a.topX+step*int64(j.frame)
	x = a.from.place(p, j.rate)
	now, most := j.now(), int64(j.most)
	switch {
	case p.Codec.ClockRate <= 0, p.Codec.ClockRate != a.from.clock, newest && x <= a.topX, x > now+most+step*int64(j.frame):
		as = isFirst
	case x < now-most && fresh:
		as = isFirst
	case x < now-most:
		as = isHeldBack
	case newest && !fresh:
		x = a.believe(p, x, counted, step, j)
	}
	if as != isPlaced {
		x = max(counted, a.topX+1)
		if a.n == 0 && (fresh || x <= now) { // nothing is in hand
			x = max(x, j.edge+int64(j.samples(jitterBegin)))
		}
		a.odd, a.blind = 0, false
	}
	if newest {
		a.topX = x
		a.last = stamp{p.Time, p.Codec.ClockRate, x}
	}
	if as != isPlaced || newest && (a.blind || int32(p.Time-a.from.time) > 1<<24) {
		a.from = stamp{p.Time, p.Codec.ClockRate, x}
	}
	return x, as
}

// believe returns the place of the newest packet, by its time or by its number. Some devices count time in another clock than they should
// (G.722's is 8000 Hz, RFC 3551 section 4.5.2), or not at all. It shows while sound is in hand; else it may be a pause.
func (a *arrivals) believe(p *media.Packet, x, counted, step int64, j *Jitter) int64 {
	off := a.last.place(p, j.rate) - counted
	right := max(off, -off) < int64(j.samples(jitterSlip))
	switch {
	case step != 1 || a.n == 0 && !a.blind:
	case right != a.blind:
		a.odd = 0
	default:
		a.odd++
		if a.odd == mistimed {
			a.blind, a.odd = !a.blind, 0
		}
	}
	if a.blind {
		return counted
	}
	return x
}
