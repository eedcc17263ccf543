package engine

import (
	"time"

	"github.com/alexacall/alexacall/media"
)

const (
	estimateEvery = time.Second
	estimateLeast = 50_000     // bit/s; pictures below it are none
	estimateMost  = 20_000_000 // bit/s, from where on there is nothing to limit
)

// estimate is what the path from the far side can carry, by loss alone: the rule that the controllers of WebRTC's senders have for it
// (draft-ietf-rmcat-gcc section 6), applied to what has come. It knows no limit before there is a loss.
type estimate struct {
	rate   float64 // bit/s; 0: no limit is known
	at     time.Time
	before media.InStats
}

// update takes the totals of a stream, at most once a second.
func (e *estimate) update(in *media.InStats, now time.Time) {
	passed := now.Sub(e.at)
	if passed < estimateEvery {
		return
	}
	came, bytes := in.Packets-e.before.Packets, in.Bytes-e.before.Bytes
	gone := float64(in.Lost+in.Repaired) - float64(e.before.Lost+e.before.Repaired) // what was sent again had been lost
	first := e.at.IsZero()
	e.at, e.before = now, *in
	if first || came == 0 {
		return
	}
	switch share := gone / (float64(came) + max(0, gone)); {
	case share > 0.1:
		e.rate = max(estimateLeast, float64(bytes*8)/passed.Seconds()*(1-share/2))
	case share < 0.02 && e.rate > 0:
		if e.rate *= 1.08; e.rate > estimateMost {
			e.rate = 0
		}
	}
}
