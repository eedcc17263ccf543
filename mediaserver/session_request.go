package mediaserver

import (
	"slices"

	"github.com/alexacall/alexacall/bridge"
)

// requested carries out a request of the application and replies to it.
func (t *step) requested(in *input) {
	reply := deed{kind: doReply}
	switch in.kind {
	case inSplit:
		reply.err = t.split(in)
	case inConnect:
		if reply.err = t.mayConnect(t.party(in.party), in.other); reply.err == nil {
			t.connect(in.other, in.party)
		}
	case inConference:
		reply.link = t.addLink(link{conference: true, made: true}).id
	case inHangup:
		reply.err = t.sendAway(t.party(in.party))
	case inRecord:
		switch l := t.link(in.link); {
		case l == nil || in.loose && !l.conference:
			reply.err = ErrReply
		case l.recording || !l.made || l.conference && !t.inhabited(l.id):
			reply.err = ErrState
		default:
			t.record(l, in.name)
		}
	case inStopRecord:
		switch l := t.link(in.link); {
		case l == nil || in.loose && !l.conference:
			reply.err = ErrReply
		case !l.recording:
			reply.err = ErrState
		default:
			t.do(deed{kind: doStopRecord, link: l.id})
		}
	default:
		reply.err = ErrState
	}
	t.do(reply)
}

// sendAway hangs a party up. An IVR leaves as it does by itself.
func (t *step) sendAway(p *party) error {
	switch {
	case p == nil:
		return ErrNotFound
	case p.kind == partyIVR && p.link == 0:
		t.forget(p.id)
	case p.kind == partyIVR:
		t.ivrLeft(&input{link: p.link})
	case p.phase == partyCalled:
		t.hangup(p, bridge.Cancelled)
	case p.phase == partyCame:
		t.hangup(p, bridge.Declined)
	default:
		t.hangup(p, bridge.Normal)
	}
	return nil
}

// inhabited reports whether anybody is in a conference.
func (t *step) inhabited(id linkID) bool {
	return slices.ContainsFunc(t.parties, func(p party) bool { return p.link == id && p.seated })
}

// split takes a pair apart and asks about both.
func (t *step) split(in *input) error {
	l := t.link(in.link)
	switch {
	case l == nil || in.loose && !l.conference:
		return ErrReply
	case l.conference || !l.made:
		return ErrState
	}
	t.end(*l, pairSplit, bridge.Normal, nil)
	return nil
}

// mayConnect reports why a party cannot be connected with another one: both have to be up, and in no pair with somebody who would be left
// alone.
func (t *step) mayConnect(p *party, other partyID) error {
	q := t.party(other)
	switch {
	case p == nil || q == nil:
		return ErrNotFound
	case p.id == q.id || !t.free(p) || !t.free(q):
		return ErrState
	}
	return nil
}

// free reports whether a party can be taken from where it is without a question.
func (t *step) free(p *party) bool {
	if p.kind != partyLeg || p.phase != partyUp && p.phase != partyCame {
		return false
	}
	l := t.link(p.link)
	if l == nil || l.conference {
		return true
	}
	callee := t.party(l.callee)
	return l.caller == p.id && callee != nil && callee.kind == partyIVR
}

// leave takes a party from where it is, and asks nobody.
func (t *step) leave(p *party) {
	id := p.id
	p.question = 0
	l := t.link(p.link)
	switch {
	case l == nil:
	case l.conference:
		t.leaveSeat(id, l)
	default:
		gone := *l
		t.close(gone)
		t.forget(gone.callee)
	}
	t.party(id).link = 0
}

// connect joins two who may be connected; the first becomes the caller.
func (t *step) connect(caller, callee partyID) {
	t.leave(t.party(caller))
	t.leave(t.party(callee))
	t.addLink(link{caller: caller, callee: callee})
}

// seat puts a party that is in no link into a conference.
func (t *step) seat(p *party, id linkID) error {
	l := t.link(id)
	if l == nil || !l.conference || p.kind != partyLeg {
		return ErrState
	}
	p.link, p.seated = id, false
	return nil
}

// settleSeats has those who have come into a conference heard there, as soon as they are up.
func (t *step) settleSeats() {
	for i := range t.parties {
		p := &t.parties[i]
		l := t.link(p.link)
		if l == nil || !l.conference || p.seated || p.phase == partyLeaving {
			continue
		}
		if p.phase == partyCame {
			t.answer(p)
			continue
		}
		p.seated = true
		t.release()
		t.do(deed{kind: doSeat, party: p.id, link: l.id})
		t.do(deed{kind: doTell, notice: ConferenceJoined, party: p.id, link: l.id})
	}
}

// leaveSeat takes a party, which may be gone already, from a conference. The conference ends with the last one in it.
func (t *step) leaveSeat(id partyID, l *link) {
	t.do(deed{kind: doTell, notice: ConferenceLeft, party: id, link: l.id})
	for i := range t.parties {
		if p := &t.parties[i]; p.id != id && p.link == l.id {
			return
		}
	}
	t.close(*l)
}
