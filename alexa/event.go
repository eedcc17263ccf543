package alexa

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/alexacall/alexacall/internal/peertext"
)

// An Event is what Alexa delivers to a skill: a custom-skill request whose request
// object is, for calls, a CallSignaling message. Every part but the request's type may be
// missing: which optional parts come with call events is not documented.
//
// Source: "Request and Response JSON Reference" of the Alexa Skills Kit.
//
// An Event holds tokens. Formatting and logging it show type, request id and skill id
// only.
type Event struct {
	Version string // "1.0"

	SkillID        string // context.System.application.applicationId
	SessionSkillID string // session.application.applicationId; empty without a skill session

	// APIEndpoint is the base URL of Alexa's REST APIs in the region that the event
	// came from, such as EndpointEU. From context.System.apiEndpoint.
	APIEndpoint    string
	APIAccessToken string // secret; for the skill's own requests, valid for minutes

	UserID       string
	AccessToken  string // secret; of account linking
	ConsentToken string // secret; user.permissions.consentToken

	DeviceID             string // context.System.device.deviceId
	PersistentEndpointID string // context.System.device.persistentEndpointId
	UnitID               string // context.System.unit.unitId, scoped to the skill
	PersistentUnitID     string // context.System.unit.persistentUnitId, scoped to the vendor

	RequestType string    // request.type
	RequestID   string    // request.requestId; the same in a repeated delivery
	Timestamp   time.Time // request.timestamp; zero: missing
	Locale      string    // request.locale

	Request json.RawMessage // the whole request object, in compact form
	Message *Message        // the request as a call message; nil: it is none
}

// ParseEvent parses the body of a skill request, or the event of a Lambda function. It
// does not say that the request is Amazon's: Verifier.Verify does, and a Lambda function
// calls CheckSkill. Unknown properties are passed over. The error is a *ParseError.
func ParseEvent(body []byte) (*Event, error) {
	root, err := parseDocument("", body)
	if err != nil {
		return nil, err
	}
	e := new(Event)
	r := &reader{object: root}
	e.Version = hint(r.object, "version")
	system := descend(r.object, "context", "System")
	user, device, unit := descend(system, "user"), descend(system, "device"), descend(system, "unit")
	e.SkillID = hint(system, "application", "applicationId")
	e.SessionSkillID = hint(r.object, "session", "application", "applicationId")
	e.APIEndpoint = hint(system, "apiEndpoint")
	e.APIAccessToken = hint(system, "apiAccessToken")
	e.UserID = hint(user, "userId")
	e.AccessToken = hint(user, "accessToken")
	e.ConsentToken = hint(user, "permissions", "consentToken")
	e.DeviceID = hint(device, "deviceId")
	e.PersistentEndpointID = hint(device, "persistentEndpointId")
	e.UnitID = hint(unit, "unitId")
	e.PersistentUnitID = hint(unit, "persistentUnitId")
	if err := e.parseRequest(r); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Event) parseRequest(root *reader) error {
	raw, ok := root.take("request")
	if !ok {
		return &ParseError{Path: "request", Text: "missing"}
	}
	e.Request = raw
	whole, err := parseObject("request", raw)
	r := &reader{object: maps.Clone(whole), path: "request", err: err}
	e.RequestType = r.text("type", maxAddress)
	e.RequestID = r.text("requestId", maxAddress)
	e.Timestamp = r.time("timestamp")
	e.Locale = hint(r.object, "locale")
	if r.err != nil {
		return r.err
	}
	if e.RequestType == "" {
		return &ParseError{Path: "request.type", Text: "missing"}
	}
	if !strings.HasPrefix(e.RequestType, messagePrefix) {
		return nil
	}
	e.Message = new(Message)
	return e.Message.fill("request", whole)
}

// CheckSkill reports whether the event is meant for the skill: the skill id of the
// context, and that of the session where there is one, equal skillID. The error is a
// *VerifyError with ReasonSkill, or says that skillID is empty. Verifier.Verify does this
// itself; a Lambda function, which needs no signature check, calls it.
func (e *Event) CheckSkill(skillID string) error {
	switch {
	case skillID == "":
		return errNoSkillID
	case e.SkillID == "":
		return refuse(ReasonSkill, "the event names no skill")
	case e.SkillID != skillID:
		return refuse(ReasonSkill, fmt.Sprintf("the event is for skill %q", peertext.Printable(e.SkillID, 128)))
	case e.SessionSkillID != "" && e.SessionSkillID != skillID:
		return refuse(ReasonSkill, fmt.Sprintf("the session is of skill %q", peertext.Printable(e.SessionSkillID, 128)))
	}
	return nil
}

var errNoSkillID = errors.New("alexa: no skill id to check events against")

// LogValue returns what may be logged: no token, no user.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("type", peertext.Printable(e.RequestType, 128)),
		slog.String("request", e.RequestID),
		slog.String("skill", e.SkillID),
	}
	if e.Message != nil {
		attrs = append(attrs, slog.Any("message", *e.Message))
	}
	return slog.GroupValue(attrs...)
}

// String returns type and request id. It is what fmt prints of an Event.
func (e Event) String() string { return peertext.Printable(e.RequestType, 128) + " " + e.RequestID }

// GoString returns what String does, so that %#v shows no secret either.
func (e Event) GoString() string { return "alexa.Event{" + e.String() + "}" }

// AppendReceipt appends the answer to an event, with which a skill says that it has got
// it; send it with status 200 and content type application/json. Progress of the call
// goes by Client.Send.
//
// With providerSessionID empty it is the empty response of Amazon's sample since March
// 2024, right for every event. Before that the sample answered InitiateOutboundCall with
// a directive that names the call; give the message's SessionID to get that form, should
// Alexa ask for it.
func AppendReceipt(b []byte, providerSessionID string) []byte {
	if providerSessionID == "" {
		return append(b, `{"version":"1.0","response":{}}`...)
	}
	w := newWriter()
	w.put("type", string(InitiateOutboundCall))
	w.put("providerSessionId", providerSessionID)
	directive, err := w.object(nil)
	if err != nil { // two strings always marshal
		return AppendReceipt(b, "")
	}
	b = append(b, `{"version":"1.0","response":{"directives":[`...)
	b = append(b, directive...)
	return append(b, `]}}`...)
}

// descend returns the object inside o that lies at path, or nil when there is none.
func descend(o object, path ...string) object {
	for _, key := range path {
		next, err := parseObject("", o[key])
		if err != nil {
			return nil
		}
		o = next
	}
	return o
}

// hint returns the string inside o that lies at path, or "" when there is none. What is
// read so only informs; where it decides, as a skill id does, "" is refused.
func hint(o object, path ...string) string {
	o = descend(o, path[:len(path)-1]...)
	s, _ := textOf(o[path[len(path)-1]])
	return s
}
