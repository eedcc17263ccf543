package wire

import "github.com/alexacall/alexacall/mediaserver"

// An Operation is the name of an operation of the REST interface: the last part of its path.
type Operation string

// The operations that have a body.
const (
	PlaceIVRCall               Operation = "placeivrcall"
	SplitConnection            Operation = "splitconnection"
	Connect                    Operation = "connect"
	CreateConferenceConnection Operation = "createconferenceconnection"
	HangupParticipant          Operation = "hangupparticipant"
	StartRecording             Operation = "startrecording"
	StopRecording              Operation = "stoprecording"
)

// A Request is the body of an operation. Which fields are set follows from the operation; those without which it cannot be carried out
// are there.
type Request struct {
	mediaserver.Destination        // of PlaceIVRCall; its From is callerId too
	Reference               string // of PlaceIVRCall: sessionReferenceId

	SessionID         string // of CreateConferenceConnection, Connect and HangupParticipant; optional
	ConnectionID      string // of SplitConnection and the two of recordings
	ParticipantID     string // of HangupParticipant and Connect, which makes it the caller
	PeerParticipantID string // of Connect
	Filename          string // of StartRecording; optional
	ReplyID           string // of all but PlaceIVRCall; of CreateConferenceConnection optional, where SessionID is not there
}

// AppendRequest appends the body of an operation.
func AppendRequest(b []byte, op Operation, r *Request) ([]byte, error) {
	v := *r
	return write(b, func(c *coder) { c.request(op, &v) })
}

// ParseRequest parses the body of an operation.
func ParseRequest(op Operation, data []byte) (r *Request, unknown []string, err error) {
	return parsed(data, func(c *coder, r *Request) { c.request(op, r) })
}

func (c *coder) request(op Operation, r *Request) {
	switch op {
	case PlaceIVRCall:
		c.alias("sipFrom", "callerId")
		c.destination(&r.Destination)
		c.text("sessionReferenceId", &r.Reference)
		return
	case SplitConnection, StopRecording:
		c.need("connectionId", &r.ConnectionID)
	case StartRecording:
		c.need("connectionId", &r.ConnectionID)
		c.alias("filename", "fileName")
		c.text("filename", &r.Filename)
	case Connect:
		c.need("participantId", &r.ParticipantID)
		c.need("peerParticipantId", &r.PeerParticipantID)
		c.text("sessionId", &r.SessionID)
	case CreateConferenceConnection: // without either it is for whoever joins first
		c.text("sessionId", &r.SessionID)
		if r.SessionID == "" {
			c.text("replyId", &r.ReplyID)
			return
		}
	case HangupParticipant:
		c.need("participantId", &r.ParticipantID)
		c.text("sessionId", &r.SessionID)
	default:
		c.fail("", "unknown operation")
	}
	c.need("replyId", &r.ReplyID)
}

// An Answer is the answer to an operation.
type Answer struct {
	Success bool
	Reason  string // why not

	SessionID, ParticipantID, ReplyID string // of PlaceIVRCall
	ConnectionID                      string // of CreateConferenceConnection

	Numbers  []string  // of a GET of ivrfallback
	Fallback *Fallback // of a GET of ivrfallback/{number}
}

// AppendAnswer appends an answer. Numbers that are not nil are written though there are none.
func AppendAnswer(b []byte, a *Answer) ([]byte, error) {
	v := *a
	return write(b, func(c *coder) { c.restAnswer(&v) })
}

// ParseAnswer parses an answer.
func ParseAnswer(data []byte) (a *Answer, unknown []string, err error) {
	return parsed(data, (*coder).restAnswer)
}

func (c *coder) restAnswer(a *Answer) {
	if c.reading() {
		c.flag("success", &a.Success)
	} else {
		c.put("success", a.Success)
	}
	c.text("reason", &a.Reason)
	c.text("sessionId", &a.SessionID)
	c.text("participantId", &a.ParticipantID)
	c.text("replyId", &a.ReplyID)
	c.text("connectionId", &a.ConnectionID)
	if _, ok := c.members["data"].(map[string]any); ok || a.Fallback != nil {
		object(c, "data", &a.Fallback, func(c *coder, f *Fallback) { c.fallback(f, true) })
		return
	}
	c.numbers(&a.Numbers)
}

// numbers are the keys of the fallbacks.
func (c *coder) numbers(p *[]string) {
	if !c.reading() {
		if *p != nil {
			c.put("data", *p)
		}
		return
	}
	v, ok := c.take("data")
	if !ok {
		return
	}
	raw, ok := v.([]any)
	if !ok {
		c.fail("data", "not an array")
		return
	}
	*p = []string{}
	for _, v := range raw {
		s, _ := c.string("data", v, MaxString)
		*p = append(*p, s)
	}
}
