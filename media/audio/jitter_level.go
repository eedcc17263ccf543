package audio

import "math"

const (
	levelBlocks = 8  // of a second each
	levelFar    = 25 // part of a second: later than the latest of another second by more is by far
	levelSure   = 4  // of them have to be known before anything is left out
)

// level remembers by how much packets came before they were needed, in samples: the least of each of the last seconds.
type level struct {
	blocks [levelBlocks]int
	at     int // the present second's
	block  int // length of a second
	passed int // of the present one
}

// noLevel is the least of a second in which no packet has come.
const noLevel = math.MaxInt

func newLevel(second int) level {
	l := level{block: second}
	for i := range l.blocks {
		l.blocks[i] = noLevel
	}
	return l
}

// note takes down that a packet came early. One that came too late by more than most does not count.
func (l *level) note(early, most int) {
	if early >= -most {
		l.blocks[l.at] = min(l.blocks[l.at], early)
	}
}

// shift says that all that has come, and comes, is needed later by so much.
func (l *level) shift(by int) {
	for i, b := range l.blocks {
		if b != noLevel {
			l.blocks[i] = b + by
		}
	}
}

// pass lets time pass.
func (l *level) pass(n int) {
	if l.passed += n; l.passed >= l.block {
		l.passed = 0
		l.at = (l.at + 1) % levelBlocks
		l.blocks[l.at] = noLevel
	}
}

// least returns by how much the packets come early at least. What has happened in one of the seconds alone, and by far, does not count.
func (l *level) least() (early int, ok bool) {
	first, second := noLevel, noLevel
	for _, b := range l.blocks {
		switch {
		case b < first:
			first, second = b, first
		case b < second:
			second = b
		}
	}
	if second != noLevel && second-first > l.block/levelFar {
		return second, true
	}
	return first, first != noLevel
}

// sure reports whether enough is known to leave something out.
func (l *level) sure() bool {
	n := 0
	for _, b := range l.blocks {
		if b != noLevel {
			n++
		}
	}
	return n >= levelSure
}
