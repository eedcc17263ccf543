package alexa

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A presence says whether a message has a property.
type presence uint8

const (
	forbidden presence = iota
	optional
	required
)

// A messageRule is what Amazon's tables say of one message type.
type messageRule struct {
	request, event bool     // the directions it goes in
	participants   presence // with exactly one originator
	sdp            SDPType  // the kind of description; "": none
	sdpMayBeEmpty  bool     // sdpDetails may be {}
	renegotiation  presence
	result         presence
	customParams   presence
}

// messageTable is the table of the twelve messages. Source: the request tables of
// "Requests Exposed by Alexa.Comms.CallSignaling Interface"; the events mirror them.
var messageTable = map[MessageType]messageRule{
	InitiateOutboundCall: {event: true, participants: required, sdp: Offer},
	InitiateInboundCall:  {request: true, participants: required, sdp: Offer, customParams: optional},
	CallRinging:          {request: true, event: true},
	CallInProgress:       {request: true, event: true, sdp: Answer},
	CallAccepted:         {request: true, event: true, sdp: Answer, sdpMayBeEmpty: true},
	CallEnded:            {request: true, event: true, result: required},
	CallUpdate:           {request: true, event: true, sdp: Offer, renegotiation: required},
	CallUpdateResponse:   {request: true, event: true, sdp: Answer, renegotiation: required},
	CallRingingAck:       {request: true, event: true},
	CallInProgressAck:    {request: true, event: true},
	CallAcceptedAck:      {request: true, event: true},
	CallUpdateAck:        {request: true, event: true},
}

// ValidateRequest reports whether m may be sent to Alexa: its type is one that goes
// that way, every required property is there, every property belongs to the type, every
// value is one that Amazon documents, and no limit is passed. The error says which
// property is wrong, never its value.
func (m *Message) ValidateRequest() error {
	if err := m.validateRequest(); err != nil {
		return fmt.Errorf("alexa: invalid request %.64q: %w", m.Type.String(), err)
	}
	return nil
}

func (m *Message) validateRequest() error {
	rule, ok := messageTable[m.Type]
	if !ok || !rule.request {
		return errors.New("type is not one that is sent to Alexa")
	}
	if err := validText("sessionId", m.SessionID, MaxSessionID); err != nil {
		return err
	}
	if m.RequestID != "" || !m.Timestamp.IsZero() {
		return errors.New("requestId and timestamp belong to events")
	}
	if err := checkPresence("participants", rule.participants, len(m.Participants) > 0); err != nil {
		return err
	}
	if err := checkPresence("renegotiationType", rule.renegotiation, m.Renegotiation != ""); err != nil {
		return err
	}
	if err := checkPresence("callResult", rule.result, m.Result != nil); err != nil {
		return err
	}
	if err := checkPresence("customParams", rule.customParams, m.CustomParams != nil); err != nil {
		return err
	}
	if err := m.validateSDP(rule); err != nil {
		return err
	}
	if err := m.validateValues(); err != nil {
		return err
	}
	return m.validateSize()
}

func checkPresence(name string, want presence, have bool) error {
	switch {
	case want == required && !have:
		return errors.New(name + " is missing")
	case want == forbidden && have:
		return errors.New(name + " does not belong to this type")
	}
	return nil
}

func (m *Message) validateSDP(rule messageRule) error {
	if err := checkPresence("sdpDetails", presenceOfSDP(rule), m.SDP != nil); err != nil {
		return err
	}
	if m.SDP == nil || rule.sdpMayBeEmpty && m.SDP.Type == "" && m.SDP.Value == "" {
		return nil
	}
	if m.SDP.Type != rule.sdp {
		return fmt.Errorf("sdpDetails.type is not %s", rule.sdp)
	}
	if m.SDP.Value == "" {
		return errors.New("sdpDetails.value is missing")
	}
	if len(m.SDP.Value) > MaxSDP {
		return fmt.Errorf("sdpDetails.value has more than %d bytes", MaxSDP)
	}
	if !utf8.ValidString(m.SDP.Value) {
		return errors.New("sdpDetails.value is not UTF-8")
	}
	return nil
}

