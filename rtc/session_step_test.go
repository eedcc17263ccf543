package rtc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// happens is an event at a time, and what is to be done about it.
type happens struct {
	at   time.Duration
	ev   event
	acts string // in a form for people
}

func (a action) name() string {
	s := [...]string{
		doPlace: "place", doOpen: "open", doAppear: "appear", doHand: "hand", doWish: "wish", doUnwish: "unwish", doClaim: "claim", doYield: "yield",
		doAlerting: "alerting", doOffered: "offered", doMake: "make", doReply: "reply", doEarly: "early", doUp: "up", doUnmade: "unmade", doOver: "over",
	}[a.do]
	switch {
	case a.do == doMake:
		s += fmt.Sprint(" ", a.plan)
	case a.do == doReply && !a.made, a.do == doOver:
		s += " " + a.cause.String()
	case a.do == doClaim:
		s += fmt.Sprint(" ", a.claim)
	}
	if a.remote {
		s += " by her"
	}
	return s
}

const ms = time.Millisecond

// arrives returns the events that bring an offer to the Bridge.
func arrives() []happens {
	return []happens{{0, event{kind: evAdmitted}, "place"}, {0, event{kind: evFree}, "open"}, {0, event{kind: evOpened}, "appear"}, {0, event{kind: evFirst}, "hand"}}
}

