package join_test

import "github.com/alexacall/alexacall/internal/join"

// Codec lists of the model are sets of two codecs, so that a list is its own number.
const (
	codecX = 1 << iota
	codecY
	both = codecX | codecY
)

func fits(have, want uint16) bool { return have&^want == 0 }

// The kinds of media.
const (
	audio = iota
	video
)

// plan is a join.Plan in ten bits, since a state holds many: by kind three bits of direction and two of codecs.
type plan uint16

func pack(p join.Plan) plan {
	var q plan
	for k, m := range p {
		q |= plan(m.Dir)<<(5*k) | plan(m.Codecs)<<(5*k+3)
	}
	return q
}

func (p plan) open() join.Plan {
	var q join.Plan
	for k := range q {
		q[k] = p.at(k)
	}
	return q
}

func (p plan) at(k int) join.Media {
	return join.Media{Dir: join.Dir(p >> (5 * k) & 7), Codecs: uint16(p >> (5*k + 3) & 3)}
}

func (p plan) with(k int, m join.Media) plan {
	q := p.open()
	q[k] = m
	return pack(q)
}

// directions returns p without its codecs, which are not needed where a plan is only remembered.
func (p plan) directions() plan { return p &^ (3<<3 | 3<<8) }

// sound is a plan of audio alone.
func sound(d join.Dir, codecs uint16) plan { return pack(join.Plan{{Dir: d, Codecs: codecs}}) }

// view is what Join knows of a leg.
type view struct {
	phase   join.Phase
	far     plan
	pending bool
	wish    bool
}

// How an action gets on.
type progress uint8

const (
	running progress = iota
	silent           // offered to the far side, which does not answer
	done             // over; Join is not told yet
	failed
)

// action is what runs on a leg; the zero action is none.
type action struct {
	is   bool
	do   join.Do
	want plan
	at   progress
	view view // of the leg when it was over
}

// leg is a leg as the contract of bridge.Leg describes it, and its far side.
type leg struct {
	came   bool // it came in; else it was dialled
	video  bool // its policy allows video
	budget uint8
	may    join.Wish // what its far side may ask for, once

	phase   join.Phase
	cause   uint8
	far     plan // what the far side last said
	stood   plan // far before the offer that waits
	pending bool
	offered plan // our first offer, while the far side has not answered it
	agreed  plan
	wanted  plan // directions of what the leg last spoke for
	heard   plan // directions that the far side was last told of the other, and took
	tried   plan // what it was offered since and did not take
	wish    bool // the far side has asked
	taken   bool // Join has taken that up

	seen    view
	looked  bool // the watcher has looked at the leg at all
	holding bool // the watcher has a look in hand, of which Join is not told yet
	hand    view
	stale   bool // the look in hand is older than that of the action's end
	act     action
}

func (l leg) view() view { return view{l.phase, l.far, l.pending, l.wish} }

// news reports whether there is something of the leg that Join has not seen.
func (l leg) news() bool { return !l.looked || l.holding || l.seen != l.view() }

// common returns the kinds and codecs that two plans share and the leg allows.
func (l leg) common(p, q plan) plan {
	var r plan
	for k := range 2 {
		a, b := p.at(k), q.at(k)
		if c := a.Codecs & b.Codecs; a.Dir != join.Absent && b.Dir != join.Absent && c != 0 && (k == audio || l.video) {
			r = r.with(k, join.Media{Dir: join.SendRecv, Codecs: c})
		}
	}
	return r
}

// answer takes the offer that waits, or reports that there is no common codec.
func (l leg) answer(want plan) (leg, bool) {
	agreed := l.common(l.far, want)
	if agreed.at(audio).Dir == join.Absent {
		return l, false
	}
	l.agreed, l.wanted, l.heard, l.tried, l.stood, l.pending = agreed, want.directions(), want.directions(), 0, 0, false
	return l, true
}

// refuse drops the offer that waits: what stood stands.
func (l leg) refuse() leg {
	l.far, l.stood, l.pending = l.stood, 0, false
	return l
}

// answered takes the far side's answer to an offer of ours. Directions of the far side stay what they were.
func (l leg) answered(want, agreed plan) leg {
	far := agreed
	for k := range 2 {
		if m := far.at(k); m.Dir != join.Absent && l.far.at(k).Dir != join.Absent {
			m.Dir = l.far.at(k).Dir
			far = far.with(k, m)
		}
	}
	l.agreed, l.wanted, l.heard, l.tried, l.far = agreed, want.directions(), want.directions(), 0, far
	return l
}

// answers returns what a far side may take of an offer: all, or one codec; with video or without.
func (l leg) answers(offer plan) []plan {
	var ps []plan
	for _, c := range [...]uint16{both, codecX, codecY} {
		have := offer.at(audio).Codecs & c
		if have == 0 || have != c && c != both {
			continue
		}
		p := sound(join.SendRecv, have)
		if c != both && have == offer.at(audio).Codecs {
			continue // the same as all
		}
		if v := offer.at(video); v.Dir != join.Absent && l.video {
			ps = append(ps, p.with(video, join.Media{Dir: join.SendRecv, Codecs: v.Codecs}))
		}
		ps = append(ps, p)
	}
	return ps
}

// stands reports whether want asks for nothing beyond what stands.
func (l leg) stands(want plan) bool {
	for k := range 2 {
		m, have := want.at(k), l.agreed.at(k)
		if k == video && !l.video {
			m = join.Media{}
		}
		if (m.Dir == join.Absent) != (have.Dir == join.Absent) || m.Dir != join.Absent && (m.Dir != l.wanted.at(k).Dir || !fits(have.Codecs, m.Codecs)) {
			return false
		}
	}
	return true
}

func (l leg) end(cause uint8) leg {
	return leg{
		came: l.came, video: l.video, may: l.may, wish: l.wish, taken: l.taken,
		phase: join.Over, cause: cause, far: l.far, agreed: l.agreed, seen: l.seen, looked: l.looked, holding: l.holding, hand: l.hand, stale: l.stale, act: l.act,
	}
}

// finish ends the action that runs.
func (l leg) finish(ok bool) leg {
	l.act.at = failed
	if ok {
		l.act.at = done
	}
	l.act.do, l.act.want, l.act.view, l.stale = 0, 0, l.view(), l.holding
	return l
}
