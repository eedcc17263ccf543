package rtc

import (
	"fmt"
	"log/slog"
)

// A Directive is what Alexa asks of a smart-home skill. Which fields are set follows from its type.
//
// A Directive holds tokens and SDP keys. Formatting and logging it show neither.
type Directive struct {
	Header

	EndpointID string            // of all but Discover and AcceptGrant
	Token      string            // secret; the user's, by account linking: of endpoint.scope, payload.scope or payload.grantee
	Cookie     map[string]string // the endpoint's, as Discovery has said it; nil: none

	SessionID string // of those of Alexa.RTCSessionController
	Offer     string // of InitiateSessionWithOffer: SDP, its lines ending as they came
	GrantCode string // of AcceptGrant, secret: an authorization code for lwa to exchange, good for one use
}

// ParseDirective parses what Alexa sends. A directive of another type than those of this package is no error: Known says so, and its
// header, endpoint and token are there. A directive of a type that is known has every member that it cannot be acted on without.
//
// The error is a *ParseError. With it comes a Directive where enough of the header could be read for an answer, such as
// Fault(InvalidDirective, ...), and nil otherwise.
func ParseDirective(data []byte) (*Directive, error) {
	root, err := parseDocument(data, MaxDirective)
	if err != nil {
		return nil, err
	}
	d := new(Directive)
	n := root.object("directive")
	d.parseHeader(n.object("header"))
	if root.err() != nil {
		return nil, root.err()
	}
	d.parse(n)
	return d, root.err()
}

func (d *Directive) parse(n node) {
	endpoint, payload := n.object("endpoint"), n.object("payload")
	d.EndpointID = endpoint.text("endpointId", maxID)
	d.Cookie = endpoint.cookie("cookie")
	switch d.Type {
	case Discover:
		d.Token = payload.object("scope").text("token", maxToken)
	case AcceptGrant:
		d.Token = payload.object("grantee").text("token", maxToken)
	default:
		d.Token = endpoint.object("scope").text("token", maxToken)
	}
	rule, known := messageTable[d.Type]
	if known && !rule.directive {
		n.fail("header.name", "that of an event")
	}
	if rule.endpoint == required && d.EndpointID == "" {
		endpoint.fail("endpointId", "missing")
	}
	switch d.Type {
	case InitiateSessionWithOffer:
		d.SessionID = payload.session()
		d.Offer = payload.object("offer").sdp()
	case SessionConnected, SessionDisconnected:
		d.SessionID = payload.session()
	case AcceptGrant:
		d.parseGrant(payload.object("grant"))
	default:
	}
}

// session returns the id of a payload's session, which it must have.
func (n node) session() string {
	id := n.text("sessionId", maxID)
	if id == "" {
		n.fail("sessionId", "missing")
	}
	return id
}

// sdp returns the text of an offer or answer, which must be SDP.
func (n node) sdp() string {
	if format := n.text("format", maxID); format != "" && !isSDP(format) {
		n.fail("format", "not SDP")
	}
	value := n.text("value", MaxSDP)
	if value == "" {
		n.fail("value", "missing")
	}
	return value
}

// isSDP does what the schema's pattern ^[Ss][Dd][Pp]$ does.
func isSDP(s string) bool {
	return len(s) == 3 && s[0]|0x20 == 's' && s[1]|0x20 == 'd' && s[2]|0x20 == 'p'
}

const grantType = "OAuth2.AuthorizationCode"

func (d *Directive) parseGrant(grant node) {
	if t := grant.text("type", maxID); t != "" && t != grantType {
		grant.fail("type", "not "+grantType)
	}
	if d.GrantCode = grant.text("code", maxToken); d.GrantCode == "" {
		grant.fail("code", "missing")
	}
}

// AppendJSON appends the directive as Alexa writes it. It fails when a member that the type requires is missing or too long, when another
// is set, or when the type is not that of a directive; b is then as it was. The error names the member, never its value.
func (d *Directive) AppendJSON(b []byte) ([]byte, error) {
	out, err := d.appendJSON(b)
	if err != nil {
		return b, fmt.Errorf("rtc: invalid directive %s: %w", d.Type, err)
	}
	if len(out)-len(b) > MaxDirective {
		return b, fmt.Errorf("rtc: invalid directive %s: more than %d bytes", d.Type, MaxDirective)
	}
	return out, nil
}

func (d *Directive) appendJSON(b []byte) ([]byte, error) {
	rule, ok := messageTable[d.Type]
	if !ok || !rule.directive {
		return nil, errMember("header.name", "is not that of a directive")
	}
	header, err := d.wire(rule)
	if err != nil {
		return nil, err
	}
	payload, err := d.payload()
	if err != nil {
		return nil, err
	}
	w := wireMessage{Header: header, Payload: payload}
	if rule.endpoint == required {
		if err := checkEndpointID("endpoint.endpointId", d.EndpointID); err != nil {
			return nil, err
		}
		if err := checkCookie("endpoint.cookie", d.Cookie); err != nil {
			return nil, err
		}
		w.Endpoint = &wireEndpoint{EndpointID: d.EndpointID, Cookie: d.Cookie, Scope: bearer(d.Token)}
	} else if d.EndpointID != "" || d.Cookie != nil {
		return nil, errMember("endpoint", "does not belong to this type")
	}
	return appendJSON(b, struct {
		Directive wireMessage `json:"directive"`
	}{w})
}

// payload returns the payload that the type wants, after checking that nothing else is set.
func (d *Directive) payload() (any, error) {
	if err := checkText("token", d.Token, maxToken); err != nil {
		return nil, err
	}
	session, offer, grant := d.SessionID, d.Offer, d.GrantCode
	var payload any
	var err error
	switch d.Type {
	case InitiateSessionWithOffer:
		payload = struct {
			wireSession
			Offer wireSDP `json:"offer"`
		}{wireSession{session}, wireSDP{"SDP", offer}}
		if err = checkOpaque("payload.sessionId", session, maxID); err == nil {
			err = checkOpaque("payload.offer.value", offer, MaxSDP)
		}
		session, offer = "", ""
	case SessionConnected, SessionDisconnected:
		payload = wireSession{session}
		err = checkOpaque("payload.sessionId", session, maxID)
		session = ""
	case Discover:
		payload = struct {
			Scope *wireScope `json:"scope"`
		}{bearer(d.Token)}
	case AcceptGrant:
		payload = wireGrant{wireCode{grantType, grant}, bearer(d.Token)}
		err = checkText("payload.grant.code", grant, maxToken)
		grant = ""
	default: // ReportState
		payload = struct{}{}
	}
	if err == nil && (session != "" || offer != "" || grant != "") {
		err = errMember("payload", "has what does not belong to this type")
	}
	return payload, err
}

type (
	wireGrant struct {
		Grant   wireCode   `json:"grant"`
		Grantee *wireScope `json:"grantee"`
	}
	wireCode struct {
		Type string `json:"type"`
		Code string `json:"code"`
	}
)

// Response returns the event that answers d when all went well: with d's correlation token, endpoint and session, and a new message id.
// What else belongs to it is for the caller to set: Answer, Endpoints or Health. For a type that is not known it is a Fault.
func (d *Directive) Response() *Event {
	rule := messageTable[d.Type]
	if !rule.directive {
		return d.Fault(InvalidDirective, "the directive is not supported")
	}
	e := &Event{Header: Header{Type: rule.answer, MessageID: newUUID(), CorrelationToken: d.CorrelationToken}, EndpointID: d.EndpointID}
	if rule.answer == SessionConnected || rule.answer == SessionDisconnected {
		e.SessionID = d.SessionID
	}
	return e
}

// Fault returns the event that answers d when something went wrong, with d's correlation token and endpoint and a new message id. The
// message is for a developer to read. The answer to AcceptGrant is AcceptGrantFailed, whatever the type.
func (d *Directive) Fault(t ErrorType, message string) *Event {
	h := Header{Type: ErrorResponse, MessageID: newUUID(), CorrelationToken: d.CorrelationToken}
	if d.Type == AcceptGrant {
		h.Type, t = AcceptGrantError, AcceptGrantFailed
		return &Event{Header: h, Fault: &Fault{Type: t, Message: message}}
	}
	e := &Event{Header: h, EndpointID: d.EndpointID, Fault: &Fault{Type: t, Message: message}}
	if checkEndpointID("", e.EndpointID) != nil {
		e.EndpointID = "" // it is none of ours, and may not be written
	}
	return e
}

// LogValue returns what may be logged: no token, no code, no cookie, no SDP.
func (d Directive) LogValue() slog.Value {
	attrs := d.attrs()
	for _, a := range []slog.Attr{slog.String("endpoint", printable(d.EndpointID, maxID)), slog.String("session", printable(d.SessionID, maxID))} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	if d.Offer != "" {
		attrs = append(attrs, slog.Int("offer_bytes", len(d.Offer)))
	}
	return slog.GroupValue(attrs...)
}

// String returns type, message id and endpoint.
func (d Directive) String() string {
	if d.EndpointID == "" {
		return d.Header.String()
	}
	return d.Header.String() + " for " + printable(d.EndpointID, maxID)
}

// GoString returns what String does.
func (d Directive) GoString() string { return "rtc.Directive{" + d.String() + "}" }
