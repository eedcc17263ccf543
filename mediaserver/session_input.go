package mediaserver

import (
	"github.com/alexacall/alexacall/bridge"
)

// inputKind is what has happened to a session.
type inputKind uint8

const (
	inNothing    inputKind = iota
	inCame                 // the first: a call has come in
	inPlace                // the first: a call is to be placed, by action
	inDecided              // the application has answered question with action, or failed with err
	inRinging              // party rings
	inUp                   // party is up
	inGone                 // party's leg is over, with end, or is no longer ours
	inIVRLeft              // the IVR of link has left, to do action if that is set, or because of err
	inJointEnded           // the two parties of link could not be joined, because of err, or are joined no more
	inSeatLost             // party cannot be heard in its conference, because of err
	inRecorded             // a recording has ended
	inEnd                  // hang up everybody

	// Requests of the application, each of which is replied to.
	inSplit      // link
	inConnect    // other and party: other is the caller
	inConference // a new one
	inHangup     // party
	inRecord     // link, to a file of a name
	inStopRecord // link
)

// An input is what has happened to a session.
type input struct {
	kind         inputKind
	party, other partyID
	link         linkID
	question     questionID
	action       *Action
	end          *bridge.EndError
	err          error
	name         string
	loose        bool // of requests: the replyId is of the session, not of link, which has to be a conference
	recorded     recorded
}

// doKind is what is to be done for a session.
type doKind uint8

const (
	doAskNewCall doKind = iota + 1 // question, about party
	doAskEvent                     // question, about party: event of link
	doTell                         // notice, of party or link
	doAnswer                       // party's call
	doCall                         // party, for other, as action says, and join them as link
	doIVR                          // for party, as link
	doJoin                         // other and party, as link
	doSeat                         // for party in the conference link
	doWait                         // party hears silence
	doHangup                       // party
	doMonitor                      // call party, as action says, to listen
	doRecord                       // link to a file of a name
	doStopRecord                   // of link
	doReply                        // to the request that is being carried out: link or err
)

// A deed is something to be done for a session.
type deed struct {
	kind         doKind
	party, other partyID
	link         linkID
	question     questionID
	event        EventKind
	notice       NoticeKind
	cause        bridge.Cause
	err          error
	action       *Action
	name         string
	recorded     recorded
}
