package media

import (
	"fmt"
	"strconv"
	"time"
)

// Silence says why nothing is heard of a stream's far side, or why nothing goes out to it. It is found from what is agreed and from what
// has come and gone since the last packet that counted, whenever Stats is asked.
type Silence uint8

// The causes of silence. Each is the one that stands first in the way.
const (
	NotSilent       Silence = iota // all is well
	SilentUnused                   // the kind of media is not agreed on
	SilentHeld                     // the agreed direction lets nothing pass
	SilentGated                    // Stream.Gate lets nothing pass
	SilentNoPath                   // ICE has found no path to the far side, or lost it
	SilentNoAddress                // out: the far side has not said where to send
	SilentNoKeys                   // there are no keys yet
	SilentNothing                  // nothing has come, or been written, so far
	SilentStopped                  // it has come, or been written, and has stopped: see Last
	SilentLost                     // one side sends, as RTCP reports say, and nothing arrives at the other
	SilentUnknown                  // in: what comes has payload types that are not agreed on
	SilentReplayed                 // in: what comes has come before
	SilentBad                      // in: what comes is malformed, or the far side's keys do not prove it
	SilentElsewhere                // in: what comes is from another address than the far side's, and not believed
	SilentConstant                 // in: every packet carries the same bytes, as of a microphone that is off
	SilentMismatch                 // out: the far side does not take the codec of what is written
	SilentRefused                  // out: the operating system refuses to send
)

// String says it for people.
func (s Silence) String() string {
	names := [...]string{
		"not silent", "not agreed on", "held", "gate closed", "no path to the far side", "no address of the far side", "no keys yet", "nothing yet",
		"stopped", "lost on the way", "payload types that are not agreed on", "replayed packets alone", "packets that are not authentic",
		"comes from an address that is not believed", "the same bytes over and over", "codec that the far side does not take",
		"refused by the operating system",
	}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown(" + strconv.Itoa(int(s)) + ")"
}

// A SilentError is what OpenOptions.Failed is told when nothing has been heard of the far side for too long.
type SilentError struct {
	Kind Kind          // of the stream that was waited for
	Why  Silence       // why nothing is heard of it
	For  time.Duration // since the last sign of life, or since the first was due
}

// Error implements error.
func (e *SilentError) Error() string {
	return fmt.Sprintf("media: no %v for %v: %v", e.Kind, e.For.Round(time.Second), e.Why)
}
