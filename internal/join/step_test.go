package join_test

import (
	"slices"
	"testing"

	"github.com/alexacall/alexacall/internal/join"
)

// The sides of the table. Each far side has said what it was agreed with, unless a row says otherwise.
var (
	none     join.Plan
	plain    = sound(join.SendRecv, both).open()
	onlyX    = sound(join.SendRecv, codecX).open()
	onlyY    = sound(join.SendRecv, codecY).open()
	held     = sound(join.SendOnly, both).open()
	withView = sound(join.SendRecv, both).with(video, join.Media{Dir: join.SendRecv, Codecs: codecX}).open()
)

func placed(offer join.Plan) join.Side {
	return join.Side{Phase: join.Placed, Far: offer, Pending: offer.Said()}
}

func at(p join.Phase, agreed join.Plan) join.Side {
	return join.Side{Phase: p, Far: agreed, Agreed: agreed}
}

// offering is a side that is up and whose far side makes an offer.
func offering(agreed, offer join.Plan) join.Side {
	return join.Side{Phase: join.Up, Far: offer, Agreed: agreed, Pending: true}
}

func over(cause uint8) join.Side { return join.Side{Phase: join.Over, Cause: cause} }

func do(d join.Do, side int, want join.Plan) join.Action {
	return join.Action{Do: d, Side: side, Want: want}
}

func hang(side int, cause uint8) join.Action {
	return join.Action{Do: join.DoHangup, Side: side, Cause: cause}
}

// row is one step and why it is taken.
type row struct {
	why   string
	rules func(*join.Rules)
	state join.State
	in    join.Input
	want  []join.Action
	next  func(join.State) bool // nil: anything
}

func look(a, b join.Side) join.Input { return join.Input{Sides: [2]join.Side{a, b}} }

func note(n join.Note, side int, a, b join.Side) join.Input {
	return join.Input{Sides: [2]join.Side{a, b}, Note: n, Side: side}
}

func settingUp() []row {
	return []row{
		{why: "nobody has been told of the call yet, so neither is the caller", in: look(placed(plain), at(join.Placed, none))},
		{
			why: "the called party is being told, so the caller hears of it", in: look(placed(plain), at(join.Alerting, none)),
			want: []join.Action{do(join.DoRing, 0, none)},
			next: func(s join.State) bool {
				return s.Shown == [2]join.Phase{join.Alerting, 0} && s.Busy == [2]bool{true, false}
			},
		},
		{
			why: "ringing that failed is not tried again", state: join.State{Busy: [2]bool{true, false}, Shown: [2]join.Phase{join.Alerting}},
			in: note(join.Failed, 0, placed(plain), at(join.Alerting, none)),
		},
		{
			why: "the caller is told of ringing once", state: join.State{Shown: [2]join.Phase{join.Alerting}},
			in: look(at(join.Alerting, none), at(join.Alerting, none)),
		},
		{
			why: "early without media is no more than ringing", in: look(placed(plain), at(join.Early, none)),
			want: []join.Action{do(join.DoRing, 0, none)},
		},
		{
			why:   "and is told once, also if the caller is not seen to have heard of it yet",
			state: join.State{Shown: [2]join.Phase{join.Alerting}}, in: look(placed(plain), at(join.Early, none)),
		},
		{
			why: "a caller who hears it ring already need not hear it again", in: look(at(join.Alerting, none), at(join.Early, none)),
		},
		{
			why: "early media goes to a caller who has been told of ringing", state: join.State{Shown: [2]join.Phase{join.Alerting}},
			in:   look(join.Side{Phase: join.Alerting, Far: plain, Pending: true}, at(join.Early, onlyX)),
			want: []join.Action{do(join.DoEarly, 0, onlyX)},
		},
		{
			why: "the caller is answered with what was agreed with the called party", in: look(placed(plain), at(join.Up, onlyX)),
			want: []join.Action{do(join.DoAnswer, 0, onlyX)},
		},
		{
			why: "the caller is answered with the direction that the called party has by now", in: look(placed(plain), join.Side{
				Phase: join.Up, Far: held, Agreed: onlyX,
			}),
			want: []join.Action{do(join.DoAnswer, 0, sound(join.SendOnly, codecX).open())},
		},
		{
			why: "one action at a time", state: join.State{Busy: [2]bool{true, false}}, in: look(placed(plain), at(join.Up, onlyX)),
		},
		{
			why: "an acceptance without media says nothing to answer an offer with", in: look(placed(plain), at(join.Up, none)),
		},
		{
			why: "who accepts with an offer is answered with the caller's", in: look(placed(plain), offering(none, onlyX)),
			want: []join.Action{do(join.DoAnswer, 1, plain)},
		},
		{
			why: "a caller without an offer is offered what the called party offers", in: look(placed(none), offering(none, onlyX)),
			want: []join.Action{do(join.DoAnswer, 0, onlyX)},
		},
		{
			why: "two that both accepted with an offer are answered with each other's", in: look(offering(none, plain), offering(none, onlyX)),
			want: []join.Action{do(join.DoAnswer, 0, onlyX), do(join.DoAnswer, 1, plain)},
		},
		{
			why: "an offer waits for a party of whom nothing is known, and goes to it if it is a caller", in: look(offering(none, plain), at(join.Alerting, none)),
			want: []join.Action{do(join.DoAnswer, 1, plain)},
		},
	}
}