func TestStep(t *testing.T) {
	timeout := event{kind: evTimeout}
	answer := func(accept bool) event { return event{kind: evWant, accept: accept, plan: 1} }
	made, connected, disconnected := event{kind: evMade}, event{kind: evConnected}, event{kind: evDisconnected}
	busy := event{kind: evEnd, cause: bridge.Busy}
	again := append(arrives()[:3], happens{0, event{kind: evAgain}, "wish"})
	for name, c := range map[string]struct {
		begin   state
		happens []happens
		ends    stage
		next    time.Duration // the deadline in the end
	}{
		"the door answers":   {asked(time.Second), append(arrives(), happens{500 * ms, answer(true), "make 1"}, happens{500 * ms, made, "reply, up"}, happens{600 * ms, event{kind: evTold}, ""}), stageUp, 0},
		"it answers early":   {asked(time.Second), append(arrives(), happens{1, answer(false), "make 1"}, happens{1, made, "reply, early"}, happens{2, connected, ""}, happens{3, answer(true), "up"}, happens{4, answer(true), ""}), stageUp, 0},
		"it accepts as well": {asked(time.Second), append(arrives(), happens{1, answer(false), "make 1"}, happens{1, answer(true), ""}, happens{1, made, "reply, up"}), stageUp, AnswerLimit},
		"it answers late":    {asked(time.Second), append(arrives(), happens{time.Second, timeout, "make 0"}, happens{time.Second, answer(true), ""}, happens{time.Second, made, "reply, up"}, happens{2 * time.Second, answer(true), ""}), stageUp, AnswerLimit},
		"it has another try": {asked(time.Second), append(arrives(), happens{1, answer(true), "make 1"}, happens{2, event{kind: evUnmade, cause: bridge.Media}, "unmade"}, happens{time.Second, timeout, "make 0"}), stageMaking, AnswerTime},
		"nor can we":         {asked(time.Second), append(arrives(), happens{time.Second, timeout, "make 0"}, happens{time.Second, event{kind: evUnmade, cause: bridge.Media}, "reply media, over media"}), stageEnded, 0},
		"it is busy":         {asked(time.Second), append(arrives(), happens{1, busy, "reply busy, over busy"}), stageEnded, 0},
		"nothing comes":      {asked(-1), append(arrives(), happens{AnswerTime - 1, timeout, ""}, happens{AnswerTime, timeout, "reply no answer, over no answer"}), stageEnded, 0},
		"nothing is known":   {asked(1), []happens{{AnswerTime, timeout, "reply no answer, over no answer"}}, stageEnded, 0},
		"it is not opened":   {asked(1), append(arrives()[:2], happens{AnswerTime, timeout, "reply no answer, over no answer"}), stageEnded, 0},
		"making takes long":  {asked(1), append(arrives(), happens{1, timeout, "make 0"}, happens{2, timeout, ""}, happens{AnswerTime, timeout, "reply no answer, over no answer"}), stageEnded, 0},
		"she leaves":         {asked(1), append(arrives(), happens{1, disconnected, "reply cancelled, over cancelled by her"}), stageEnded, 0},
		"she never gets it":  {asked(time.Second), append(arrives(), happens{1, answer(true), "make 1"}, happens{1, made, "reply, up"}, happens{AnswerLimit, timeout, "over cancelled by her"}), stageEnded, 0},
		"she hangs up":       {asked(time.Second), append(arrives(), happens{1, answer(true), "make 1"}, happens{1, made, "reply, up"}, happens{2, connected, ""}, happens{time.Hour, disconnected, "over normal by her"}), stageEnded, 0},
		"the door hangs up":  {asked(time.Second), append(arrives(), happens{1, answer(true), "make 1"}, happens{1, made, "reply, up"}, happens{2, busy, "over busy"}), stageEnded, 0},

		"a bell has it": {asked(1), []happens{{1, event{kind: evAdmitted}, "place"}, {1, event{kind: evPassed}, ""}}, stageEnded, 0},
		"a bell rings":  {rung(1), []happens{{1, event{kind: evRang}, "alerting"}, {2, event{kind: evRang}, ""}, {3, event{kind: evUnrung, cause: bridge.Unreachable}, ""}}, stageRinging, 0},
		"it does not":   {rung(1), []happens{{1, event{kind: evUnrung, cause: bridge.Unreachable}, "over unreachable"}}, stageEnded, 0},
		"somebody answers it": {rung(time.Second), []happens{
			{time.Hour, event{kind: evOffer, ago: 100 * ms}, "offered"}, {time.Hour, event{kind: evUnrung}, ""}, {time.Hour + 900*ms, timeout, "make 0"}, {time.Hour + 900*ms, made, "reply, up"},
		}, stageUp, time.Hour + AnswerLimit - 100*ms},
		"the visitor has gone":    {rung(time.Second), []happens{{1, busy, "over busy"}}, stageEnded, 0},
		"the visitor goes":        {rung(time.Second), []happens{{1, event{kind: evOffer}, "offered"}, {2, busy, "reply busy, over busy"}}, stageEnded, 0},
		"somebody takes it up":    {asked(-1), append(again, happens{1, event{kind: evTake}, "claim true"}, happens{2, event{kind: evTake}, "claim false"}, happens{time.Second, timeout, ""}, happens{time.Second, event{kind: evUntaken}, ""}), stageOffered, AnswerTime},
		"nobody takes it up":      {asked(-1), append(again, happens{time.Second, timeout, "unwish, yield"}, happens{time.Second, event{kind: evTake}, "claim false"}), stageOffered, AnswerTime},
		"somebody will not":       {asked(-1), append(again, happens{1, event{kind: evUntaken}, "unwish, yield"}, happens{2, event{kind: evUntaken}, ""}), stageOffered, AnswerTime},
		"she leaves before":       {asked(-1), append(again, happens{1, disconnected, "reply cancelled, unwish, over cancelled by her"}), stageEnded, 0},
		"it is answered meantime": {asked(1), append(again, happens{1, timeout, "make 0"}, happens{2, made, "reply, up"}, happens{time.Second, timeout, "unwish, yield"}), stageUp, AnswerLimit},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.begin
			for i, h := range c.happens {
				next, acts := s.step(h.at, h.ev)
				var names []string
				for _, a := range acts {
					names = append(names, a.name())
				}
				if got := strings.Join(names, ", "); got != h.acts {
					t.Errorf("event %d, of kind %d: does %q, want %q", i+1, h.ev.kind, got, h.acts)
				}
				s = next
			}
			if s.stage != c.ends || s.deadline() != c.next {
				t.Errorf("ends in stage %d with deadline %v, want %d and %v", s.stage, s.deadline(), c.ends, c.next)
			}
		})
	}
}

// TestStepKeepsNothing makes a step twice, which must not differ.
func TestStepKeepsNothing(t *testing.T) {
	s, _ := asked(time.Second).step(0, event{kind: evAdmitted})
	a, first := s.step(AnswerTime, event{kind: evTimeout})
	b, second := s.step(AnswerTime, event{kind: evTimeout})
	if a != b || !slices.Equal(first, second) {
		t.Errorf("%+v and %+v, %v and %v", a, b, first, second)
	}
}
