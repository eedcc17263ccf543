package wire

import (
	"errors"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/peertext"
	"github.com/alexacall/alexacall/mediaserver"
)

// A Callback is the name of a callback: where it is, below the base URL of the application.
type Callback string

// The callbacks. The first three are answered with what is to be done.
const (
	NewCall          Callback = "newCall"
	GetIVRCommand    Callback = "getIvrCommand"
	CallEvent        Callback = "callEvent"
	CallNotify       Callback = "callNotify"
	CallAnswered     Callback = "callAnswered"
	SessionCompleted Callback = "sessionCompleted"
	RecordingReady   Callback = "recordingReady"
)

// CallbackOf returns the callback that a notice is told of by.
func CallbackOf(k mediaserver.NoticeKind) Callback {
	switch k {
	case mediaserver.Answered:
		return CallAnswered
	case mediaserver.SessionCompleted:
		return SessionCompleted
	case mediaserver.RecordingReady:
		return RecordingReady
	default:
		return CallNotify
	}
}

// AppendNewCall appends the body of a newCall.
func AppendNewCall(b []byte, e *mediaserver.NewCall) ([]byte, error) {
	v := *e
	return write(b, func(c *coder) { c.newCall(&v) })
}

// ParseNewCall parses the body of a newCall.
func ParseNewCall(data []byte) (e *mediaserver.NewCall, unknown []string, err error) {
	return parsed(data, (*coder).newCall)
}

// AppendIVRRequest appends the body of a getIvrCommand.
func AppendIVRRequest(b []byte, e *mediaserver.IVRRequest) ([]byte, error) {
	v := *e
	return write(b, func(c *coder) { c.ivrRequest(&v) })
}

// ParseIVRRequest parses the body of a getIvrCommand.
func ParseIVRRequest(data []byte) (e *mediaserver.IVRRequest, unknown []string, err error) {
	return parsed(data, (*coder).ivrRequest)
}

// AppendCallEvent appends the body of a callEvent.
func AppendCallEvent(b []byte, e *mediaserver.CallEvent) ([]byte, error) {
	v := *e
	return write(b, func(c *coder) { c.callEvent(&v) })
}

// ParseCallEvent parses the body of a callEvent.
func ParseCallEvent(data []byte) (e *mediaserver.CallEvent, unknown []string, err error) {
	return parsed(data, (*coder).callEvent)
}

// AppendNotice appends the body of the callback that CallbackOf names.
func AppendNotice(b []byte, n *mediaserver.Notice) ([]byte, error) {
	v := *n
	return write(b, func(c *coder) { c.notice(CallbackOf(v.Kind), &v) })
}

// ParseNotice parses the body of a callback that tells something. Its Kind is 0 for a callNotify of an event that is not known here.
func ParseNotice(name Callback, data []byte) (n *mediaserver.Notice, unknown []string, err error) {
	return parsed(data, func(c *coder, n *mediaserver.Notice) { c.notice(name, n) })
}

// parsed reads a document of type T.
func parsed[T any](data []byte, f func(*coder, *T)) (*T, []string, error) {
	v := new(T)
	unknown, err := read(data, func(c *coder) { f(c, v) })
	if err != nil {
		return nil, nil, err
	}
	return v, unknown, nil
}

func (c *coder) session(s *mediaserver.SessionInfo) {
	c.text("domain", &s.Domain)
	c.text("sessionId", &s.SessionID)
	c.text("sessionReferenceId", &s.Reference)
}

func (c *coder) newCall(e *mediaserver.NewCall) {
	c.session(&e.SessionInfo)
	c.text("participantId", &e.ParticipantID)
	c.text("replyId", &e.ReplyID)
	c.text("sipCallId", &e.CallID)
	c.party("sipFrom", "from", "fromName", &e.From)
	c.party("sipTo", "to", "toName", &e.To)
	c.table("attributes", &e.Attr, func(_, _ string) string { return "" })
}

// party is an address, its user part, which stands for it where it alone is there, and a name.
func (c *coder) party(uri, user, name string, p *bridge.Party) {
	part := mediaserver.UserOf(p.URI)
	c.text(uri, &p.URI)
	c.text(user, &part)
	c.text(name, &p.Name)
	if p.URI == "" {
		p.URI = part
	}
}

func (c *coder) ivrRequest(e *mediaserver.IVRRequest) {
	c.session(&e.SessionInfo)
	c.text("connectionId", &e.ConnectionID)
	c.text("participantId", &e.ParticipantID)
	c.text("replyId", &e.ReplyID)
	c.text("user", &e.User)
	c.text("to", &e.Called)
	object(c, "dtmfParams", &e.Digits, (*coder).digitsResult)
	object(c, "recordParams", &e.Record, (*coder).recordResult)
	list(c, "phraseErrors", &e.Failed, MaxEntries+1, (*coder).phraseError) // of all phrases, and of the background
}

var digitsReasonTable = []word[mediaserver.DigitsReason]{
	{"maxDigits", mediaserver.DigitsMax},
	{"terminationKey", mediaserver.DigitsTermination},
	{"timeout", mediaserver.DigitsTimeout},
	{"interDigitTimeout", mediaserver.DigitsBetween},
	{"match", mediaserver.DigitsMatch},
}

func (c *coder) digitsResult(r *mediaserver.DigitsResult) {
	c.always("dtmfMatch", &r.Digits)
	enum(c, "reason", &r.Reason, digitsReasonTable)
}

var recordReasonTable = []word[mediaserver.RecordReason]{
	{"maxTime", mediaserver.RecordMax},
	{"silence", mediaserver.RecordSilence},
	{"terminationKey", mediaserver.RecordTermination},
	{"hangup", mediaserver.RecordHangup},
	{"failed", mediaserver.RecordFailed},
}

