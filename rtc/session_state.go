package rtc

import (
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// The session machine is pure: state.step takes an event and returns the next state and what to do, without I/O, clock or goroutine.
// Its state is comparable, so that a model checker can walk through all of it. Plans and descriptions stand in it as numbers.

// The time that Alexa has to be answered within, from when the directive comes.
const (
	// AnswerLimit is the documented time for the answer to an offer ("Alexa.RTCSessionController Interface").
	AnswerLimit = 6 * time.Second

	// AnswerTime is what we take of it at most: then ENDPOINT_UNREACHABLE is the answer. The rest is for the way there and back, with a
	// Lambda function in it.
	AnswerTime = 4500 * time.Millisecond

	// DefaultDoorTime is how long the answer waits for that of the door when Skill.DoorTime does not say.
	DefaultDoorTime = 1500 * time.Millisecond

	// replaceTime is how long the leg of a second offer waits for whoever has joined the first one's.
	replaceTime = time.Second
)

// stage says how far a session has come. It only grows, but for an answer that could not be made.
type stage uint8

const (
	stageAsked   stage = iota // an offer has come; whether it may, and whom it is for, is being found out
	stageRinging              // a bell of ours rings, or is about to; no offer has come yet
	stageOpening              // the offer waits for a terminal
	stageOffered              // the offer waits for somebody to answer it
	stageMaking               // its answer is being made
	stageEarly                // it is answered, and the door has not accepted
	stageUp                   // it is answered, and that is all there is to say
	stageEnded
)

// wish is the wish of a second offer's leg to take the place of the first one's.
type wish uint8

const (
	noWish   wish = iota
	wishOpen      // nobody has taken it up
	wishTaken
)

// state is what is known of a session. Times are those since it began.
type state struct {
	door time.Duration // Skill.DoorTime as it is meant: how long the answer waits for the door's; negative: as long as there is time

	stage  stage
	bell   bool // it began with a bell of ours
	rang   bool // which has rung somewhere
	owed   bool // Alexa waits for the answer to the offer
	told   bool // she has it
	accept bool // what is being made is to be accepted too
	alone  bool // we make it ourselves
	wish   wish

	answerBy time.Duration // then the answer is that there is none; 0: none is owed
	aloneAt  time.Duration // then we answer ourselves; 0: never
	tellBy   time.Duration // then Alexa would no longer take the answer; 0: she has it
	yieldAt  time.Duration // then the first leg makes room, if nobody has taken up the wish; 0: there is none
}

// deadline returns the next time of interest; 0: there is none.
func (s state) deadline() time.Duration {
	next := time.Duration(0)
	for _, t := range [...]time.Duration{s.answerBy, s.aloneDue(), s.tellBy, s.yieldAt} {
		if t != 0 && (next == 0 || t < next) {
			next = t
		}
	}
	return next
}

// aloneDue returns when we answer ourselves: only where nobody is at it already.
func (s state) aloneDue() time.Duration {
	if s.stage != stageOffered {
		return 0
	}
	return s.aloneAt
}

// eventKind is what has happened.
type eventKind uint8

const (
	evAdmitted     eventKind = iota // the offer may come; who it is for is known
	evPassed                        // a bell of ours has taken it
	evFree                          // or there is none
	evOpened                        // there is a terminal
	evFirst                         // the endpoint had no session
	evAgain                         // or has one, whose place the leg wishes to take
	evRang                          // a bell rings
	evUnrung                        // no further one will
	evOffer                         // somebody answers the bell: an offer
	evWant                          // the leg's owner says what to answer; accept: and accepts
	evMade                          // the answer is made
	evUnmade                        // or cannot be
	evTake                          // somebody takes up the wish
	evUntaken                       // somebody will not
	evTold                          // a delivery has the answer
	evTimeout                       // the deadline has passed
	evConnected                     // SessionConnected
	evDisconnected                  // SessionDisconnected
	evEnd                           // end it
)

type event struct {
	kind   eventKind
	accept bool          // of evWant
	plan   int           // of evWant: number of what to answer; 0: what we answer alone
	ago    time.Duration // of evOffer: since the directive came
	cause  bridge.Cause  // of evEnd, evUnrung and evUnmade

	with *payload // what goes along, of which the machine takes no notice; may be nil
}

// do is a kind of action.
type do uint8

const (
	doPlace    do = iota // give the offer to a bell that waits for it, with the duty to answer: evPassed, or evFree if there is none
	doOpen               // open a terminal: evOpened or evEnd
	doAppear             // there is a leg now: evFirst or evAgain
	doHand               // give it to the Bridge
	doWish               // have it wish for the place of the first one's
	doUnwish             // take the wish back
	doClaim              // tell who wants to take it up whether it stands
	doYield              // end the first leg, then give the new one to the Bridge
	doAlerting           // tell the leg that a bell rings
	doOffered            // tell the leg of a bell that it is up and has an offer
	doMake               // make the answer to the offer: evMade or evUnmade
	doReply              // answer Alexa: with what was made, or with a fault
	doEarly              // tell the leg that it has early media
	doUp                 // tell the leg that it is accepted
	doUnmade             // tell who wanted an answer that it could not be made
	doOver               // the session has ended
)

type action struct {
	do     do
	plan   int          // of doMake; 0: what we answer alone
	made   bool         // of doReply
	claim  bool         // of doClaim
	cause  bridge.Cause // of doReply without an answer, and of doOver
	remote bool         // of doOver
}
