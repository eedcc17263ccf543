package engine

import (
	"time"

	"github.com/pion/rtcp"
)

// ntpEpoch is the beginning of NTP time, before that of Unix, in seconds.
const ntpEpoch = 2208988800

// ntp returns a moment as an NTP timestamp: seconds, and fractions of 2^-32.
func ntp(t time.Time) uint64 {
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}

// report returns a sender report, nil if nothing has been sent lately.
func (o *sender) report(now time.Time) *rtcp.SenderReport {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stats.packets == 0 || o.rewrite.rate == 0 || o.clock.since(o.stats.last, now) > 2*reportEvery {
		return nil
	}
	return &rtcp.SenderReport{
		SSRC: o.ssrc.Load(), NTPTime: ntp(now), RTPTime: o.rewrite.elapsed(now),
		PacketCount: uint32(o.stats.packets) - o.before.packets, OctetCount: uint32(o.stats.bytes) - o.before.bytes,
	}
}

// heard takes what the far side reports of our stream.
func (o *sender) heard(reports []rtcp.ReceptionReport, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range reports {
		if r.SSRC != o.ssrc.Load() {
			continue
		}
		o.unheard.heard(r.LastSequenceNumber, uint32(o.stats.packets))
		o.told = o.stats.packets
		if o.stats.lost = r.TotalLost; r.TotalLost >= 1<<23 {
			o.stats.lost = 0 // below 0: more came twice than was lost (RFC 3550 section 6.4.1)
		}
		if o.rewrite.rate > 0 {
			o.stats.jitter = time.Duration(r.Jitter) * time.Second / time.Duration(o.rewrite.rate)
		}
		if r.LastSenderReport != 0 {
			trip := uint32(ntp(now)>>16) - r.LastSenderReport - r.Delay
			if int32(trip) >= 0 { // in units of 2^-16 s; clocks that jump make it negative
				o.stats.trip = time.Duration(trip) * time.Second >> 16
			}
		}
	}
}

// reported returns how many packets had been sent when the far side last reported; 0 if it has not.
func (o *sender) reported() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.told
}

// report returns the reception report of a stream, nil if nothing comes.
func (r *receiver) report(now time.Time) []rtcp.ReceptionReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	received := r.count - r.resent + r.twice // RFC 3550 section 6.4.1 counts duplicates too, and what came beside is another source's
	if !r.known || received == r.priorN {
		return nil
	}
	expected := r.highest - r.base + 1
	lost := int64(expected) - int64(received)
	report := rtcp.ReceptionReport{
		SSRC: r.ssrc, LastSequenceNumber: r.highest - 1<<16, TotalLost: uint32(min(max(lost, 0), 1<<23-1)), Jitter: uint32(r.jitter >> 4),
		FractionLost: fraction(expected-r.prior, received-r.priorN), LastSenderReport: r.sr,
	}
	if r.sr != 0 {
		report.Delay = uint32(r.clock.since(r.srAt, now) << 16 / time.Second)
	}
	r.prior, r.priorN = expected, received
	return []rtcp.ReceptionReport{report}
}

// fraction returns the loss since the last report in 256ths (RFC 3550 appendix A.3).
func fraction(expected, received uint32) uint8 {
	if expected == 0 || received >= expected {
		return 0
	}
	return uint8(min(uint64(expected-received)<<8/uint64(expected), 255))
}

// sent takes a sender report about the stream that we receive.
func (r *receiver) sent(sr *rtcp.SenderReport, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known && sr.SSRC == r.ssrc {
		r.sr, r.srAt = uint32(sr.NTPTime>>16), r.clock.at(now)
	}
}
