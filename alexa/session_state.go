package alexa

import (
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// The session machine is pure: state.step takes an event and returns the next state and what to do, without I/O, clock or goroutine.
// Its state is comparable, so that a model checker can walk through all of it. Descriptions stand in it as numbers.

// stage says how far a call has come. It only grows.
type stage uint8

const (
	stageOffered stage = iota // the offer is on its way or has come
	stageRinging              // the called party is being told
	stageUp                   // accepted
	stageEnded
)

// kind is a message type in a form that the machine can count with.
type kind uint8

const (
	none      kind = iota
	inviteOut      // InitiateOutboundCall
	inviteIn       // InitiateInboundCall
	ringing
	progress
	accepted
	over
	update
	updateResponse
	ringingAck
	progressAck
	acceptedAck
	updateAck
)

// kindTable has the message types by kind.
var kindTable = [...]MessageType{
	none: "", inviteOut: InitiateOutboundCall, inviteIn: InitiateInboundCall, ringing: CallRinging, progress: CallInProgress,
	accepted: CallAccepted, over: CallEnded, update: CallUpdate, updateResponse: CallUpdateResponse, ringingAck: CallRingingAck,
	progressAck: CallInProgressAck, acceptedAck: CallAcceptedAck, updateAck: CallUpdateAck,
}

func kindOf(t MessageType) kind {
	for k, have := range kindTable {
		if have == t && t != "" {
			return kind(k)
		}
	}
	return none
}

// isAck reports whether a message only acknowledges another.
func (k kind) isAck() bool { return k >= ringingAck }

// decides reports whether a call cannot go on without a message: all but acknowledgements, our own CallUpdate, and CallEnded.
func (k kind) decides() bool {
	return k == inviteIn || k == ringing || k == progress || k == accepted || k == updateResponse
}

// post is a message of ours.
type post struct {
	kind kind
	sdp  int // number of the description in it; 0: none
}

// maxQueue is how many messages of ours can wait while one is on its way. A call never has as many; more is dropped, but for
// CallEnded, which takes the place of all others.
const maxQueue = 8

const (
	// updateLimit is how long Alexa may take to answer our CallUpdate.
	updateLimit = 10 * time.Second
	// pendingLimit is how long one of Alexa's waits for the program. Then it is answered with what stands.
	pendingLimit = 4 * time.Second
)

// state is what is known of a call's signalling.
type state struct {
	called   bool // we call the device; else it has called us
	stage    stage
	rang     bool  // CallRinging is queued or has come
	answered bool  // the offer that began the call has its answer
	accepted bool  // CallAccepted is queued or has come
	taken    bool  // Alexa knows of the call: it sent the first message, or took ours, or may have
	ours     bool  // our CallUpdate waits for its answer
	theirs   uint8 // Alexa's waits for ours, the first or a later one that has taken its place; 0: none does. It excludes ours
	early    int   // number of the offer of a CallUpdate that has overtaken the answer; 0: none
	flying   post  // our message on its way
	queue    [maxQueue]post
	queued   uint8
	deadline time.Time // of the CallUpdate that waits
}

// eventKind is what has happened.
type eventKind uint8

const (
	evMessage  eventKind = iota // a message of Alexa's
	evSent                      // our message has been taken
	evUnsent                    // or has not
	evTimeout                   // the deadline has passed
	evPlace                     // call the device
	evRing                      // the rest are wishes of the leg: tell the device that the called party is being told
	evProgress                  // with an early answer
	evAccept                    // accepted; with the answer unless it has gone
	evUpdate                    // a CallUpdate of ours
	evRespond                   // the answer to Alexa's
	evEnd                       // end the call
)

type event struct {
	kind    eventKind
	message kind         // of evMessage
	sdp     int          // number of the description that came or goes; 0: none
	offer   uint8        // of evRespond: which of Alexa's it answers, as doOffer had it
	cause   bridge.Cause // of evEnd; of evMessage with CallEnded, what its code means; of evUnsent, what the failure means
	maybe   bool         // of evUnsent: Alexa may have acted on it all the same
	dead    bool         // of evUnsent: Alexa has no such call any more
	refused bool         // of evUnsent: Alexa says that it does not fit the call, perhaps because that is over
	busy    bool         // of evUnsent: Alexa is busy with something else of the call
	err     error        // of evUnsent and evEnd, what led to it; the machine takes no notice of it
}

// do is a kind of action.
type do uint8

const (
	doPost       do = iota // send a message
	doAbort                // stop trying to send the one on its way
	doAlerting             // tell the leg: the called party is being told
	doAnswer               // the answer to our offer has come
	doUp                   // the call is accepted
	doOffer                // Alexa offers a change; our CallUpdate, if one waits, has lost
	doStand                // nobody has answered it in time: answer with what stands
	doUpdated              // the answer to our CallUpdate has come
	doNotUpdated           // it has none, or Alexa did not take it
	doOver                 // the call has ended
	doFinish               // nothing more will happen
)

type action struct {
	do     do
	post   post
	sdp    int
	offer  uint8 // of doOffer: its number, which the answer names
	cause  bridge.Cause
	remote bool
	glare  bool // of doNotUpdated: because of another change
}