func standing() []row {
	told := join.State{Shown: [2]join.Phase{join.Up, 0}, Told: [2]join.Plan{plain, plain}}
	return []row{
		{why: "a call in which all is said stays as it is", state: told, in: look(at(join.Up, plain), at(join.Up, plain))},
		{
			why: "two that meet are told of each other, one after the other", in: look(at(join.Up, plain), at(join.Up, onlyX)),
			want: []join.Action{do(join.DoUpdate, 0, onlyX)},
		},
		{
			why: "the second when the first is done", in: note(join.Done, 0, at(join.Up, onlyX), at(join.Up, onlyX)),
			state: join.State{Busy: [2]bool{true, false}, Told: [2]join.Plan{onlyX, none}},
			want:  []join.Action{do(join.DoUpdate, 1, onlyX)},
		},
		{
			why: "a hold is answered with what stands, at once", state: told, in: look(offering(plain, held), at(join.Up, plain)),
			want: []join.Action{do(join.DoAnswer, 0, plain)},
		},
		{
			why: "a hold is then told to the other side", state: told,
			in:   look(join.Side{Phase: join.Up, Far: held, Agreed: plain}, at(join.Up, plain)),
			want: []join.Action{do(join.DoUpdate, 1, held)},
		},
		{
			why: "video that the other side has is offered", state: told, in: look(at(join.Up, plain), at(join.Up, withView)),
			want: []join.Action{do(join.DoUpdate, 0, withView)},
		},
		{
			why: "codecs that a side keeps to already are only kept in mind", state: told, in: look(at(join.Up, onlyX), at(join.Up, onlyX)),
			next: func(s join.State) bool { return s.Told == [2]join.Plan{onlyX, onlyX} },
		},
		{
			why: "video is asked of the other side before it is answered", state: told, in: look(offering(plain, withView), at(join.Up, plain)),
			want: []join.Action{do(join.DoUpdate, 1, withView), {Do: join.DoAsk, Side: 0}},
			next: func(s join.State) bool { return s.Asking[0] && s.Busy[1] },
		},
		{
			why: "what is asked with new video keeps the codec that is agreed", in: look(offering(onlyX, withView), at(join.Up, onlyX)),
			state: join.State{Told: [2]join.Plan{onlyX, onlyX}},
			want: []join.Action{
				do(join.DoUpdate, 1, pack(withView).with(audio, onlyX[audio]).open()), {Do: join.DoAsk, Side: 0},
			},
		},
		{
			why: "an offer that is being asked about waits", in: look(offering(plain, withView), at(join.Up, plain)),
			state: join.State{Busy: [2]bool{false, true}, Asking: [2]bool{true, false}, Told: [2]join.Plan{plain, withView}},
		},
		{
			why: "the answer to the question is the answer to the offer", in: note(join.Done, 1, offering(plain, withView), at(join.Up, withView)),
			state: join.State{Busy: [2]bool{false, true}, Asking: [2]bool{true, false}, Told: [2]join.Plan{plain, withView}},
			want:  []join.Action{do(join.DoAnswer, 0, withView)},
			next:  func(s join.State) bool { return !s.Asking[0] && s.Busy == [2]bool{true, false} },
		},
		{
			why: "refused by the other side, the offer is answered with what stands", in: note(join.Failed, 1, offering(plain, withView), at(join.Up, plain)),
			state: join.State{Busy: [2]bool{false, true}, Asking: [2]bool{true, false}, Told: [2]join.Plan{plain, withView}},
			want:  []join.Action{do(join.DoAnswer, 0, plain)},
		},
		{
			why: "asked for too long, the offer is answered with what stands", in: note(join.AskTimeout, 0, offering(plain, withView), at(join.Up, plain)),
			state: join.State{Busy: [2]bool{false, true}, Asking: [2]bool{true, false}, Told: [2]join.Plan{plain, withView}},
			want:  []join.Action{do(join.DoAnswer, 0, plain)},
		},
		{
			why: "video from both at once is answered with each other's", state: told, in: look(offering(plain, withView), offering(plain, withView)),
			want: []join.Action{do(join.DoAnswer, 0, withView), do(join.DoAnswer, 1, withView)},
		},
		{
			why: "a failed update leaves what stands, and is not tried again", in: note(join.Failed, 1, at(join.Up, plain), at(join.Up, plain)),
			state: join.State{Busy: [2]bool{false, true}, Told: [2]join.Plan{plain, plain}},
		},
		{
			why: "a side that has refused is offered what has changed since, also if the direction was in what it refused",
			in:  look(join.Side{Phase: join.Up, Far: held, Agreed: plain}, at(join.Up, plain)),
			state: join.State{
				Told: [2]join.Plan{plain, sound(join.SendOnly, codecX).open()}, Failed: [2]bool{false, true},
			},
			want: []join.Action{do(join.DoUpdate, 1, held)},
			next: func(s join.State) bool { return s.Told[1] == held },
		},
		{
			why: "what an answer told is not certain, so an update follows", in: note(join.Done, 0, at(join.Up, plain), at(join.Up, plain)),
			state: join.State{Busy: [2]bool{true, false}, Told: [2]join.Plan{none, plain}, Shown: [2]join.Phase{join.Up, 0}},
			want:  []join.Action{do(join.DoUpdate, 0, plain)},
		},
		{
			why: "a side that cannot take the other's codec is not the last word", in: note(join.Failed, 0, at(join.Up, onlyX), at(join.Up, onlyY)),
			state: join.State{Busy: [2]bool{true, false}, Told: [2]join.Plan{onlyY, none}},
			want:  []join.Action{do(join.DoUpdate, 1, onlyX)},
		},
	}
}

