package mediaserver

import (
	"strings"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// ActionKind is what an Action does.
type ActionKind uint8

// The actions, by the names of the callbacks: drop, call, ivr, connect, joinconferenceconnection.
const (
	Drop           ActionKind = iota + 1 // hang up
	Call                                 // call somebody, and connect the two
	IVR                                  // talk to an IVR
	Connect                              // connect with another participant of the session
	JoinConference                       // take a seat in a conference
)

// An Action is what an Application decides about a participant.
type Action struct {
	Kind ActionKind
	// Reject is why a call that has not been answered is refused by Drop. Normal: Declined, or how the called party ended, where one was called.
	Reject bridge.Cause

	// Of Call:
	Destination
	Record      bool   // record the connection
	Filename    string // of the recording; see PromptStore for what a name may be
	Monitor     string // call this address when the connection is made, and have it hear everybody and be heard by nobody
	DelayAnswer bool   // of NewCall: answer the caller when the called party does, not at once

	// Of Connect: the participant to connect with, which becomes the caller of the connection, and the ReplyID of the CallEvent.
	ParticipantID, ReplyID string
	// Of JoinConference: the conference.
	ConnectionID string
}

// A Destination says who is called, and how. What it says beyond the address, the time and From is of a protocol: Server.DialerFor carries it
// out. Of SIP, sip.CallOptions has a place for all but To and the two of the Contact.
type Destination struct {
	Addr    string        // URI or number, as the Dialer reads it: sip.Agent reads SIP URIs alone
	MaxRing time.Duration // how long it may ring; 0: Server.RingFor

	From, To, AssertedIdentity, RemotePartyID, Diversion string // in place of those that the call would have; see PartyOf
	Headers                                              map[string]string
	ContactParams, ContactUserParams                     map[string]string
	// CopyHeaders are names of header fields of the call that came in, which go into Headers too, where its leg has them (sip.Leg.Headers).
	CopyHeaders []string
}

// copied returns d with what is to be copied of a call that came in.
func (d Destination) copied(in bridge.Leg) Destination {
	has, ok := in.(interface{ Headers() map[string]string })
	if !ok || len(d.CopyHeaders) == 0 {
		return d
	}
	said := map[string]bool{}
	headers := map[string]string{}
	for name, value := range d.Headers {
		said[strings.ToLower(name)] = true
		headers[name] = value
	}
	from := has.Headers()
	for _, name := range d.CopyHeaders {
		name = strings.ToLower(name)
		if value, ok := from[name]; ok && !said[name] {
			headers[name] = value
		}
	}
	d.Headers = headers
	return d
}

// plain reports whether d says no more than the address and the time.
func (d *Destination) plain() bool {
	return d.From == "" && d.To == "" && d.AssertedIdentity == "" && d.RemotePartyID == "" && d.Diversion == "" &&
		len(d.Headers)+len(d.ContactParams)+len(d.ContactUserParams)+len(d.CopyHeaders) == 0
}

// PartyOf returns the party that one of a Destination's identities names: a URI or a telephone number, which becomes a tel URI, also in angle
// brackets behind a name, as in a header field of SIP. What is behind the brackets is left out.
func PartyOf(text string) bridge.Party {
	p := bridge.Party{URI: strings.TrimSpace(text)}
	if i := strings.LastIndexByte(text, '<'); i >= 0 {
		p.URI, _, _ = strings.Cut(text[i+1:], ">")
		p.Name = strings.TrimSpace(text[:i])
	}
	if quoted, ok := strings.CutPrefix(p.Name, `"`); ok {
		p.Name = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(strings.TrimSuffix(quoted, `"`))
	}
	if digits := strings.TrimPrefix(p.URI, "+"); digits != "" && strings.Trim(digits, "0123456789*#") == "" {
		p.URI = "tel:" + p.URI
	}
	return p
}
