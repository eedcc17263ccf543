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
// is returned with an error too, as far as it could be read, for the transcript. Further properties are let pass.
func parseMessage(body []byte) (*message, error) {
	m := &message{}
	if err := json.Unmarshal(body, m); err != nil {
		return m, fmt.Errorf("request is not JSON of the documented shape: %s", jsonFault(err))
	}
	if m.Type == nil {
		return m, fmt.Errorf("request: type missing")
	}
	name, ok := strings.CutPrefix(*m.Type, namespace)
	m.name = name
	if !ok || !slices.Contains(requestTable, name) {
		return m, fmt.Errorf("request: unknown type %.80q", *m.Type)
	}
	if m.SessionID == nil || *m.SessionID == "" {
		return m, fmt.Errorf("%s: sessionId missing", name)
	}
	if err := m.check(); err != nil {
		return m, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// jsonFault describes an error of encoding/json without repeating the input.
func jsonFault(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%s is a %s", e.Field, e.Value)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("syntax error at byte %d", e.Offset)
	}
	return "cannot be decoded"
}

// check looks at the properties that the message's type requires.
func (m *message) check() error {
	switch m.name {
	case msgInitiateInboundCall:
		if err := m.checkParticipants(); err != nil {
			return err
		}
		if m.Custom != nil && m.Custom.CallerName == nil {
			return fmt.Errorf("customParams.callerName missing")
		}
		return m.checkSDP("OFFER", true)
	case msgCallInProgress:
		return m.checkSDP("ANSWER", true)
	case msgCallAccepted:
		return m.checkSDP("ANSWER", false)
	case msgCallUpdate, msgCallUpdateResponse:
		if err := enum("renegotiationType", m.Renegotiation, renegotiationTable); err != nil {
			return err
		}
		if m.name == msgCallUpdate {
			return m.checkSDP("OFFER", true)
		}
		return m.checkSDP("ANSWER", true)
	case msgCallEnded:
		if m.Result == nil {
			return fmt.Errorf("callResult missing")
		}
		return enum("callResult.code", m.Result.Code, resultCodeTable)
	default: // CallRinging and the Acks have nothing beside type and sessionId
		return nil
	}
}

func (m *message) checkParticipants() error {
	if len(m.Participants) != 2 {
		return fmt.Errorf("participants has %d entries instead of 2", len(m.Participants))
	}
	originators := 0
	for i, p := range m.Participants {
		where := fmt.Sprintf("participants[%d]", i)
		if p == nil || p.ID == nil {
			return fmt.Errorf("%s.id missing", where)
		}
		if err := enum(where+".id.type", p.ID.Type, addressTypeTable); err != nil {
			return err
		}
		if p.ID.Value == nil || *p.ID.Value == "" {
			return fmt.Errorf("%s.id.value missing", where)
		}
		if p.IsOriginator == nil {
			return fmt.Errorf("%s.isOriginator missing", where)
		}
		if *p.IsOriginator {
			originators++
		}
	}
	if originators != 1 {
		return fmt.Errorf("%d originators instead of 1", originators)
	}
	return nil
}

// checkSDP checks sdpDetails: the object is required always, its members only where needed is true.
func (m *message) checkSDP(kind string, needed bool) error {
	d := m.SDP
	if d == nil {
		return fmt.Errorf("sdpDetails missing")
	}
	if !needed && d.Type == nil && d.Value == nil {
		return nil
	}
	if err := enum("sdpDetails.type", d.Type, []string{kind}); err != nil {
		return err
	}
	if d.Value == nil || *d.Value == "" {
		return fmt.Errorf("sdpDetails.value missing")
	}
	if len(*d.Value) > maxSDP {
		return fmt.Errorf("sdpDetails.value longer than %d bytes", maxSDP)
	}
	return nil
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

func enum(path string, v *string, allowed []string) error {
	if v == nil {
		return fmt.Errorf("%s missing", path)
	}
	if !slices.Contains(allowed, *v) {
		return fmt.Errorf("%s is %.40q instead of %s", path, *v, strings.Join(allowed, " or "))
	}
	return nil
}
