package rtc

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
)

// Limits of what is taken from Alexa and sent to it. Those of endpoints and reports are documented, the others several times what is seen.
const (
	MaxDirective = 256 << 10 // bytes of a directive
	MaxEvent     = 4 << 20   // bytes of an event: a Discover.Response with MaxEndpoints
	MaxReport    = 256 << 10 // bytes of an AddOrUpdateReport or DeleteReport
	MaxSDP       = 64 << 10  // bytes of a session description
	MaxEndpoints = 300       // of one user
	MaxCookie    = 5000      // bytes of an endpoint's cookie, as JSON

	maxID          = 256     // bytes of an endpoint's id, and of a session's
	maxMessageID   = 127     // bytes
	maxLabel       = 128     // characters of a name or description
	maxCorrelation = 8 << 10 // bytes
	maxToken       = 8 << 10 // bytes
	maxText        = 4 << 10 // bytes of what is for a person to read
	maxProperties  = 1000    // of a StateReport
)

const payloadVersion = "3"

// A MessageType is namespace and name of a directive or event, with a dot between.
type MessageType string

// The messages that this package has fields for. SessionConnected and SessionDisconnected are both directives and the events that answer
// them.
//
// Source: the pages of the interfaces Alexa.RTCSessionController, Alexa.Discovery, Alexa.Authorization, Alexa.DoorbellEventSource,
// Alexa.EndpointHealth, "Alexa.ReportState and Alexa.StateReport", "Alexa.ErrorResponse" and "Alexa.Response" of the Smart Home Skill API.
const (
	InitiateSessionWithOffer  MessageType = "Alexa.RTCSessionController.InitiateSessionWithOffer"  // directive: an offer
	AnswerGeneratedForSession MessageType = "Alexa.RTCSessionController.AnswerGeneratedForSession" // its answer
	SessionConnected          MessageType = "Alexa.RTCSessionController.SessionConnected"          // directive and answer: media flows
	SessionDisconnected       MessageType = "Alexa.RTCSessionController.SessionDisconnected"       // directive and answer: it is over

	Discover          MessageType = "Alexa.Discovery.Discover"          // directive: which endpoints there are
	DiscoverResponse  MessageType = "Alexa.Discovery.Discover.Response" // its answer
	AddOrUpdateReport MessageType = "Alexa.Discovery.AddOrUpdateReport" // event of our own accord: endpoints, new or changed
	DeleteReport      MessageType = "Alexa.Discovery.DeleteReport"      // event of our own accord: endpoints that are no more

	ReportState      MessageType = "Alexa.ReportState"      // directive: how an endpoint is
	StateReport      MessageType = "Alexa.StateReport"      // its answer
	ErrorResponse    MessageType = "Alexa.ErrorResponse"    // answer to any directive but AcceptGrant
	DeferredResponse MessageType = "Alexa.DeferredResponse" // an answer by the event gateway will follow

	AcceptGrant         MessageType = "Alexa.Authorization.AcceptGrant"          // directive: a code for tokens of the event gateway
	AcceptGrantResponse MessageType = "Alexa.Authorization.AcceptGrant.Response" // its answer
	AcceptGrantError    MessageType = "Alexa.Authorization.ErrorResponse"        // its answer, AcceptGrantFailed

	DoorbellPress MessageType = "Alexa.DoorbellEventSource.DoorbellPress" // event of our own accord: somebody rings
)

// A messageRule says where a message belongs.
type messageRule struct {
	namespace string
	directive bool // goes from Alexa to the skill
	event     bool // goes to Alexa

	answer MessageType // of a directive: the event that answers it

	endpoint presence // whether there is an endpoint object
	scope    presence // whether an event has a token
}

// A presence says whether a message has a member.
type presence uint8

const (
	forbidden presence = iota
	optional
	required
)

// messageTable is what the interfaces' pages and Amazon's message schema say of each message.
var messageTable = map[MessageType]messageRule{
	InitiateSessionWithOffer:  {namespace: "Alexa.RTCSessionController", directive: true, answer: AnswerGeneratedForSession, endpoint: required},
	AnswerGeneratedForSession: {namespace: "Alexa.RTCSessionController", event: true, endpoint: required, scope: optional},
	SessionConnected:          {namespace: "Alexa.RTCSessionController", directive: true, event: true, answer: SessionConnected, endpoint: required, scope: optional},
	SessionDisconnected:       {namespace: "Alexa.RTCSessionController", directive: true, event: true, answer: SessionDisconnected, endpoint: required, scope: optional},
	Discover:                  {namespace: "Alexa.Discovery", directive: true, answer: DiscoverResponse},
	DiscoverResponse:          {namespace: "Alexa.Discovery", event: true},
	AddOrUpdateReport:         {namespace: "Alexa.Discovery", event: true, scope: required},
	DeleteReport:              {namespace: "Alexa.Discovery", event: true, scope: required},
	ReportState:               {namespace: "Alexa", directive: true, answer: StateReport, endpoint: required},
	StateReport:               {namespace: "Alexa", event: true, endpoint: required, scope: optional},
	ErrorResponse:             {namespace: "Alexa", event: true, endpoint: optional, scope: optional},
	DeferredResponse:          {namespace: "Alexa", event: true},
	AcceptGrant:               {namespace: "Alexa.Authorization", directive: true, answer: AcceptGrantResponse},
	AcceptGrantResponse:       {namespace: "Alexa.Authorization", event: true},
	AcceptGrantError:          {namespace: "Alexa.Authorization", event: true},
	DoorbellPress:             {namespace: "Alexa.DoorbellEventSource", event: true, endpoint: required, scope: required},
}

