package engine

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
)

// lossAskEvery is how often a loss that is not repaired makes us ask for a key frame. Who sees the pictures may ask more often.
const lossAskEvery = 500 * time.Millisecond

// nackMost is how many pairs one request has at most.
const nackMost = 200

// agree sets what either side may tell the other of the packets of a section.
func (s *stream) agree(section *media.Section) {
	if s.asks == nil {
		return
	}
	s.asks.agreed.Store(uint32(section.Feedback))
	s.in.await(section.Feedback)
	s.out.keep(section.Feedback.Has(media.NACK))
	if section.Feedback != 0 {
		s.t.engine.reporter.watch(s.t)
	}
}

// await lets the receiver note what is missing, if something can be done about it.
func (r *receiver) await(f media.Feedback) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f&(media.NACK|media.PLI|media.FIR) == 0 {
		r.missing = nil
		return
	}
	if r.missing == nil {
		r.missing = new(missing)
	}
	r.missing.asks = f.Has(media.NACK)
}

// wanting returns the numbers to be asked for now, and whether something is lost for good.
func (r *receiver) wanting(now time.Time, trip time.Duration) (ask []uint16, lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.missing == nil || !r.known {
		return nil, false
	}
	ask, lost = r.missing.due(now, trip)
	r.stats.asked += uint64(len(ask))
	return ask, lost
}

// settle forgets what is missing: a key frame makes it needless.
func (r *receiver) settle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.missing != nil {
		r.missing.clear()
	}
}

// keep lets the sender keep what it sends, or forget it.
func (o *sender) keep(packets bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !packets:
		o.repeater = nil
	case o.repeater == nil:
		o.repeater = &repeater{ssrc: o.repairSSRC, seq: uint16(random()), credit: creditFirst}
	}
}

// mend asks for what is missing, and for a key frame where it will not come any more. The reporter calls it.
func (s *stream) mend(now time.Time) {
	ask, lost := s.in.wanting(now, s.out.trip(now))
	if lost && s.lossDue(now) {
		s.askKeyFrame()
		return
	}
	if len(ask) == 0 || !s.passes(media.RecvOnly) {
		return
	}
	ssrc, _ := s.in.source()
	for pairs := range slices.Chunk(rtcp.NackPairsFromSequenceNumbers(ask), nackMost) {
		s.tell(&rtcp.TransportLayerNack{SenderSSRC: s.out.ssrc.Load(), MediaSSRC: ssrc, Nacks: pairs})
	}
}

// tell sends feedback, in a compound packet (RFC 4585 section 3.1).
func (s *stream) tell(p rtcp.Packet) {
	r := &s.t.reports
	r.write(s, []rtcp.Packet{&rtcp.ReceiverReport{SSRC: s.out.ssrc.Load()}, r.name(s), p})
}

// lossDue reports whether a loss may make us ask for a key frame now, and notes that it does.
func (s *stream) lossDue(now time.Time) bool {
	s.asks.mu.Lock()
	defer s.asks.mu.Unlock()
	if now.Sub(s.asks.lost) < lossAskEvery {
		return false
	}
	s.asks.lost = now
	return true
}

// trip returns the round trip to the far side; 0 if it is not known. Memory of packets that nobody asks for is given back.
func (o *sender) trip(now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.repeater != nil {
		o.repeater.rest(now)
	}
	return o.stats.trip
}

// resend sends packets again that the far side has lost.
func (s *stream) resend(pairs []rtcp.NackPair, now time.Time) {
	o, tr, c := &s.out, s.way.Load(), s.crypt.Load()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.repeater == nil || !s.passes(media.SendOnly) || !tr.ready() || !c.ready() {
		return
	}
	for _, pair := range pairs {
		pair.Range(func(seq uint16) bool {
			pkt := o.repeater.again(seq, o.formats.Load().repair, o.stats.trip, now)
			if pkt == nil {
				return true
			}
			if pkt, err := c.protect(pkt); err != nil || tr.send(pkt, tr.remote()) != nil {
				o.stats.failed++
				return true
			}
			o.stats.resent++
			return true
		})
	}
}

// resent takes a packet that was sent again under a payload type of its own (RFC 4588 section 4): room is its payload with space for a
// header before it. One without a number is padding, which senders probe the path with.
func (s *stream) resent(w *worker, p *media.Packet, room []byte) {
	if len(p.Payload) < 2 {
		return
	}
	p.Seq, p.Payload = binary.BigEndian.Uint16(p.Payload), p.Payload[2:]
	if !s.in.mended(p, w.now, s.passes(media.RecvOnly)) {
		return
	}
	s.fan.Deliver(p)
	if l := s.link.Load(); l != nil {
		l.forward(w, p, room[2:])
	}
}

// mended counts a packet that was sent again beside its stream, and reports whether it is one that is missing.
func (r *receiver) mended(p *media.Packet, now time.Time, open bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !open || !r.known || r.far(p.Seq) || r.heard.used(uint16(r.highest), p.Seq) {
		return false
	}
	late, repaired := r.stats.late, r.stats.repaired
	r.sequence(p.Seq, now)
	r.stats.late, r.stats.repaired = late, repaired+1 // asked for or not: some senders know of a loss without it
	r.resent++
	r.stats.packets++
	r.stats.bytes += uint64(len(p.Payload))
	return true
}

// mend looks after the pictures.
func (t *terminal) mend(now time.Time) {
	s := t.stream(media.Video)
	way := s.way.Load()
	if !way.ready() {
		return
	}
	s.mend(now)
	s.limit(now)
	if table := way.payloads.Load(); table != nil && table.recording != nil {
		source, _ := s.in.source()
		for p := table.recording.report(s.out.ssrc.Load(), source, now); p != nil; p = table.recording.report(s.out.ssrc.Load(), source, now) {
			s.tell(p)
		}
	}
}
