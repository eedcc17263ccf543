package mediaserver

import (
	"context"
	"errors"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// ErrOverload is in the chain of the error of an Application that is there and cannot decide now. A call that has not been answered is refused
// for bridge.Overload then, and not as unreachable.
var ErrOverload = errors.New("mediaserver: the application cannot decide now")

// An Application decides what becomes of the calls of a Server. Its methods are called from many goroutines at once, for one call too: the two
// sides of a connection that was split are asked about independently. An answer that comes after what it is about has ended is dropped.
//
// A method that returns an error has decided nothing: a call that comes in is refused (see ErrOverload), anybody else is hung up. So is what
// takes longer than Server.DecideFor, which ends ctx.
type Application interface {
	// NewCall says what becomes of a call that has come in. It may Drop, Call or talk to an IVR.
	NewCall(ctx context.Context, e *NewCall) (*Action, error)
	// IVRCommand says what an IVR does next: when its connection has been made, and after each command until one that leaves.
	IVRCommand(ctx context.Context, e *IVRRequest) (*Command, error)
	// CallEvent says what becomes of a participant whose connection has ended.
	CallEvent(ctx context.Context, e *CallEvent) (*Action, error)
	// Notify tells what has happened. The notices of a session come one after the other and in order; what is asked after a notice waits for
	// it to be taken, for a second at most.
	Notify(ctx context.Context, n *Notice)
}

// SessionInfo is what everything that an Application is told has in common.
type SessionInfo struct {
	Domain    string // Server.Domain
	SessionID string
	Reference string // CallOptions.Reference of the call that began the session; sessionReferenceId in the callbacks
}

// A NewCall is a call that has come in and has not been answered.
type NewCall struct {
	SessionInfo
	ParticipantID string
	ReplyID       string // stands for the participant
	CallID        string // of SIP; empty for other protocols
	From, To      bridge.Party
	Attr          map[string]string // that travels with the call, see bridge.Info
}

// An IVRRequest asks what an IVR is to do.
type IVRRequest struct {
	SessionInfo
	ConnectionID  string
	ParticipantID string // of whom the IVR talks to
	ReplyID       string // stands for the connection
	User          string // of whom the IVR talks to, as in CallEvent
	Called        string // the user part of the number or URI that was dialled at the beginning of the session: what stored fallbacks go by
	// What came of the command before; nil if it asked for none.
	Digits *DigitsResult
	Record *RecordResult
	// Failed are the phrases of the command before that could not be played, in order; nil: all were.
	Failed []PhraseError
}

// EventKind is what a CallEvent tells of.
type EventKind uint8

// The events of connections. Whose fate is asked for follows from them: that of who is left.
const (
	CallingPartyDrop      EventKind = iota + 1 // the caller has left
	CalledPartyDrop                            // the called party has left, or has not answered; or the IVR has left
	CallerConnectionSplit                      // the connection was split, and this is about its caller
	CalleeConnectionSplit                      // the connection was split, and this is about its called party
)

// A CallEvent asks what becomes of a participant whose connection has ended.
type CallEvent struct {
	SessionInfo
	Event         EventKind
	ParticipantID string // whose fate is asked for
	User          string // the user part of its URI; empty for an IVR
	ConnectionID  string // that has ended
	ReplyID       string // stands for this question; goes into an Action that connects
	Reason        bridge.Cause
	Err           error // how the other side's leg ended, if it did: the chain holds the protocol's own error
}

// NoticeKind is what a Notice tells of.
type NoticeKind uint8

// What Notify tells of.
const (
	Ringing             NoticeKind = iota + 1 // a participant that is called
	Answered                                  // a connection is made, with an IVR too: callAnswered
	Failed                                    // a participant that was called has not answered; Cause says why
	ConferenceJoined                          // a participant is heard in a conference
	ConferenceLeft                            // a participant is in a conference no more
	MonitorConnected                          // somebody listens from now on
	MonitorDisconnected                       // somebody listens no more, or could not be called; Cause says why
	SessionCompleted                          // all participants have left: the last but for recordings
	RecordingReady                            // a recording is in the prompt store
)

// A Notice tells what has happened. Which fields are set follows from Kind.
type Notice struct {
	SessionInfo
	Kind          NoticeKind
	ReplyID       string       // stands for the connection, or else the participant
	ParticipantID string       // Ringing, Failed, conferences and monitors
	User          string       // of the participant
	Cause         bridge.Cause // Failed, MonitorDisconnected
	Err           error        // Failed: how the leg ended
	ConnectionID  string       // Ringing, Failed, Answered, conferences, RecordingReady
	CallerID      string       // Answered: the participant on the caller's side
	CalleeID      string       // Answered: the participant on the called side
	Duration      time.Duration
	Filename      string // RecordingReady: under which the recording is in the prompt store; empty if it is not there
	Truncated     bool   // RecordingReady: the file lacks the end, or is not there, because the disk was full or has failed
}
