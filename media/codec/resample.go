package codec

import (
	"fmt"
	"math"
)

// A Resampler turns the samples of one source into samples at another rate, through a filter that keeps out what the lower of the two rates
// cannot hold: a polyphase FIR, flat to 0.42 of that rate (at 8000 Hz: 3.4 kHz) and 57 dB down from 0.55 of it on. Sound comes out 14
// samples of the lower rate late, 1.75 ms at 8000 Hz. One goroutine uses it.
type Resampler struct {
	bank  *bank // nil: the rates are the same
	phase int   // of the next sample that goes out
	at    int   // in recent: where the filter begins for that sample
	n     int   // of recent: what has come in
	// recent is what the filter still needs, and a block of what comes in.
	recent []int16
}

// resampleBlock is how many samples go through at once; it bounds what a Resampler holds.
const resampleBlock = 480

// NewResampler returns a Resampler between two rates in Hz, each 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 or 48000. The filter
// of a pair is made by who first asks for it, in some milliseconds, and shared by all who follow.
func NewResampler(from, to int) (*Resampler, error) {
	bankOf, ok := bankTable[[2]int{from, to}]
	switch {
	case !ok:
		return nil, fmt.Errorf("codec: no conversion from %d to %d Hz", from, to)
	case from == to:
		return &Resampler{}, nil
	}
	b := bankOf()
	return &Resampler{bank: b, n: b.taps - 1, recent: make([]int16, b.taps-1+resampleBlock+b.margin)}, nil
}

// Append appends to out what follows from in. Over all calls n samples make n*to/from, rounded up, however they are divided among them: 20 ms
// make 20 ms at all rates. In and out must not overlap.
func (r *Resampler) Append(out, in []int16) []int16 {
	if r.bank == nil {
		return append(out, in...)
	}
	for len(in) > 0 {
		block := copy(r.recent[r.n:len(r.recent)-r.bank.margin], in)
		r.n += block
		in = in[block:]
		out = r.filter(out)
	}
	return out
}

// filter appends all that follows from what has come in, two samples at a time, and keeps of that what is needed yet.
func (r *Resampler) filter(out []int16) []int16 {
	rows, at, phase := r.bank.rows, r.at, r.phase
	last := r.n - r.bank.taps // where the filter can begin
	for at <= last {
		row := &rows[phase]
		both := product(row.taps, r.recent[at:])
		out = append(out, rounded(int32(both)))
		if at+row.later > last {
			at, phase = at+row.later, row.after // the second has to wait
			break
		}
		out = append(out, rounded(int32((both+1<<31)>>32)))
		at, phase = at+row.step, row.next
	}
	keep := min(at, r.n)
	r.n = copy(r.recent, r.recent[keep:r.n])
	r.at, r.phase = at-keep, phase
	return out
}

func rounded(x int32) int16 {
	return int16(max(math.MinInt16, min(math.MaxInt16, (x+1<<(tapBits-1))>>tapBits)))
}

// product is the scalar product of taps, a multiple of unrolled of them, and what begins x. It is two sums, so that one need not await the
// other's additions.
func product(taps []int64, x []int16) int64 {
	var a, b int64
	for len(taps) >= unrolled && len(x) >= unrolled {
		t, y := (*[unrolled]int64)(taps), (*[unrolled]int16)(x)
		a += t[0]*int64(y[0]) + t[2]*int64(y[2]) + t[4]*int64(y[4]) + t[6]*int64(y[6])
		b += t[1]*int64(y[1]) + t[3]*int64(y[3]) + t[5]*int64(y[5]) + t[7]*int64(y[7])
		taps, x = taps[unrolled:], x[unrolled:]
	}
	return a + b
}
