package googletts

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/alexacall/alexacall/internal/peertext"
	"github.com/alexacall/alexacall/mediaserver"
)

// maxText is how many bytes of Google's text an Error repeats.
const maxText = 256

// An Error says why Google has not spoken. It does not repeat what was to be spoken.
type Error struct {
	Status  int    // of HTTP; 0: there was no answer, or what came could not be played
	Code    string // by Google's name, such as "INVALID_ARGUMENT"; empty if it names none
	Message string // Google's, in one line; may be empty
	Err     error  // of the connection, of the token source, of the context or of package audio; nil where Google has answered with an error
}

// Error returns the facts in one line.
func (e *Error) Error() string {
	s := "googletts"
	if e.Status != 0 {
		s += fmt.Sprintf(": status %d", e.Status)
	}
	if e.Code != "" {
		s += ": " + e.Code
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// readError makes an Error of an answer that is not 200.
func readError(resp *http.Response, s *mediaserver.Speech) *Error {
	e := &Error{Status: resp.StatusCode}
	var body struct {
		Error struct{ Message, Status string }
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorAnswer))
	if err == nil && json.Unmarshal(text, &body) == nil {
		e.Code = peertext.Printable(body.Error.Status, maxText)
		e.Message = peertext.Printable(peertext.Redact(body.Error.Message, []string{s.Text}), maxText)
	}
	return e
}
