//go:build linux && (amd64 || arm64)

package main

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// histogram counts delays with an error of less than 1 in 64, up to an hour.
type histogram struct {
	n     int
	count [27 * 64]int
}

func (h *histogram) add(d time.Duration) {
	us := uint64(max(d, 0) / time.Microsecond)
	shift := max(bits.Len64(us)-7, 0)
	h.count[min(shift*64+int(us>>shift), len(h.count)-1)]++
	h.n++
}

// quantile returns the delay that a share of all do not exceed; 0 without any.
func (h *histogram) quantile(share float64) time.Duration {
	left := int(share * float64(h.n-1))
	for i, n := range h.count {
		if left -= n; left < 0 && n > 0 {
			shift := max(i/64-1, 0)
			return time.Duration(i-shift*64) << shift * time.Microsecond
		}
	}
	return 0
}

// merge adds what another has counted.
func (h *histogram) merge(other *histogram) {
	h.n += other.n
	for i, n := range other.count {
		h.count[i] += n
	}
}

// figures are those of one run, or of the runs of several rounds together.
type figures struct {
	sent, lost int
	twice      int // came more than once
	late       int // came after one that was sent later
	wrong      int // not what was sent to that phone, or under a number that does not follow from its own
	delay      histogram
	distance   [2]float64 // between what was said and what callers and called heard of it, in dB: see judge

	cost    float64       // microseconds of the processor's time for a packet that was passed on
	foreign float64       // share of one processor that other programs have had
	stolen  float64       // and that other machines have had, of the same host
	ours    int           // lost on the machine, but not by the program: at the generator's sockets, or before any socket
	behind  time.Duration // the most that the generator was behind its time
}

// add takes in the counts of another run.
func (f *figures) add(other *figures) {
	f.sent, f.lost, f.twice, f.late, f.wrong = f.sent+other.sent, f.lost+other.lost, f.twice+other.twice, f.late+other.late, f.wrong+other.wrong
	f.delay.merge(&other.delay)
	f.foreign, f.stolen, f.behind = max(f.foreign, other.foreign), max(f.stolen, other.stolen), max(f.behind, other.behind)
	f.ours += other.ours
	for side, d := range other.distance {
		f.distance[side] = max(f.distance[side], d)
	}
}

// Limits of what still counts as carried.
const (
	maxLoss  = 0.001
	maxDelay = 20 * time.Millisecond // for all but 1 in 100
)

// carried reports whether a run was within the limits.
func (f *figures) carried() bool {
	return f.sent > 0 && float64(f.lost) < maxLoss*float64(f.sent) && f.delay.quantile(0.99) < maxDelay
}

// spread is a figure with its least and its most.
type spread struct{ mid, least, most float64 }

// spreadOf returns the median, which of an even number of values is the mean of the two in the middle; zeros without any.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return spread{(s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]}
}

func (s spread) String() string { return fmt.Sprintf("%.2f (%.2f-%.2f)", s.mid, s.least, s.most) }

// ratios divides round by round, where both have a value.
func ratios(of, by []float64) []float64 {
	var all []float64
	for i := range min(len(of), len(by)) {
		if by[i] > 0 {
			all = append(all, of[i]/by[i])
		}
	}
	return all
}

// verdict is the last line: the medians of the ratios by mode, and how many times as many calls one core carries.
func verdict(plain, cm80, gcm spread, ours, rival int) string {
	return fmt.Sprintf("ratio plain=%.2f cm80=%.2f gcm=%.2f calls=%.1f", plain.mid, cm80.mid, gcm.mid, float64(ours)/float64(max(rival, 1)))
}

// soundVerdict is the last line of the modes that transcode: the medians of the ratios, and the share of packets that were changed where nothing
// has to be transcoded.
func soundVerdict(same, byDefault, g722 spread, common float64) string {
	return fmt.Sprintf("ratio opus_same=%.2f opus_default=%.2f g722=%.2f common=%.2f", same.mid, byDefault.mid, g722.mid, common)
}

// search finds the most calls that are carried, to within about 1 in 25, from a first guess on. It asks try a dozen times at the most.
func search(guess int, try func(calls int) (bool, error)) (int, error) {
	good, bad := 0, 0
	for range 12 {
		next := guess
		switch {
		case good == 0 && bad == 0:
		case bad == 0:
			next = good * 5 / 4
		case good == 0:
			next = bad * 3 / 4
		case bad-good <= max(good/25, 1):
			return good, nil
		default:
			next = (good + bad) / 2
		}
		if next == 0 {
			break
		}
		ok, err := try(next)
		if err != nil {
			return good, err
		}
		if ok {
			good = next
		} else {
			bad = next
		}
	}
	return good, nil
}

// quieter orders runs by how little they were disturbed from outside.
func quieter(a, b *figures) int {
	return cmp.Or(cmp.Compare(a.ours, b.ours), cmp.Compare(max(a.stolen, maxStolen), max(b.stolen, maxStolen)), cmp.Compare(a.foreign, b.foreign))
}
