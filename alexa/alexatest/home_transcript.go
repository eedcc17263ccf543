package alexatest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// HomeKind says what a message of a [Home] is.
type HomeKind string

const (
	// KindDirective marks a directive to the skill.
	KindDirective HomeKind = "directive"
	// KindAnswer marks the event with which the skill answered a directive.
	KindAnswer HomeKind = "answer"
	// KindEvent marks an event that the skill posted to the gateway.
	KindEvent HomeKind = "event"
)

// HomeEntry is one message of a home's transcript.
type HomeEntry struct {
	// At is the time since NewHome.
	At time.Duration
	// Kind says who sent it, and how.
	Kind HomeKind
	// Name is header.name, such as InitiateSessionWithOffer or ErrorResponse; empty for what could not be read.
	Name string
	// EndpointID, SessionID and MessageID are those of the message. The answer to an offer is given the session of the offer.
	EndpointID, SessionID, MessageID string
	// Took is the time from a directive to its answer.
	Took time.Duration
	// Status is the HTTP status with which the gateway answered an event; 0 for one that got no answer, and for other messages.
	Status int
	// Error is the type of an ErrorResponse.
	Error string
	// SDP is what a description says of each m-section, as in [Entry].SDP; nil without a description.
	SDP []string
}

// Summary returns what the message says, on one line: no time, no id and nothing that is random, so that the summaries of a session that
// goes the same way are the same.
func (e HomeEntry) Summary() string {
	words := []string{string(e.Kind), e.Name}
	if e.Error != "" {
		words = append(words, e.Error)
	}
	if e.Kind == KindEvent {
		words = append(words, strconv.Itoa(e.Status))
	}
	if e.SDP != nil {
		words = append(words, "["+strings.Join(e.SDP, ", ")+"]")
	}
	return strings.Join(words, " ")
}

// String returns the entry as one line.
func (e HomeEntry) String() string {
	s := fmt.Sprintf("%9.1f ms  %-9s  %s  %s  %s", float64(e.At)/float64(time.Millisecond), e.Kind, e.Name, e.EndpointID, e.SessionID)
	if e.Error != "" {
		s += "  " + e.Error
	}
	if e.Status != 0 {
		s += "  " + strconv.Itoa(e.Status)
	}
	return s
}

// sectionsOf describes the m-sections of a description; nil for none.
func sectionsOf(sdp string) []string {
	if sdp == "" || len(sdp) > maxSDP {
		return nil
	}
	sections, _ := summary(sdp)
	return sections
}

// Transcript returns the messages so far, oldest first: at most the latest 100,000. A directive that a fault delivers twice stands there
// twice, and so does its answer.
func (h *Home) Transcript() []HomeEntry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.entries)
}

// Violations returns everything that the skill did against the interface: answers that break the documented schema, that are not the
// directive's or come too late, SDP that does not fit its offer, events at the gateway that break the schema, that name another token or
// a device that was not described. A correct skill leaves it empty. Tokens and SDP do not appear in the texts. At most the latest 10,000
// are kept.
func (h *Home) Violations() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.violations)
}

// Report has a test fail for each violation. t is a *testing.T or the like.
func (h *Home) Report(t interface {
	Helper()
	Errorf(format string, args ...any)
},
) {
	t.Helper()
	for _, v := range h.Violations() {
		t.Errorf("violation: %s", v)
	}
}

// record appends to the transcript and tells OnMessage, without holding the lock.
func (h *Home) record(e HomeEntry) {
	e.At = time.Since(h.start)
	h.mu.Lock()
	if len(h.entries) >= maxEntries {
		h.entries = slices.Clone(h.entries[maxEntries/2:])
	}
	h.entries = append(h.entries, e)
	h.mu.Unlock()
	h.log.Debug("message", "kind", string(e.Kind), "name", e.Name, "endpoint", e.EndpointID, "session", e.SessionID, "status", e.Status)
	if h.opts.OnMessage != nil {
		h.opts.OnMessage(e)
	}
}

// violate notes what the skill did wrong.
func (h *Home) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	h.mu.Lock()
	if len(h.violations) >= maxViolations {
		h.violations = slices.Clone(h.violations[maxViolations/2:])
	}
	h.violations = append(h.violations, text)
	h.mu.Unlock()
	h.log.Warn("violation", "what", text)
}
