package alexatest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Direction says who sent a message.
type Direction string

const (
	// ToSkill marks an event that the cloud sent.
	ToSkill Direction = "alexa -> skill"
	// FromSkill marks a request that the cloud received.
	FromSkill Direction = "skill -> alexa"
)

// Entry is one message of the transcript.
type Entry struct {
	// At is the time since NewCloud: of sending for an event, of the decision for a request.
	At time.Duration
	// Direction says who sent it.
	Direction Direction
	// Type is the message type without the prefix "Alexa.Comms.CallSignaling.", the whole type when it has another prefix, and
	// empty for a request whose type could not be read.
	Type string
	// SessionID is the call's id as the message has it.
	SessionID string
	// Status is the HTTP status of the answer: the cloud's to a request, the skill's to an event. It is 0 for an event that has none
	// yet, or got none, and for a request whose answer a fault kept back.
	Status int
	// Code is callResult.code, and Renegotiation renegotiationType, of messages that have them.
	Code, Renegotiation string
	// SDPType is OFFER or ANSWER, and SDP what the description says of each m-section in use or not, without addresses and keys: kind,
	// direction and codecs, such as "audio sendrecv opus PCMU", or "video rejected". Both are empty for messages without SDP.
	SDPType string
	SDP     []string
	// ICE counts the ICE sessions of the sender in this call (RFC 8445, section 2.4): 1 at first, 2 after a restart, 0 without SDP.
	ICE int
}

// Summary returns what the message says, on one line: no time, no session and nothing that is random, so that the summaries of a call
// that goes the same way are the same. A message to the skill begins with "event", one from it with "POST".
func (e Entry) Summary() string {
	words := []string{"POST", e.Type}
	if e.Direction == ToSkill {
		words[0] = "event"
	}
	switch {
	case e.Status == 0:
		words = append(words, "unanswered")
	case e.Status/100 != 2:
		words = append(words, strconv.Itoa(e.Status))
	}
	for _, w := range []string{e.Code, e.Renegotiation, e.SDPType} {
		if w != "" {
			words = append(words, w)
		}
	}
	if e.SDPType == "" {
		return strings.Join(words, " ")
	}
	return fmt.Sprintf("%s [%s; ICE %d]", strings.Join(words, " "), strings.Join(e.SDP, ", "), e.ICE)
}

// String returns the entry as one line.
func (e Entry) String() string {
	s := fmt.Sprintf("%9.1f ms  %s  %s  %s", float64(e.At)/float64(time.Millisecond), e.Direction, e.Type, e.SessionID)
	if e.Status != 0 {
		s += fmt.Sprintf("  %d", e.Status)
	}
	return s
}

// Limits of what the cloud remembers, so that a soak test does not fill the memory: above it the older half is forgotten.
const (
	maxEntries    = 100_000
	maxViolations = 10_000
)

// Transcript returns the messages so far, oldest first: at most the latest 100,000. An event that answers a request stands behind it,
// but the skill's next request may stand between the two: compare each direction by itself.
func (c *Cloud) Transcript() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Entry, len(c.entries))
	for i, e := range c.entries {
		out[i] = *e
	}
	return out
}

// Violations returns everything that the skill did against the interface: messages with an unknown type, a missing property or
// a wrong value, an SDP that cannot work, an event that was not answered with 200 and a skill response, an Ack that did not come. A
// correct skill leaves it empty. Addresses, tokens and SDP do not appear in the texts. At most the latest 10,000 are kept.
func (c *Cloud) Violations() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.violations...)
}

// Report has a test fail for each violation. t is a *testing.T or the like.
func (c *Cloud) Report(t interface {
	Helper()
	Errorf(format string, args ...any)
},
) {
	t.Helper()
	for _, v := range c.Violations() {
		t.Errorf("violation: %s", v)
	}
}

// record appends to the transcript and tells OnMessage, without holding the lock. It returns what sets the status later on.
func (c *Cloud) record(d Direction, status int, n noted) (answered func(status int)) {
	name, sessionID := n.name, n.session
	e := Entry{
		At: time.Since(c.start), Direction: d, Type: name, SessionID: sessionID, Status: status, Code: n.code, Renegotiation: n.renegotiation,
	}
	c.mu.Lock()
	if n.sdp != "" {
		e.SDPType = n.sdpType
		var ufrag string
		if e.SDP, ufrag = summary(n.sdp); ufrag != "" {
			e.ICE = c.draws.know(sessionID).generation(d, ufrag)
		}
	}
	if len(c.entries) >= maxEntries {
		c.entries = append([]*Entry(nil), c.entries[maxEntries/2:]...)
	}
	kept := e
	c.entries = append(c.entries, &kept)
	c.mu.Unlock()
	c.log.Debug("message", "direction", string(d), "type", name, "session", sessionID, "status", status)
	if c.opts.OnMessage != nil {
		c.opts.OnMessage(e)
	}
	return func(status int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		kept.Status = status
	}
}

// violate notes what the skill did wrong.
func (c *Cloud) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.mu.Lock()
	if len(c.violations) >= maxViolations {
		c.violations = append([]string(nil), c.violations[maxViolations/2:]...)
	}
	c.violations = append(c.violations, text)
	c.mu.Unlock()
	c.log.Warn("violation", "what", text)
}
