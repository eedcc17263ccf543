package polly

import (
	"errors"
	"fmt"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/alexacall/alexacall/internal/peertext"
	"github.com/alexacall/alexacall/mediaserver"
)

// maxText is how many bytes of Polly's text an Error repeats.
const maxText = 256

// An Error says why Polly has not spoken. It does not repeat what was to be spoken.
type Error struct {
	Status    int    // of HTTP; 0: there was no answer, or what came could not be played
	Code      string // by Polly's name, such as "InvalidSsmlException"; empty if it names none
	Message   string // Polly's, in one line; may be empty
	RequestID string // Amazon's; may be empty
	Err       error  // of the connection, of the context or of package audio; nil where Polly has answered with an error
}

// Error returns the facts in one line.
func (e *Error) Error() string {
	s := "polly"
	if e.Status != 0 {
		s += fmt.Sprintf(": status %d", e.Status)
	}
	if e.Code != "" {
		s += ": " + e.Code
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.RequestID != "" {
		s += ": request " + e.RequestID
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// newError makes an Error of one of the SDK's, which quotes what Polly has been asked for.
func newError(err error, s *mediaserver.Speech) *Error {
	e := &Error{}
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		e.Status, e.RequestID = r.HTTPStatusCode(), peertext.Printable(r.RequestID, maxText)
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		e.Err = err
		return e
	}
	e.Code = peertext.Printable(api.ErrorCode(), maxText)
	e.Message = peertext.Printable(peertext.Redact(api.ErrorMessage(), []string{s.Text}), maxText)
	return e
}
