package provision

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexacall/alexacall/internal/peertext"
)

const (
	maxErrorText = 256 // bytes of Alexa's text that an Error repeats
	maxID        = 512 // bytes of an id
	maxName      = 256 // bytes of a name
	minSecret    = 3   // bytes of what is kept out of an error's text
)

// An Error says why a call failed. It holds no token, id, name or number.
//
// Of the statuses Amazon documents 400 for what is malformed, 401, 403 for a token without the scope, 404, 409, 429, 500 and 503.
type Error struct {
	Op         string        // what was to be done, for people: "create a profile"
	Method     string        // of HTTP
	Status     int           // of the last try; 0 when it had no answer
	Message    string        // what Alexa said, with control characters and what was sent removed; may be empty
	RequestID  string        // X-Amzn-RequestId, which Amazon asks for when something is wrong; may be empty
	RetryAfter time.Duration // how long Alexa asked to wait; 0: it did not
	Uncertain  bool          // Alexa may have acted on the call all the same
	Err        error         // the network's, the token source's, the context's, or what is wrong with the answer; may be nil
}

// Error returns the facts in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "provision: cannot %s:", e.Op)
	if e.Status != 0 {
		fmt.Fprintf(&b, " status %d", e.Status)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, " (%s)", e.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " request %s", e.RequestID)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " %v", e.Err)
	}
	return b.String()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error whose Status and Op, where they are set, equal those of e, as in
// errors.Is(err, &provision.Error{Status: 404}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && (t.Status == 0 || t.Status == e.Status) && (t.Op == "" || t.Op == e.Op)
}

// Retryable reports whether the same call may succeed later: there was no answer, no token for now, too many requests, or a fault of
// Alexa's. What Alexa has refused stays refused.
func (e *Error) Retryable() bool {
	switch {
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooManyRequests:
		return true
	case e.Status >= 200 && e.Status < 300: // the answer broke off, unless it came and is of no use
		_, useless := errors.AsType[answerError](e.Err)
		return !useless
	case e.Status != 0:
		return e.Status >= 500
	}
	if _, ok := errors.AsType[notSent](e.Err); ok {
		return false
	}
	if r, ok := errors.AsType[interface {
		error
		Retryable() bool
	}](e.Err); ok {
		return r.Retryable()
	}
	return true
}

// cutBy notes that the context ended the call, beside what went wrong before.
func (e *Error) cutBy(cause error) *Error {
	if e.Err == nil {
		e.Err = cause
	} else {
		e.Err = fmt.Errorf("%w, after %w", cause, e.Err)
	}
	return e
}

// An answerError says what is wrong with an answer that came.
type answerError struct{ text string }

func (e answerError) Error() string { return e.text }

// readError makes an Error of an answer that is not 2xx to a request with that body.
func readError(resp *http.Response, sent []byte) *Error {
	e := &Error{
		Status:     resp.StatusCode,
		RequestID:  requestID(resp),
		RetryAfter: peertext.RetryAfter(resp.Header.Get("Retry-After"), time.Now()),
		Uncertain:  resp.StatusCode >= 500 || resp.StatusCode == http.StatusRequestTimeout,
	}
	// Half an error body is as good as none: the status decides.
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxDrained))
	var body struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(data, &body) == nil {
		e.Message = peertext.Printable(mask(body.Message, sent), maxErrorText)
	}
	return e
}

func requestID(resp *http.Response) string {
	return peertext.Printable(resp.Header.Get("X-Amzn-RequestId"), maxErrorText)
}

// mask removes from Alexa's text what it may have quoted of a body: ids, names, numbers.
func mask(text string, sent []byte) string {
	var body any
	if json.Unmarshal(sent, &body) != nil {
		return text
	}
	return peertext.Redact(text, texts(body, nil))
}

// texts appends the strings in a JSON value that say something.
func texts(v any, to []string) []string {
	switch v := v.(type) {
	case string:
		if len(v) >= minSecret {
			to = append(to, v)
		}
	case []any:
		for _, x := range v {
			to = texts(x, to)
		}
	case map[string]any:
		for _, x := range v {
			to = texts(x, to)
		}
	}
	return to
}

// checkID checks an id that is to become part of a URL or a body.
func checkID(s string) error {
	if s == "." || s == ".." {
		return errors.New("an id of dots")
	}
	return checkText("an id", s, maxID)
}

// checkText checks a text that is sent.
func checkText(what, s string, limit int) error {
	switch {
	case s == "":
		return errors.New(what + " is missing")
	case len(s) > limit:
		return fmt.Errorf("%s has more than %d bytes", what, limit)
	case !utf8.ValidString(s):
		return errors.New(what + " is not UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New(what + " has control characters")
	}
	return nil
}

// first returns the first error that is one.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
