package sip

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// ErrClosed is returned by what is used after Close.
var ErrClosed = errors.New("sip: closed")

// maxErrorText is the longest text of a peer's that an Error repeats, in bytes.
const maxErrorText = 128

// An Error is a response that a request has got: from the far side, or from us in its place where none came. It is the Err of the
// *bridge.EndError of a leg that a response ended.
type Error struct {
	Status int    // of the response, such as 486; where none came, what RFC 3261 section 8.1.3.1 puts in its place: 408 or 503
	Reason string // the reason phrase, or what a Reason header said (RFC 3326); without control characters
	Method string // of the request, such as INVITE
	Err    error  // what kept a response from coming; nil if one came

	RetryAfter time.Duration // how long the far side wants to be left alone; 0 if it has not said
}

// numberPattern matches what may be a telephone number in a peer's text.
var numberPattern = regexp.MustCompile(`\+?\d[\d .()-]+\d`)

// Error returns the facts in one line, which may be logged: what may be a telephone number in Reason stands as "#".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("sip: ")
	if e.Method != "" {
		b.WriteString(e.Method + ": ")
	}
	fmt.Fprintf(&b, "%d", e.Status)
	if e.Reason != "" {
		b.WriteString(" " + numberPattern.ReplaceAllLiteralString(e.Reason, "#"))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error of the same Status, as in errors.Is(err, &sip.Error{Status: 486}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Status == e.Status
}

// SIPStatus returns Status. Packages that know nothing of this one find the status of an error's chain by it.
func (e *Error) SIPStatus() int { return e.Status }

// plain returns text of a peer's, cut to what may stand in an error or a log line.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, text)
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "")
	}
	return text
}

// maxRetryAfter is the longest that a far side can keep us from trying again.
const maxRetryAfter = 24 * time.Hour

// retryAfterOf returns what Retry-After of a response says (RFC 3261 section 20.33): seconds, before a comment and parameters.
func retryAfterOf(res *sipmsg.Response) time.Duration {
	h := res.GetHeader("retry-after")
	if h == nil {
		return 0
	}
	text, _, _ := strings.Cut(strings.TrimSpace(h.Value()), ";")
	text, _, _ = strings.Cut(text, "(")
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxRetryAfter)
}
