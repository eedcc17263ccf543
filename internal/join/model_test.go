package join_test

import (
	"os"
	"testing"

	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/internal/testutil/model"
)

// scenario is a pair of legs that a join may begin with.
type scenario struct {
	name  string
	small bool // also with the race detector
	rules worldRules
	init  []world
}

// caller is a leg that came in, with an offer of a codec list, or without one.
func caller(budget uint8, codecs uint16) leg {
	l := leg{came: true, budget: budget}
	if codecs != 0 {
		l.far, l.pending = sound(join.SendRecv, codecs), true
	}
	return l
}

// called is a leg that was dialled with an offer of a codec list, or without one.
func called(budget uint8, codecs uint16) leg {
	l := leg{budget: budget, phase: join.Alerting}
	if codecs != 0 {
		l.offered = sound(join.SendRecv, codecs)
	}
	return l
}

// up is a leg that stands, as after a transfer from somewhere else.
func up(budget uint8, d join.Dir, codecs uint16) leg {
	p := sound(join.SendRecv, codecs)
	return leg{came: true, budget: budget, phase: join.Up, far: sound(d, codecs), agreed: p, wanted: p.directions(), heard: p.directions()}
}

// asking lets the far side of a leg ask to be replaced.
func asking(l leg, w join.Wish) leg {
	l.may = w
	return l
}

// moving is a pair of which legs may be replaced by a third one.
func moving(a, b, third leg) world {
	w := pair(a, b)
	w.third = third
	return w
}

// withVideo lets legs have video.
func withVideo(l leg) leg {
	l.video = true
	return l
}

func pair(a, b leg) world {
	w := world{legs: [2]leg{a, b}}
	for x := range w.legs {
		w.legs[x].seen = w.legs[x].view()
	}
	return w
}

