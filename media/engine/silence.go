package engine

import (
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"

	"github.com/alexacall/alexacall/media"
)

// quietAfter is how long nothing may come or go before a stream counts as silent. It is longer than the gaps of a codec that sends little
// while nobody speaks (RFC 6716 section 2.1.9).
const quietAfter = 2 * time.Second

// evidence is what a receiver keeps to tell why nothing is heard. The receiver's lock guards it.
type evidence struct {
	at    moment // when something came from the far side last that was not taken, but shows that it sends
	alive moment // when its RTCP last said that it is there, though it may send nothing

	toldAt moment // when the last sender report came
	told   uint32 // its SSRC
	sent   uint32 // packets that it had sent by then
	lost   bool   // it has sent since, and nothing has come

	dropped [refusals]uint16 // by cause, since the last packet that was taken

	same uint8  // how often one payload in sameEvery and the next one have been alike, one after another
	sum  uint32 // of the first of them
}

// What is refused is counted by cause.
const (
	refusedUnknown = iota
	refusedReplay
	refusedBad
	refusals
)

// refusalTable names the causes.
var refusalTable = [refusals]media.Silence{media.SilentUnknown, media.SilentReplayed, media.SilentBad}

const (
	sameEvery = 32  // of so many packets, two neighbours are compared
	sameOften = 4   // pairs that have to be alike, two and a half seconds at 20 ms: nothing that is alive is so alike
	sameBytes = 160 // of each that are looked at
)

// took notes a packet that was accepted, the n-th of its source.
func (e *evidence) took(p *media.Packet, n uint32) {
	e.dropped = [refusals]uint16{}
	e.lost = false
	if p.What != media.RTP {
		return
	}
	switch n % sameEvery {
	case 0:
		sum := sumOf(p.Payload)
		if sum != e.sum {
			e.same = 0
		}
		e.sum = sum
	case 1:
		if sumOf(p.Payload) != e.sum {
			e.same = 0
		} else if e.same < sameOften {
			e.same++
		}
	}
}

// sumOf tells payloads apart, well enough.
func sumOf(b []byte) uint32 { return crc32.ChecksumIEEE(b[:min(len(b), sameBytes)]) }

// drop counts a packet that is not taken.
func (r *receiver) drop(why int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch why {
	case refusedUnknown:
		r.stats.unknown++
		r.evidence.at = r.clock.at(now)
	case refusedReplay:
		r.stats.replayed++
		r.stats.bad++
		r.evidence.at = r.clock.at(now)
	default:
		r.stats.bad++
	}
	if n := &r.evidence.dropped[why]; *n+1 != 0 {
		*n++
	}
}

// replayError returns the error that pion/srtp gives for a packet that has come before, which has no name there: by letting one come
// twice.
func replayError() (error, error) {
	profile := srtp.ProtectionProfileAeadAes128Gcm
	key, salt := make([]byte, 16), make([]byte, 12)
	c, err := srtp.CreateContext(key, salt, profile, srtp.SRTPReplayProtection(replayWindow))
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	sealed, err := c.EncryptRTP(nil, append([]byte{2 << 6}, make([]byte, rtpHeaderSize)...), nil)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	for range 2 {
		_, err = c.DecryptRTP(nil, sealed, nil)
	}
	return errors.Unwrap(err), nil
}

// refusal says why SRTP has not opened a packet.
func (e *Engine) refusal(err error) int {
	if e.replayed != nil && errors.Is(err, e.replayed) {
		return refusedReplay
	}
	return refusedBad
}

// last returns when the far side was last seen to send.
func (r *receiver) last() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock.when(r.lastNow())
}

