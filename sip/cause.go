package sip

import (
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// causeRow says how SIP names one cause: the final response to an INVITE, and the Reason header (RFC 3326) of that response, of CANCEL
// and of BYE.
type causeRow struct {
	cause  bridge.Cause
	status int
	phrase string
	q850   int // ITU-T Q.850 cause value; each row has its own, so that the far side can tell causes of one status apart
	text   string
}

// causeTable maps causes to SIP. A call that the far side's party cannot take now is 480 and not 5xx: proxies take a gateway that answers
// 5xx out of service.
var causeTable = [...]causeRow{
	{bridge.Normal, 480, "Temporarily Unavailable", 16, "Normal call clearing"},
	{bridge.Busy, 486, "Busy Here", 17, "User busy"},
	{bridge.NoAnswer, 480, "Temporarily Unavailable", 19, "No answer from user"},
	{bridge.Declined, 480, "Temporarily Unavailable", 21, "Call rejected"},
	{bridge.Cancelled, 487, "Request Terminated", 31, "Normal, unspecified"},
	{bridge.Elsewhere, 486, "Busy Here", 26, "Non-selected user clearing"},
	{bridge.NotFound, 404, "Not Found", 1, "Unallocated number"},
	{bridge.Unreachable, 480, "Temporarily Unavailable", 20, "Subscriber absent"},
	{bridge.Forbidden, 403, "Forbidden", 57, "Bearer capability not authorized"},
	{bridge.Overload, 503, "Service Unavailable", 42, "Switching equipment congestion"},
	{bridge.Media, 488, "Not Acceptable Here", 88, "Incompatible destination"},
	{bridge.Internal, 500, "Server Internal Error", 41, "Temporary failure"},
}

// statusTable maps final responses to an INVITE to causes. A status that it does not have counts as the first of its hundred
// (RFC 3261 section 8.1.3.2).
var statusTable = map[int]bridge.Cause{
	300: bridge.Unreachable, // redirections are not followed: they would let the far side choose whom we call
	400: bridge.Internal,
	401: bridge.Forbidden, 402: bridge.Forbidden, 403: bridge.Forbidden, 407: bridge.Forbidden,
	404: bridge.NotFound, 410: bridge.NotFound, 484: bridge.NotFound, 485: bridge.NotFound, 604: bridge.NotFound,
	406: bridge.Media, 415: bridge.Media, 488: bridge.Media, 580: bridge.Media, 606: bridge.Media,
	408: bridge.NoAnswer, 480: bridge.NoAnswer,
	428: bridge.Forbidden, 429: bridge.Forbidden, 433: bridge.Forbidden, 436: bridge.Forbidden, 437: bridge.Forbidden,
	438: bridge.Forbidden, 470: bridge.Forbidden, 494: bridge.Forbidden,
	430: bridge.Unreachable, 482: bridge.Unreachable, 483: bridge.Unreachable, 502: bridge.Unreachable, 504: bridge.Unreachable,
	486: bridge.Busy, 600: bridge.Busy,
	487: bridge.Cancelled,
	500: bridge.Internal,
	503: bridge.Overload,
	603: bridge.Declined, 607: bridge.Declined, 608: bridge.Declined,
}

// byeTable maps the Q.850 values of a BYE to causes: a call that was up ends normally, unless a network says that it failed.
var byeTable = map[int]bridge.Cause{
	27: bridge.Unreachable, 38: bridge.Unreachable, 102: bridge.Unreachable, 41: bridge.Internal, 42: bridge.Overload, 88: bridge.Media,
}

// rowOf returns how SIP names a cause; a cause from nowhere is Internal.
func rowOf(c bridge.Cause) causeRow {
	for _, row := range causeTable {
		if row.cause == c {
			return row
		}
	}
	return rowOf(bridge.Internal)
}

// causeOf returns the cause that a final response to an INVITE stands for. A Q.850 value in its Reason header decides between causes
// that have the same status; one that does not belong to the status is not believed.
func causeOf(status, q850 int) bridge.Cause {
	for _, row := range causeTable {
		if row.status == status && row.q850 == q850 {
			return row.cause
		}
	}
	if c, ok := statusTable[status]; ok {
		return c
	}
	if c, ok := statusTable[status/100*100]; ok {
		return c
	}
	return bridge.Internal
}

// reasonHeader returns the Reason header for a cause.
func reasonHeader(c bridge.Cause) sipmsg.Header {
	row := rowOf(c)
	value := "Q.850;cause=" + strconv.Itoa(row.q850) + `;text="` + row.text + `"`
	if c == bridge.Elsewhere {
		value = `SIP;cause=200;text="Call completed elsewhere", ` + value // phones then do not list a missed call
	}
	return sipmsg.NewHeader("Reason", value)
}

// reason is what the Reason headers of a message say.
type reason struct {
	sip, q850 int    // cause values; 0: none
	text      string // of the first that has one
}

// maxReasons is how many values of Reason headers are looked at.
const maxReasons = 8

// reasonOf reads the Reason headers of a message.
func reasonOf(msg sipmsg.Message) reason {
	var r reason
	n := 0
	for h := range fields(msg, "reason") {
		for value := range splitQuoted(h.Value(), ',') {
			if n++; n > maxReasons {
				return r
			}
			r.read(value)
		}
	}
	return r
}

func (r *reason) read(value string) {
	protocol, cause, text := "", 0, ""
	i := 0
	for part := range splitQuoted(value, ';') {
		part = strings.TrimSpace(part)
		if i++; i == 1 {
			protocol = part
			continue
		}
		name, v, _ := strings.Cut(part, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "cause":
			cause, _ = strconv.Atoi(strings.TrimSpace(v))
		case "text":
			text = plain(unquote(strings.TrimSpace(v)))
		}
	}
	switch {
	case strings.EqualFold(protocol, "SIP") && r.sip == 0:
		r.sip = cause
	case strings.EqualFold(protocol, "Q.850") && r.q850 == 0:
		r.q850 = cause
	}
	if r.text == "" {
		r.text = text
	}
}

// splitQuoted yields the parts of s between separators that do not stand within double quotes.
func splitQuoted(s string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] == '\\' && quoted:
				i++
			case s[i] == '"':
				quoted = !quoted
			case s[i] == separator && !quoted:
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(s[start:])
	}
}

// unquote takes the quotes and the escapes from a quoted-string.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return unescape(s[1 : len(s)-1])
}

// unescape takes the backslashes from the inside of a quoted-string (RFC 3261 section 25.1).
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
