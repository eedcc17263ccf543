package codec

import "time"

// A governor chooses the complexity of an encoder by the time that it takes: lower while a frame takes longer on average than it may, as on
// a machine with too much to do, and higher again when that is over. Each encoder has its own and looks at itself alone.
type governor struct {
	most   int           // complexity
	budget time.Duration // for a frame

	complexity int
	average    time.Duration // of the latest frames at this complexity
	since      int           // frames since the complexity changed, or since it was last too dear to raise it
	rose       bool          // at the latest change
	patience   int           // frames to wait before it rises
}

const (
	governorFrames = FramesPerSecond      // that the average is over, about, and that it needs to say something
	leastPatience  = FramesPerSecond * 5  // frames
	mostPatience   = FramesPerSecond * 80 // frames; each rise that was too much doubles it
)

func newGovernor(most int, budget time.Duration) governor {
	return governor{most: most, budget: budget, complexity: most, patience: leastPatience}
}

// took notes how long a frame took, and reports whether the complexity has changed.
func (g *governor) took(d time.Duration) bool {
	// A machine with too much to do does most frames as fast as ever and some very late, so it is not the usual frame that counts. Nor may one
	// alone, so none counts for more than it lasts.
	g.since++
	g.average += (min(d, time.Second/FramesPerSecond) - g.average) / time.Duration(min(g.since, governorFrames))
	switch {
	case g.average > g.budget:
		if g.complexity == 0 || g.since < governorFrames {
			return false
		}
		if g.rose && g.since < leastPatience {
			g.patience = min(2*g.patience, mostPatience)
		}
		if g.rose = false; g.average > 2*g.budget {
			g.complexity /= 2
		} else {
			g.complexity--
		}
	case g.average > g.budget/2: // one more of complexity can take nearly twice the time
		g.since = min(g.since, governorFrames)
		return false
	case g.complexity == g.most:
		g.patience = max(leastPatience, g.patience-1)
		return false
	case g.since < g.patience:
		return false
	default:
		g.complexity, g.rose = g.complexity+1, true
	}
	g.since = 0
	return true
}
