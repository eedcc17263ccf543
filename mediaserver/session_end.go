package mediaserver

import (
	"github.com/alexacall/alexacall/bridge"
)

// gone is when the leg of a party is over.
func (t *step) gone(in *input) {
	p := t.party(in.party)
	if p == nil {
		return
	}
	id, at, kind, called := p.id, p.link, p.kind, p.called
	t.forget(id)
	cause, err := bridge.Normal, error(nil)
	if in.end != nil {
		cause, err = in.end.Cause, in.end
	}
	l := t.link(at)
	switch {
	case kind == partyMonitor && t.over:
	case kind == partyMonitor:
		t.do(deed{kind: doTell, notice: MonitorDisconnected, party: id, cause: cause, err: err})
	case l == nil:
	case l.conference:
		t.leaveSeat(id, l)
	default:
		if called {
			t.do(deed{kind: doTell, notice: Failed, party: id, link: l.id, cause: cause, err: err})
		}
		how := callerLeft
		if l.callee == id {
			how = calleeLeft
		}
		if waits := t.party(l.caller); waits != nil && called {
			waits.why = cause
		}
		t.end(*l, how, cause, err)
	}
}

// end takes a pair apart and asks about who is left, as endingTable says.
func (t *step) end(l link, how ending, cause bridge.Cause, err error) {
	t.close(l)
	for _, about := range endingTable[how] {
		id := l.callee
		if about.caller {
			id = l.caller
		}
		switch p := t.party(id); {
		case p == nil || p.phase == partyLeaving:
		case p.phase == partyCalled:
			t.hangup(p, bridge.Cancelled)
		case p.kind == partyIVR && !l.made: // nobody was ever told of it
			t.forget(id)
		default:
			t.ask(p, deed{kind: doAskEvent, event: about.event, link: l.id, cause: cause, err: err})
		}
	}
}

// close removes a link and ends its recording.
func (t *step) close(l link) {
	if l.recording {
		t.do(deed{kind: doStopRecord, link: l.id})
	}
	t.unlink(l.id)
}

// ivrLeft is when an IVR has carried out a command that leaves, or could not go on.
func (t *step) ivrLeft(in *input) {
	l := t.link(in.link)
	if l == nil || l.conference {
		return
	}
	gone := *l
	t.forget(gone.callee)
	caller := t.party(gone.caller)
	switch {
	case caller == nil || caller.phase == partyLeaving:
		t.close(gone)
	case in.err != nil:
		t.close(gone)
		t.hangup(caller, bridge.Internal)
	case in.action != nil:
		t.close(gone)
		t.call(t.party(gone.caller), in.action)
	default:
		t.end(gone, calleeLeft, bridge.Normal, nil)
	}
}

// jointEnded is when two who are both up cannot be joined, or are joined no more: the called one goes.
func (t *step) jointEnded(in *input) {
	l := t.link(in.link)
	if l == nil || l.conference {
		return
	}
	if p := t.party(l.callee); p != nil {
		t.hangup(p, bridge.CauseOf(in.err))
	}
}
