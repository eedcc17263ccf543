package audio

import (
	"errors"
	"math"
	"slices"

	"github.com/alexacall/alexacall/media"
)

const (
	mostRead  = 2048 // octets of a payload; more than a datagram on any usual path carries
	mostTaken = 128  // packets that are read in a turn
	ownTurns  = 25   // half a second, for which a member who has fallen silent keeps its own line: what it hears is then the mix of all
)

// hear takes what has arrived, and a frame of it.
func (one *Member) hear() {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.presses.n = 0
	if one.past = one.over; one.past {
		return
	}
	one.read()
	if err := one.tune(); err != nil && one.why == nil {
		one.why = err
	}
	if one.listen {
		return
	}
	one.jitter.Get(one.pcm)
	one.silent = isSilent(one.pcm)
	active := one.voice.Hear(one.pcm)
	muted := one.muted.Load()
	one.floor.note(one.voice.Level(), active && !muted)
	one.talking.Store(active && !muted && one.floor.on)
}

// read drains the stream.
func (one *Member) read() {
	for range mostTaken {
		ok, err := one.from.TryRead(one.buf[:], &one.p)
		switch {
		case !ok:
			return
		case err == nil:
			one.take(&one.p)
		case !errors.Is(err, media.ErrChanged):
			one.why = err
			return
		}
	}
}

func (one *Member) take(p *media.Packet) {
	if p.What == media.Digit && one.m.o.Digits && !one.listen && !one.muted.Load() {
		one.presses.add(p, one.m.passed())
	}
	if !one.listen {
		one.jitter.Put(p)
	}
}

// inaudible is the step of µ-law at its softest, 72 dB below full scale: what decoders make of silence.
const inaudible = 8

func isSilent(pcm []int16) bool {
	for _, x := range pcm {
		if x > inaudible || x < -inaudible {
			return false
		}
	}
	return true
}

// speaks reports whether the member might be given the floor.
func (one *Member) speaks() bool { return !one.listen && !one.past && one.why == nil }

// blend makes what the others hear of the member, and reports whether that is anything.
func (one *Member) blend() bool {
	one.ownFor = max(one.ownFor-1, 0)
	switch {
	case one.listen:
		return false
	case one.past:
		return one.trail()
	}
	to := float32(0)
	if one.floor.on && !one.muted.Load() && one.why == nil {
		to = math.Float32frombits(one.gain.Load())
	}
	if one.silent || to == 0 && one.loud.now == 0 {
		clear(one.part)
		one.loud.now = to
		return false
	}
	faded(&one.loud, one.part, one.pcm, to)
	one.ownFor = ownTurns
	return true
}

// trail is blend for who has left: what it said last runs back and fades, so that it does not end in a click.
func (one *Member) trail() bool {
	if one.listen || one.silent || one.loud.now == 0 {
		return false
	}
	slices.Reverse(one.pcm)
	faded(&one.loud, one.part, one.pcm, 0)
	return true
}

// choose says which line the member hears: its own where the whole mix has something of itself, or it is not to hear that.
func (one *Member) choose() {
	if one.deaf.Load() || one.hearing.now < 1 {
		one.ownFor = ownTurns
	}
	if one.line != nil && one.ownFor == 0 {
		one.line.wanted = true
	}
}

// tell sends what the others say, and the keys that they press.
func (one *Member) tell() {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.over || one.why != nil || one.line == nil {
		return
	}
	for _, other := range one.m.pressing {
		if other != one {
			one.pass(&other.presses)
		}
	}
	payload := one.line.payload
	if one.ownFor > 0 {
		payload = one.alone()
	}
	one.p = media.Packet{Codec: &one.line.codec, Time: one.time, Marker: one.paused, Payload: payload}
	one.paused = len(payload) == 0
	if !one.paused {
		one.send(&one.p)
	}
	one.time += one.step()
}

// alone encodes what the member hears for it alone: the mix without itself.
func (one *Member) alone() []byte {
	m := one.m
	if one.own == nil {
		var err error
		if one.own, err = newLine(one.codec, m.o.Rate, m.o.Codec); err != nil {
			one.why = err
			return nil
		}
		one.ownLast = 0
	}
	if one.ownLast+1 != m.count {
		one.own.follow(&m.before)
	}
	one.ownLast = m.count
	for i, x := range m.sum {
		one.mix[i] = x - one.part[i]
	}
	to := float32(1)
	if one.deaf.Load() {
		to = 0
	}
	faded(&one.hearing, one.mix, one.mix, to)
	one.own.encode(one.mix)
	m.encoded.Add(1)
	one.stats.Own++
	return one.own.payload
}

// send writes a packet of what is one source for the far side.
func (one *Member) send(p *media.Packet) {
	p.Start, p.Seq = !one.begun, one.seq
	p.Marker = p.Marker || !one.begun
	if err := one.stream.Write(p); err != nil {
		one.stats.Failed++
		return
	}
	one.begun = true
	one.seq++
	one.stats.Sent++
}
