package engine

import (
	"sync"
	"time"

	"github.com/alexacall/alexacall/media"
)

// receiver is the incoming half of a stream: its statistics as RFC 3550 appendix A keeps them, and the recognition of new sources.
type receiver struct {
	mu    sync.Mutex
	stats media.InStats

	known   bool
	ssrc    uint32
	rate    int
	base    uint32 // extended sequence number of the first packet
	highest uint32 // extended
	count   uint32 // packets of this source
	epoch   time.Time
	transit int64  // of the last packet since epoch, in units of the clock
	jitter  int64  // times 16
	lost    uint64 // of sources before this one

	sr     uint32    // middle of the last sender report's NTP time
	srAt   time.Time // when it came
	prior  uint32    // expected and received at our last report
	priorN uint32
}

// accept counts a packet, marks the first of a source, and reports whether it is to be taken.
func (r *receiver) accept(p *media.Packet, ssrc uint32, now time.Time, open bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !open {
		r.stats.Blocked++
		r.known = false // what comes after the hold joins as a new source
		return false
	}
	if !r.known || ssrc != r.ssrc {
		r.begin(p, ssrc, now)
	}
	r.sequence(p.Seq)
	if p.What == media.Digit {
		r.stats.Digits++
	} else {
		r.clock(p, now)
	}
	r.stats.Packets++
	r.stats.Bytes += uint64(len(p.Payload))
	r.stats.Last = now
	if r.stats.First.IsZero() {
		r.stats.First = now
	}
	return true
}

func (r *receiver) begin(p *media.Packet, ssrc uint32, now time.Time) {
	p.Start = true
	r.lost = r.lostNow()
	r.known, r.ssrc = true, ssrc
	r.base = 1<<16 | uint32(p.Seq) // one turn up, so that a packet from before the first has a number
	r.highest = r.base - 1
	r.count, r.jitter, r.rate, r.epoch = 0, 0, 0, now
	r.prior, r.priorN = 0, 0
}

// sequence extends the number and keeps the highest.
func (r *receiver) sequence(seq uint16) {
	r.count++
	if d := int16(seq - uint16(r.highest)); d > 0 {
		r.highest += uint32(d)
	} else {
		r.stats.Late++
	}
}

// clock updates the interarrival jitter.
func (r *receiver) clock(p *media.Packet, now time.Time) {
	rate := p.Codec.ClockRate
	transit := now.Sub(r.epoch).Microseconds()*int64(rate)/1_000_000 - int64(p.Time)
	if r.rate == rate {
		d := int64(int32(transit - r.transit))
		r.jitter += max(d, -d) - (r.jitter+8)>>4
	}
	r.rate, r.transit = rate, transit
}

// lostNow returns the packets missing so far.
func (r *receiver) lostNow() uint64 {
	if !r.known {
		return r.lost
	}
	return r.lost + uint64(max(0, int64(r.highest-r.base+1)-int64(r.count)))
}

func (r *receiver) snapshot() media.InStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Lost = r.lostNow()
	if r.rate > 0 {
		s.Jitter = time.Duration(r.jitter>>4) * time.Second / time.Duration(r.rate)
	}
	return s
}

// unknown counts a packet whose payload type was not negotiated.
func (r *receiver) unknown() {
	r.mu.Lock()
	r.stats.Unknown++
	r.mu.Unlock()
}

// bad counts a packet that is malformed, replayed or not authentic.
func (r *receiver) bad() {
	r.mu.Lock()
	r.stats.Bad++
	r.mu.Unlock()
}
