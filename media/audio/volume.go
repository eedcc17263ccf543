package audio

import "math"

// volume is a gain, in steps of 1/4096; 0 and unity change nothing.
type volume int

const (
	unity     volume = 1 << 12
	maxVolume        = 40 // dB; more is noise
)

// volumeOf returns the gain of so many dB: far below zero it is mute.
func volumeOf(db float64) volume {
	if math.IsNaN(db) || db == 0 {
		return unity
	}
	if v := volume(math.Round(float64(unity) * math.Pow(10, min(db, maxVolume)/20))); v > 0 {
		return v
	}
	return mute
}

// mute is the gain of what is not heard.
const mute volume = -1

func (v volume) apply(pcm []int16) {
	switch v {
	case 0, unity:
		return
	case mute:
		clear(pcm)
		return
	}
	for i, x := range pcm {
		pcm[i] = int16(min(max(int(x)*int(v)>>12, math.MinInt16), math.MaxInt16))
	}
}
