package mediaserver

import "errors"

// Why a request about a call in progress is refused, beside bridge.ErrDraining. They are in the chain of its error.
var (
	ErrNotFound = errors.New("mediaserver: no such session, participant or connection")
	ErrReply    = errors.New("mediaserver: the reply id is forged, stale, or of another thing")
	ErrState    = errors.New("mediaserver: not possible now")
	ErrFull     = errors.New("mediaserver: no more calls")
)

// CallOptions says whom Server.Place calls.
type CallOptions struct {
	Destination
	Reference string // comes back as SessionInfo.Reference in all that the application is told of the session
}

// Placed is a call that has been placed. Nobody has answered it yet.
type Placed struct {
	SessionID     string
	ParticipantID string // of who is called
	ReplyID       string // stands for that participant
}