func presenceOfSDP(rule messageRule) presence {
	if rule.sdp == "" {
		return forbidden
	}
	return required
}

// validateValues checks the values of the properties that are there.
func (m *Message) validateValues() error {
	if err := m.validateParticipants(); err != nil {
		return err
	}
	switch m.Renegotiation {
	case "", RenegotiateHold, RenegotiateResume, RenegotiateUpdate:
	default:
		return errors.New("renegotiationType is unknown")
	}
	if m.CustomParams != nil {
		if err := validText("customParams.callerName", m.CustomParams.CallerName, maxAddress); err != nil {
			return err
		}
	}
	if m.Result == nil {
		return nil
	}
	switch m.Result.Code.Canonical() {
	case ResultSuccess, ResultInternalError, ResultDeviceBusy, ResultSessionTimeout, ResultUnauthorized:
	default:
		return errors.New("callResult.code is unknown")
	}
	if !utf8.ValidString(m.Result.Message) {
		return errors.New("callResult.message is not UTF-8")
	}
	return nil
}

func (m *Message) validateParticipants() error {
	if len(m.Participants) > MaxParticipants {
		return fmt.Errorf("participants has more than %d entries", MaxParticipants)
	}
	originators := 0
	for i, p := range m.Participants {
		at := fmt.Sprintf("participants[%d]", i)
		switch p.ID.Type {
		case CommunicationProfileID, PhoneNumber, RawAddress:
		default:
			return errors.New(at + ".id.type is unknown")
		}
		if err := validText(at+".id.value", p.ID.Value, maxAddress); err != nil {
			return err
		}
		if p.Originator {
			originators++
		}
	}
	if n := len(m.Participants); n > 0 && (originators != 1 || n < 2) {
		return errors.New("participants are not one originator and at least one other")
	}
	return nil
}

// validateSize marshals m to see that nobody will find it too large, and that Extra
// holds JSON under names of its own.
func (m *Message) validateSize() error {
	b, err := m.MarshalJSON()
	if err != nil {
		return err
	}
	if len(b) > MaxBody {
		return fmt.Errorf("message has more than %d bytes", MaxBody)
	}
	if depth(b) > maxDepth {
		return fmt.Errorf("message is nested deeper than %d", maxDepth)
	}
	return nil
}

// validText checks a required text of the peer-visible kind: an id, an address, a name.
func validText(name, s string, limit int) error {
	switch {
	case s == "":
		return errors.New(name + " is missing")
	case len(s) > limit:
		return fmt.Errorf("%s has more than %d bytes", name, limit)
	case !utf8.ValidString(s):
		return errors.New(name + " is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New(name + " has control characters")
	}
	return nil
}

// ValidateEvent reports whether m, received from Alexa, can be acted on. It asks for
// less than ValidateRequest: the type is one of Alexa's events, and what its receiver
// cannot do without is there, that is an offer, an answer, or somebody to call. Unknown
// codes, missing renegotiationType and callResult, further properties, and a description
// whose own type is missing are no errors.
func (m *Message) ValidateEvent() error {
	if err := m.validateEvent(); err != nil {
		return fmt.Errorf("alexa: invalid event %.64q: %w", m.Type.String(), err)
	}
	return nil
}

func (m *Message) validateEvent() error {
	rule, ok := messageTable[m.Type]
	if !ok || !rule.event {
		return errors.New("type is not one that Alexa sends")
	}
	if m.SessionID == "" {
		return errors.New("sessionId is missing")
	}
	if rule.participants == required {
		if callee, ok := m.Callee(); !ok || callee.ID.Value == "" {
			return errors.New("participants name nobody to call")
		}
	}
	if rule.sdp == "" {
		return nil
	}
	hasValue := m.SDP != nil && m.SDP.Value != ""
	if !hasValue && !rule.sdpMayBeEmpty {
		return errors.New("sdpDetails.value is missing")
	}
	if hasValue && !slices.Contains([]SDPType{"", rule.sdp}, m.SDP.Type) {
		return fmt.Errorf("sdpDetails.type is not %s", rule.sdp)
	}
	return nil
}
