// Package peertext takes what an HTTP service has said: text of it that goes into logs and errors, and how long it asks to wait.
//
// # Usage
//
//	e.Message = peertext.Printable(peertext.Redact(body.Message, secrets), 256)
//	e.RetryAfter = peertext.RetryAfter(resp.Header.Get("Retry-After"), time.Now())
//
// Who has sent secrets names them to Redact before anything is cut.
package peertext

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Redacted stands in a text in the place of a secret.
const Redacted = "[redacted]"

// Redact returns text without the secrets that it repeats, and without what is not UTF-8, which Printable would take out of the middle of
// one. Empty secrets are passed over.
func Redact(text string, secrets []string) string {
	text = strings.Map(dropInvalid, text)
	// Longest first, so that no part of one stays behind when another lies inside it.
	secrets = slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return len(b) - len(a) })
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, Redacted)
		}
	}
	return text
}

func dropInvalid(r rune) rune {
	if r == utf8.RuneError {
		return -1
	}
	return r
}

// Printable returns s in one line, without control characters and what is not UTF-8. Of more than limit bytes the rest is "...".
func Printable(s string, limit int) string {
	more := ""
	if len(s) > limit {
		s, more = s[:limit], "..."
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == 0x2028, r == 0x2029:
			return ' '
		case r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	return s + more
}

// RetryAfter reads the header of that name in both its forms (RFC 9110 section 10.2.3): seconds, or a date, which now is before. It is 0
// for no header, for one that is neither, and for a date that is past.
func RetryAfter(header string, now time.Time) time.Duration {
	if s, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(header); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}
