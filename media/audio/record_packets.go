package audio

import (
	"math"
	"strings"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

const (
	// heldFor is how long a packet waits for those that come late, in samples of Opus: 300 ms.
	heldFor = opusRate * 3 / 10
	// heldMost is how many wait at most; they are of 20 ms as a rule.
	heldMost = 64
	// leapMost is how far a packet may be from when it should come, before its source is taken to have begun anew: 1 s.
	leapMost = opusRate
	// jumpMost is how far a source may be off, for jumpTime, before it is put right at once: the path has changed, or what had stood still
	// came all together. 200 ms, and 300 ms.
	jumpMost, jumpTime, jumpSeen = opusRate / 5, opusRate * 3 / 10, 10
	// driftMost is how far it may be off, for driftTime, before it is called back, by a packet at a time: its clock is fast or slow. 60 ms, and
	// 5 s.
	driftMost, driftTime, driftSeen = opusRate * 6 / 100, 5 * opusRate, 100
)

// heldPacket is one that waits.
type heldPacket struct {
	at      int64 // in the recording
	source  int   // that it is of
	payload []byte
}

// packetLine puts packets of Opus where they belong in a recording: in order, by their own times, with the clock of the source held to
// ours. Times are in samples at 48 kHz.
type packetLine struct {
	held   [heldMost]heldPacket // by time
	n      int
	source int    // how often a source has begun; 0: none stands
	stands bool   // at and time belong together
	time   uint32 // of the source
	at     int64  // of the recording
	first  int64  // when the source began
	done   int64  // all before this is released

	jump    lateness
	drift   lateness
	foreign uint64 // packets of another codec, or of none
	late    uint64 // samples that came too late, or in too large a number
}

// put takes a packet that has come now.
func (l *packetLine) put(p *media.Packet, now int64) {
	samples := int64(codec.OpusSamples(p.Payload))
	if samples == 0 || p.Codec == nil || !strings.EqualFold(p.Codec.Name, "opus") {
		l.foreign++
		return
	}
	at := l.at + int64(int32(p.Time-l.time))
	if late := now - at; p.Start || !l.stands || late > leapMost || late < -leapMost {
		l.begin(p.Time, now)
		at = now
	}
	at = l.watch(at, now, samples)
	if at > l.at {
		l.at, l.time = at, p.Time
	}
	l.hold(at, p.Payload)
}

// begin takes the source's time to be now.
func (l *packetLine) begin(t uint32, now int64) {
	l.stands, l.time, l.at, l.first = true, t, now, now
	l.source++
	l.jump.reset(now)
	l.drift.reset(now)
}

// watch returns when a packet of this source is, if it was thought to be at a time and came now.
func (l *packetLine) watch(at, now, samples int64) int64 {
	late := now - at
	if late < 0 && now-l.first < heldFor { // the first one was late
		by := max(late, l.done-l.first)
		l.shift(by)
		at += by
	}
	late = now - at
	if off, ok := l.jump.note(late, now, jumpTime, jumpSeen); ok && max(off, -off) > jumpMost {
		l.shift(off)
		l.drift.reset(now)
		return at + off
	}
	off, ok := l.drift.note(late, now, driftTime, driftSeen)
	switch {
	case ok && off > driftMost: // a slow source: a packet that is concealed is put in
		l.at += samples
		return at + samples
	case ok && off < -driftMost: // a fast one: a packet is left out
		l.at -= samples
		return at - samples
	}
	return at
}

// lateness is by how much the packets of a source come later than they should: the soonest of them says.
type lateness struct {
	soonest int64
	since   int64
	seen    int
}

func (l *lateness) reset(now int64) { *l = lateness{soonest: math.MaxInt64, since: now} }

// note takes a packet. Once a time is over and so many have been seen, it returns how late the soonest was, and begins again.
func (l *lateness) note(late, now, time int64, seen int) (soonest int64, ok bool) {
	l.soonest = min(l.soonest, late)
	l.seen++
	if now-l.since < time || l.seen < seen {
		return 0, false
	}
	soonest = l.soonest
	l.reset(now)
	return soonest, true
}

// shift moves all of this source by a time.
func (l *packetLine) shift(by int64) {
	l.at += by
	l.first += by
	for i := range l.n {
		if l.held[i].source == l.source {
			l.held[i].at += by
		}
	}
}

// hold keeps a packet in its place.
func (l *packetLine) hold(at int64, payload []byte) {
	if l.n == heldMost {
		l.late += uint64(opusTime(payload))
		return
	}
	i := l.n
	for i > 0 && l.held[i-1].at > at {
		i--
	}
	free := l.held[l.n]
	copy(l.held[i+1:l.n+1], l.held[i:l.n])
	free.at, free.source = at, l.source
	free.payload = append(free.payload[:0], payload...)
	l.held[i] = free
	l.n++
}

// release puts all that is before a time into b. A nil b has no room: it is lost.
func (l *packetLine) release(b *recordBatch, before int64) {
	for l.n > 0 && l.held[0].at < before {
		first := l.held[0]
		if b != nil {
			b.data = append(b.data, first.payload...)
			b.add(first.at, len(first.payload))
		}
		copy(l.held[:], l.held[1:l.n])
		l.n--
		l.held[l.n] = first // its payload is used again
	}
	l.done = max(l.done, before)
}

// leave forgets what waits, and where the source stood.
func (l *packetLine) leave() { l.n, l.stands = 0, false }
