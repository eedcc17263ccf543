package rtc

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"
)

// An Event is what a smart-home skill says to Alexa: in answer to a directive, or of its own accord by the event gateway. Which fields
// are set follows from its type.
//
// An Event holds tokens and SDP keys. Formatting and logging it show neither.
type Event struct {
	Header

	EndpointID string // of all but those of Alexa.Discovery and Alexa.Authorization, and DeferredResponse; ErrorResponse may do without

	// Token is secret: the user's token for the event gateway, which Gateway.Send fills in. It is empty in an answer that goes back the way
	// that the directive came.
	Token string

	Answer    string        // of AnswerGeneratedForSession: SDP
	SessionID string        // of SessionConnected and SessionDisconnected
	Fault     *Fault        // of ErrorResponse and AcceptGrantError
	Deferral  time.Duration // of DeferredResponse: how long until the answer; written in whole seconds, rounded up
	Endpoints []Endpoint    // of DiscoverResponse, AddOrUpdateReport and DeleteReport, which has their IDs alone
	Health    *Health       // of StateReport
	Press     *Press        // of DoorbellPress; nil is written as a press now
}

// ParseEvent parses what a smart-home skill sends: the other side of AppendJSON, for simulators, tests and what stands between. It is as
// lenient as ParseDirective, and its error is a *ParseError. An event of another type than those of this package is no error.
func ParseEvent(data []byte) (*Event, error) {
	root, err := parseDocument(data, MaxEvent)
	if err != nil {
		return nil, err
	}
	e := new(Event)
	n := root.object("event")
	e.parseHeader(n.object("header"))
	if rule, known := messageTable[e.Type]; known && !rule.event {
		n.fail("header.name", "that of a directive")
	}
	endpoint, payload := n.object("endpoint"), n.object("payload")
	e.EndpointID = endpoint.text("endpointId", maxID)
	e.Token = endpoint.object("scope").text("token", maxToken)
	if messageTable[e.Type].endpoint == required && e.EndpointID == "" {
		endpoint.fail("endpointId", "missing")
	}
	switch e.Type {
	case AnswerGeneratedForSession:
		e.Answer = payload.object("answer").sdp()
	case SessionConnected, SessionDisconnected:
		e.SessionID = payload.session()
	case ErrorResponse, AcceptGrantError:
		e.Fault = parseFault(payload)
	case DeferredResponse:
		e.Deferral = payload.duration("estimatedDeferralInSeconds", time.Second)
	case DiscoverResponse:
		e.Endpoints = parseEndpoints(payload)
	case AddOrUpdateReport:
		e.Token = payload.object("scope").text("token", maxToken)
		e.Endpoints = parseEndpoints(payload)
	case DeleteReport:
		e.Token = payload.object("scope").text("token", maxToken)
		for _, n := range payload.list("endpoints", MaxEndpoints) {
			e.Endpoints = append(e.Endpoints, Endpoint{ID: n.text("endpointId", maxID)})
		}
	case StateReport:
		e.Health = parseHealth(root.object("context"))
	case DoorbellPress:
		e.Press = &Press{Time: payload.time("timestamp"), Cause: PressCause(payload.object("cause").text("type", maxID))}
	default:
	}
	if root.err() != nil {
		return nil, root.err()
	}
	return e, nil
}

// duration returns a number as so many of a unit.
func (n node) duration(key string, unit time.Duration) time.Duration {
	v := n.number(key)
	if v > float64(math.MaxInt32) {
		n.fail(key, "too large")
		return 0
	}
	return time.Duration(v * float64(unit))
}

// AppendJSON appends the event as the documentation has it. It fails when a member that the type requires is missing or beyond its limits,
// when another is set, or when the type is not that of an event; b is then as it was. The error names the member, never its value.
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	out, err := e.appendJSON(b)
	if err != nil {
		return b, fmt.Errorf("rtc: invalid event %s: %w", e.Type, err)
	}
	limit := MaxEvent
	if e.Type == AddOrUpdateReport || e.Type == DeleteReport {
		limit = MaxReport
	}
	if len(out)-len(b) > limit {
		return b, fmt.Errorf("rtc: invalid event %s: more than %d bytes", e.Type, limit)
	}
	return out, nil
}

func (e *Event) appendJSON(b []byte) ([]byte, error) {
	rule, ok := messageTable[e.Type]
	if !ok || !rule.event {
		return nil, errMember("header.name", "is not that of an event")
	}
	header, err := e.wire(rule)
	if err != nil {
		return nil, err
	}
	w := wireEvent{Event: wireMessage{Header: header}}
	if w.Event.Endpoint, err = e.endpoint(rule); err != nil {
		return nil, err
	}
	if err := e.checkForeign(); err != nil {
		return nil, err
	}
	if w.Event.Payload, err = e.payload(); err != nil {
		return nil, err
	}
	if e.Type == StateReport {
		if w.Context, err = e.Health.wire(); err != nil {
			return nil, err
		}
	}
	return appendJSON(b, w)
}

