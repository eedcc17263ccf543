package alexa

import (
	"slices"
	"time"
)

// bugsOfChanges spoil what becomes of CallUpdates, where both sides have one.
func bugsOfChanges() []bug {
	const device, phone = "device calls, glare", "phone calls, glare"
	return []bug{
		{name: "ours goes on beside hers", in: device, says: "a change of ours waits beside Alexa's", alexa: afterwards(func(s state, ev event, m *machine) {
			if is(ev, update) && s.ours {
				m.ours, m.deadline = true, m.now.Add(updateLimit)
			}
		})},
		{name: "hers gives way to ours", in: phone, says: "stuck", alexa: without(func(s state, ev event) bool {
			return is(ev, update) && s.ours
		})},
		{name: "a change goes while hers waits", in: device, says: "a change of ours waits beside Alexa's", alexa: func(s state, now time.Time, ev event) (state, []action) {
			if ev.kind != evUpdate || s.theirs == 0 {
				return s.step(now, ev)
			}
			hers := s.theirs
			s.theirs = 0
			t, acts := s.step(now, ev)
			t.theirs = hers
			return t, acts
		}},
		{name: "an answer to a change that was withdrawn is believed", in: device, says: "believed", alexa: afterwards(func(s state, ev event, m *machine) {
			if is(ev, updateResponse) && !s.ours && s.stage == stageUp {
				m.do(action{do: doUpdated, sdp: ev.sdp})
			}
		})},
		{name: "an answer to our change is not acknowledged", in: phone, says: "an acknowledgement is missing", alexa: func(s state, now time.Time, ev event) (state, []action) {
			t, acts := s.step(now, ev)
			if !is(ev, updateResponse) || s.flying.kind != none {
				return t, acts
			}
			t.flying = post{}
			return t, slices.DeleteFunc(acts, func(a action) bool { return a.do == doPost })
		}},
		{name: "the answer to our change is lost", in: device, says: "stuck", alexa: without(func(_ state, ev event) bool {
			return is(ev, updateResponse)
		})},
		{name: "hers is answered by our own change", in: device, says: "believed", alexa: changed(func(s *state, ev *event) {
			if ev.kind == evRespond {
				s.theirs, ev.kind = 0, evUpdate
			}
		})},
		{name: "an answer does for a newer change too", in: "device calls, changes twice", says: "does not have how the phone stands", alexa: changed(func(s *state, ev *event) {
			if ev.kind == evRespond {
				ev.offer = s.theirs
			}
		})},
	}
}
