package codec

import (
	"time"
)

// A Concealer makes up for lost samples, in the manner of ITU-T G.711 Appendix I: it repeats the last period of the voice's pitch, after
// 10 ms the last two and after 20 ms the last three, so that it does not hum, ever softer, until nothing is heard after 60 ms; and joins what
// comes next to it. It adds no delay. One goroutine uses it.
type Concealer struct {
	Rate int // of the samples in Hz

	latest []int16 // the latest samples, made up or not, at most historyFor of them

	// While a gap lasts:
	heard  []int16 // the latest samples before it
	period int     // of the pitch; else 0
	at     int     // how many samples are made up
}

const (
	lowest     = 15 * time.Millisecond // period of the pitch
	highest    = 2500 * time.Microsecond
	likeFor    = 8 * time.Millisecond // of the latest samples are compared with those before
	historyFor = 3*lowest + lowest/4
	stepFor    = 10 * time.Millisecond // until a further period is repeated
	fadesFor   = 50 * time.Millisecond // after the first step
	joinFor    = 4 * time.Millisecond  // longer for each step of the gap
	joinMost   = 10 * time.Millisecond
	mostCycles = 3
)

func (c *Concealer) samples(d time.Duration) int { return int(d * time.Duration(c.Rate) / time.Second) }

// Heard takes samples that have arrived, and fades them in if a gap was before them.
func (c *Concealer) Heard(pcm []int16) {
	if c.period > 0 {
		c.join(pcm)
		c.period = 0
	}
	c.keep(pcm)
}

func (c *Concealer) keep(pcm []int16) {
	most := c.samples(historyFor)
	if len(pcm) >= most {
		c.latest = append(c.latest[:0], pcm[len(pcm)-most:]...)
		return
	}
	if over := len(c.latest) + len(pcm) - most; over > 0 {
		c.latest = c.latest[:copy(c.latest, c.latest[over:])]
	}
	c.latest = append(c.latest, pcm...)
}

// Append appends n samples in place of lost ones.
func (c *Concealer) Append(pcm []int16, n int) []int16 {
	if c.period == 0 {
		c.heard = append(c.heard[:0], c.latest...)
		c.period, c.at = c.pitch(), 0
	}
	from := len(pcm)
	for range n {
		pcm = append(pcm, c.next())
	}
	c.keep(pcm[from:])
	return pcm
}

// next makes up one sample.
func (c *Concealer) next() int16 {
	step, fades := max(1, c.samples(stepFor)), c.samples(fadesFor)
	gain := min(max(step+fades-c.at, 0), fades)
	if gain == 0 || len(c.heard) == 0 || len(c.heard) < c.period+c.period/4 {
		return 0
	}
	cycles, into := c.at/step, c.at%step
	x := c.cycle(cycles+1, c.at)
	if lap := c.period / 4; cycles > 0 && cycles < mostCycles && into < lap { // out of so many periods into more
		x = (x*into + c.cycle(cycles, c.at)*(lap-into)) / lap
	}
	c.at++
	return int16(x * gain / fades)
}

// cycle returns a sample of the last periods, n of them, over and over: the end of the last goes over into what was before the first.
func (c *Concealer) cycle(n, at int) int {
	lap := c.period / 4
	n = min(n, mostCycles, (len(c.heard)-lap)/c.period)
	length := n * c.period
	i := at % length
	from := len(c.heard) - length + i
	x := int(c.heard[from])
	if left := length - i; left <= lap {
		x = (x*left + int(c.heard[from-length])*(lap-left)) / lap
	}
	return x
}

// join fades from what would have been made up into pcm.
func (c *Concealer) join(pcm []int16) {
	n := c.period/4 + c.samples(joinFor)*max(0, c.at/max(1, c.samples(stepFor))-1)
	n = min(n, c.samples(joinMost), len(pcm))
	for i := range n {
		pcm[i] = int16((int(pcm[i])*(i+1) + int(c.next())*(n-i)) / (n + 1))
	}
}

// pitch is the delay at which the latest samples are most like themselves. It looks at some of them first, as many at every rate, and then
// around the best.
func (c *Concealer) pitch() int {
	stride := max(1, c.Rate/8000)
	from, to := c.samples(highest), c.samples(lowest)
	lag, best := from, 0.0
	for at := from; at <= to; at += stride {
		if like := c.like(at, stride); like > best {
			lag, best = at, like
		}
	}
	for at := max(from, lag-stride+1); at < min(to, lag+stride); at++ {
		if like := c.like(at, stride); like > best {
			lag, best = at, like
		}
	}
	return lag
}

// like returns how like the latest samples are to those lag before, looking at one of stride.
func (c *Concealer) like(lag, stride int) float64 {
	n := min(c.samples(likeFor), len(c.heard)-lag)
	if n <= 0 {
		return 0
	}
	tail := c.heard[len(c.heard)-n:]
	before := c.heard[len(c.heard)-n-lag:]
	dot, power := 0, 1
	for i := 0; i < n; i += stride {
		x, y := int(tail[i]), int(before[i])
		dot += x * y
		power += x*x + y*y
	}
	return float64(dot) / float64(power)
}
