package codec

import (
	"math"
	"math/cmplx"
)

// correlate compares the hop with each tone (Goertzel's algorithm), its phase counted from the first sample of all, so that hops add up.
func (d *Detector) correlate() {
	slot := d.at % ringHops
	power := 0.0
	for _, x := range d.block {
		power += x * x
	}
	d.power[slot] = power
	part := &d.part[slot]
	for g := 0; g < tones; g += group {
		c0, c1, c2, c3 := d.coefficient[g], d.coefficient[g+1], d.coefficient[g+2], d.coefficient[g+3]
		var a0, a1, a2, a3, b0, b1, b2, b3 float64
		for _, x := range d.block {
			a0, b0 = x+c0*a0-b0, a0
			a1, b1 = x+c1*a1-b1, a1
			a2, b2 = x+c2*a2-b2, a2
			a3, b3 = x+c3*a3-b3, a3
		}
		a, b := [group]float64{a0, a1, a2, a3}, [group]float64{b0, b1, b2, b3}
		for i := range group {
			// s1 - s2·e^-jw
			s := complex(a[i]-b[i]*d.coefficient[g+i]/2, b[i]*d.sine[g+i])
			part[g+i] = s * d.phase[g+i]
			d.phase[g+i] *= d.turn[g+i]
		}
	}
}

// weightTable is how much the hops of a glance count: two steady windows, of 7.5 and 10 ms, over each other.
var weightTable = [glanceHops]float64{1, 2, 3, 3, 2, 1}

const weights = 12

// look makes the glance that ends with the latest hop.
func (d *Detector) look() {
	var sum [tones]complex128
	for i, w := range weightTable {
		part := &d.part[(d.at-glanceHops+int64(i))%ringHops]
		for k := range sum {
			sum[k] += complex(w, 0) * part[k]
		}
	}
	d.glance[(d.at-1)%ringHops] = sum
}

// tone returns the square of a tone's amplitude in the latest glance.
func (d *Detector) tone(k int) float64 {
	z := d.glance[(d.at-1)%ringHops][k]
	n := float64(weights * d.hop)
	return 4 * (real(z)*real(z) + imag(z)*imag(z)) / (n * n)
}

// glanced returns the power of a sample in the latest glance.
func (d *Detector) glanced() float64 {
	sum := 0.0
	for i, w := range weightTable {
		sum += w * d.power[(d.at-glanceHops+int64(i))%ringHops]
	}
	return sum / float64(weights*d.hop)
}

// isQuiet reports whether the latest hop has not even the power of the tones that sounded.
func (d *Detector) isQuiet() bool {
	return d.power[(d.at-1)%ringHops]/float64(d.hop) < (d.needs[0]+d.needs[1])/2
}

const audible = 0.25 // of the quietest tones: judge looks closer

// candidate returns the tones that stand out in the middle of the window, as far as a glance tells.
func (d *Detector) candidate() (low, high int, ok bool) {
	middle := &d.glance[(d.at-1-glances/2)%ringHops]
	low, high = loudest(middle[:group]), group+loudest(middle[group:])
	both := (d.tone(low) + d.tone(high)) / 2
	return low, high, both > audible*floor && both >= pureGlance*d.glanced()
}

// suspects reports whether two tones stand out in the latest glance, as they do in the first 15 ms of a key, and now and then in other sound.
func (d *Detector) suspects() bool {
	if d.filled < glanceHops {
		return false
	}
	now := &d.glance[(d.at-1)%ringHops]
	low, high := d.tone(loudest(now[:group])), d.tone(group+loudest(now[group:]))
	return min(low, high) > audible*floor && (low+high)/2 >= pureGlance*d.glanced()
}

func loudest(of []complex128) int {
	best, most := 0, 0.0
	for k, z := range of {
		if square := real(z)*real(z) + imag(z)*imag(z); square > most {
			best, most = k, square
		}
	}
	return best
}

// judge reports whether the window holds two tones and next to nothing else, and the share that they have in it.
func (d *Detector) judge(low, high int) (pure float64, ok bool) {
	total := 0.0
	for i := range int64(windowHops) {
		total += d.power[(d.at-1-i)%ringHops]
	}
	total /= float64(windowHops * d.hop)
	a, lowHz := d.measure(low)
	b, highHz := d.measure(high)
	if min(a, b) < floor || math.Abs(highHz/lowHz-2) < octave {
		return 0, false
	}
	twist := 10 * math.Log10(b/a)
	pure = (a + b) / 2 / total
	return pure, pure >= pureEnough && twist <= highMost && twist >= highLeast
}

// measure returns the square of the amplitude that a tone has over the window, at the frequency that it really has, which the phases of
// glances tell; 0 if that is too far from where it should be.
func (d *Detector) measure(k int) (square, hz float64) {
	var turned complex128
	for i := range int64(glances - apartHops) {
		turned += d.glance[(d.at-1-i)%ringHops][k] * cmplx.Conj(d.glance[(d.at-1-i-apartHops)%ringHops][k])
	}
	turn := cmplx.Phase(turned) / apartHops // in a hop
	off := turn / (2 * math.Pi) * float64(d.rate) / float64(d.hop)
	if math.Abs(off) > offMost*toneTable[k] {
		return 0, 0
	}
	back, angle, sum := cmplx.Rect(1, turn), complex(1, 0), complex(0, 0)
	for i := range int64(windowHops) { // from the latest hop backwards
		sum += d.part[(d.at-1-i)%ringHops][k] * angle
		angle *= back
	}
	blur := 1.0 // what a hop loses by being off
	if turn != 0 {
		blur = math.Sin(turn/2) / (turn / 2)
	}
	n := float64(windowHops*d.hop) * blur
	return 4 * (real(sum)*real(sum) + imag(sum)*imag(sum)) / (n * n), toneTable[k] + off
}
