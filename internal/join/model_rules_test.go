package join_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alexacall/alexacall/internal/join"
)

// invariant holds in every state of the model.
func (r worldRules) invariant(w world) error {
	if w.fault != noFault {
		return errors.New(w.fault.String())
	}
	if w.join.Asking == [2]bool{true, true} {
		return errors.New("both sides wait for each other")
	}
	if !r.resting(w) {
		return nil
	}
	if w.end != 0 {
		return r.ended(w)
	}
	if err := w.moved(); err != nil {
		return err
	}
	if r.limited && w.time == stopped && w.legs[0].phase == join.Up && w.legs[1].phase == join.Up {
		return errors.New("the call may last for ever")
	}
	for x := range w.legs {
		if err := w.atRest(x); err != nil {
			return fmt.Errorf("at rest, side %c: %w", 'A'+x, err)
		}
	}
	return nil
}

// resting reports whether nothing happens any more unless a far side acts or the ringing times out.
func (r worldRules) resting(w world) bool {
	for x, l := range w.legs {
		if w.move == fetching || w.move == aside && (w.third.act.is && w.third.act.at != silent || w.third.seen != w.third.view()) {
			return false
		}
		if l.news() || l.act.is && l.act.at != silent || w.hang[x] == hangup || l.offered != 0 && l.phase == join.Up {
			return false
		}
	}
	return !w.asking
}

// moved checks what has become of a wish to be replaced.
func (w world) moved() error {
	if w.move == aside && w.join.Move != join.Trying {
		return errors.New("the old leg is left standing, and is not told")
	}
	for x, l := range w.legs {
		if l.seen.wish && !l.taken && (l.may != join.WishTo || w.legs[1-x].seen.phase == join.Up) {
			return fmt.Errorf("side %c asks to be replaced and nobody heeds it", 'A'+x)
		}
	}
	return nil
}

// ended checks a call that is over.
func (r worldRules) ended(w world) error {
	for x, l := range w.legs {
		if l.phase != join.Over && (!r.stay || w.end == 1+causeTooLong) {
			return fmt.Errorf("the end was not passed on to side %c", 'A'+x)
		}
	}
	if w.move == fetching || w.move == aside {
		return errors.New("the call is over and a far side that asked to be replaced is not told")
	}
	if !r.returned(w) {
		return errors.New("the call is over and Join does not return")
	}
	return nil
}

// atRest checks that a side stands as the other side wants it.
func (w world) atRest(x int) error {
	me, other := w.legs[x], w.legs[1-x]
	switch {
	case me.phase < join.Up && me.came:
		return me.waits(other)
	case me.phase < join.Up:
		return nil
	case me.agreed == 0 && other.phase == join.Up && !me.pending:
		return errors.New("both sides are up and nothing is agreed")
	case me.pending && (other.agreed != 0 || other.phase == join.Up || other.far != 0):
		return errors.New("the far side's offer is not answered")
	case other.phase != join.Up || me.act.is || other.act.is || me.agreed == 0 || other.agreed == 0:
		return nil
	case me.agreed.at(audio).Codecs&other.agreed.at(audio).Codecs == 0:
		return errors.New("no common codec")
	}
	for k := range 2 {
		told, says := me.heard.at(k).Dir, other.says().at(k).Dir
		if told != says && me.tried != other.says() && (k == audio || me.video) {
			return fmt.Errorf("it was told %d of media %d where the other side says %d", told, k, says)
		}
	}
	return nil
}

// says returns what the far side of a leg says of itself, in the codecs that it agreed to.
func (l leg) says() plan {
	p := l.agreed
	for k := range 2 {
		if m := p.at(k); m.Dir != join.Absent && l.far.at(k).Dir != join.Absent {
			m.Dir = l.far.at(k).Dir
			p = p.with(k, m)
		}
	}
	return p
}

// waits checks a caller who is not answered.
func (l leg) waits(other leg) error {
	switch {
	case other.phase == join.Up && other.agreed != 0:
		return errors.New("the other side is up, the caller is not answered")
	case other.phase == join.Early && other.agreed != 0 && l.agreed == 0 && l.pending:
		return errors.New("the caller is not given early media")
	case other.phase < join.Up && l.phase < min(other.phase, join.Alerting):
		return errors.New("the caller is not told that it rings")
	}
	return nil
}

// good reports whether the call stands or is over: one of the two must remain in reach.
func (r worldRules) good(w world) bool { return r.returned(w) || r.resting(w) }

// format writes a state in a trace.
func format(w world) string {
	var b strings.Builder
	for x, l := range w.legs {
		fmt.Fprintf(&b, "%c phase=%d far=%v agreed=%v heard=%v", 'A'+x, l.phase, l.far.open(), l.agreed.open(), l.heard.open())
		if l.pending {
			b.WriteString(" pending")
		}
		if l.seen != l.view() {
			fmt.Fprintf(&b, " seen=%+v", l.seen)
		}
		if l.act.is {
			fmt.Fprintf(&b, " do=%d want=%v at=%d", l.act.do, l.act.want.open(), l.act.at)
		}
		b.WriteString("\n      ")
	}
	if w.move != unasked {
		fmt.Fprintf(&b, "move=%d third: phase=%d seen=%d act=%v\n      ", w.move, w.third.phase, w.third.seen.phase, w.third.act.is)
	}
	fmt.Fprintf(&b, "%+v end=%d hang=%v asking=%v time=%d updates=%d", w.join, w.end, w.hang, w.asking, w.time, w.updates)
	return b.String()
}
