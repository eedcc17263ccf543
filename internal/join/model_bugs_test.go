package join_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/internal/testutil/model"
)

// A bug spoils the rules. The model has to catch each, else it proves nothing of the rules themselves.
type bug struct {
	name     string
	scenario string // that shows it
	deep     bool   // found after many states only
	finds    string // part of what the model says
	spoil    func(step stepFunc) stepFunc
}

// dropping returns a spoiler that loses the actions which lost picks. Join does not wait for them.
func dropping(lost func(before join.State, a join.Action) bool) func(stepFunc) stepFunc {
	return func(step stepFunc) stepFunc {
		return func(s join.State, in join.Input) (join.State, []join.Action) {
			n, acts := step(s, in)
			return n, slices.DeleteFunc(acts, func(a join.Action) bool {
				if !lost(s, a) {
					return false
				}
				if a.Do < join.DoHangup {
					n.Busy[a.Side] = false
				}
				return true
			})
		}
	}
}

// changing returns a spoiler that changes each action.
func changing(change func(a *join.Action)) func(stepFunc) stepFunc {
	return func(step stepFunc) stepFunc {
		return func(s join.State, in join.Input) (join.State, []join.Action) {
			n, acts := step(s, in)
			for i := range acts {
				change(&acts[i])
			}
			return n, acts
		}
	}
}

// ignoring returns a spoiler that is deaf to a note.
func ignoring(note join.Note) func(stepFunc) stepFunc {
	return func(step stepFunc) stepFunc {
		return func(s join.State, in join.Input) (join.State, []join.Action) {
			if in.Note == note {
				return s, nil
			}
			return step(s, in)
		}
	}
}

func bugs() []bug {
	const same = "the same party on a new leg"
	const dialled, limited = "replaced by one that is dialled", "may last for some time only"
	return []bug{
		{"lost hang-up", "incoming and dialled", false, "the end was not passed on to side B", dropping(func(_ join.State, a join.Action) bool {
			return a.Do == join.DoHangup && a.Side == 1
		})},
		{"double hang-up", "incoming and dialled", false, "hung up twice", hangUpTwice},
		{"forgets that it ended", "incoming and dialled", false, "hung up", forgetEnd},
		{"hangs up with another cause", "incoming and dialled", false, "another cause", changing(func(a *join.Action) {
			a.Cause = causeNormal
		})},
		{"answers while it rings", "incoming and dialled", false, "answered before the other side", changing(func(a *join.Action) {
			if a.Do == join.DoRing {
				a.Do, a.Want = join.DoAnswer, sound(join.SendRecv, both).open()
			}
		})},
		{"never answers", "incoming and dialled", false, "the caller is not answered", dropping(func(_ join.State, a join.Action) bool {
			return a.Do == join.DoAnswer && a.Side == 0
		})},
		{"early media lost", "incoming and dialled", false, "not given early media", dropping(func(_ join.State, a join.Action) bool {
			return a.Do == join.DoEarly
		})},
		{"ringing lost", "incoming and dialled", false, "not told that it rings", dropping(func(_ join.State, a join.Action) bool {
			return a.Do == join.DoRing
		})},
		{"rings for ever", "incoming and dialled", false, "the end was not passed on", ignoring(join.RingTimeout)},
		{"lasts for ever", limited, false, "the end was not passed on", ignoring(join.TimeUp)},
		{"its time does not begin", limited, false, "may last for ever", dropping(func(_ join.State, a join.Action) bool { return a.Do == join.DoTime })},
		{"its time begins anew with who comes instead", limited + ", and is replaced", false, "begun twice", timeAnew},
		{"its time is up and one stays", limited + ", and one stays", false, "the end was not passed on to side B", dropping(func(_ join.State, a join.Action) bool {
			return a.Do == join.DoHangup && a.Side == 1 && a.Cause == causeTooLong
		})},
		{"asks for ever", "take-over", false, "is not answered", ignoring(join.AskTimeout)},
		{"hold not passed on", "take-over", true, "where the other side says", dropping(func(s join.State, a join.Action) bool {
			return a.Do == join.DoUpdate && s.Told[a.Side][audio].Dir != join.Absent && s.Told[a.Side][audio].Dir != a.Want[audio].Dir
		})},
		{"Told not kept", "take-over", true, "updates without end", forgetTold},
		{"both sides take each other's codec at once", "take-over, slow watchers", true, "updates without end", tellBoth},
		{"stays without a common codec", "take-over", true, "no common codec", func(stepFunc) stepFunc {
			r := rules(worldRules{})
			r.Mixed = true
			return r.Step
		}},
		{"a replaced far side told twice", dialled, false, "is told twice", twice(join.DoSettle)},
		{"a far side told twice that it is not replaced", dialled, false, "is told twice", twice(join.DoReturn)},
		{"old leg not ended", dialled, true, "is not told", dropping(func(_ join.State, a join.Action) bool { return a.Do == join.DoSettle })},
		{"a failed replacement not told", dialled, false, "nobody has ended it", dropping(func(_ join.State, a join.Action) bool { return a.Do == join.DoReturn })},
		{"a failed replacement ends the call", dialled, false, "nobody has ended it", forgetMove(join.Trying)},
		{"a far side that asked and left ends the call", dialled, false, "nobody has ended it", forgetMove(join.Fetching)},
		{"the old leg is told too soon", dialled, false, "told that it is replaced and it is not", settleSoon},
		{"a wish is not heeded", dialled, false, "nobody heeds it", func(step stepFunc) stepFunc {
			return func(s join.State, in join.Input) (join.State, []join.Action) {
				in.Sides[0].Wish, in.Sides[1].Wish = join.NoWish, join.NoWish
				return step(s, in)
			}
		}},
		{"forgets what the old leg does", "replaced, and the other side changes", false, "a second action on a side", func(step stepFunc) stepFunc {
			return func(s join.State, in join.Input) (join.State, []join.Action) {
				s.Kept = join.Kept{}
				return step(s, in)
			}
		}},
		{"a leg that has come is not answered", "replaced by one that has come", false, "caller is not answered", dropping(func(s join.State, a join.Action) bool {
			return a.Do == join.DoAnswer && (s.By || s.Move == join.Fetching)
		})},
		{"replaces although that is forbidden", "replacing is forbidden", false, "nobody wants to be", func(stepFunc) stepFunc { return rules(worldRules{}).Step }},
		{"a party on a new leg needs leave", same, false, "a party on a new leg is refused", asIf(join.WishSame, join.WishBy)},
		{"a party on a new leg is not heeded", same, false, "nobody heeds it", asIf(join.WishSame, join.NoWish)},
		{"ends the side that is to stay", "one stays", false, "that is to stay is hung up", func(stepFunc) stepFunc { return rules(worldRules{}).Step }},
	}
}

