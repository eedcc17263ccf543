package siptest

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// The RTCP feedback messages that matter here (RFC 4585 section 6.1, RFC 5104 section 4.3).
const (
	rtcpTransportFeedback = 205
	rtcpPayloadFeedback   = 206

	formatNACK = 1
	formatPLI  = 1
	formatFIR  = 4
)

// requests is what a compound RTCP packet asks of one source.
type requests struct {
	pli  int
	fir  []firRequest
	nack []uint16 // sequence numbers
}

// firRequest is one entry of a FIR: who asks, for the how many-th time.
type firRequest struct {
	from   uint32
	number uint8
}

// parseFeedback returns what the compound RTCP packet b, which parseRTCP has checked, asks of the source ssrc.
func parseFeedback(b []byte, ssrc uint32) requests {
	var all requests
	for len(b) >= 4 {
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		one := b[:size]
		b = b[size:]
		if size < 12 {
			continue
		}
		format, from, about := one[0]&0x1F, binary.BigEndian.Uint32(one[4:]), binary.BigEndian.Uint32(one[8:])
		switch entries := one[12:]; {
		case one[1] == rtcpPayloadFeedback && format == formatPLI && about == ssrc:
			all.pli++
		case one[1] == rtcpPayloadFeedback && format == formatFIR: // it names its sources in its entries
			for ; len(entries) >= 8; entries = entries[8:] {
				if binary.BigEndian.Uint32(entries) == ssrc {
					all.fir = append(all.fir, firRequest{from: from, number: entries[4]})
				}
			}
		case one[1] == rtcpTransportFeedback && format == formatNACK && about == ssrc:
			for ; len(entries) >= 4; entries = entries[4:] {
				first := binary.BigEndian.Uint16(entries)
				all.nack = append(all.nack, first)
				for more := binary.BigEndian.Uint16(entries[2:]); more != 0; more &= more - 1 {
					all.nack = append(all.nack, first+1+uint16(bits.TrailingZeros16(more)))
				}
			}
		}
	}
	return all
}

// asked does what has been asked for and agreed.
func (v *videoStream) asked(r requests) {
	v.mu.Lock()
	defer v.mu.Unlock()
	has := func(what string, n int) bool {
		if n == 0 || slices.Contains(v.terms.feedback, what) {
			return n > 0
		}
		v.counts.Unagreed++
		return false
	}
	if has(feedbackPLI, r.pli) {
		v.counts.PLI += r.pli
		v.refresh()
	}
	if has(feedbackFIR, len(r.fir)) {
		for _, f := range r.fir {
			if last, known := v.firs[f.from]; known && last == f.number {
				continue // repeated until the key frame comes (RFC 5104 section 4.3.1.2)
			}
			if len(v.firs) < maxAskers {
				v.firs[f.from] = f.number
			}
			v.counts.FIR++
			v.refresh()
		}
	}
	if has(feedbackNACK, len(r.nack)) {
		v.resend(r.nack)
	}
}

// maxAskers is how many sources' FIRs are told apart in one call.
const maxAskers = 64

// refresh makes the next picture a key frame. v.mu is held.
func (v *videoStream) refresh() { v.wantKey = !v.camera.NoKeyFrames }

// resend sends packets again that are still there. v.mu is held.
func (v *videoStream) resend(numbers []uint16) {
	v.counts.Nacked += len(numbers)
	for _, n := range numbers {
		p := v.history[n%maxHistory]
		if p.payload == nil || p.seq != n || !v.terms.send {
			continue
		}
		v.counts.Resent++
		v.write(p)
	}
}

// askedByInfo takes note of a request that came as SIP INFO.
func (v *videoStream) askedByInfo() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counts.INFO++
	v.refresh()
}
