package alexa

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// said writes actions in short, descriptions by their numbers.
func said(acts []action) string {
	var out []string
	for _, a := range acts {
		text := [...]string{
			doPost: "post " + kindTable[a.post.kind].String(), doAbort: "abort", doAlerting: "alerting", doAnswer: "answer", doUp: "up",
			doOffer: "offer", doStand: "stand", doUpdated: "updated", doNotUpdated: "not updated", doOver: "over " + a.cause.String(),
			doFinish: "finish",
		}[a.do]
		if no := a.sdp + a.post.sdp; no != 0 {
			text += fmt.Sprint(" ", no)
		}
		if a.glare {
			text += " for glare"
		}
		if a.remote {
			text += " by Alexa"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// From these states the single steps begin.
func deviceCalls() state { return state{taken: true} }

func deviceUp() state {
	return state{taken: true, stage: stageUp, rang: true, answered: true, accepted: true}
}

func phoneCalls() state { return state{called: true, flying: post{inviteIn, 1}} }

func phoneRings() state { return state{called: true, taken: true, stage: stageRinging, rang: true} }

func phoneUp() state {
	return state{called: true, taken: true, stage: stageUp, rang: true, answered: true, accepted: true}
}

func (s state) with(change func(*state)) state {
	change(&s)
	return s
}

func (s state) sends(k kind, sdp int) state {
	s.flying = post{k, sdp}
	return s
}

func (s state) queueing(posts ...post) state {
	s.queued = uint8(copy(s.queue[:], posts))
	return s
}

func (s state) changing() state {
	s.ours, s.deadline = true, modelBegin.Add(updateLimit)
	return s
}

func (s state) changed() state {
	s.theirs, s.deadline = 1, modelBegin.Add(pendingLimit)
	return s
}

func (s state) ended() state {
	s.stage, s.ours, s.theirs, s.deadline = stageEnded, false, 0, time.Time{}
	return s
}

func gets(k kind, sdp int) event {
	return event{kind: evMessage, message: k, sdp: sdp, cause: bridge.Normal}
}

func fails(c bridge.Cause) event { return event{kind: evUnsent, cause: c} }

// singleStep is a state, what happens in it, and what is to come of it.
type singleStep struct {
	why  string
	from state
	ev   event
	acts string
	to   state
}

func checkSteps(t *testing.T, steps []singleStep) {
	for _, tt := range steps {
		t.Run(tt.why, func(t *testing.T) {
			now := modelBegin
			if tt.ev.kind == evTimeout {
				now = now.Add(updateLimit)
			}
			to, acts := tt.from.step(now, tt.ev)
			if got := said(acts); got != tt.acts {
				t.Errorf("does %q, want %q", got, tt.acts)
			}
			if to != tt.to {
				t.Errorf("leads to\n%+v, want\n%+v", to, tt.to)
			}
		})
	}
}

func TestStepsOfACallFromADevice(t *testing.T) {
	ringing1 := deviceCalls().with(func(s *state) { s.stage, s.rang = stageRinging, true })
	answered := ringing1.with(func(s *state) { s.answered = true })
	both := answered.with(func(s *state) { s.accepted = true })
	checkSteps(t, []singleStep{
		{"ringing is told", deviceCalls(), event{kind: evRing}, "alerting, post CallRinging", ringing1.sends(ringing, 0)},
		{"ringing is told once", ringing1, event{kind: evRing}, "", ringing1},
		{
			"CallRinging goes before an early answer", deviceCalls(),
			event{kind: evProgress, sdp: 2},
			"alerting, post CallRinging", answered.sends(ringing, 0).queueing(post{progress, 2}),
		},
		{"an early answer goes once", answered, event{kind: evProgress, sdp: 3}, "", answered},
		{
			"CallRinging goes before acceptance", deviceCalls(),
			event{kind: evAccept, sdp: 2},
			"alerting, post CallRinging", both.sends(ringing, 0).queueing(post{accepted, 2}),
		},
		{"acceptance after an early answer needs none", answered, event{kind: evAccept}, "post CallAccepted", both.sends(accepted, 0)},
		{"a call is accepted once", both.sends(accepted, 2), event{kind: evAccept, sdp: 3}, "", both.sends(accepted, 2)},
		{"one message follows another", both.sends(ringing, 0).queueing(post{accepted, 2}), event{kind: evSent}, "post CallAccepted 2", both.sends(accepted, 2)},
		{"up once Alexa has taken it", both.sends(accepted, 2), event{kind: evSent}, "up", deviceUp()},
		{
			"an acceptance that failed ends the call", both.sends(accepted, 2), fails(bridge.Internal),
			"over internal by Alexa, post CallEnded", both.ended().sends(over, 0),
		},
		{
			"a device that is gone needs no CallEnded", both.sends(accepted, 2),
			event{kind: evUnsent, cause: bridge.NotFound, dead: true},
			"over cancelled by Alexa, finish", both.ended(),
		},
		{
			"one that is over, most likely, is ended", both.sends(accepted, 2),
			event{kind: evUnsent, cause: bridge.Internal, refused: true},
			"over cancelled by Alexa, post CallEnded", both.ended().sends(over, 0),
		},
		{"the user gives up", ringing1.sends(ringing, 0), gets(over, 0), "over cancelled by Alexa, abort", ringing1.ended().sends(ringing, 0)},
		{"what was on its way comes back", ringing1.ended().sends(ringing, 0), event{kind: evSent}, "finish", ringing1.ended()},
		{"an acceptance that crosses the end does not count", both.ended().sends(accepted, 2), event{kind: evSent}, "finish", both.ended()},
		{"a device cannot ring for itself", ringing1, gets(ringing, 0), "", ringing1},
		{"nor accept", ringing1, gets(accepted, 2), "", ringing1},
		{"acknowledgements change nothing", ringing1, gets(ringingAck, 0), "", ringing1},
		{"a repeated invitation is the same call", ringing1, gets(inviteOut, 2), "", ringing1},
		{"we hang up", deviceUp(), event{kind: evEnd, cause: bridge.Normal}, "over normal, post CallEnded", deviceUp().ended().sends(over, 0)},
		{"the user hangs up", deviceUp(), gets(over, 0), "over normal by Alexa, finish", deviceUp().ended()},
		{"CallEnded is told", deviceUp().ended().sends(over, 0), event{kind: evSent}, "finish", deviceUp().ended()},
		{"CallEnded that fails is the end all the same", deviceUp().ended().sends(over, 0), fails(bridge.Internal), "finish", deviceUp().ended()},
		{
			"what waits gives way to CallEnded", both.sends(ringing, 0).queueing(post{accepted, 2}),
			event{kind: evEnd, cause: bridge.Busy},
			"over busy, abort", both.ended().sends(ringing, 0).queueing(post{kind: over}),
		},
		{
			"CallEnded follows", both.ended().sends(ringing, 0).queueing(post{kind: over}),
			event{kind: evUnsent, maybe: true},
			"post CallEnded", both.ended().sends(over, 0),
		},
		{"unless Alexa's comes first", both.ended().sends(ringing, 0).queueing(post{kind: over}), gets(over, 0), "", both.ended().sends(ringing, 0)},
		{
			"also if what was on its way is refused", both.ended().sends(ringing, 0).queueing(post{kind: over}),
			event{kind: evUnsent, refused: true},
			"post CallEnded", both.ended().sends(over, 0),
		},
		{"or the call is gone", both.ended().sends(ringing, 0).queueing(post{kind: over}), event{kind: evUnsent, dead: true}, "finish", both.ended()},
		{"a call that is over wants nothing more", deviceUp().ended().sends(over, 0), event{kind: evUpdate, sdp: 4}, "", deviceUp().ended().sends(over, 0)},
		{"and ends once", deviceUp().ended().sends(over, 0), event{kind: evEnd}, "", deviceUp().ended().sends(over, 0)},
	})
}

func TestStepsOfACallToADevice(t *testing.T) {
	started := phoneCalls().with(func(s *state) { s.taken, s.rang, s.stage = true, true, stageRinging })
	rings := phoneRings()
	answered := rings.with(func(s *state) { s.answered = true })
	checkSteps(t, []singleStep{
		{"the invitation goes", state{called: true}, event{kind: evPlace, sdp: 1}, "post InitiateInboundCall 1", phoneCalls()},
		{"Alexa takes it", phoneCalls(), event{kind: evSent}, "", state{called: true, taken: true}},
		{
			"a call that is given up before it was placed",
			state{called: true},
			event{kind: evEnd, cause: bridge.Cancelled},
			"over cancelled, finish", state{called: true}.ended(),
		},
		{"an unknown callee", phoneCalls(), event{kind: evUnsent, cause: bridge.NotFound, dead: true}, "over not found by Alexa, finish", state{called: true}.ended()},
		{"a refused invitation", phoneCalls(), event{kind: evUnsent, cause: bridge.Internal, refused: true}, "over internal by Alexa, finish", state{called: true}.ended()},
		{"an invitation that was not sent", phoneCalls(), fails(bridge.Forbidden), "over forbidden by Alexa, finish", state{called: true}.ended()},
		{
			"an invitation that may have arrived", phoneCalls(),
			event{kind: evUnsent, cause: bridge.Unreachable, maybe: true},
			"over unreachable by Alexa, post CallEnded", state{called: true, taken: true}.ended().sends(over, 0),
		},
		{
			"an invitation that may have arrived, refused when repeated", phoneCalls(),
			event{kind: evUnsent, cause: bridge.Internal, maybe: true, dead: true},
			"over internal by Alexa, post CallEnded", state{called: true, taken: true}.ended().sends(over, 0),
		},
		{"an event before the answer to the invitation", phoneCalls(), gets(ringing, 0), "alerting", started.queueing(post{kind: ringingAck})},
		{
			"whose answer then does not matter", started.queueing(post{kind: ringingAck}),
			event{kind: evUnsent, maybe: true, dead: true},
			"post CallRingingAck", rings.sends(ringingAck, 0),
		},
		{"the device rings", state{called: true, taken: true}, gets(ringing, 0), "alerting, post CallRingingAck", rings.sends(ringingAck, 0)},
		{"and again: acknowledged again", rings, gets(ringing, 0), "post CallRingingAck", rings.sends(ringingAck, 0)},
		{
			"one acknowledgement does for what waits", rings.sends(update, 1).queueing(post{kind: ringingAck}), gets(ringing, 0), "",
			rings.sends(update, 1).queueing(post{kind: ringingAck}),
		},
		{"an early answer", rings, gets(progress, 2), "answer 2, post CallInProgressAck", answered.sends(progressAck, 0)},
		{"acceptance with the answer again", answered, gets(accepted, 3), "up, post CallAcceptedAck", phoneUp().sends(acceptedAck, 0)},
		{"acceptance without", answered, gets(accepted, 0), "up, post CallAcceptedAck", phoneUp().sends(acceptedAck, 0)},
		{
			"acceptance implies all before",
			state{called: true, taken: true},
			gets(accepted, 3), "alerting, answer 3, up, post CallAcceptedAck",
			phoneUp().sends(acceptedAck, 0),
		},
		{"acceptance before the answer", rings, gets(accepted, 0), "post CallAcceptedAck", rings.with(func(s *state) { s.accepted = true }).sends(acceptedAck, 0)},
		{
			"the answer after acceptance", rings.with(func(s *state) { s.accepted = true }), gets(progress, 2), "answer 2, up, post CallInProgressAck",
			phoneUp().sends(progressAck, 0),
		},
		{"an acknowledgement that failed is Alexa's to miss", rings.sends(ringingAck, 0), fails(bridge.Internal), "", rings},
		{
			"but a call that is gone is over", rings.sends(ringingAck, 0),
			event{kind: evUnsent, cause: bridge.NotFound, dead: true},
			"over declined by Alexa, finish", rings.ended(),
		},
		{"one that is refused is not", rings.sends(ringingAck, 0), event{kind: evUnsent, cause: bridge.Internal, refused: true}, "", rings},
		{"the user declines", rings, gets(over, 0), "over declined by Alexa, finish", rings.ended()},
		{
			"the device is busy",
			state{called: true, taken: true},
			event{kind: evMessage, message: over, cause: bridge.Busy},
			"over busy by Alexa, finish",
			state{called: true, taken: true}.ended(),
		},
		{
			"the caller gives up while the invitation is on its way", phoneCalls(),
			event{kind: evEnd, cause: bridge.Cancelled},
			"over cancelled, abort", phoneCalls().ended().queueing(post{kind: over}),
		},
		{
			"which then is ended", phoneCalls().ended().queueing(post{kind: over}),
			event{kind: evUnsent, maybe: true},
			"post CallEnded", state{called: true, taken: true}.ended().sends(over, 0),
		},
		{"or never began", phoneCalls().ended().queueing(post{kind: over}), event{kind: evUnsent}, "finish", state{called: true}.ended()},
		{"the user hangs up", phoneUp(), gets(over, 0), "over normal by Alexa, finish", phoneUp().ended()},
	})
}

func TestStepsOfAChange(t *testing.T) {
	up := phoneUp()
	early := phoneRings().with(func(s *state) { s.early = 5 })
	checkSteps(t, []singleStep{
		{"ours goes", up, event{kind: evUpdate, sdp: 4}, "post CallUpdate 4", up.changing().sends(update, 4)},
		{"and is answered", up.changing(), gets(updateResponse, 5), "updated 5, post CallUpdateAck", up.sends(updateAck, 0)},
		{
			"before Alexa's answer to the post", up.changing().sends(update, 4), gets(updateResponse, 5), "updated 5",
			up.sends(update, 4).queueing(post{kind: updateAck}),
		},
		{"which then does not matter", up.sends(update, 4).queueing(post{kind: updateAck}), event{kind: evUnsent, maybe: true}, "post CallUpdateAck", up.sends(updateAck, 0)},
		{"an answer too late is acknowledged", up, gets(updateResponse, 5), "post CallUpdateAck", up.sends(updateAck, 0)},
		{
			"an answer to the one before", up.changing().sends(update, 3).queueing(post{update, 4}), gets(updateResponse, 5), "",
			up.changing().sends(update, 3).queueing(post{kind: updateAck}, post{update, 4}),
		},
		{"ours is not answered", up.changing(), event{kind: evTimeout}, "not updated", up},
		{"ours did not even go", up.changing().sends(ringingAck, 0).queueing(post{update, 4}), event{kind: evTimeout}, "not updated", up.sends(ringingAck, 0)},
		{"ours is not taken", up.changing().sends(update, 4), fails(bridge.Internal), "not updated", up},
		{"for Alexa is busy", up.changing().sends(update, 4), event{kind: evUnsent, busy: true}, "not updated for glare", up},
		{"or refuses it", up.changing().sends(update, 4), event{kind: evUnsent, refused: true}, "not updated", up},
		{"ours may have been taken", up.changing().sends(update, 4), event{kind: evUnsent, maybe: true}, "", up.changing()},
		{"the call is gone", up.changing().sends(update, 4), event{kind: evUnsent, cause: bridge.NotFound, dead: true}, "over normal by Alexa, not updated, finish", up.ended()},
		{"two of ours at a time", up.changing(), event{kind: evUpdate, sdp: 6}, "not updated for glare", up.changing()},
		{"Alexa's comes", up, gets(update, 5), "offer 5", up.changed()},
		{"and is answered", up.changed(), event{kind: evRespond, sdp: 6, offer: 1}, "post CallUpdateResponse 6", up.sends(updateResponse, 6)},
		{"once", up, event{kind: evRespond, sdp: 6}, "", up},
		{"with what stands if nobody cares", up.changed(), event{kind: evTimeout}, "stand", up.changed().with(func(s *state) { s.deadline = time.Time{} })},
		{"a newer one takes its place", up.changed(), gets(update, 7), "offer 7", up.changed().with(func(s *state) { s.theirs = 2 })},
		{
			"and is not answered by the answer to the older", up.changed().with(func(s *state) { s.theirs = 2 }),
			event{kind: evRespond, sdp: 6, offer: 1},
			"", up.changed().with(func(s *state) { s.theirs = 2 }),
		},
		{"an answer that is not taken ends the call", up.sends(updateResponse, 6), fails(bridge.Internal), "over internal by Alexa, post CallEnded", up.ended().sends(over, 0)},
		{"ours after Alexa's", up.changed(), event{kind: evUpdate, sdp: 4}, "not updated for glare", up.changed()},
		{"Alexa's after ours, which waits", up.changing().sends(ringingAck, 0).queueing(post{update, 4}), gets(update, 5), "offer 5", up.changed().sends(ringingAck, 0)},
		{"Alexa's after ours, which is on its way", up.changing().sends(update, 4), gets(update, 5), "abort, offer 5", up.changed().sends(update, 4)},
		{"ours then fails without harm", up.changed().sends(update, 4), event{kind: evUnsent, busy: true}, "", up.changed()},
		{
			"and leaves its successor alone", up.changing().sends(update, 4).queueing(post{update, 6}),
			event{kind: evUnsent, busy: true},
			"post CallUpdate 6",
			up.changing().sends(update, 6),
		},
		{"Alexa's overtakes her answer", phoneRings(), gets(update, 5), "", early},
		{
			"and waits for it", early, gets(progress, 6), "answer 6, offer 5, post CallInProgressAck",
			phoneRings().with(func(s *state) { s.answered = true }).changed().sends(progressAck, 0),
		},
		{"a change ends with the call", up.changing().sends(update, 4), gets(over, 0), "over normal by Alexa, abort, not updated, abort", up.ended().sends(update, 4)},
		{"so does Alexa's", up.changed(), event{kind: evEnd, cause: bridge.Normal}, "over normal, post CallEnded", up.ended().sends(over, 0)},
		{"time has passed for nothing", up, event{kind: evTimeout}, "", up},
	})
}
