package alexa

import (
	"fmt"
	"strings"
	"time"
)

// Limits of what is taken from a peer and sent to it. Amazon documents none; these are
// several times what calls need.
const (
	MaxBody         = 256 << 10 // bytes of an event or a message
	MaxSDP          = 64 << 10  // bytes of a session description
	MaxSessionID    = 256       // bytes of a call's id
	MaxParticipants = 16
	maxAddress      = 1024 // bytes of a participant's id, and of a caller's name
	maxDepth        = 32   // objects and arrays inside one another
)

// ParseMessage parses one CallSignaling message: the request object of an event, or the
// body of a POST to the signaling endpoint. It is lenient. A message has a type of the
// CallSignaling namespace, known or not, and a sessionId; every other property may be
// missing or null. Property names are case-sensitive, as Amazon writes them. The error
// is a *ParseError.
func ParseMessage(data []byte) (*Message, error) {
	m := new(Message)
	if err := m.parse("", data); err != nil {
		return nil, err
	}
	return m, nil
}

// UnmarshalJSON does what ParseMessage does.
func (m *Message) UnmarshalJSON(data []byte) error { return m.parse("", data) }

func (m *Message) parse(path string, data []byte) error {
	o, err := parseDocument(path, data)
	if err != nil {
		return err
	}
	return m.fill(path, o)
}

// fill takes the properties of a message out of an object.
func (m *Message) fill(path string, o object) error {
	*m = Message{}
	r := reader{object: o, path: path}
	m.Type = MessageType(r.text("type", maxAddress))
	m.SessionID = r.text("sessionId", MaxSessionID)
	m.RequestID = r.text("requestId", maxAddress)
	m.Timestamp = r.time("timestamp")
	m.Renegotiation = RenegotiationType(r.text("renegotiationType", maxAddress))
	for i, raw := range r.array("participants", MaxParticipants) {
		var p Participant
		r.fail(p.parse(fmt.Sprintf("%s[%d]", r.at("participants"), i), raw))
		m.Participants = append(m.Participants, p)
	}
	if raw, ok := r.take("sdpDetails"); ok {
		m.SDP = new(SDPDetails)
		r.fail(m.SDP.parse(r.at("sdpDetails"), raw))
	}
	if raw, ok := r.take("callResult"); ok {
		m.Result = new(CallResult)
		r.fail(m.Result.parse(r.at("callResult"), raw))
	}
	if raw, ok := r.take("customParams"); ok {
		m.CustomParams = new(CustomParams)
		r.fail(m.CustomParams.parse(r.at("customParams"), raw))
	}
	m.Extra = r.rest()
	if r.err == nil && !strings.HasPrefix(string(m.Type), messagePrefix) {
		r.err = &ParseError{Path: r.at("type"), Text: "not a CallSignaling message"}
	}
	if r.err == nil && m.SessionID == "" {
		r.err = &ParseError{Path: r.at("sessionId"), Text: "missing"}
	}
	return r.result()
}

// MarshalJSON returns the message as Amazon writes it, known properties first. It
// fails when Extra holds something that is not JSON, or a property that has a field;
// ValidateRequest says whether Alexa would take the message.
func (m Message) MarshalJSON() ([]byte, error) {
	w := newWriter()
	w.put("type", string(m.Type))
	w.text("requestId", m.RequestID)
	if m.Timestamp.IsZero() {
		w.absent("timestamp")
	} else {
		w.put("timestamp", m.Timestamp.Format(time.RFC3339Nano))
	}
	w.put("sessionId", m.SessionID)
	w.optional("participants", m.Participants, len(m.Participants) > 0)
	w.text("renegotiationType", string(m.Renegotiation))
	w.optional("sdpDetails", m.SDP, m.SDP != nil)
	w.optional("callResult", m.Result, m.Result != nil)
	w.optional("customParams", m.CustomParams, m.CustomParams != nil)
	return w.object(m.Extra)
}

func (p *Participant) parse(path string, data []byte) error {
	r := newReader(path, data)
	*p = Participant{}
	if raw, ok := r.take("id"); ok {
		r.fail(p.ID.parse(r.at("id"), raw))
	}
	p.Originator = r.boolean("isOriginator")
	p.Extra = r.rest()
	return r.result()
}

// UnmarshalJSON parses a participant. The error is a *ParseError.
func (p *Participant) UnmarshalJSON(data []byte) error {
	return parsePart("participant", data, p.parse)
}

// MarshalJSON returns the participant as Amazon writes it.
func (p Participant) MarshalJSON() ([]byte, error) {
	w := newWriter()
	w.put("id", p.ID)
	w.put("isOriginator", p.Originator)
	return w.object(p.Extra)
}

func (p *ParticipantID) parse(path string, data []byte) error {
	r := newReader(path, data)
	*p = ParticipantID{}
	p.Type = ParticipantIDType(r.text("type", maxAddress))
	p.Value = r.text("value", maxAddress)
	p.Extra = r.rest()
	return r.result()
}

// UnmarshalJSON parses a participant's id. The error is a *ParseError.
func (p *ParticipantID) UnmarshalJSON(data []byte) error { return parsePart("id", data, p.parse) }

// MarshalJSON returns the id as Amazon writes it.
func (p ParticipantID) MarshalJSON() ([]byte, error) {
	w := newWriter()
	w.text("type", string(p.Type))
	w.text("value", p.Value)
	return w.object(p.Extra)
}

func (s *SDPDetails) parse(path string, data []byte) error {
	r := newReader(path, data)
	*s = SDPDetails{}
	s.Type = SDPType(r.text("type", maxAddress))
	s.Value = r.text("value", MaxSDP)
	s.Extra = r.rest()
	return r.result()
}

// UnmarshalJSON parses a description's object. The error is a *ParseError.
func (s *SDPDetails) UnmarshalJSON(data []byte) error { return parsePart("sdpDetails", data, s.parse) }

// MarshalJSON returns the description's object as Amazon writes it.
func (s SDPDetails) MarshalJSON() ([]byte, error) {
	w := newWriter()
	w.text("type", string(s.Type))
	w.text("value", s.Value)
	return w.object(s.Extra)
}

func (c *CallResult) parse(path string, data []byte) error {
	r := newReader(path, data)
	*c = CallResult{}
	c.Code = ResultCode(r.text("code", maxAddress))
	c.Message = r.text("message", MaxBody)
	c.Extra = r.rest()
	return r.result()
}

// UnmarshalJSON parses a call's result. The error is a *ParseError.
func (c *CallResult) UnmarshalJSON(data []byte) error { return parsePart("callResult", data, c.parse) }

// MarshalJSON returns the result as Amazon writes it.
func (c CallResult) MarshalJSON() ([]byte, error) {
	w := newWriter()
	w.put("code", string(c.Code))
	w.text("message", c.Message)
	return w.object(c.Extra)
}

func (c *CustomParams) parse(path string, data []byte) error {
	r := newReader(path, data)
	*c = CustomParams{}
	c.CallerName = r.text("callerName", maxAddress)
	c.Extra = r.rest()
	return r.result()
}

// UnmarshalJSON parses custom parameters. The error is a *ParseError.
func (c *CustomParams) UnmarshalJSON(data []byte) error {
	return parsePart("customParams", data, c.parse)
}

// MarshalJSON returns the parameters as Amazon writes them.
func (c CustomParams) MarshalJSON() ([]byte, error) {
	w := newWriter()
	w.text("callerName", c.CallerName)
	return w.object(c.Extra)
}
