package audio

import "math"

const (
	floorMargin = 6.0 // dB that who takes the place of a speaker is louder by
	floorRest   = 100 // turns, 2 s, after which who does not speak gives its place up
	floorHold   = 25  // turns, half a second, for which a speaker keeps its place, however loud others are
	floorDecay  = 0.5 // dB a turn by which loudness is forgotten
)

// standing is how a member stands to the floor.
type standing struct {
	loud  float64 // in dBFS: the loudest of late
	on    bool    // it has the floor
	quiet int     // turns since it last spoke
	since int     // turns that it has had the floor
}

// note takes what a turn has brought.
func (s *standing) note(level float64, speaks bool) {
	s.loud = max(s.loud-floorDecay, quietest)
	s.quiet++
	if speaks {
		s.loud, s.quiet = max(s.loud, level), 0
	}
	s.since++
}

// floor decides who is heard: all, or where they are too many the loudest of those who speak. Who has the floor keeps it in short
// pauses, and against others who are hardly louder, so that no word is cut up.
type floor struct{ speakers, crowd int }

// choose sets on of those who might be heard.
func (f floor) choose(all []*standing) {
	if len(all) <= f.crowd {
		for _, s := range all {
			s.set(true)
		}
		return
	}
	on := 0
	for _, s := range all {
		s.set(s.on && s.quiet < floorRest)
		if s.on {
			on++
		}
	}
	for ; on > f.speakers; on-- {
		weakest(all).set(false)
	}
	next := loudest(all)
	switch {
	case next == nil:
	case on < f.speakers:
		next.set(true)
	default:
		if last := weakest(all); last.yields(next) {
			last.set(false)
			next.set(true)
		}
	}
}

func (s *standing) set(on bool) {
	if on && !s.on {
		s.since = 0
	}
	s.on = on
}

// yields reports whether s, who has the floor, gives it to another.
func (s *standing) yields(to *standing) bool {
	return s.quiet > 0 || s.since >= floorHold && to.loud > s.loud+floorMargin
}

// loudest returns who speaks and has not the floor; nil if there is none.
func loudest(all []*standing) *standing {
	var best *standing
	for _, s := range all {
		if !s.on && s.quiet == 0 && (best == nil || s.loud > best.loud) {
			best = s
		}
	}
	return best
}

// weakest returns who has the floor and needs it least: who has not spoken for longest, then who is softest.
func weakest(all []*standing) *standing {
	var least *standing
	for _, s := range all {
		if s.on && (least == nil || s.quiet > least.quiet || s.quiet == least.quiet && s.loud < least.loud) {
			least = s
		}
	}
	return least
}

// gainOf is a gain in dB as a factor.
func gainOf(db float64) float32 { return float32(math.Pow(10, db/20)) }
