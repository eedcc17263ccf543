package engine

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

const (
	recorderSize  = 1024                   // numbers that are remembered; a power of two
	recorderMost  = 400                    // of which one packet speaks
	recorderEvery = 100 * time.Millisecond // between two reports
	recorderTick  = 250 * time.Microsecond // unit of the times between packets
	recorderBase  = 64 * time.Millisecond  // unit of the time that a report begins with
)

// recorder notes when the packets of a transport have come, by their numbers on it, for the congestion control of who sends them
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). It is safe for concurrent use.
type recorder struct {
	mu    sync.Mutex
	epoch time.Time                   // of the first packet; zero before it
	begin int64                       // of the next report
	end   int64                       // after the highest number, extended
	at    [recorderSize]time.Duration // since the epoch and one unit, so that 0 is a packet that has not come
	count uint8                       // of reports
	last  time.Time                   // when the last report was made
}

// recording is what is recorded, by the numbers in a header extension.
type recording struct {
	*recorder
	id uint8 // of the extension
}

// take notes a packet by its header, where that has a number.
func (r *recorder) take(h *rtp.Header, id uint8, now time.Time) {
	if b := h.GetExtension(id); len(b) == 2 {
		r.note(binary.BigEndian.Uint16(b), now)
	}
}

func (r *recorder) note(seq uint16, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.end - 1 + int64(int16(seq-uint16(r.end-1)))
	if r.epoch.IsZero() || n < r.end-recorderSize {
		r.epoch, r.at = now, [recorderSize]time.Duration{} // the first one, or who sends has begun anew
		n = 1<<16 + int64(seq)
		r.begin, r.end = n, n
	}
	for r.end <= n {
		r.at[r.end%recorderSize] = 0
		if r.end++; n-r.end >= recorderSize {
			r.end = n - recorderSize + 1
		}
	}
	if at := &r.at[n%recorderSize]; *at == 0 {
		*at = max(0, now.Sub(r.epoch)) + recorderBase
		r.begin = min(r.begin, n) // one that comes late has been reported as missing
	}
	r.begin = max(r.begin, r.end-recorderSize)
}

// report returns the feedback that is due, nil if there is none. Ask again until it is nil.
func (r *recorder) report(sender, source uint32, now time.Time) rtcp.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begin == r.end {
		r.last = now
		return nil
	}
	if now.Sub(r.last) < recorderEvery {
		return nil
	}
	first := r.begin
	for r.at[first%recorderSize] == 0 { // the highest has come, so that this ends
		first++
	}
	r.begin = max(r.begin, first-recorderMost/2)
	base := r.at[first%recorderSize] / recorderBase
	symbols, deltas := r.list(base)
	b := binary.BigEndian.AppendUint32([]byte{2<<6 | rtcp.FormatTCC, byte(rtcp.TypeTransportSpecificFeedback), 0, 0}, sender)
	b = binary.BigEndian.AppendUint32(b, source)
	b = binary.BigEndian.AppendUint16(b, uint16(r.begin))
	b = binary.BigEndian.AppendUint16(b, uint16(len(symbols)))
	b = append(b, byte(base>>16), byte(base>>8), byte(base), r.count)
	b = append(appendChunks(b, symbols), deltas...)
	if pad := -len(b) & 3; pad > 0 {
		b = append(append(b, make([]byte, pad-1)...), byte(pad))
		b[0] |= 1 << 5
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	r.begin += int64(len(symbols))
	r.count++
	return (*rtcp.RawPacket)(&b)
}

// The states of a packet in a report.
const (
	notCome = iota
	cameSoon
	cameLater // or before the one that is listed ahead of it
)

// list returns states and times from begin on, as many as fit. base is where the times begin.
func (r *recorder) list(base time.Duration) (symbols, deltas []byte) {
	before := base * (recorderBase / recorderTick)
	for n := r.begin; n < r.end && len(symbols) < recorderMost; n++ {
		at := r.at[n%recorderSize] / recorderTick
		d := int64(at - before)
		switch {
		case at == 0:
			symbols = append(symbols, notCome)
			continue
		case d >= 0 && d <= 0xff:
			symbols, deltas = append(symbols, cameSoon), append(deltas, byte(d))
		case d == int64(int16(d)):
			symbols, deltas = append(symbols, cameLater), binary.BigEndian.AppendUint16(deltas, uint16(d))
		default:
			return symbols, deltas // it begins a report of its own
		}
		before = at
	}
	return symbols, deltas
}

// appendChunks writes states: seven and more of a kind as a run, else seven in a vector (section 3.1 of the draft).
func appendChunks(b, symbols []byte) []byte {
	const vector = 7
	for len(symbols) > 0 {
		run := 1
		for run < len(symbols) && symbols[run] == symbols[0] {
			run++
		}
		if run >= vector {
			b = binary.BigEndian.AppendUint16(b, uint16(symbols[0])<<13|uint16(run))
			symbols = symbols[run:]
			continue
		}
		chunk := uint16(3 << 14)
		for i := range min(vector, len(symbols)) {
			chunk |= uint16(symbols[i]) << (12 - 2*i)
		}
		b = binary.BigEndian.AppendUint16(b, chunk)
		symbols = symbols[min(vector, len(symbols)):]
	}
	return b
}
