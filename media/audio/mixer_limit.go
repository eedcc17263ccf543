package audio

import "math"

const (
	ceiling     = 29000 // 1 dB below full scale: what is louder is made softer
	recovers    = 1.023 // times a frame: 10 dB a second
	attackShare = 8     // part of a frame in which a limiter makes softer
)

// limiter makes samples of 16 bits of a sum. It takes the loudness back as a whole where a peak would not fit and gives it again slowly;
// what is still too loud before that takes hold is bent and never wraps.
type limiter struct{ less float32 } // how much is taken back; 0: nothing

// apply appends a frame.
func (l *limiter) apply(out []int16, in []int32) []int16 {
	peak := int32(0)
	for _, x := range in {
		peak = max(peak, x, -x)
	}
	if l.less == 0 && peak <= ceiling {
		for _, x := range in {
			out = append(out, int16(x))
		}
		return out
	}
	from, to := 1-l.less, min((1-l.less)*recovers, 1)
	if peak > 0 {
		to = min(to, ceiling/float32(peak))
	}
	ramp := len(in)
	if to < from {
		ramp /= attackShare
	}
	step, gain := (to-from)/float32(ramp), from
	for i, x := range in {
		if gain += step; i >= ramp {
			gain = to
		}
		out = append(out, bend(float32(x)*gain))
	}
	l.less = 1 - to
	return out
}

// bend lets what is above the ceiling come ever nearer to full scale.
func bend(x float32) int16 {
	const room = math.MaxInt16 - ceiling
	switch {
	case x > ceiling:
		return int16(math.MaxInt16 - room*room/(x-ceiling+room))
	case x < -ceiling:
		return int16(-math.MaxInt16 + room*room/(-x-ceiling+room))
	}
	return int16(x)
}

// fade is a gain that goes over from one value to another within a frame, so that nothing clicks.
type fade struct{ now float32 }

// faded sets out to in with the gain of f, which is to at the end. They may be the same.
func faded[T int16 | int32](f *fade, out []int32, in []T, to float32) {
	if f.now == 1 && to == 1 {
		for i, x := range in {
			out[i] = int32(x)
		}
		return
	}
	step, gain := (to-f.now)/float32(len(in)), f.now
	for i, x := range in {
		gain += step
		out[i] = int32(float32(x) * gain)
	}
	f.now = to
}