// endpoint returns the endpoint object, or nil where the type has none.
func (e *Event) endpoint(rule messageRule) (*wireEndpoint, error) {
	switch {
	case rule.endpoint == forbidden && e.EndpointID != "":
		return nil, errMember("endpoint", "does not belong to this type")
	case rule.scope == forbidden && e.Token != "", rule.endpoint == optional && e.EndpointID == "" && e.Token != "":
		return nil, errMember("endpoint.scope", "does not belong to this type")
	case rule.scope == required && e.Token == "":
		return nil, errMember("scope.token", "is missing")
	}
	if e.Token != "" {
		if err := checkText("scope.token", e.Token, maxToken); err != nil {
			return nil, err
		}
	}
	if rule.endpoint == forbidden || rule.endpoint == optional && e.EndpointID == "" {
		return nil, nil
	}
	if err := checkEndpointID("endpoint.endpointId", e.EndpointID); err != nil {
		return nil, err
	}
	w := &wireEndpoint{EndpointID: e.EndpointID}
	if e.Token != "" {
		w.Scope = bearer(e.Token)
	}
	return w, nil
}

// checkForeign refuses what belongs to another type.
func (e *Event) checkForeign() error {
	for _, m := range []struct {
		path  string
		set   bool
		types []MessageType
	}{
		{"payload.answer", e.Answer != "", []MessageType{AnswerGeneratedForSession}},
		{"payload.sessionId", e.SessionID != "", []MessageType{SessionConnected, SessionDisconnected}},
		{"payload.type", e.Fault != nil, []MessageType{ErrorResponse, AcceptGrantError}},
		{"payload.estimatedDeferralInSeconds", e.Deferral != 0, []MessageType{DeferredResponse}},
		{"payload.endpoints", e.Endpoints != nil, []MessageType{DiscoverResponse, AddOrUpdateReport, DeleteReport}},
		{"context", e.Health != nil, []MessageType{StateReport}},
		{"payload.cause", e.Press != nil, []MessageType{DoorbellPress}},
	} {
		if m.set && !slices.Contains(m.types, e.Type) {
			return errMember(m.path, "does not belong to this type")
		}
	}
	return nil
}

// payload returns the payload that the type wants.
func (e *Event) payload() (any, error) {
	switch e.Type {
	case AnswerGeneratedForSession:
		return struct {
			Answer wireSDP `json:"answer"`
		}{wireSDP{"SDP", e.Answer}}, checkOpaque("payload.answer.value", e.Answer, MaxSDP)
	case SessionConnected, SessionDisconnected:
		return wireSession{e.SessionID}, checkOpaque("payload.sessionId", e.SessionID, maxID)
	case ErrorResponse, AcceptGrantError:
		return e.Fault.wire(e.Type)
	case DeferredResponse:
		seconds := math.Ceil(e.Deferral.Seconds())
		if seconds < 1 || seconds > math.MaxInt32 {
			return nil, errMember("payload.estimatedDeferralInSeconds", "is not positive")
		}
		return struct {
			Seconds int32 `json:"estimatedDeferralInSeconds"`
		}{int32(seconds)}, nil
	case DiscoverResponse:
		return wireEndpoints(e.Endpoints, nil)
	case AddOrUpdateReport:
		return wireEndpoints(e.Endpoints, bearer(e.Token))
	case DeleteReport:
		return wireDeleted(e.Endpoints, bearer(e.Token))
	case DoorbellPress:
		return e.Press.wire()
	default: // StateReport, AcceptGrantResponse
		return struct{}{}, nil
	}
}

type wireEvent struct {
	Context *wireContext `json:"context,omitempty"`
	Event   wireMessage  `json:"event"`
}

// LogValue returns what may be logged: no token, no SDP, no name.
func (e Event) LogValue() slog.Value {
	attrs := e.attrs()
	if e.EndpointID != "" {
		attrs = append(attrs, slog.String("endpoint", printable(e.EndpointID, maxID)))
	}
	if e.SessionID != "" {
		attrs = append(attrs, slog.String("session", printable(e.SessionID, maxID)))
	}
	if e.Answer != "" {
		attrs = append(attrs, slog.Int("answer_bytes", len(e.Answer)))
	}
	if e.Fault != nil {
		attrs = append(attrs, slog.String("error", printable(string(e.Fault.Type), maxID)))
	}
	if e.Endpoints != nil {
		attrs = append(attrs, slog.Int("endpoints", len(e.Endpoints)))
	}
	return slog.GroupValue(attrs...)
}

// String returns type, message id and endpoint.
func (e Event) String() string {
	if e.EndpointID == "" {
		return e.Header.String()
	}
	return e.Header.String() + " for " + printable(e.EndpointID, maxID)
}

// GoString returns what String does.
func (e Event) GoString() string { return "rtc.Event{" + e.String() + "}" }
