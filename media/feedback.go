package media

import (
	"strconv"
	"strings"
)

// Feedback is a set of the RTCP feedback messages that two sides take from each other (RFC 4585 section 4).
type Feedback uint8

// The feedback messages, as bits.
const (
	NACK        Feedback = 1 << iota // lost packets (RFC 4585 section 6.2.1)
	PLI                              // a key frame, please: picture loss (RFC 4585 section 6.3.1)
	FIR                              // a key frame, please: full intra request (RFC 5104 section 4.3.1)
	REMB                             // the receiver's estimate of the bandwidth (draft-alvestrand-rmcat-remb)
	TransportCC                      // transport-wide congestion control; needs its header extension
)

// allFeedback is what WebRTC's browsers have.
const allFeedback = NACK | PLI | FIR | REMB | TransportCC

// feedbackTable names the values of a=rtcp-fb.
var feedbackTable = [...]struct {
	is   Feedback
	text string
}{
	{NACK, "nack"},
	{PLI, "nack pli"},
	{FIR, "ccm fir"},
	{REMB, "goog-remb"},
	{TransportCC, "transport-cc"},
}

// Has reports whether every message of g is in f.
func (f Feedback) Has(g Feedback) bool { return f&g == g }

// String returns f in a form for people, such as "nack, ccm fir".
func (f Feedback) String() string { return strings.Join(f.values(), ", ") }

// values returns the a=rtcp-fb values of f.
func (f Feedback) values() []string {
	var vs []string
	for _, row := range feedbackTable {
		if f.Has(row.is) {
			vs = append(vs, row.text)
		}
	}
	return vs
}

// union returns what is in any of some sets.
func union(sets []Feedback) Feedback {
	var all Feedback
	for _, f := range sets {
		all |= f
	}
	return all
}

// feedback returns what m names for a format.
func (m *sdpSection) feedback(format uint8) Feedback {
	var all Feedback
	for _, v := range m.values("rtcp-fb") {
		number, text, _ := strings.Cut(v, " ")
		n, err := strconv.ParseUint(number, 10, 7)
		if number != "*" && (err != nil || uint8(n) != format) {
			continue
		}
		text = strings.Join(strings.Fields(text), " ")
		for _, row := range feedbackTable {
			if strings.EqualFold(row.text, text) {
				all |= row.is
			}
		}
	}
	return all
}
