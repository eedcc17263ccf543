package codec

import (
	"math"

	"github.com/alexacall/alexacall/media"
)

const (
	// MaxNoiseOrder is how many reflections of a payload of comfort noise are heard; a decoder may leave out the others (RFC 3389 section 3).
	MaxNoiseOrder = 16
	// SilentNoise is the level of noise that nobody hears.
	SilentNoise = 127

	noiseName       = "CN"
	maxNoisePayload = 256 // octets
	noiseZero       = 127 // the index of a reflection of 0; those from 0 to 254 are in use
	noiseStep       = 258.0 / 32768
	noiseOverload   = 32768 // the amplitude of a square wave of 0 dBov, and so its effective value
)

// A Noise is what a payload of comfort noise says, what a pause of a source sounds like (RFC 3389). The zero value is the loudest noise there
// is, and white.
type Noise struct {
	Level       int                    // dB below the overload of 16 bits (-dBov), 0 to SilentNoise
	Order       int                    // how many Reflections there are, 0 for white noise
	Reflections [MaxNoiseOrder]float64 // of an all-pole filter, between -1 and 1
}

// ComfortNoise returns RFC 3389's comfort noise at a clock rate in Hz, that of the codec whose pauses it fills. It is decoded, and not encoded:
// no leg speaks it.
func ComfortNoise(rate int) media.Codec {
	return media.Codec{Name: noiseName, ClockRate: rate, Channels: 1}
}

// ParseNoise parses a payload of comfort noise. The error is an *Error that wraps ErrPayload, of one that is empty or longer than 256 octets.
func ParseNoise(payload []byte) (Noise, error) {
	if len(payload) == 0 || len(payload) > maxNoisePayload {
		return Noise{}, &Error{ComfortNoise(telephoneRate), ErrPayload}
	}
	n := Noise{Level: int(payload[0] & 0x7F)}
	for _, index := range payload[1:min(len(payload), 1+MaxNoiseOrder)] {
		if index == 255 { // reserved (section 3.2), and so is what it may make of the others
			break
		}
		n.Reflections[n.Order] = noiseStep * float64(int(index)-noiseZero)
		n.Order++
	}
	return n, nil
}

// AppendTo appends n as a payload to b. What a payload cannot say, it says as nearly as it can.
func (n *Noise) AppendTo(b []byte) []byte {
	b = append(b, byte(max(0, min(SilentNoise, n.Level))))
	for _, k := range n.Reflections[:max(0, min(MaxNoiseOrder, n.Order))] {
		b = append(b, byte(max(0, min(2*noiseZero, math.Round(k/noiseStep)+noiseZero))))
	}
	return b
}

// MeasureNoise returns what pcm sounds like, with order reflections, MaxNoiseOrder at most. It takes 10 ms or more to tell.
func MeasureNoise(pcm []int16, order int) Noise {
	n := Noise{Level: SilentNoise}
	energy := correlation(pcm, 0)
	if energy == 0 {
		return n
	}
	level := -10 * math.Log10(energy/float64(len(pcm))/(noiseOverload*noiseOverload))
	n.Level = max(0, min(SilentNoise, int(math.Round(level))))
	n.reflect(pcm, max(0, min(MaxNoiseOrder, order)))
	return n
}

// reflect finds the reflections by the recursion of Levinson and Durbin.
func (n *Noise) reflect(pcm []int16, order int) {
	const floor = 1.0001 // some white noise beside it, which keeps the filter from being sharp
	var r, a [MaxNoiseOrder + 1]float64
	for i := range order + 1 {
		r[i] = correlation(pcm, i)
	}
	left := r[0] * floor
	for m := 1; m <= order; m++ {
		sum := r[m]
		for i := 1; i < m; i++ {
			sum += a[i] * r[m-i]
		}
		k := -sum / left
		for i, j := 1, m-1; i <= j; i, j = i+1, j-1 {
			a[i], a[j] = a[i]+k*a[j], a[j]+k*a[i]
		}
		a[m] = k
		left *= 1 - k*k
		n.Reflections[m-1], n.Order = k, m
	}
}

// correlation is the sum of the products of samples that are lag apart.
func correlation(pcm []int16, lag int) float64 {
	sum := 0.0
	for i := lag; i < len(pcm); i++ {
		sum += float64(pcm[i]) * float64(pcm[i-lag])
	}
	return sum
}

// A NoiseMaker makes noise of which only level and spectrum are given. It glides from one to the next in some 50 ms. The zero value is
// silent. One goroutine uses it.
type NoiseMaker struct {
	aim, now noiseShape
	set      bool
	left     int // samples until the shape moves on
	state    [MaxNoiseOrder]float64
	chance   uint32
}

// noiseShape is a lattice filter and what goes into it.
type noiseShape struct {
	amplitude   float64 // effective value of what comes out
	order       int
	reflections [MaxNoiseOrder]float64
}

// noiseGlide is how many samples are made by one shape.
const noiseGlide = 80

// Set has the noise become n.
func (m *NoiseMaker) Set(n *Noise) {
	m.aim = noiseShape{order: max(0, min(MaxNoiseOrder, n.Order))}
	if n.Level < SilentNoise {
		m.aim.amplitude = noiseOverload * math.Pow(10, -float64(max(0, n.Level))/20)
	}
	for i, k := range n.Reflections[:m.aim.order] {
		m.aim.reflections[i] = max(-noiseZero*noiseStep, min(noiseZero*noiseStep, k))
	}
	if !m.set {
		m.now, m.set = m.aim, true
	}
}

// Append appends n samples.
func (m *NoiseMaker) Append(pcm []int16, n int) []int16 {
	for n > 0 {
		if m.left == 0 {
			m.glide()
			m.left = noiseGlide
		}
		part := min(n, m.left)
		n, m.left = n-part, m.left-part
		gain := m.now.gain()
		for range part {
			x := math.Round(m.filter(gain * m.excitation()))
			pcm = append(pcm, int16(max(math.MinInt16, min(math.MaxInt16, x))))
		}
	}
	return pcm
}

// glide moves the shape a part of the way.
func (m *NoiseMaker) glide() {
	const part = 0.3
	m.now.amplitude += part * (m.aim.amplitude - m.now.amplitude)
	m.now.order = max(m.now.order, m.aim.order)
	for i := range m.now.reflections[:m.now.order] {
		m.now.reflections[i] += part * (m.aim.reflections[i] - m.now.reflections[i])
	}
}

// gain is what the filter's input has to be multiplied by for its output to have the amplitude.
func (s *noiseShape) gain() float64 {
	power := 1.0
	for _, k := range s.reflections[:s.order] {
		power *= 1 - k*k
	}
	return s.amplitude * math.Sqrt(power)
}

// excitation is white noise of effective value 1: the sum of four even chances, almost normal.
func (m *NoiseMaker) excitation() float64 {
	const middle, scale = 4 * 127.5, 1 / 147.8
	if m.chance == 0 {
		m.chance = 2463534242
	}
	m.chance ^= m.chance << 13
	m.chance ^= m.chance >> 17
	m.chance ^= m.chance << 5
	x := m.chance
	return (float64(x&0xFF+x>>8&0xFF+x>>16&0xFF+x>>24) - middle) * scale
}

// filter is an all-pole lattice, which is stable for all reflections below 1, also while they move.
func (m *NoiseMaker) filter(x float64) float64 {
	for i := m.now.order - 1; i >= 0; i-- {
		k := m.now.reflections[i]
		x -= k * m.state[i]
		if i+1 < m.now.order {
			m.state[i+1] = m.state[i] + k*x
		}
	}
	m.state[0] = x
	return x
}

// noise is the decoder of comfort noise: of a pause the payload says only what it sounds like, and Conceal makes what it takes of it.
type noise struct {
	rate  int
	maker NoiseMaker
}

func isNoise(c media.Codec) bool { return isLinear(c) } // its rates are what sound has

// newNoiseDecoder takes the rate of the clock: reflections are of a spectrum up to half of it.
func newNoiseDecoder(c media.Codec, _ *Options) (Decoder, error) {
	return &noise{rate: c.ClockRate}, nil
}

func (d *noise) Rate() int { return d.rate }

// Decode appends the first 20 ms.
func (d *noise) Decode(pcm []int16, payload []byte) ([]int16, error) {
	n, err := ParseNoise(payload)
	if err != nil {
		return pcm, err
	}
	d.maker.Set(&n)
	return d.maker.Append(pcm, d.rate/FramesPerSecond), nil
}

func (d *noise) Conceal(pcm []int16, n int, _ []byte) []int16 { return d.maker.Append(pcm, n) }
