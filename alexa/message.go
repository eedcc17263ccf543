package alexa

import (
	"encoding/json"
	"strings"
	"time"
)

// A MessageType is the type of a CallSignaling message, spelt as on the wire. The same
// types are used in both directions. "Outbound" and "inbound" are seen from the Alexa
// device: it makes outbound calls.
type MessageType string

// The twelve messages of Alexa.Comms.CallSignaling.
//
// Source: "Requests Exposed by Alexa.Comms.CallSignaling Interface" and
// "Alexa.Comms.CallSignaling SPI" of the Alexa Smart Properties documentation.
const (
	InitiateOutboundCall MessageType = messagePrefix + "InitiateOutboundCall" // event: the device calls; offer
	InitiateInboundCall  MessageType = messagePrefix + "InitiateInboundCall"  // request: call the device; offer
	CallRinging          MessageType = messagePrefix + "CallRinging"          // the callee rings
	CallInProgress       MessageType = messagePrefix + "CallInProgress"       // early answer, before acceptance
	CallAccepted         MessageType = messagePrefix + "CallAccepted"         // accepted; answer unless given before
	CallEnded            MessageType = messagePrefix + "CallEnded"            // over, with a result; never acknowledged
	CallUpdate           MessageType = messagePrefix + "CallUpdate"           // re-offer; answered by CallUpdateResponse
	CallUpdateResponse   MessageType = messagePrefix + "CallUpdateResponse"   // answer to a CallUpdate
	CallRingingAck       MessageType = messagePrefix + "CallRingingAck"       // acknowledges CallRinging
	CallInProgressAck    MessageType = messagePrefix + "CallInProgressAck"    // acknowledges CallInProgress
	CallAcceptedAck      MessageType = messagePrefix + "CallAcceptedAck"      // acknowledges CallAccepted
	CallUpdateAck        MessageType = messagePrefix + "CallUpdateAck"        // acknowledges CallUpdateResponse
)

const messagePrefix = "Alexa.Comms.CallSignaling."

// Known reports whether t is one of the twelve.
func (t MessageType) Known() bool {
	_, ok := messageTable[t]
	return ok
}

// Ack returns the type that acknowledges t, or "" for a type that is not acknowledged.
func (t MessageType) Ack() MessageType {
	switch t {
	case CallRinging, CallInProgress, CallAccepted:
		return t + "Ack"
	case CallUpdateResponse:
		return CallUpdateAck
	default:
		return ""
	}
}

// String returns t without the part that all types share, such as "CallRinging".
func (t MessageType) String() string { return strings.TrimPrefix(string(t), messagePrefix) }

// A Message is any of the twelve CallSignaling messages. Which fields a type uses is
// said by ValidateRequest and ValidateEvent.
//
// Parsing and marshalling keep what they do not know: each object has an Extra map of
// the properties that this package has no field for. A program may fill Extra to send a
// property that Amazon adds later; a name that has a field is refused there.
//
// A Message holds phone numbers and SDP keys. Formatting and logging it show neither;
// json.Marshal does.
type Message struct {
	Type          MessageType
	SessionID     string            // the call; chosen by who starts it
	Participants  []Participant     // of the two Initiate messages
	SDP           *SDPDetails       // property sdpDetails; nil: absent
	Renegotiation RenegotiationType // property renegotiationType; "": absent
	Result        *CallResult       // property callResult; nil: absent
	CustomParams  *CustomParams     // of InitiateInboundCall; nil: absent

	RequestID string    // of events only; the same in a repeated delivery
	Timestamp time.Time // of events only; zero: absent

	Extra map[string]json.RawMessage // other properties; nil: none
}

// A Participant is one party of a call.
type Participant struct {
	ID         ParticipantID
	Originator bool // the caller; property isOriginator
	Extra      map[string]json.RawMessage
}

// A ParticipantID says whom to call or who calls.
type ParticipantID struct {
	Type  ParticipantIDType
	Value string // a phone number, an address or a profile id, as Type says
	Extra map[string]json.RawMessage
}

// A ParticipantIDType says what a ParticipantID's value is.
type ParticipantIDType string

// The kinds of participants.
const (
	CommunicationProfileID ParticipantIDType = "COMMUNICATION_PROFILE_ID" // of an Alexa unit
	PhoneNumber            ParticipantIDType = "PHONE_NUMBER"
	RawAddress             ParticipantIDType = "RAW_ADDRESS" // used as it is: a contact's or an external user's id
)

// SDPDetails carry a session description. CallAccepted may have them empty.
type SDPDetails struct {
	Type  SDPType
	Value string // the whole SDP text
	Extra map[string]json.RawMessage
}

// An SDPType is the part that a description plays in offer and answer.
type SDPType string

// The kinds of descriptions.
const (
	Offer  SDPType = "OFFER"
	Answer SDPType = "ANSWER"
)

// A RenegotiationType says why a call is renegotiated.
type RenegotiationType string

// The reasons for a CallUpdate. Amazon's own sample only ever sends CALL_UPDATE.
const (
	RenegotiateHold   RenegotiationType = "CALL_HOLD"
	RenegotiateResume RenegotiationType = "CALL_RESUME"
	RenegotiateUpdate RenegotiationType = "CALL_UPDATE"
)

// A CallResult says how a call ended.
type CallResult struct {
	Code    ResultCode
	Message string // for a person to read; may be empty
	Extra   map[string]json.RawMessage
}

// A ResultCode is the code of a CallResult. A code that is not in the list is kept as
// it came.
type ResultCode string

// The result codes. Amazon has none for a call that was declined: hanging up is
// ResultSuccess.
const (
	ResultSuccess        ResultCode = "SUCCESS"
	ResultInternalError  ResultCode = "INTERNAL_ERROR"
	ResultDeviceBusy     ResultCode = "DEVICE_BUSY"
	ResultSessionTimeout ResultCode = "SESSION_TIMEOUT"
	ResultUnauthorized   ResultCode = "UNAUTHORIZED"
)

// resultUnauthorised is the other spelling that Amazon's page seems to use.
const resultUnauthorised ResultCode = "UNAUTHORISED"

// Canonical returns c, with both spellings of ResultUnauthorized made one. Compare the
// codes of received messages by it.
func (c ResultCode) Canonical() ResultCode {
	if c == resultUnauthorised {
		return ResultUnauthorized
	}
	return c
}

// CustomParams are optional extras of InitiateInboundCall.
type CustomParams struct {
	CallerName string // shown or spoken by the device
	Extra      map[string]json.RawMessage
}

// Caller returns the originator of the call, or false when the message names none.
func (m *Message) Caller() (Participant, bool) { return m.participant(true) }

// Callee returns the first participant who is not the originator, or false when the
// message names none.
func (m *Message) Callee() (Participant, bool) { return m.participant(false) }

func (m *Message) participant(originator bool) (Participant, bool) {
	for _, p := range m.Participants {
		if p.Originator == originator {
			return p, true
		}
	}
	return Participant{}, false
}
