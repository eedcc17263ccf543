package mediaserver

import (
	"errors"
	"slices"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// Limits of a session (reliability.md 3.5: an endless loop of an application is ended).
const (
	maxQuestions = 1000                   // that a session asks; then everybody is hung up
	maxQuick     = 10                     // in a row about one participant, each within quickly of the answer before; commands of an IVR likewise
	quickly      = 100 * time.Millisecond // see maxQuick
	maxParties   = 512                    // at once
)

// A step is one step of a session: the state that becomes of it, and what there is to do.
type step struct {
	state
	now   time.Time
	deeds []deed
}

// stepSession returns what becomes of a session when something happens to it, and what there is to do, in order. It is the whole of its logic:
// no I/O, no clock, no goroutine. What in is about may be gone meanwhile; then nothing happens.
func stepSession(s state, now time.Time, in *input) (state, []deed) {
	t := step{state: s.clone(), now: now}
	switch in.kind {
	case inNothing:
	case inCame:
		t.ask(t.addParty(partyLeg, partyCame), deed{kind: doAskNewCall})
	case inPlace:
		t.place(in)
	case inDecided:
		t.decided(in)
	case inRinging:
		if p := t.party(in.party); p != nil && p.phase == partyCalled && p.kind == partyLeg {
			t.do(deed{kind: doTell, notice: Ringing, party: p.id, link: p.link})
		}
	case inUp:
		t.up(in.party)
	case inGone:
		t.gone(in)
	case inIVRLeft:
		t.ivrLeft(in)
	case inJointEnded:
		t.jointEnded(in)
	case inSeatLost:
		if p := t.party(in.party); p != nil && p.link == in.link {
			t.hangup(p, bridge.Media)
		}
	case inRecorded:
		t.recorded(in.recorded)
	case inEnd:
		t.hangupAll(bridge.Normal)
	case inSplit, inConnect, inConference, inHangup, inRecord, inStopRecord:
		t.requested(in)
	}
	t.settle()
	return t.state, t.deeds
}

func (t *step) do(d deed) { t.deeds = append(t.deeds, d) }

// ask asks the application about a party, unless it has been asked too much.
func (t *step) ask(p *party, d deed) {
	if t.now.Sub(p.decided) <= quickly {
		p.quick++
	} else {
		p.quick = 0
	}
	t.asked++
	if p.quick >= maxQuick || t.asked > maxQuestions {
		t.hangup(p, bridge.Overload)
		return
	}
	t.lastAsk++
	p.question = t.lastAsk
	d.question, d.party = p.question, p.id
	t.do(d)
	if p.kind == partyLeg && p.phase == partyUp {
		t.do(deed{kind: doWait, party: p.id})
	}
}

// hangup ends a party, whatever it is and does. A link that it is in stays until the party is gone.
func (t *step) hangup(p *party, why bridge.Cause) {
	p.question = 0
	switch {
	case p.kind == partyIVR:
		t.forget(p.id)
	case p.phase != partyLeaving:
		p.phase = partyLeaving
		t.do(deed{kind: doHangup, party: p.id, cause: why})
	}
}

func (t *step) hangupAll(why bridge.Cause) {
	for _, l := range slices.Clone(t.links) {
		t.close(l)
	}
	for _, id := range t.ids() {
		if p := t.party(id); p != nil {
			t.hangup(p, why)
		}
	}
}

func (t *step) ids() []partyID {
	var ids []partyID
	for i := range t.parties {
		ids = append(ids, t.parties[i].id)
	}
	return ids
}

// place begins a session with a call that we place.
func (t *step) place(in *input) {
	p := t.addParty(partyLeg, partyCalled)
	ivr := t.addParty(partyIVR, partyUp)
	l := t.addLink(link{caller: p.id, callee: ivr.id})
	t.do(deed{kind: doCall, party: l.caller, link: l.id, action: in.action})
}

// settle sees to what follows from how things are: links begin when their parties are up, and a session ends when nobody is there.
func (t *step) settle() {
	for i := 0; i < len(t.links); i++ {
		if l := &t.links[i]; !l.conference && !l.made {
			t.begin(l)
		}
	}
	t.settleSeats()
	if t.over || len(t.parties) == 0 && t.lastID == 0 {
		return
	}
	for i := range t.parties {
		if p := &t.parties[i]; p.kind != partyMonitor && (p.kind == partyLeg || p.question != 0 || p.link != 0) {
			return
		}
	}
	t.over = true
	for _, id := range t.ids() {
		t.hangup(t.party(id), bridge.Normal)
	}
	t.links = nil
	t.do(deed{kind: doTell, notice: SessionCompleted})
	t.release()
}

// begin goes on with a pair as far as its parties have come.
func (t *step) begin(l *link) {
	caller, callee := t.party(l.caller), t.party(l.callee)
	if caller == nil || callee == nil || caller.phase == partyLeaving || callee.phase == partyLeaving {
		return
	}
	calls := callee.kind == partyLeg && callee.phase == partyCalled
	delayed := calls && l.action.DelayAnswer
	switch {
	case caller.phase == partyCame && l.joined: // the joint answers, with what the two have in common
	case caller.phase == partyCame && !delayed:
		t.answer(caller)
	case calls && (caller.phase == partyUp || delayed):
		if !l.joined {
			l.joined = true
			t.do(deed{kind: doCall, party: callee.id, other: caller.id, link: l.id, action: l.action})
		}
	case caller.phase == partyUp && callee.phase == partyUp:
		t.make(l, callee)
	}
}

// answer accepts the call of a party that has come, once.
func (t *step) answer(p *party) {
	if !p.answered {
		p.answered = true
		t.do(deed{kind: doAnswer, party: p.id})
	}
}

// make is when both sides of a link are up.
func (t *step) make(l *link, callee *party) {
	l.made = true
	t.release()
	if callee.kind == partyLeg { // it has come to something
		t.party(l.caller).quick, callee.quick = 0, 0
	}
	t.do(deed{kind: doTell, notice: Answered, link: l.id, party: l.caller, other: l.callee})
	switch {
	case callee.kind == partyIVR:
		t.do(deed{kind: doIVR, party: l.caller, link: l.id})
	case !l.joined:
		l.joined = true
		t.do(deed{kind: doJoin, party: l.callee, other: l.caller, link: l.id})
	}
	if a := l.action; a != nil {
		if a.Record {
			t.record(l, a.Filename)
		}
		if a.Monitor != "" && !t.watched {
			t.watched = true
			t.do(deed{kind: doMonitor, party: t.addParty(partyMonitor, partyCalled).id, action: &Action{Kind: Call, Destination: Destination{Addr: a.Monitor}}})
		}
	}
}

func (t *step) up(id partyID) {
	p := t.party(id)
	if p == nil || p.phase != partyCame && p.phase != partyCalled {
		return
	}
	p.phase, p.called = partyUp, false
	if p.kind == partyMonitor {
		t.do(deed{kind: doTell, notice: MonitorConnected, party: id})
	}
}

// decided carries out what the application has said.
func (t *step) decided(in *input) {
	p := t.asks(in.question)
	if p == nil {
		return
	}
	p.question, p.decided = 0, t.now
	if p.kind == partyIVR {
		t.forget(p.id)
		return
	}
	a := in.action
	switch {
	case in.err != nil || a == nil:
		t.hangup(p, undecided(p, in.err))
		return
	case a.Kind == Drop && p.phase == partyCame && a.Reject != bridge.Normal:
		t.hangup(p, a.Reject)
	case a.Kind == Drop && p.phase == partyCame && p.why != bridge.Normal:
		t.hangup(p, p.why)
	case a.Kind == Drop && p.phase == partyCame:
		t.hangup(p, bridge.Declined)
	case a.Kind == Drop:
		t.hangup(p, bridge.Normal)
	case a.Kind == Call && len(t.parties) < maxParties:
		t.call(p, a)
	case a.Kind == IVR:
		t.connectIVR(p)
	case a.Kind == Connect && t.mayConnect(p, in.other) == nil:
		t.connect(in.other, p.id)
	case a.Kind == JoinConference && t.seat(p, in.link) == nil:
	default: // it cannot be done: as good as no answer
		t.hangup(p, bridge.Unreachable)
	}
}

// undecided is why a party goes that the application has not decided about (iotcomms.md 1.5).
func undecided(p *party, err error) bridge.Cause {
	if p.phase == partyCame && errors.Is(err, ErrOverload) {
		return bridge.Overload
	}
	return bridge.Unreachable
}

func (t *step) call(p *party, a *Action) {
	caller := p.id
	callee := t.addParty(partyLeg, partyCalled).id
	t.addLink(link{caller: caller, callee: callee, action: a})
}

func (t *step) connectIVR(p *party) {
	caller := p.id
	callee := t.addParty(partyIVR, partyUp).id
	t.addLink(link{caller: caller, callee: callee})
}

// recorded is when a recording has ended. What ended with its connection is told of when the session has moved on.
func (t *step) recorded(r recorded) {
	if l := t.link(r.link); l != nil {
		l.recording = false
	}
	if t.over || t.link(r.link) != nil {
		t.do(deed{kind: doTell, notice: RecordingReady, link: r.link, recorded: r})
		return
	}
	t.held = append(t.held, r)
}

// release tells of the recordings that are held back.
func (t *step) release() {
	for _, r := range t.held {
		t.do(deed{kind: doTell, notice: RecordingReady, link: r.link, recorded: r})
	}
	t.held = nil
}

func (t *step) record(l *link, name string) {
	l.recording = true
	t.do(deed{kind: doRecord, link: l.id, name: name})
}
