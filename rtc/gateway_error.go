package rtc

import (
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
	maxAnswer    = 64 << 10 // bytes read of an answer of the event gateway
	maxErrorText = 256      // bytes of its text that an Error repeats
)

// A Code is what the event gateway calls the reason for a refusal.
type Code string

// The codes of the event gateway, with the statuses that they are seen with. Others are kept as they came.
//
// Source: "Send Events to the Alexa Event Gateway"; the pairing with statuses is partly inferred, and nothing depends on it: where there is
// a code it decides, and the status else.
const (
	CodeInvalidRequest         Code = "INVALID_REQUEST_EXCEPTION"          // 400: the event is malformed
	CodeInvalidToken           Code = "INVALID_ACCESS_TOKEN_EXCEPTION"     // 401: the token is invalid or has expired
	CodeSkillDisabled          Code = "SKILL_DISABLED_EXCEPTION"           // 403: the user has disabled the skill; forget the grant
	CodeInsufficientPermission Code = "INSUFFICIENT_PERMISSION_EXCEPTION"  // 403: the token is not for events
	CodeSkillNotFound          Code = "SKILL_NOT_FOUND_EXCEPTION"          // 404: the token is of no skill, or of one in another stage
	CodeTooLarge               Code = "REQUEST_ENTITY_TOO_LARGE_EXCEPTION" // 413: the event is too large
	CodeThrottled              Code = "THROTTLING_EXCEPTION"               // 429: too many events
	CodeInternal               Code = "INTERNAL_SERVICE_EXCEPTION"         // 500: a fault of Amazon's
	CodeUnavailable            Code = "SERVICE_UNAVAILABLE_EXCEPTION"      // 503: not now
)

// An Error says why the event gateway did not take an event. It holds no token, no name and no SDP.
type Error struct {
	Type      MessageType // of the event
	Status    int         // HTTP status of the last try; 0 when it had no answer
	Code      Code        // as the event gateway named it; empty when it did not
	Message   string      // its description, without control characters and secrets; may be empty
	RequestID string      // Amazon's id of the last try, for its support; may be empty

	RetryAfter time.Duration // how long the event gateway asked to wait; 0: it did not

	Err error // the network's, the token source's or the context's; may be nil
}

// Error returns the facts in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rtc: sending %s:", e.Type)
	if e.Status != 0 {
		fmt.Fprintf(&b, " status %d", e.Status)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", e.Code)
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

// Is reports whether target is an *Error whose Type, Status and Code, where they are set, equal those of e, as in
// errors.Is(err, &rtc.Error{Code: rtc.CodeSkillDisabled}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && (t.Type == "" || t.Type == e.Type) && (t.Status == 0 || t.Status == e.Status) && (t.Code == "" || t.Code == e.Code)
}

// Retryable reports whether the same event may be taken later: there was no answer, no token for now, too many events, or a fault of
// Amazon's. What was refused stays refused.
func (e *Error) Retryable() bool {
	switch e.Code {
	case CodeThrottled, CodeInternal, CodeUnavailable:
		return true
	case CodeInvalidRequest, CodeInvalidToken, CodeSkillDisabled, CodeInsufficientPermission, CodeSkillNotFound, CodeTooLarge:
		return false
	}
	switch {
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooManyRequests:
		return true
	case e.Status != 0:
		return e.Status >= 500
	}
	if r, ok := errors.AsType[interface {
		error
		Retryable() bool
	}](e.Err); ok {
		return r.Retryable()
	}
	return true
}

// token reports whether the access token was refused.
func (e *Error) token() bool {
	return e.Code == CodeInvalidToken || e.Code == "" && e.Status == http.StatusUnauthorized
}

// mendable reports whether only a person can mend it: the set-up, the grant, or what the program sends.
func (e *Error) mendable() bool { return !e.Retryable() && e.Code != CodeSkillDisabled }

// cutBy notes that the context ended the sending, beside what went wrong before.
func (e *Error) cutBy(cause error) *Error {
	switch {
	case e.Err == nil:
		e.Err = cause
	case !errors.Is(e.Err, cause):
		e.Err = fmt.Errorf("%w, after %w", cause, e.Err)
	}
	return e
}

// readError makes an Error of an answer that is not 2xx. What of the secrets it repeats is taken out.
func readError(resp *http.Response, t MessageType, secrets []string) *Error {
	e := &Error{
		Type: t, Status: resp.StatusCode, RetryAfter: peertext.RetryAfter(resp.Header.Get("Retry-After"), time.Now()),
		RequestID: printable(peertext.Redact(resp.Header.Get("X-Amzn-Requestid"), secrets), maxErrorText),
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		e.Err = fmt.Errorf("answer broke off: %w", err)
		return e // half an answer is as good as none: the status decides
	}
	var body struct {
		Payload struct{ Code, Description string }
		Message string // of what stands before the event gateway
	}
	_ = json.Unmarshal(data, &body) // as far as it goes: a member of another kind hides no other
	if body.Payload.Description == "" {
		body.Payload.Description = body.Message
	}
	e.Message = printable(peertext.Redact(body.Payload.Description, secrets), maxErrorText)
	if code := body.Payload.Code; len(code) <= maxErrorText && !strings.ContainsFunc(code, notInCode) && peertext.Redact(code, secrets) == code {
		e.Code = Code(code)
	}
	return e
}

func notInCode(r rune) bool { return (r < 'A' || r > 'Z') && r != '_' }
