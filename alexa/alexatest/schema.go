package alexatest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// namespace is the prefix of every message type.
const namespace = "Alexa.Comms.CallSignaling."

// Message names without the namespace. The same names are used in both directions.
const (
	msgInitiateOutboundCall = "InitiateOutboundCall" // event only
	msgInitiateInboundCall  = "InitiateInboundCall"  // request only
	msgCallRinging          = "CallRinging"
	msgCallInProgress       = "CallInProgress"
	msgCallAccepted         = "CallAccepted"
	msgCallEnded            = "CallEnded"
	msgCallUpdate           = "CallUpdate"
	msgCallUpdateResponse   = "CallUpdateResponse"
	msgCallRingingAck       = "CallRingingAck"
	msgCallInProgressAck    = "CallInProgressAck"
	msgCallAcceptedAck      = "CallAcceptedAck"
	msgCallUpdateAck        = "CallUpdateAck"
)

const (
	maxMessageBody = 256 << 10
	maxSDP         = 64 << 10
)

// message is one request as it was received: pointers tell what is missing from what is empty.
type message struct {
	Type          *string        `json:"type"`
	SessionID     *string        `json:"sessionId"`
	Participants  []*participant `json:"participants"`
	SDP           *sdpDetails    `json:"sdpDetails"`
	Result        *callResult    `json:"callResult"`
	Renegotiation *string        `json:"renegotiationType"`
	Custom        *customParams  `json:"customParams"`

	name string // type without the namespace
	fate fate   // by chance

	extra []string // properties that are not documented, as violations
}

type participant struct {
	ID *struct {
		Type  *string `json:"type"`
		Value *string `json:"value"`
	} `json:"id"`
	IsOriginator *bool `json:"isOriginator"`
}

type sdpDetails struct {
	Type  *string `json:"type"`
	Value *string `json:"value"`
}

type callResult struct {
	Code    *string `json:"code"`
	Message *string `json:"message"`
}

type customParams struct {
	CallerName *string `json:"callerName"`
}

// resultCodeTable has the values of callResult.code. Public sources spell both UNAUTHORISED and UNAUTHORIZED: both are taken.
var resultCodeTable = []string{"SUCCESS", "INTERNAL_ERROR", "DEVICE_BUSY", "SESSION_TIMEOUT", "UNAUTHORIZED", "UNAUTHORISED"}

var (
	addressTypeTable   = []string{"COMMUNICATION_PROFILE_ID", "PHONE_NUMBER", "RAW_ADDRESS"}
	renegotiationTable = []string{"CALL_HOLD", "CALL_RESUME", "CALL_UPDATE"}
	requestTable       = []string{
		msgInitiateInboundCall, msgCallRinging, msgCallInProgress, msgCallAccepted, msgCallEnded, msgCallUpdate,
		msgCallUpdateResponse, msgCallRingingAck, msgCallInProgressAck, msgCallAcceptedAck, msgCallUpdateAck,
	}
)

// parseMessage reads a request and checks it against the tables of Amazon's page "alexa-callsignaling-requests-for-asp". The message
// is returned with faults too, as far as it could be read, for the transcript. Properties that are not documented are no faults; they
// are kept in message.extra.
func parseMessage(body []byte) (m *message, faults []string) {
	m = &message{}
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return m, []string{"request is not JSON of the documented shape: " + jsonFault(err)}
	}
	err := json.Unmarshal(body, m)
	object, ok := tree.(map[string]any)
	if !ok {
		return m, []string{"request is not JSON of the documented shape: " + jsonFault(err)}
	}
	kind, ok := object["type"].(string)
	switch {
	case object["type"] == nil:
		return m, []string{"request: type missing"}
	case !ok:
		return m, []string{fmt.Sprintf("request: type is %s instead of %s", kindOfJSON(object["type"]), aString)}
	}
	name, ok := strings.CutPrefix(kind, namespace)
	m.name = name
	if !ok || !slices.Contains(requestTable, name) {
		return m, []string{fmt.Sprintf("request: unknown type %.80q", kind)}
	}
	found := inspect(name, object)
	if len(found.faults) == 0 && err != nil { // a property that is known but for its case
		found.fault("not of the documented shape: %s", jsonFault(err))
	}
	for _, f := range found.faults {
		faults = append(faults, name+": "+f)
	}
	for _, f := range found.extra {
		m.extra = append(m.extra, name+": "+f)
	}
	return m, faults
}

// jsonFault describes an error of encoding/json without repeating the input.
func jsonFault(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(e.Value, " ") // a number stands after it
		return fmt.Sprintf("%s is a %s", e.Field, kind)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("syntax error at byte %d", e.Offset)
	}
	return "cannot be decoded"
}

// sdp returns the SDP text of a message that passed the check, empty when it has none or needs none.
func (m *message) sdp() string {
	switch m.name {
	case msgInitiateInboundCall, msgCallInProgress, msgCallAccepted, msgCallUpdate, msgCallUpdateResponse:
		if m.SDP != nil && m.SDP.Value != nil {
			return *m.SDP.Value
		}
	}
	return ""
}

// resultMessage returns the free text of a CallEnded.
func (m *message) resultMessage() string {
	if m.Result == nil || m.Result.Message == nil {
		return ""
	}
	return *m.Result.Message
}

// party returns the address of the originator or of the callee.
func (m *message) party(originator bool) (kind, value string) {
	for _, p := range m.Participants {
		if *p.IsOriginator == originator {
			return *p.ID.Type, *p.ID.Value
		}
	}
	return "", ""
}