// limited lets a call last for some time only.
func limited(r *join.Rules) { r.Limited = true }

// timedAnd is s in a call whose time runs.
func timedAnd(s join.State) join.State {
	s.Timed = true
	return s
}

func ending() []row {
	ended := join.State{Ended: true}
	timed := timedAnd(join.State{Told: [2]join.Plan{plain, plain}})
	apart := join.State{Busy: [2]bool{false, true}, Told: [2]join.Plan{onlyY, onlyX}}
	return []row{
		{why: "the end of one is the end of the other, with its cause", in: look(placed(plain), over(causeBusy)), want: []join.Action{hang(0, causeBusy)}},
		{why: "and the other way round", in: look(over(causeCancelled), at(join.Alerting, none)), want: []join.Action{hang(1, causeCancelled)}},
		{why: "two that ended need no word", in: look(over(causeCancelled), over(causeBusy)), next: func(s join.State) bool { return s.Ended }},
		{why: "an end is told once", state: ended, in: look(over(causeNormal), at(join.Up, plain))},
		{why: "after the end nothing is done", state: ended, in: look(placed(plain), at(join.Up, plain))},
		{why: "nor when an action fails", state: ended, in: note(join.Failed, 0, placed(plain), at(join.Up, plain))},
		{
			why: "a side that stays is left alone", rules: func(r *join.Rules) { r.Stay = true }, in: look(over(causeNormal), at(join.Up, plain)),
			next: func(s join.State) bool { return !s.Ended },
		},
		{
			why: "a call that nobody accepted ends", in: note(join.RingTimeout, 0, at(join.Alerting, none), at(join.Alerting, none)),
			want: []join.Action{hang(0, causeNoAnswer), hang(1, causeNoAnswer)},
		},
		{
			why: "also if one side is up", in: note(join.RingTimeout, 0, at(join.Up, plain), at(join.Alerting, none)),
			want: []join.Action{hang(0, causeNoAnswer), hang(1, causeNoAnswer)},
		},
		{
			why: "a call that stands does not ring out", in: note(join.RingTimeout, 0, at(join.Up, plain), at(join.Up, plain)),
			state: join.State{Told: [2]join.Plan{plain, plain}},
		},
		{
			why: "a call that may last for some time only is timed once both sides are up", rules: limited, in: look(at(join.Up, plain), at(join.Up, plain)),
			state: join.State{Told: [2]join.Plan{plain, plain}}, want: []join.Action{do(join.DoTime, 0, none)}, next: func(s join.State) bool { return s.Timed },
		},
		{
			why: "and not before", rules: limited, in: look(at(join.Alerting, plain), at(join.Alerting, none)),
			next: func(s join.State) bool { return !s.Timed },
		},
		{
			why: "nor again", rules: limited, in: look(at(join.Up, plain), at(join.Up, plain)), state: timed,
		},
		{
			why: "a call whose time is up ends", rules: limited, in: note(join.TimeUp, 0, at(join.Up, plain), at(join.Up, plain)), state: timed,
			want: []join.Action{hang(0, causeTooLong), hang(1, causeTooLong)}, next: func(s join.State) bool { return s.Ended },
		},
		{
			why: "for both, for nobody is left by the other", rules: func(r *join.Rules) { r.Limited, r.Stay = true, true },
			in: note(join.TimeUp, 0, at(join.Up, plain), at(join.Up, plain)), state: timed,
			want: []join.Action{hang(0, causeTooLong), hang(1, causeTooLong)},
		},
		{why: "time that is up when the call has ended is too late", rules: limited, in: note(join.TimeUp, 0, over(causeNormal), at(join.Up, plain)), state: ended},
		{
			why: "a caller who cannot be answered with what the called party has", in: note(join.Failed, 0, placed(onlyX), at(join.Up, onlyY)),
			state: join.State{Busy: [2]bool{true, false}, Shown: [2]join.Phase{join.Up, 0}},
			want:  []join.Action{hang(0, causeNoMedia), hang(1, causeNoMedia)},
		},
		{
			why: "a called party whose offer cannot be answered with the caller's", in: note(join.Failed, 1, placed(onlyX), at(join.Up, none)),
			state: join.State{Busy: [2]bool{false, true}, Shown: [2]join.Phase{0, join.Up}},
			want:  []join.Action{hang(0, causeNoMedia), hang(1, causeNoMedia)},
		},
		{
			why: "early media that fails is not the end", in: note(join.Failed, 0, placed(plain), at(join.Early, onlyX)),
			state: join.State{Busy: [2]bool{true, false}, Shown: [2]join.Phase{join.Early, 0}},
		},
		{
			why: "neither takes the other's codec", in: note(join.Failed, 1, at(join.Up, onlyX), at(join.Up, onlyY)), state: apart,
			want: []join.Action{hang(0, causeNoMedia), hang(1, causeNoMedia)},
		},
		{
			why: "neither has to, where packets are transcoded", rules: func(r *join.Rules) { r.Mixed = true },
			in: note(join.Failed, 1, at(join.Up, onlyX), at(join.Up, onlyY)), state: apart,
		},
		{
			why: "an action that failed because its side is over is not the cause", in: note(join.Failed, 0, over(causeCancelled), at(join.Up, onlyX)),
			state: join.State{Busy: [2]bool{true, false}, Shown: [2]join.Phase{join.Up, 0}},
			want:  []join.Action{hang(1, causeCancelled)},
		},
	}
}

func TestStep(t *testing.T) {
	for group, rows := range map[string][]row{"setting up": settingUp(), "standing": standing(), "ending": ending(), "replacing": replacing()} {
		for _, r := range rows {
			t.Run(group+"/"+r.why, func(t *testing.T) {
				rules := rules(worldRules{})
				if r.rules != nil {
					r.rules(&rules)
				}
				next, got := rules.Step(r.state, r.in)
				if !slices.Equal(got, r.want) {
					t.Errorf("got %+v, want %+v", got, r.want)
				}
				if r.next != nil && !r.next(next) {
					t.Errorf("got state %+v", next)
				}
			})
		}
	}
}

func TestStepKeepsNothing(t *testing.T) {
	// The same step twice gives the same: nothing but the state is kept, and an input is not written to.
	r, in := rules(worldRules{}), look(placed(plain), at(join.Up, onlyX))
	before := in
	s1, a1 := r.Step(join.State{}, in)
	s2, a2 := r.Step(join.State{}, in)
	if s1 != s2 || !slices.Equal(a1, a2) || in != before {
		t.Errorf("got %+v %+v and %+v %+v from one input", s1, a1, s2, a2)
	}
}
