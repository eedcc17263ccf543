package engine

import (
	"slices"
	"time"
)

const (
	missingMost   = 256                    // numbers that are awaited at a time; more are not worth the asking
	missingWait   = 15 * time.Millisecond  // before a number is asked for: it may only be late
	missingTries  = 8                      // times that it is asked for
	missingEvery  = 100 * time.Millisecond // between two of them, where no round trip is known
	missingSoon   = 30 * time.Millisecond  // between two of them at the least
	missingForget = time.Second            // after which pictures have gone on without it
)

// missing are the numbers of a stream that have not come, oldest first, and that may be asked for again (RFC 4585 section 6.2.1).
type missing struct {
	asks   bool // the far side takes requests
	list   []gap
	beyond bool // something is lost that cannot be asked for any more
}

type gap struct {
	seq   uint16
	tries uint8
	since time.Time
	asked time.Time
}

// skipped notes that the numbers from first up to, but not including, end have been passed over.
func (m *missing) skipped(first, end uint16, now time.Time) {
	n := int(end - first)
	if over := len(m.list) + n - missingMost; over > 0 {
		m.beyond = true
		m.list = slices.Delete(m.list, 0, min(over, len(m.list)))
		first = end - uint16(min(n, missingMost))
	}
	for seq := first; seq != end; seq++ {
		m.list = append(m.list, gap{seq: seq, since: now})
	}
}

// came notes that a number has come after all, and reports whether it had been asked for.
func (m *missing) came(seq uint16) (asked bool) {
	i := slices.IndexFunc(m.list, func(g gap) bool { return g.seq == seq })
	if i < 0 {
		return false
	}
	asked = m.list[i].tries > 0
	m.list = slices.Delete(m.list, i, i+1)
	return asked
}

// clear forgets all of them.
func (m *missing) clear() { m.list, m.beyond = m.list[:0], false }

// due returns the numbers to be asked for now, and whether something is lost for good since the last call. trip is the round trip to the
// far side; 0 if it is not known.
func (m *missing) due(now time.Time, trip time.Duration) (ask []uint16, lost bool) {
	every := missingEvery
	if trip > 0 {
		every = min(max(trip, missingSoon), missingForget)
	}
	lost, m.beyond = m.beyond, false
	m.list = slices.DeleteFunc(m.list, func(g gap) bool {
		over := now.Sub(g.since) >= missingForget || g.tries >= missingTries && now.Sub(g.asked) >= every || !m.asks && now.Sub(g.since) >= missingEvery
		lost = lost || over
		return over
	})
	for i := range m.list {
		g := &m.list[i]
		if !m.asks || g.tries >= missingTries || now.Sub(g.since) < missingWait || g.tries > 0 && now.Sub(g.asked) < every {
			continue
		}
		g.tries, g.asked = g.tries+1, now
		ask = append(ask, g.seq)
	}
	return ask, lost
}