// lastNow returns when the far side was last seen to send. r.mu is held.
func (r *receiver) lastNow() moment { return max(r.stats.last, r.evidence.at) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// reported takes what the far side's RTCP says of what it sends: a report that it has sent on while nothing came is no sign of life, for
// what it sends does not arrive. Any other is: a far side may send nothing while nobody speaks (RFC 3551 section 4.1).
func (r *receiver) reported(p rtcp.Packet, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, at := &r.evidence, r.clock.at(now)
	sr, sends := p.(*rtcp.SenderReport)
	if !sends {
		e.lost, e.toldAt, e.alive = false, 0, at
		return
	}
	if r.known && sr.SSRC != r.ssrc {
		return // of another stream
	}
	e.lost = sr.SSRC == e.told && e.toldAt != 0 && sr.PacketCount != e.sent && r.lastNow() < e.toldAt
	e.told, e.sent, e.toldAt = sr.SSRC, sr.PacketCount, at
	if !e.lost {
		e.alive = at
	}
}

// silence says why nothing was heard lately. elsewhere is when something came last from an address that is not believed.
func (r *receiver) silence(now, elsewhere time.Time) media.Silence {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &r.evidence
	if r.stats.last != 0 && r.clock.since(r.stats.last, now) < quietAfter {
		if e.same >= sameOften {
			return media.SilentConstant
		}
		return media.NotSilent
	}
	most, why := uint16(0), media.NotSilent
	for i, n := range e.dropped {
		if n > most {
			most, why = n, refusalTable[i]
		}
	}
	switch {
	case most > 0:
		return why
	case elsewhere.After(r.clock.when(r.lastNow())) && now.Sub(elsewhere) < quietAfter:
		return media.SilentElsewhere
	case e.lost:
		return media.SilentLost
	case r.stats.last == 0:
		return media.SilentNothing
	default:
		return media.SilentStopped
	}
}

// silenceIn says why nothing is heard of the far side.
func (s *stream) silenceIn(now time.Time) media.Silence {
	tr := s.way.Load()
	why := s.barred(media.RecvOnly)
	if why == media.NotSilent {
		why = s.in.silence(now, tr.turnedAway())
	}
	if why < media.SilentNothing { // well, or explained
		return why
	}
	switch {
	case tr.stopped.Load(), s.t.policy.ICE && tr.far.Load() == nil:
		return media.SilentNoPath
	case !s.crypt.Load().ready():
		return media.SilentNoKeys
	default:
		return why
	}
}

// turnedAway returns when something that might have been the far side's was last not believed.
func (tr *transport) turnedAway() time.Time {
	l := &tr.shard().latch
	last := l.turnedAway(tr.remote().Addr())
	if from := tr.t.signals.Load(); from != nil {
		last = later(last, l.turnedAway(*from))
	}
	return last
}

// silenceOut says why nothing goes out.
func (s *stream) silenceOut(now time.Time) media.Silence {
	tr := s.way.Load()
	switch why := s.barred(media.SendOnly); {
	case why != media.NotSilent:
		return why
	case tr.stopped.Load(), s.t.policy.ICE && tr.far.Load() == nil:
		return media.SilentNoPath
	case tr.far.Load() == nil:
		return media.SilentNoAddress
	case !s.crypt.Load().ready():
		return media.SilentNoKeys
	default:
		return s.out.silence(now)
	}
}

// barred says why media may not pass one way.
func (s *stream) barred(way media.Direction) media.Silence {
	switch {
	case !s.used():
		return media.SilentUnused
	case media.Direction(s.dir.Load())&way == 0:
		return media.SilentHeld
	case media.Direction(s.gate.Load())&way == 0:
		return media.SilentGated
	default:
		return media.NotSilent
	}
}

// unheard is what a sender keeps to tell why nothing arrives. The sender's lock guards it.
type unheard struct {
	mismatched uint32 // the low half of that in Stats, when something went out last
	failed     uint32 // likewise
	highest    uint32 // that the far side has reported
	packets    uint32 // the low half of how many had gone out then
	reported   bool
	lost       bool // more has gone out since, and nothing has arrived
}

// enough is how many packets have to go out between two reports, before it tells that none has arrived.
const enough = 50

// heard takes a report about our stream.
func (u *unheard) heard(highest, packets uint32) {
	on := packets - u.packets
	if u.reported && highest == u.highest && on < enough {
		return // too early to tell
	}
	u.lost = u.reported && highest == u.highest
	u.reported, u.highest, u.packets = true, highest, packets
}

// failed returns how many packets the system has refused so far. o.mu is held.
func (o *sender) failed() uint64 { return o.stats.failed + o.refused.Load() }

// silence says why nothing went out lately, or does not arrive.
func (o *sender) silence(now time.Time) media.Silence {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.stats.last != 0 && o.clock.since(o.stats.last, now) < quietAfter:
		switch {
		case uint32(o.failed()) != o.unheard.failed:
			return media.SilentRefused
		case o.unheard.lost:
			return media.SilentLost
		}
		return media.NotSilent
	case uint32(o.stats.mismatched) != o.unheard.mismatched:
		return media.SilentMismatch
	case o.stats.last == 0:
		return media.SilentNothing
	default:
		return media.SilentStopped
	}
}