// scenarios returns what is checked every time; where soak is set, all of it with slow watchers and more offers.
func scenarios(soak bool) []scenario {
	more := uint8(0)
	if soak {
		more = 1
	}
	fresh := leg{phase: join.Alerting} // what Dial returns; the offer in it is the other side's
	quick, patient, slow := worldRules{slow: soak}, worldRules{slow: soak, patient: true}, worldRules{slow: true}
	const live = join.SendRecv
	return []scenario{
		{"incoming and dialled", false, quick, []world{
			pair(caller(1, both), called(0, both)), pair(caller(0, both), called(1, both)), pair(caller(0, codecX), called(1, codecX)),
		}},
		{"incoming and dialled, offers on both sides", false, patient, []world{pair(caller(1, both), called(1, both))}},
		{"incoming and dialled, slow watchers", false, slow, []world{pair(caller(0, both), called(0, both))}},
		{"incoming and incoming", false, quick, []world{
			pair(caller(1, both), caller(more, both)), pair(up(1, live, codecX), caller(1, both)),
		}},
		{"take-over", false, patient, []world{
			pair(up(1, live, both), up(1, live, both)), pair(up(1, live, codecX), up(1, live, codecY)),
			pair(up(1, join.SendOnly, both), up(1, live, codecY)), pair(up(1, join.RecvOnly, both), up(1, join.SendOnly, both)),
			pair(up(1, live, both), called(1, both)),
		}},
		{"take-over, slow watchers", false, slow, []world{pair(up(1, live, codecX), up(0, live, codecY))}},
		{"two offers in a row", true, worldRules{patient: true}, []world{pair(up(2, live, both), up(2*more, live, both))}},
		{"video", false, patient, []world{
			pair(withVideo(up(1, live, both)), withVideo(up(1, live, both))), pair(withVideo(up(1, live, both)), up(1, live, both)),
		}},
		{"offerless", false, quick, []world{
			pair(caller(0, 0), called(0, both)), pair(caller(0, 0), called(0, 0)), pair(caller(0, both), called(0, 0)),
			pair(called(0, 0), called(0, 0)), pair(called(0, 0), called(0, both)),
		}},
		{"offerless, and offers later", false, patient, []world{
			pair(caller(1, 0), called(0, both)), pair(caller(0, 0), called(1, 0)), pair(caller(1, both), called(0, 0)),
			pair(called(1, 0), called(0, 0)), pair(called(0, 0), called(1, both)),
		}},
		{"replaced by one that is dialled", false, worldRules{}, []world{ // with slow watchers it is more than the checker holds
			moving(asking(up(0, live, both), join.WishTo), up(0, live, both), fresh),
			moving(asking(up(0, join.SendOnly, codecX), join.WishTo), up(more, live, codecX), fresh),
			moving(caller(0, both), asking(called(0, both), join.WishTo), fresh),
		}},
		{"replaced, and the other side changes", false, worldRules{patient: !soak}, []world{
			moving(asking(up(0, live, codecX), join.WishTo), up(1, live, codecX), fresh),
		}},
		{"replaced by one that has come", false, worldRules{slow: soak}, []world{
			moving(up(0, live, both), asking(up(0, live, both), join.WishBy), caller(0, both)),
			moving(up(0, live, codecX), asking(up(0, join.SendOnly, codecX), join.WishBy), caller(more, codecY)),
			moving(caller(0, both), asking(called(0, both), join.WishBy), caller(0, both)),
		}},
		{"the same party on a new leg", false, worldRules{slow: soak, forbids: true}, []world{
			moving(asking(up(0, live, both), join.WishSame), up(0, live, both), caller(0, both)),
			moving(asking(up(0, live, codecX), join.WishSame), up(more, live, codecX), caller(0, codecY)),
			moving(asking(up(0, live, codecX), join.WishSame), called(0, both), caller(0, codecY)),
			moving(asking(caller(0, both), join.WishSame), called(0, both), caller(0, both)),
			moving(caller(0, both), asking(called(0, both), join.WishSame), caller(0, both)),
		}},
		{"both ask to be replaced", false, worldRules{}, []world{ // likewise
			moving(asking(up(0, live, both), join.WishTo), asking(up(0, live, both), join.WishTo), fresh),
		}},
		{"replacing is forbidden", true, worldRules{forbids: true}, []world{
			moving(asking(up(0, live, both), join.WishTo), asking(up(0, live, both), join.WishBy), fresh),
		}},
		{"replaced, where one stays", false, worldRules{stay: true}, []world{
			moving(asking(up(0, live, both), join.WishTo), up(0, live, both), fresh),
		}},
		{"one stays", true, worldRules{stay: true, slow: soak}, []world{
			pair(caller(0, both), called(0, both)), pair(up(1, live, both), up(0, live, codecX)),
		}},
		{"may last for some time only", false, worldRules{limited: true, slow: soak}, []world{
			pair(caller(0, both), called(0, both)), pair(up(1, live, codecX), up(0, live, codecY)),
		}},
		{"may last for some time only, and is replaced", false, worldRules{limited: true}, []world{
			moving(asking(up(0, live, codecX), join.WishTo), up(0, live, codecX), fresh),
			moving(up(0, live, codecX), asking(up(0, live, codecX), join.WishBy), caller(0, codecX)),
			moving(asking(up(0, live, codecX), join.WishSame), up(0, live, codecX), caller(0, codecX)),
			moving(asking(up(0, live, codecX), join.WishSame), called(0, codecX), caller(0, codecX)),
			moving(caller(0, both), asking(called(0, both), join.WishBy), caller(0, both)),
		}},
		{"may last for some time only, and one stays", true, worldRules{limited: true, stay: true}, []world{
			pair(caller(0, codecX), called(0, codecX)), pair(up(0, live, both), up(0, live, codecX)),
		}},
	}
}

func rules(w worldRules) join.Rules {
	return join.Rules{
		Fits: fits, Stay: w.stay, Transfers: !w.forbids, Limited: w.limited, NoAnswer: causeNoAnswer, NoMedia: causeNoMedia, TooLong: causeTooLong,
	}
}

func (s scenario) check(step stepFunc) model.Result {
	s.rules.step = step
	return model.Check(model.Options[world]{
		Init: s.init, Next: s.rules.next, Invariant: s.rules.invariant, Progress: s.rules.good, Format: format,
	})
}

func TestModel(t *testing.T) {
	explore(t, scenarios(false), raceEnabled)
}

func TestModelSoak(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") != "1" {
		t.Skip("a long test: set ALEXACALL_SOAK=1")
	}
	explore(t, scenarios(true), false)
}

// explore checks the rules in all scenarios, or in the small ones.
func explore(t *testing.T, all []scenario, onlySmall bool) {
	states := 0
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			if onlySmall && !s.small {
				t.Skip("too large for the race detector")
			}
			r := s.check(rules(s.rules).Step)
			states += r.States
			t.Log(r)
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		})
	}
	t.Logf("%d states explored", states)
}
