package callback

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/alexacall/alexacall/internal/peertext"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// Why a callback was not sent. They are in the chain of an *Error.
var (
	ErrDown = errors.New("the host has failed too often") // a moment ago
	ErrFull = errors.New("too many callbacks wait for the host")
)

// maxError is how much of Err is repeated, in bytes: a host that does not speak HTTP is quoted in it.
const maxError = 256

// An Error says why a callback has not been answered. It holds nothing of its body, of the answer, or of the URL but the host.
type Error struct {
	Callback wire.Callback
	Host     string // and port, if the URL has one
	Status   int    // of the answer; 0: there was none, or a 200 that could not be used
	// Err is the network's, a *wire.Error for an answer that could not be used, ErrDown, ErrFull, or what ended the context; may be nil.
	Err error
}

// Error returns the facts in one line.
func (e *Error) Error() string {
	s := "callback: " + string(e.Callback) + " at " + e.Host
	if e.Status != 0 {
		s += ": status " + strconv.Itoa(e.Status)
	}
	if e.Err != nil {
		s += ": " + peertext.Printable(e.Err.Error(), maxError)
	}
	return s
}

// Is reports whether target is mediaserver.ErrOverload and the application has answered that it has failed: 500 or more.
func (e *Error) Is(target error) bool {
	return target == mediaserver.ErrOverload && e.Status >= http.StatusInternalServerError
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }
