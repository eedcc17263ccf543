package lwa

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// maxText is the longest text of the token endpoint that an Error repeats, in bytes.
const maxText = 256

// An Error says why Login with Amazon gave no token. Code and Description are the
// fields error and error_description of RFC 6749 section 5.2. None of its parts holds
// a secret of the Source that it came from.
type Error struct {
	Status      int    // HTTP status; 0 when there was no complete answer
	Code        string // such as "invalid_grant"; empty when the answer named none
	Description string // for a person to read; may be empty
	Err         error  // what went wrong below, such as context.DeadlineExceeded, ErrNoGrant or a *StoreError; may be nil
}

// Error returns the facts in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("lwa: no token:")
	if e.Status != 0 {
		fmt.Fprintf(&b, " status %d", e.Status)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", e.Code)
	}
	if e.Description != "" {
		fmt.Fprintf(&b, " (%s)", e.Description)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " %v", e.Err)
	}
	return b.String()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error whose Status and Code, where they are set,
// equal those of e, as in errors.Is(err, &lwa.Error{Code: "invalid_grant"}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && (t.Status == 0 || t.Status == e.Status) && (t.Code == "" || t.Code == e.Code)
}

// Retryable reports whether the same credentials may succeed later: no answer, a
// server's fault, or too many requests. A refused client, code or refresh token stays
// refused, and so does a Store that says so.
func (e *Error) Retryable() bool {
	if r, ok := errors.AsType[interface {
		error
		Retryable() bool
	}](e.Err); ok {
		return r.Retryable()
	}
	switch e.Code {
	case "invalid_request", "invalid_client", "invalid_grant",
		"unauthorized_client", "unsupported_grant_type", "invalid_scope":
		return false
	}
	switch {
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooManyRequests:
		return true
	case e.Status >= 300 && e.Status < 500:
		return false
	}
	return true
}
