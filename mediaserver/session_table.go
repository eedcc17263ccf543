package mediaserver

// ending is how a pair of parties comes to its end.
type ending uint8

const (
	callerLeft ending = iota
	calleeLeft        // or was not reached, or was an IVR that has left
	pairSplit
)

// A question is whom an ending has the application asked about, and by which event.
type asking struct {
	caller bool // about the caller of the pair; else its callee
	event  EventKind
}

// endingTable says what is asked at the end of a pair (iotcomms.md 3.4): about who is left. An IVR is asked about too, without a user; whatever
// is answered, it leaves. Nobody is asked about a called party that is not up yet: its call is withdrawn. What else ends without a question is
// the old link of who is connected elsewhere, and a seat in a conference.
var endingTable = [...][]asking{
	callerLeft: {{caller: false, event: CallingPartyDrop}},
	calleeLeft: {{caller: true, event: CalledPartyDrop}},
	pairSplit:  {{caller: true, event: CallerConnectionSplit}, {caller: false, event: CalleeConnectionSplit}},
}
