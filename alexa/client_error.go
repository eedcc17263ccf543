package alexa

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/alexacall/alexacall/internal/peertext"
)

const (
	maxErrorText = 256 // the longest text of Alexa's that an Error repeats, in bytes
	maxErrorName = 64  // the longest name or id
)

// An Error says why Alexa did not take a message. It holds no token, number, name or
// SDP. Fault says in one value what kind of failure it is.
type Error struct {
	Type      MessageType // of the message that was sent
	Status    int         // HTTP status of the last try; 0 when it had no answer
	Exception string      // what Alexa calls the failure, if she names it; Amazon's names are not known, so decide by Fault
	Message   string      // what Alexa said, with control characters and secrets removed; may be empty
	RequestID string      // Amazon's id of the last try, for its support; may be empty

	RetryAfter time.Duration // how long Alexa asked to wait; 0: she did not

	// Uncertain says that Alexa may have acted on the message all the same: some try
	// ended in 5xx, or without an answer after it may have arrived. A call that was to be
	// started should then be ended.
	Uncertain bool

	// Err is the network's, the token source's, or the context's, or says that the
	// answer broke off; may be nil. With status 429 it may say that the message was not
	// even tried, because Alexa has asked the whole client to wait.
	Err error
}

// Error returns the facts in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "alexa: sending %.64s:", e.Type.String())
	if e.Status != 0 {
		fmt.Fprintf(&b, " status %d", e.Status)
	}
	if e.Exception != "" {
		fmt.Fprintf(&b, " %s", e.Exception)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, " (%s)", e.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " request %s", e.RequestID)
	}
	if e.Status == 0 {
		fmt.Fprintf(&b, " %s:", e.Fault())
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " %v", e.Err)
	}
	return b.String()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error whose Status and Type, where they are set,
// equal those of e, as in errors.Is(err, &alexa.Error{Status: 404}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && (t.Status == 0 || t.Status == e.Status) && (t.Type == "" || t.Type == e.Type)
}

// Retryable reports whether the same message may be taken later: there was no answer,
// no token for now, a conflict, too many requests, or a fault of Alexa's. What Alexa has
// refused stays refused.
func (e *Error) Retryable() bool {
	switch {
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusConflict, e.Status == http.StatusTooManyRequests:
		return true
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

// cutBy notes that the context ended the sending, beside what went wrong before.
func (e *Error) cutBy(cause error) *Error {
	switch {
	case e.Err == nil:
		e.Err = cut{cause}
	case errors.Is(e.Err, cause):
		e.Err = cut{e.Err}
	default:
		e.Err = fmt.Errorf("%w, after %w", cut{cause}, e.Err)
	}
	return e
}

// readError makes an Error of an answer that is not 2xx.
func readError(resp *http.Response, m *Message) *Error {
	e := &Error{
		Type:       m.Type,
		Status:     resp.StatusCode,
		Exception:  exceptionName(resp.Header.Get("X-Amzn-Errortype"), m),
		RequestID:  peertext.Printable(mask(resp.Header.Get("X-Amzn-Requestid"), m), maxErrorName),
		RetryAfter: peertext.RetryAfter(resp.Header.Get("Retry-After"), time.Now()),
		Uncertain:  resp.StatusCode >= 500,
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		// Half an error body is as good as none: the status decides.
		e.Err = fmt.Errorf("answer broke off: %w", err)
		return e
	}
	var body struct {
		Message, Code string
		Type          string                             `json:"__type"`
		Payload       struct{ Code, Description string } // as the event gateway has it
	}
	_ = json.Unmarshal(data, &body) // as far as it goes: a property of another kind hides no other
	e.Message = peertext.Printable(mask(cmp.Or(body.Message, body.Payload.Description), m), maxErrorText)
	e.Exception = cmp.Or(e.Exception, exceptionName(body.Code, m), exceptionName(body.Type, m), exceptionName(body.Payload.Code, m))
	return e
}

// exceptionName returns the name in an identifier of an error such as "com.amazon#ConflictException:http://...", or "" if it is none, or
// has something of m in it.
func exceptionName(s string, m *Message) string {
	s, _, _ = strings.Cut(s, ":")
	s = s[strings.LastIndexByte(s, '#')+1:]
	for _, r := range s {
		if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_' {
			return ""
		}
	}
	if len(s) > maxErrorName || mask(s, m) != s {
		return ""
	}
	return s
}

// mask removes from Alexa's text what it may have quoted of m: addresses, the caller's
// name, lines of the SDP and the keys in them.
func mask(text string, m *Message) string {
	var secrets []string
	for _, p := range m.Participants {
		secrets = append(secrets, p.ID.Value)
	}
	if m.CustomParams != nil {
		secrets = append(secrets, m.CustomParams.CallerName)
	}
	if m.SDP != nil {
		for line := range strings.Lines(m.SDP.Value) {
			secrets = append(secrets, sdpSecrets(strings.TrimSpace(line))...)
		}
	}
	return peertext.Redact(text, secrets)
}

// sdpSecrets returns the line, and the keys in it. Lines such as "t=" and "v=0" are
// left out: they say nothing and are found in any text.
func sdpSecrets(line string) []string {
	if len(line) < 4 {
		return nil
	}
	out := []string{line}
	for _, key := range []string{"a=ice-pwd:", "a=ice-ufrag:", "a=crypto:", "a=fingerprint:"} {
		value, ok := strings.CutPrefix(line, key)
		if !ok {
			continue
		}
		for word := range strings.FieldsSeq(value) {
			if len(word) >= 4 {
				out = append(out, word)
			}
		}
	}
	return out
}
