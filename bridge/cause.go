package bridge

import (
	"errors"
	"strconv"
	"strings"
)

// A Cause says why a leg ended, in the one vocabulary that all protocols are mapped to. It is not an error, so that it cannot be
// returned without saying who ended: see EndError.
type Cause uint8

// The causes.
const (
	Normal      Cause = iota // hung up
	Busy                     // the called party is busy
	NoAnswer                 // nobody answered in time
	Declined                 // the called party does not want the call
	Cancelled                // the caller gave up before an answer
	Elsewhere                // another device of the called party answered
	NotFound                 // there is no such party
	Unreachable              // the party cannot be reached now
	Forbidden                // not allowed
	Overload                 // too much to do, here or there
	Media                    // no agreement on media, or no media
	Internal                 // a fault
)

// String returns the name of c.
func (c Cause) String() string {
	return nameOf(int(c), "normal", "busy", "no answer", "declined", "cancelled", "answered elsewhere", "not found", "unreachable",
		"forbidden", "overload", "media", "internal")
}

// An EndError says how a leg ended.
type EndError struct {
	Cause  Cause
	Remote bool  // the far side ended it
	Err    error // what led to it, such as a protocol's own error; may be nil
}

func (e *EndError) Error() string {
	var b strings.Builder
	b.WriteString("bridge: ended: " + e.Cause.String())
	if e.Remote {
		b.WriteString(" by the far side")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns what led to the end.
func (e *EndError) Unwrap() error { return e.Err }

// CauseOf returns the cause in err's chain: Normal for nil, that of an *EndError, Internal for any other error.
func CauseOf(err error) Cause {
	if err == nil {
		return Normal
	}
	if end, ok := errors.AsType[*EndError](err); ok {
		return end.Cause
	}
	return Internal
}

func nameOf(i int, names ...string) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown(" + strconv.Itoa(i) + ")"
}