// asIf returns a spoiler that takes one wish for another.
func asIf(wish, other join.Wish) func(stepFunc) stepFunc {
	return func(step stepFunc) stepFunc {
		return func(s join.State, in join.Input) (join.State, []join.Action) {
			for x := range in.Sides {
				if in.Sides[x].Wish == wish {
					in.Sides[x].Wish = other
				}
			}
			return step(s, in)
		}
	}
}

// twice returns a spoiler that does each action of a kind twice.
func twice(do join.Do) func(stepFunc) stepFunc {
	return func(step stepFunc) stepFunc {
		return func(s join.State, in join.Input) (join.State, []join.Action) {
			n, acts := step(s, in)
			for _, a := range acts {
				if a.Do == do {
					acts = append(acts, a)
				}
			}
			return n, acts
		}
	}
}

// timeAnew begins the time of the call again with a new leg.
func timeAnew(step stepFunc) stepFunc {
	return func(s join.State, in join.Input) (join.State, []join.Action) {
		if in.Note == join.Fetched {
			s.Timed = false
		}
		return step(s, in)
	}
}

// forgetMove returns a spoiler that forgets at one stage of a replacement, when a side ends, that there is one.
func forgetMove(stage join.Move) func(stepFunc) stepFunc {
	return func(step stepFunc) stepFunc {
		return func(s join.State, in join.Input) (join.State, []join.Action) {
			if s.Move == stage && in.Note != join.Fetched && in.Sides[s.Moved].Phase == join.Over {
				s.Move = join.NoMove
			}
			return step(s, in)
		}
	}
}

// settleSoon lets the old leg go as soon as the new one is there.
func settleSoon(step stepFunc) stepFunc {
	return func(s join.State, in join.Input) (join.State, []join.Action) {
		n, acts := step(s, in)
		if in.Note == join.Fetched && n.Move == join.Trying {
			acts = append(acts, join.Action{Do: join.DoSettle, Side: int(n.Moved)})
			n.Move = join.NoMove
		}
		return n, acts
	}
}

func hangUpTwice(step stepFunc) stepFunc {
	return func(s join.State, in join.Input) (join.State, []join.Action) {
		n, acts := step(s, in)
		for _, a := range acts {
			if a.Do == join.DoHangup {
				acts = append(acts, a)
			}
		}
		return n, acts
	}
}

func forgetEnd(step stepFunc) stepFunc {
	return func(s join.State, in join.Input) (join.State, []join.Action) {
		s.Ended = false
		return step(s, in)
	}
}

func forgetTold(step stepFunc) stepFunc {
	return func(s join.State, in join.Input) (join.State, []join.Action) {
		n, acts := step(s, in)
		n.Told = s.Told
		return n, acts
	}
}

// tellBoth updates a side although the other one is at work.
func tellBoth(step stepFunc) stepFunc {
	return func(s join.State, in join.Input) (join.State, []join.Action) {
		n, acts := step(s, in)
		for x := range n.Busy {
			if n.Busy[x] || !n.Busy[1-x] || n.Asking != [2]bool{} {
				continue
			}
			free := n
			free.Busy[1-x] = false
			more, also := step(free, join.Input{Sides: in.Sides})
			if i := slices.IndexFunc(also, func(a join.Action) bool { return a.Side == x && a.Do == join.DoUpdate }); i >= 0 {
				n.Busy[x], n.Told[x] = true, more.Told[x]
				acts = append(acts, also[i])
			}
		}
		return n, acts
	}
}

func TestModelCatchesBugs(t *testing.T) {
	for _, b := range bugs() {
		t.Run(b.name, func(t *testing.T) {
			all := scenarios(false)
			at := slices.IndexFunc(all, func(s scenario) bool { return s.name == b.scenario })
			if at < 0 {
				t.Fatalf("no scenario %q", b.scenario)
			}
			s := all[at]
			if raceEnabled && b.deep {
				t.Skip("too large for the race detector")
			}
			r := s.check(b.spoil(rules(s.rules).Step))
			v, ok := errors.AsType[*model.Violation](r.Err)
			if !ok {
				t.Fatalf("got %v after %v, want a violation", r.Err, r)
			}
			if !strings.Contains(v.Err.Error(), b.finds) {
				t.Errorf("got %q, want %q", v.Err, b.finds)
			}
			t.Logf("%v, found after %d steps: %v", r, len(v.Trace)-1, v.Err)
		})
	}
}
