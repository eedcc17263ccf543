package siptest

import (
	"slices"
	"sync"
	"time"
)

// maxRecording is how much sound a call keeps, in samples: the last five minutes.
const maxRecording = 300 * sampleRate

// maxGap is the longest gap in RTP time that is filled with silence, in samples. A longer one begins a new stretch of sound: the other
// side was on hold, or counts anew.
const maxGap = sampleRate

// maxDigits is how many received digits a call keeps.
const maxDigits = 1024

// A Recording is what a call has heard up to one moment.
type Recording struct {
	PCM       []int16   // 16-bit mono at 8 kHz, in order of RTP time, lost packets as silence; the last five minutes
	Packets   int       // valid RTP packets, digits and unknown payload types included
	First     time.Time // arrival of the first of them; zero when there was none
	Last      time.Time // arrival of the latest of them
	Lost      int       // packets that never came, by sequence number; one that came twice makes up for one
	Reordered int       // packets that came after one with a higher sequence number
	Unknown   int       // packets whose payload type this call did not offer
	RTCP      int       // valid RTCP packets
}

// WriteWAV writes what was heard to a file at path as 16-bit mono PCM at 8 kHz.
func (r Recording) WriteWAV(path string) error { return writeWAV(path, r.PCM) }

// ToneShare returns the share of the power heard, 0 to 1, that lies at hz, over the last stretch that over gives; 0 means over all.
// Silence has a share of 0. A tone alone comes out of G.711 with more than 0.99.
func (r Recording) ToneShare(hz float64, over time.Duration) float64 {
	return toneShare(lastOf(r.PCM, over), hz)
}

// recorder collects a Recording. Its methods are safe for concurrent use.
type recorder struct {
	mu      sync.Mutex
	rec     Recording
	digits  []byte
	source  source
	earlier struct{ lost int } // by sources that have ended
	lastSR  uint32
	srAt    time.Time
	told    source // as of the last report
}

// source is what is known of one synchronisation source.
type source struct {
	known     bool
	ssrc      uint32
	first     uint32 // extended sequence number
	highest   uint32 // likewise
	received  int
	base      uint32 // RTP time of the sample at start
	start     int    // in PCM
	sounding  bool   // base and start are set
	digitTime uint32 // RTP time of the last digit
	hasDigit  bool
}

// lost returns how many packets of s have not come.
func (s source) lost() int {
	if !s.known {
		return 0
	}
	return max(0, int(s.highest-s.first)+1-s.received)
}

// packet takes note of p and reports whether it is of the current source's order; every packet counts.
func (r *recorder) packet(p packet, at time.Time) {
	if r.rec.Packets == 0 {
		r.rec.First = at
	}
	r.rec.Packets++
	r.rec.Last = at
	s := &r.source
	if !s.known || s.ssrc != p.ssrc {
		r.earlier.lost += s.lost()
		// One turn of the sequence number above zero, so that packets from before the first one fit in.
		n := uint32(p.seq) + 1<<16
		*s = source{known: true, ssrc: p.ssrc, first: n, highest: n}
	}
	s.received++
	n := s.highest + uint32(int32(int16(p.seq-uint16(s.highest))))
	switch {
	case n > s.highest:
		s.highest = n
	case n < s.highest:
		r.rec.Reordered++
		s.first = min(s.first, n)
	}
}

// sound takes note of a packet of sound.
func (r *recorder) sound(p packet, decode func(byte) int16, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packet(p, at)
	s := &r.source
	offset := int(int32(p.timestamp - s.base))
	pos := s.start + offset
	if !s.sounding || pos < 0 || pos > len(r.rec.PCM)+maxGap || pos < len(r.rec.PCM)-maxGap {
		s.sounding, s.base, s.start = true, p.timestamp, len(r.rec.PCM)
		pos = s.start
	}
	if need := pos + len(p.payload) - len(r.rec.PCM); need > 0 {
		r.rec.PCM = append(r.rec.PCM, make([]int16, need)...)
	}
	for i, b := range p.payload {
		r.rec.PCM[pos+i] = decode(b)
	}
	if over := len(r.rec.PCM) - maxRecording; over > maxRecording/4 {
		r.rec.PCM = append(r.rec.PCM[:0], r.rec.PCM[over:]...)
		s.start -= over
	}
}

// digit takes note of a packet of a telephone event. All packets of one digit share its RTP time (RFC 4733 section 2.5.1.2).
func (r *recorder) digit(p packet, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packet(p, at)
	e, ok := parseDigit(p.payload)
	s := &r.source
	if !ok || s.hasDigit && int32(p.timestamp-s.digitTime) <= 0 {
		return
	}
	s.hasDigit, s.digitTime = true, p.timestamp
	if len(r.digits) < maxDigits {
		r.digits = append(r.digits, digitNames[e.code])
	}
}

// unknown takes note of a packet whose payload type means nothing here.
func (r *recorder) unknown(p packet, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packet(p, at)
	r.rec.Unknown++
}

// mute takes note of a packet that has no sound.
func (r *recorder) mute(p packet, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packet(p, at)
}

// control takes note of an RTCP packet.
func (r *recorder) control(lastSR uint32, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rec.RTCP++
	if lastSR != 0 {
		r.lastSR, r.srAt = lastSR, at
	}
}

// recording returns what was heard up to now.
func (r *recorder) recording() Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.rec
	rec.PCM = slices.Clone(lastSamples(rec.PCM))
	rec.Lost = r.earlier.lost + r.source.lost()
	return rec
}

// lastSamples returns what of pcm a Recording holds.
func lastSamples(pcm []int16) []int16 { return pcm[max(0, len(pcm)-maxRecording):] }

// heardDigits returns the digits that have come up to now.
func (r *recorder) heardDigits() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.digits)
}

// reception returns the report block for the current source, or nil when nothing has come.
func (r *recorder) reception(now time.Time) *reception {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, told := r.source, r.told
	if !s.known {
		return nil
	}
	if !told.known || told.ssrc != s.ssrc {
		told = source{known: true, highest: s.first - 1}
	}
	r.told = s
	block := &reception{ssrc: s.ssrc, lost: int32(min(s.lost(), 0x7FFFFF)), highest: s.highest - 1<<16}
	if expected := int(s.highest - told.highest); expected > 0 {
		lost := max(0, expected-(s.received-told.received))
		block.fraction = uint8(min(255, lost*256/expected))
	}
	if r.lastSR != 0 {
		block.lastSR, block.delay = r.lastSR, now.Sub(r.srAt)
	}
	return block
}
