package mediaserver

import (
	"slices"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// Parties, links (the connections of the application's words) and questions are numbers that a session gives out from 1 on and never again.
type (
	partyID    int
	linkID     int
	questionID int
)

// partyKind is what a participant is.
type partyKind uint8

const (
	partyLeg     partyKind = iota // somebody on a leg
	partyIVR                      // one of ours, the called side of a link
	partyMonitor                  // somebody who listens and is not a participant
)

// partyPhase is how far a party has come.
type partyPhase uint8

const (
	partyCame    partyPhase = iota // its call has come in; we have not answered
	partyCalled                    // is called, or will be as soon as its caller is up
	partyUp                        // on the line
	partyLeaving                   // we have hung it up; the leg is not over yet
)

// A party is a participant, or a monitor. What has left is forgotten.
type party struct {
	id       partyID
	kind     partyKind
	phase    partyPhase
	link     linkID       // that it is in; 0: none
	question questionID   // that is open about it; 0: none
	called   bool         // by us, and has not been up
	answered bool         // we are answering its call
	seated   bool         // in the conference that link is
	why      bridge.Cause // how the last one that was called for it ended
	quick    int          // questions in a row that came right after the answer to the one before
	decided  time.Time    // when the last one was answered
}

// A link is a connection.
type link struct {
	id             linkID
	conference     bool
	caller, callee partyID // 0 in a conference
	made           bool    // both sides are up, and the application knows
	recording      bool
	action         *Action // the Call that it comes from; nil: an IVR or a connect
	joined         bool    // the task that joins the two has been begun
}

// state is what a session knows. It is a value: step returns another one.
type state struct {
	parties  []party
	links    []link
	held     []recorded // recordings that are told of as soon as the session has moved on
	lastID   partyID
	lastLink linkID
	lastAsk  questionID
	asked    int  // questions so far
	watched  bool // a monitor has been called
	over     bool // all participants have left
}

// recorded is a recording that has ended.
type recorded struct {
	link      linkID
	name      string
	duration  time.Duration
	truncated bool
}

func (s *state) party(id partyID) *party {
	if i := slices.IndexFunc(s.parties, func(p party) bool { return p.id == id }); id != 0 && i >= 0 {
		return &s.parties[i]
	}
	return nil
}

func (s *state) link(id linkID) *link {
	if i := slices.IndexFunc(s.links, func(l link) bool { return l.id == id }); id != 0 && i >= 0 {
		return &s.links[i]
	}
	return nil
}

// asks returns the party that an open question is about.
func (s *state) asks(q questionID) *party {
	if i := slices.IndexFunc(s.parties, func(p party) bool { return p.question == q }); q != 0 && i >= 0 {
		return &s.parties[i]
	}
	return nil
}

func (s *state) addParty(k partyKind, phase partyPhase) *party {
	s.lastID++
	s.parties = append(s.parties, party{id: s.lastID, kind: k, phase: phase, called: phase == partyCalled})
	return &s.parties[len(s.parties)-1]
}

func (s *state) addLink(l link) *link {
	s.lastLink++
	l.id = s.lastLink
	s.links = append(s.links, l)
	for _, id := range []partyID{l.caller, l.callee} {
		if p := s.party(id); p != nil {
			p.link, p.question = l.id, 0
		}
	}
	return &s.links[len(s.links)-1]
}

// forget removes a party.
func (s *state) forget(id partyID) {
	s.parties = slices.DeleteFunc(s.parties, func(p party) bool { return p.id == id })
}

// unlink removes a link; who was in it is in none.
func (s *state) unlink(id linkID) {
	s.links = slices.DeleteFunc(s.links, func(l link) bool { return l.id == id })
	for i := range s.parties {
		if s.parties[i].link == id {
			s.parties[i].link = 0
		}
	}
}

// clone returns a state that shares nothing with s that step changes.
func (s state) clone() state {
	s.parties, s.links, s.held = slices.Clone(s.parties), slices.Clone(s.links), slices.Clone(s.held)
	return s
}