func (c *coder) recordResult(r *mediaserver.RecordResult) {
	c.text("fileName", &r.File)
	c.duration("duration", &r.Duration)
	enum(c, "reason", &r.Reason, recordReasonTable)
}

// maxReason is how much of an error an application is told, in bytes.
const maxReason = 256

func (c *coder) phraseError(e *mediaserver.PhraseError) {
	index, background, reason := e.Index, e.Index < 0, ""
	if e.Err != nil {
		reason = peertext.Printable(e.Err.Error(), maxReason)
	}
	c.flag("background", &background)
	if !background {
		c.whole("index", &index, MaxPhrases)
	}
	c.text("reason", &reason)
	if !c.reading() {
		return
	}
	if e.Index = index; background {
		e.Index = -1
	}
	e.Err = errors.New(reason)
}

var eventTable = []word[mediaserver.EventKind]{
	{"callingPartyDrop", mediaserver.CallingPartyDrop},
	{"calledPartyDrop", mediaserver.CalledPartyDrop},
	{"callerConnectionSplit", mediaserver.CallerConnectionSplit},
	{"calleeConnectionSplit", mediaserver.CalleeConnectionSplit},
}

func (c *coder) callEvent(e *mediaserver.CallEvent) {
	c.session(&e.SessionInfo)
	enum(c, "event", &e.Event, eventTable)
	if e.Event == 0 {
		c.fail("event", "missing")
	}
	c.text("participantId", &e.ParticipantID)
	c.text("user", &e.User)
	c.text("connectionId", &e.ConnectionID)
	c.text("replyId", &e.ReplyID)
	c.cause(&e.Reason, &e.Err)
}

// noticeTable has the events of callNotify. Failed has several, by its cause; the first one is for those without one of their own.
var noticeTable = []struct {
	name  string
	kind  mediaserver.NoticeKind
	cause bridge.Cause // of Failed
}{
	{"ringing", mediaserver.Ringing, 0},
	{"failed", mediaserver.Failed, 0},
	{"busy", mediaserver.Failed, bridge.Busy},
	{"noAnswer", mediaserver.Failed, bridge.NoAnswer},
	{"rejected", mediaserver.Failed, bridge.Declined},
	{"conferenceJoined", mediaserver.ConferenceJoined, 0},
	{"conferenceLeft", mediaserver.ConferenceLeft, 0},
	{"monitorConnected", mediaserver.MonitorConnected, 0},
	{"monitorDisconnected", mediaserver.MonitorDisconnected, 0},
}

func (c *coder) notice(name Callback, n *mediaserver.Notice) {
	c.session(&n.SessionInfo)
	c.text("replyId", &n.ReplyID)
	c.text("connectionId", &n.ConnectionID)
	switch name {
	case CallAnswered:
		n.Kind = mediaserver.Answered
		c.text("callerParticipantId", &n.CallerID)
		c.text("calleeParticipantId", &n.CalleeID)
	case SessionCompleted:
		n.Kind = mediaserver.SessionCompleted
		c.duration("sessionDuration", &n.Duration)
	case RecordingReady:
		n.Kind = mediaserver.RecordingReady
		c.alias("filename", "fileName")
		c.text("filename", &n.Filename)
		c.duration("duration", &n.Duration)
		c.flag("truncated", &n.Truncated)
	default:
		c.event(n)
		c.text("participantId", &n.ParticipantID)
		c.text("user", &n.User)
		c.cause(&n.Cause, &n.Err)
	}
}

// event is what a callNotify tells of.
func (c *coder) event(n *mediaserver.Notice) {
	event := ""
	for _, row := range noticeTable {
		if row.kind == n.Kind && (row.cause == 0 || row.cause == n.Cause) {
			event = row.name
		}
	}
	c.need("event", &event)
	if !c.reading() {
		return
	}
	for _, row := range noticeTable {
		if row.name == event {
			n.Kind, n.Cause = row.kind, row.cause
		}
	}
}

// reasonTable has the words for causes. Normal is none, or "normal".
var reasonTable = []word[bridge.Cause]{
	{"busy", bridge.Busy},
	{"noAnswer", bridge.NoAnswer},
	{"rejected", bridge.Declined},
	{"cancelled", bridge.Cancelled},
	{"elsewhere", bridge.Elsewhere},
	{"notFound", bridge.NotFound},
	{"unreachable", bridge.Unreachable},
	{"forbidden", bridge.Forbidden},
	{"overload", bridge.Overload},
	{"media", bridge.Media},
	{"error", bridge.Internal},
	{"normal", bridge.Normal},
}

// cause is why somebody has left, and the SIP status of it.
func (c *coder) cause(p *bridge.Cause, err *error) {
	var reason string
	for _, w := range reasonTable {
		if w.value == *p && *p != bridge.Normal {
			reason = w.name
		}
	}
	c.text("reason", &reason)
	status := 0
	if e, ok := errors.AsType[interface {
		error
		SIPStatus() int
	}](*err); ok {
		status = e.SIPStatus()
	}
	if status < minStatus && !c.reading() {
		status = 0 // it says of a leg that ended as calls do that its request succeeded
	}
	c.whole("sipCode", &status, maxStatus)
	if !c.reading() {
		return
	}
	if status >= minStatus {
		*err = &SIPError{Status: status}
	}
	if reason == "" {
		return
	}
	*p = bridge.Internal // a word that is not known here
	for _, w := range reasonTable {
		if w.name == reason {
			*p = w.value
		}
	}
}

// The statuses of SIP that say why something failed are from minStatus to maxStatus.
const (
	minStatus = 300
	maxStatus = 699
)
