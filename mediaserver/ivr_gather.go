package mediaserver

import (
	"cmp"
	"regexp"
	"strings"
	"time"
)

// Defaults of Digits.
const (
	gatherMax     = 64
	gatherBetween = 5 * time.Second
)

// gather collects digits. A nil one wants none.
type gather struct {
	d       *Digits
	pattern *regexp.Regexp // all of the input; nil: none

	keys  []byte
	last  time.Time // of the last digit; zero: there is none
	begun time.Time // the end of the phrases; zero: they still play

	reason DigitsReason // 0: it still wants digits
}

func newGather(d *Digits) *gather {
	g := &gather{d: d}
	if d.Pattern != nil {
		// A pattern in parentheses is one still, unless it is so large that it is no pattern in any sense.
		g.pattern, _ = regexp.Compile(`\A(?:` + d.Pattern.String() + `)\z`)
	}
	return g
}

// wants reports whether it waits for digits.
func (g *gather) wants() bool { return g != nil && g.reason == 0 }

// take takes a digit.
func (g *gather) take(key byte, now time.Time) {
	g.last = now
	if strings.IndexByte(g.d.Termination, key) >= 0 {
		g.reason = DigitsTermination
		return
	}
	g.keys = append(g.keys, key)
	most := gatherMax
	if g.d.Max > 0 {
		most = g.d.Max
	}
	switch {
	case g.pattern != nil && g.pattern.Match(g.keys):
		g.reason = DigitsMatch
	case len(g.keys) >= most:
		g.reason = DigitsMax
	}
}

// begin says that the phrases are over.
func (g *gather) begin(now time.Time) {
	if g != nil {
		g.begun = now
	}
}

// deadline returns when it waits no more; zero: never, or not before something else happens.
func (g *gather) deadline() time.Time {
	at, _ := g.next()
	return at
}

// next returns the next deadline, and what it means.
func (g *gather) next() (at time.Time, why DigitsReason) {
	if !g.wants() || g.begun.IsZero() { // who still listens is in no hurry
		return at, 0
	}
	sooner := func(from time.Time, d time.Duration, reason DigitsReason) {
		if then := from.Add(d); d > 0 && (at.IsZero() || then.Before(at)) {
			at, why = then, reason
		}
	}
	switch {
	case g.last.IsZero():
		sooner(g.begun, g.d.First, DigitsTimeout)
	case g.last.Before(g.begun):
		sooner(g.begun, cmp.Or(g.d.Between, gatherBetween), DigitsBetween)
	default:
		sooner(g.last, cmp.Or(g.d.Between, gatherBetween), DigitsBetween)
	}
	sooner(g.begun, g.d.Total, DigitsTimeout)
	return at, why
}

// expire waits no more if the deadline has come.
func (g *gather) expire(now time.Time) {
	if at, why := g.next(); !at.IsZero() && !now.Before(at) {
		g.reason = why
	}
}

// result is what came of it; nil: nothing was wanted.
func (g *gather) result() *DigitsResult {
	if g == nil {
		return nil
	}
	return &DigitsResult{Digits: string(g.keys), Reason: g.reason}
}
