package audio

import (
	"math"
	"time"
)

// VoiceOptions are the options of a Voice; nil and every zero field are valid.
type VoiceOptions struct {
	Rate  int           // of the samples in Hz; 0: 8000
	Above float64       // dB above the noise at which a voice begins; it ends at half of that; 0: 6
	Least float64       // in dBFS: what is softer is never a voice; 0: -55
	Hang  time.Duration // how long a voice is still there when it is heard no more; 0: 200 ms
}

const (
	voiceRate   = 8000
	voiceAbove  = 6.0
	voiceLeast  = -55.0
	voiceHang   = 200 * time.Millisecond
	voiceBlock  = 10 * time.Millisecond
	voiceOnset  = 2                      // blocks that a voice has to be heard for: a click has fewer
	noiseTracks = 8                      // parts of the time that the noise is looked for in
	noisePart   = 250 * time.Millisecond // each
	noiseBias   = 1.5                    // dB that noise is above its least
	unknown     = -40.0                  // dBFS: louder than that nothing is taken for noise until it has lasted
	quietest    = -96.0                  // dBFS of silence
	hum         = 200.0                  // Hz: what is lower is no voice
)

// Voice tells a voice from noise, by its energy: what rises above the noise that is always there. The noise is the least that has been
// heard in the last two seconds, so that it may change. One goroutine uses it.
type Voice struct {
	above, least float64
	hang, block  int // in blocks, and in samples

	pole, in, out float64 // of the filter against hum
	sum           float64 // of squares in the block so far
	n             int     // samples of it

	parts   [noiseTracks]float64 // the least level of each, in dBFS
	part    int                  // of parts that is filled
	filled  int                  // blocks of it
	perPart int
	heard   int // blocks in all, until the noise is known

	smooth float64 // power
	level  float64 // the same in dBFS
	rising int     // blocks above the noise, one after another
	left   int     // blocks until a voice is over
	active bool
}

// NewVoice returns a detector that has not heard anything.
func NewVoice(o *VoiceOptions) *Voice {
	var set VoiceOptions
	if o != nil {
		set = *o
	}
	v := &Voice{above: orElse(set.Above, voiceAbove), least: orElse(set.Least, voiceLeast), level: quietest}
	rate := orElse(set.Rate, voiceRate)
	v.block = int(voiceBlock * time.Duration(rate) / time.Second)
	v.hang = int(orElse(set.Hang, voiceHang) / voiceBlock)
	v.perPart = int(noisePart / voiceBlock)
	v.pole = math.Exp(-2 * math.Pi * hum / float64(rate))
	for i := range v.parts {
		v.parts[i] = math.Inf(1)
	}
	return v
}

// orElse returns x, or where it is zero y.
func orElse[T comparable](x, y T) T {
	var zero T
	if x == zero {
		return y
	}
	return x
}

// Hear takes the samples that follow, however many, and reports whether there is a voice at their end.
func (v *Voice) Hear(pcm []int16) bool {
	for len(pcm) > 0 {
		n := min(len(pcm), v.block-v.n)
		v.add(pcm[:n])
		pcm = pcm[n:]
		if v.n += n; v.n == v.block {
			v.judge(v.sum / float64(v.n))
			v.sum, v.n = 0, 0
		}
	}
	return v.active
}

// add adds up the squares of samples, without hum.
func (v *Voice) add(pcm []int16) {
	in, out, sum := v.in, v.out, v.sum
	for _, s := range pcm {
		x := float64(s)
		out = x - in + v.pole*out
		in = x
		sum += out * out
	}
	v.in, v.out, v.sum = in, out, sum
}

// judge takes the power of a block.
func (v *Voice) judge(power float64) {
	v.smooth += (power - v.smooth) / 2
	v.level = dBFS(v.smooth)
	v.track(v.level)
	over := v.level - v.Noise()
	switch {
	case v.level < v.least || over < v.above/2:
		v.rising = 0
		v.left = max(v.left-1, 0)
		v.active = v.active && v.left > 0
	case v.active:
		v.left = v.hang
	case over < v.above || dBFS(power) < v.Noise()+v.above: // a click echoes in the smoothed level alone
		v.rising = 0
	default:
		v.rising++
		v.active, v.left = v.rising >= voiceOnset, v.hang
	}
}

// track finds the least level of late.
func (v *Voice) track(level float64) {
	v.parts[v.part] = min(v.parts[v.part], level)
	v.heard = min(v.heard+1, noiseTracks*v.perPart)
	if v.filled++; v.filled == v.perPart {
		v.part, v.filled = (v.part+1)%noiseTracks, 0
		v.parts[v.part] = math.Inf(1)
	}
}

// Noise is the level in dBFS of what is always there.
func (v *Voice) Noise() float64 {
	noise := math.Inf(1)
	for _, x := range v.parts {
		noise = min(noise, x)
	}
	noise += noiseBias
	if v.heard < noiseTracks*v.perPart/2 {
		noise = min(noise, unknown)
	}
	return max(noise, quietest)
}

// Level is how loud it is now, in dBFS, without hum.
func (v *Voice) Level() float64 { return v.level }

// Active reports whether there is a voice.
func (v *Voice) Active() bool { return v.active }

// dBFS is the level of a mean square, where a sine of full scale is 0.
func dBFS(power float64) float64 {
	const full = math.MaxInt16 * math.MaxInt16 / 2
	return max(quietest, 10*math.Log10(power/full))
}
