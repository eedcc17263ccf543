package join_test

import "github.com/alexacall/alexacall/internal/join"

// asks is a side that is up and whose far side wants to be replaced.
func asks(w join.Wish) join.Side {
	s := at(join.Up, plain)
	s.Wish = w
	return s
}

// gone is a side whose far side has asked, and hung up.
func gone(w join.Wish) join.Side {
	s := over(causeNormal)
	s.Wish = w
	return s
}

func replacing() []row {
	told := [2]join.Plan{plain, plain}
	fetching := join.State{Told: told, Move: join.Fetching, Moved: 1}
	trying := join.State{
		Told: [2]join.Plan{plain, none}, Move: join.Trying, Moved: 1, Kept: join.Kept{Busy: true, Shown: join.Up, Told: plain},
	}
	back := func(cause uint8) join.Action { return join.Action{Do: join.DoReturn, Side: 1, Cause: cause} }
	standing := at(join.Up, plain)
	return []row{
		{
			why: "who is named is dialled", in: look(standing, asks(join.WishTo)), state: join.State{Told: told},
			want: []join.Action{do(join.DoFetch, 1, none)},
			next: func(s join.State) bool { return s.Move == join.Fetching && s.Moved == 1 && !s.By },
		},
		{why: "a call that is being set up comes first", in: look(at(join.Placed, none), asks(join.WishTo)), state: join.State{Busy: [2]bool{true, true}}},
		{
			why: "where it is forbidden it is refused", in: look(standing, asks(join.WishBy)), state: join.State{Told: told},
			rules: func(r *join.Rules) { r.Transfers = false }, want: []join.Action{do(join.DoRefuse, 1, none)},
		},
		{
			why: "one at a time", in: look(asks(join.WishTo), standing), state: fetching, want: []join.Action{do(join.DoRefuse, 0, none)},
		},
		{
			why: "who has asked may go", in: look(standing, over(causeNormal)), state: fetching,
			next: func(s join.State) bool { return s == fetching },
		},
		{
			why: "also before anybody has looked", in: look(standing, gone(join.WishTo)), state: join.State{Told: told},
			want: []join.Action{do(join.DoFetch, 1, none)}, next: func(s join.State) bool { return s.Move == join.Fetching && !s.Ended },
		},
		{
			why: "who is being answered stands", in: look(at(join.Alerting, none), gone(join.WishTo)),
			state: join.State{Busy: [2]bool{true}, Shown: [2]join.Phase{join.Up}}, want: []join.Action{do(join.DoFetch, 1, none)},
		},
		{
			why: "and is hung up if that fails", in: join.Input{Sides: [2]join.Side{at(join.Alerting, none), gone(join.WishTo)}, Note: join.Failed},
			state: join.State{Busy: [2]bool{true}, Shown: [2]join.Phase{join.Up}, Move: join.Fetching, Moved: 1},
			want:  []join.Action{back(causeNoMedia), hang(0, causeNoMedia)},
		},
		{
			why: "but not where it is forbidden", in: look(standing, gone(join.WishTo)), state: join.State{Told: told},
			rules: func(r *join.Rules) { r.Transfers = false }, want: []join.Action{hang(0, causeNormal)},
		},
		{
			why: "nor for a leg that has come to it: that is given up with it", in: look(standing, gone(join.WishBy)), state: join.State{Told: told},
			want: []join.Action{do(join.DoRefuse, 1, none), hang(0, causeNormal)},
		},
		{
			why: "for its own party on a new leg it goes on, also where that is forbidden", in: look(standing, gone(join.WishSame)), state: join.State{Told: told},
			rules: func(r *join.Rules) { r.Transfers = false }, want: []join.Action{do(join.DoFetch, 1, none)},
			next: func(s join.State) bool { return s.By && s.Move == join.Fetching && !s.Ended },
		},
		{
			why: "a party on a new leg waits for its turn", in: look(asks(join.WishSame), standing), state: fetching,
			next: func(s join.State) bool { return s == fetching },
		},
		{
			why: "a party on a new leg is answered while the other one rings", state: join.State{Move: join.Fetching, Moved: 0, By: true},
			in:   join.Input{Sides: [2]join.Side{placed(plain), at(join.Alerting, none)}, Old: standing, Note: join.Fetched},
			want: []join.Action{do(join.DoAnswer, 0, none)}, // as the leg likes
		},
		{
			why: "nor for somebody who is not up", in: look(at(join.Alerting, none), gone(join.WishTo)), state: join.State{Told: told},
			want: []join.Action{hang(0, causeNormal)},
		},
		{
			why: "and then it ends as the replacement does", in: join.Input{
				Sides: [2]join.Side{standing, over(causeNormal)}, Note: join.NotFetched, Cause: causeBusy,
			}, state: fetching, want: []join.Action{back(causeBusy), hang(0, causeBusy)},
		},
		{
			why: "what fails leaves the call as it was", in: join.Input{Sides: [2]join.Side{standing, standing}, Note: join.NotFetched, Cause: causeBusy},
			state: fetching, want: []join.Action{back(causeBusy)}, next: func(s join.State) bool { return s == join.State{Told: told} },
		},
		{
			why: "the new leg begins with nothing", in: join.Input{Sides: [2]join.Side{standing, at(join.Alerting, none)}, Old: standing, Note: join.Fetched},
			state: join.State{Busy: [2]bool{false, true}, Told: told, Move: join.Fetching, Moved: 1, Asking: [2]bool{true, false}},
			want:  []join.Action{do(join.DoAnswer, 1, plain)}, // which waits for its acceptance
			next:  func(s join.State) bool { return s.Kept.Busy && s.Kept.Told == plain && s.Asking == [2]bool{} },
		},
		{
			why: "the old leg is let go when the new one is up", in: join.Input{Sides: [2]join.Side{standing, standing}, Old: standing}, state: trying,
			want: []join.Action{do(join.DoSettle, 1, none), do(join.DoUpdate, 1, plain)},
			next: func(s join.State) bool { return s.Move == join.NoMove && s.Kept == join.Kept{} },
		},
		{
			why: "a new leg that is busy gives its place back", in: join.Input{Sides: [2]join.Side{standing, over(causeBusy)}, Old: standing}, state: trying,
			want: []join.Action{back(causeBusy)},
			next: func(s join.State) bool {
				return s.Busy == [2]bool{false, true} && s.Told == told && s.Move == join.NoMove
			},
		},
		{
			why: "the old one is told, and ended, when the other side ends", in: join.Input{Sides: [2]join.Side{over(causeNormal), at(join.Alerting, none)}, Old: standing},
			state: trying, want: []join.Action{back(causeNormal), hang(1, causeNormal)},
		},
		{
			why: "a new leg that rings for too long gives its place back", state: trying,
			in:   join.Input{Sides: [2]join.Side{standing, at(join.Alerting, none)}, Old: standing, Note: join.RingTimeout},
			want: []join.Action{back(causeNoAnswer)},
		},
		{
			why: "a call whose time is up waits for nobody", state: trying, rules: limited,
			in:   join.Input{Sides: [2]join.Side{standing, at(join.Alerting, none)}, Old: standing, Note: join.TimeUp},
			want: []join.Action{back(causeTooLong), hang(0, causeTooLong), hang(1, causeTooLong)},
		},
		{
			why: "a call that has been timed is not timed anew when the new leg is up", rules: limited,
			in: join.Input{Sides: [2]join.Side{standing, standing}, Old: standing}, state: timedAnd(trying),
			want: []join.Action{do(join.DoSettle, 1, none), do(join.DoUpdate, 1, plain)}, next: func(s join.State) bool { return s.Timed },
		},
		{
			why: "a join that is left does not take it along", state: trying,
			in:   join.Input{Sides: [2]join.Side{standing, at(join.Alerting, none)}, Old: standing, Note: join.Leave, Cause: causeCancelled},
			want: []join.Action{back(causeCancelled)}, next: func(s join.State) bool { return !s.Ended },
		},
		{
			why: "a leg that picks up a call that rings is answered at once", state: join.State{Shown: [2]join.Phase{join.Alerting}, Move: join.Fetching, Moved: 1, By: true},
			in:   join.Input{Sides: [2]join.Side{{Phase: join.Alerting, Far: plain, Pending: true}, placed(plain)}, Old: at(join.Alerting, none), Note: join.Fetched},
			want: []join.Action{do(join.DoAnswer, 1, plain)},
		},
	}
}
