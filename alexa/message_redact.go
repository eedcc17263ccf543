package alexa

import (
	"fmt"
	"log/slog"

	"github.com/alexacall/alexacall/internal/peertext"
)

// Everything here keeps addresses, names and SDP keys out of logs: LogValue for
// log/slog, String and GoString for fmt.

const redacted = peertext.Redacted

// LogValue returns what may be logged: no address, no name, no SDP.
func (m Message) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("type", m.Type.String()), slog.String("session", m.SessionID)}
	if m.RequestID != "" {
		attrs = append(attrs, slog.String("request", m.RequestID))
	}
	if m.SDP != nil {
		attrs = append(attrs, slog.String("sdp", m.SDP.String()))
	}
	if m.Renegotiation != "" {
		attrs = append(attrs, slog.String("renegotiation", string(m.Renegotiation)))
	}
	if m.Result != nil {
		attrs = append(attrs, slog.String("result", string(m.Result.Code)))
	}
	return slog.GroupValue(attrs...)
}

// String returns type and session.
func (m Message) String() string { return m.Type.String() + " " + m.SessionID }

// GoString returns what String does.
func (m Message) GoString() string { return "alexa.Message{" + m.String() + "}" }

// LogValue returns what String does.
func (p Participant) LogValue() slog.Value { return slog.StringValue(p.String()) }

// String returns the kind of the participant's id and whether it is the originator.
func (p Participant) String() string {
	if p.Originator {
		return "originator " + p.ID.String()
	}
	return p.ID.String()
}

// GoString returns what String does.
func (p Participant) GoString() string { return "alexa.Participant{" + p.String() + "}" }

// LogValue returns what String does.
func (p ParticipantID) LogValue() slog.Value { return slog.StringValue(p.String()) }

// String returns the kind of the id, not the id.
func (p ParticipantID) String() string { return string(p.Type) + " " + redacted }

// GoString returns what String does.
func (p ParticipantID) GoString() string { return "alexa.ParticipantID{" + p.String() + "}" }

// LogValue returns what String does.
func (s SDPDetails) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String returns the description's type and size, not its text.
func (s SDPDetails) String() string { return fmt.Sprintf("%s of %d bytes", s.Type, len(s.Value)) }

// GoString returns what String does.
func (s SDPDetails) GoString() string { return "alexa.SDPDetails{" + s.String() + "}" }

// LogValue returns what String does.
func (c CustomParams) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String returns no parameter's value.
func (c CustomParams) String() string { return redacted }

// GoString returns what String does.
func (c CustomParams) GoString() string { return "alexa.CustomParams{" + redacted + "}" }