// Known reports whether this package has fields for messages of type t.
func (t MessageType) Known() bool {
	_, ok := messageTable[t]
	return ok
}

// String returns t fit for a log: what comes of a peer is cut at 128 bytes and has no control characters.
func (t MessageType) String() string { return printable(string(t), 128) }

// A Header is what directives and events have in common.
type Header struct {
	Type MessageType

	// MessageID names the message. AppendJSON writes a new version 4 UUID where it is empty.
	MessageID string

	// CorrelationToken comes with a directive and goes back with its answer, as it is. Empty: none.
	CorrelationToken string
}

// String returns type and id.
func (h Header) String() string { return h.Type.String() + " " + printable(h.MessageID, maxMessageID) }

// GoString returns what String does.
func (h Header) GoString() string { return "rtc.Header{" + h.String() + "}" }

// LogValue returns type and id.
func (h Header) LogValue() slog.Value { return slog.GroupValue(h.attrs()...) }

func (h Header) attrs() []slog.Attr {
	return []slog.Attr{slog.String("type", h.Type.String()), slog.String("message", printable(h.MessageID, maxMessageID))}
}

// parseHeader reads a header whose type must be one that this package knows, or one of somebody else.
func (h *Header) parseHeader(n node) {
	namespace, name := n.text("namespace", maxID), n.text("name", maxID)
	switch {
	case namespace == "":
		n.fail("namespace", "missing")
	case name == "":
		n.fail("name", "missing")
	}
	h.Type = MessageType(namespace + "." + name)
	if rule, ok := messageTable[h.Type]; ok && rule.namespace != namespace {
		h.Type = ""
		n.fail("namespace", "not that of the name")
	}
	h.MessageID = n.text("messageId", maxID)
	h.CorrelationToken = n.text("correlationToken", maxCorrelation)
	if v := n.scalar("payloadVersion"); v != "" && v != payloadVersion && !strings.HasPrefix(v, payloadVersion+".") {
		n.fail("payloadVersion", "not 3")
	}
}

// wire returns the header as it is written.
func (h Header) wire(rule messageRule) (wireHeader, error) {
	w := wireHeader{
		Namespace: rule.namespace, Name: strings.TrimPrefix(string(h.Type), rule.namespace+"."), PayloadVersion: payloadVersion,
		MessageID: h.MessageID, CorrelationToken: h.CorrelationToken,
	}
	if w.MessageID == "" {
		w.MessageID = newUUID()
	}
	if len(w.MessageID) > maxMessageID || strings.ContainsFunc(w.MessageID, notInMessageID) {
		return w, errMember("header.messageId", "is not 1 to 127 letters, digits and hyphens")
	}
	if err := checkOpaque("header.correlationToken", w.CorrelationToken, maxCorrelation); err != nil && w.CorrelationToken != "" {
		return w, err
	}
	return w, nil
}

func notInMessageID(r rune) bool { return !isAlphanumeric(r) && r != '-' }

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// newUUID returns a version 4 UUID (RFC 9562 section 5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// The wire types hold the members in the order in which they are written.
type (
	wireHeader struct {
		Namespace        string `json:"namespace"`
		Name             string `json:"name"`
		PayloadVersion   string `json:"payloadVersion"`
		MessageID        string `json:"messageId"`
		CorrelationToken string `json:"correlationToken,omitempty"`
	}
	wireScope struct {
		Type  string `json:"type"`
		Token string `json:"token"`
	}
	wireEndpoint struct {
		Scope      *wireScope        `json:"scope,omitempty"`
		EndpointID string            `json:"endpointId"`
		Cookie     map[string]string `json:"cookie,omitempty"`
	}
	wireMessage struct {
		Header   wireHeader    `json:"header"`
		Endpoint *wireEndpoint `json:"endpoint,omitempty"`
		Payload  any           `json:"payload"`
	}
	wireSDP struct {
		Format string `json:"format"`
		Value  string `json:"value"`
	}
	wireSession struct {
		SessionID string `json:"sessionId"`
	}
)

func bearer(token string) *wireScope { return &wireScope{Type: "BearerToken", Token: token} }
