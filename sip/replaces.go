package sip

import (
	"net/url"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// maxReplaces is how many bytes of a Replaces are read.
const maxReplaces = 512

// replaces names a dialog as the side sees it that is to give it up: what a Replaces header says (RFC 3891 section 6.1).
type replaces struct {
	callID  string
	toTag   string // of the side that is asked
	fromTag string // of its far side
	early   bool   // only while the call is not accepted
}

// parseReplaces reads the value of a Replaces header.
func parseReplaces(text string) (replaces, bool) {
	var r replaces
	if len(text) > maxReplaces || hasControl(text) {
		return r, false
	}
	id, rest, _ := strings.Cut(text, ";")
	r.callID = strings.TrimSpace(id)
	for part := range strings.SplitSeq(rest, ";") {
		name, value, _ := strings.Cut(part, "=")
		value = strings.TrimSpace(value)
		switch name = strings.ToLower(strings.TrimSpace(name)); {
		case name == "to-tag" && r.toTag == "":
			r.toTag = value
		case name == "from-tag" && r.fromTag == "":
			r.fromTag = value
		case name == "early-only":
			r.early = true
		case name == "to-tag" || name == "from-tag":
			return r, false
		}
	}
	return r, validCallID(r.callID) && validToken(r.toTag) && validToken(r.fromTag)
}

// String returns the value of a Replaces header.
func (r replaces) String() string {
	text := r.callID + ";to-tag=" + r.toTag + ";from-tag=" + r.fromTag
	if r.early {
		text += ";early-only"
	}
	return text
}

// replaced returns the leg that an INVITE is to take the place of, with what it says of it; nil if it has no Replaces header. There may be
// one, and it must name a call of ours (RFC 3891 section 3).
func (a *Agent) replaced(req *sipmsg.Request) (*Leg, replaces, error) {
	all := req.GetHeaders("replaces")
	if len(all) == 0 {
		return nil, replaces{}, nil
	}
	r, ok := parseReplaces(all[0].Value())
	if !ok || len(all) > 1 {
		return nil, r, refuseWith(400, "Bad Replaces")
	}
	l := a.find(r.callID, r.toTag)
	if l == nil {
		return nil, r, noDialog()
	}
	return l, r, nil
}

// validCallID reports whether s can be a Call-ID (RFC 3261 section 25.1), and can stand before parameters.
func validCallID(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' || r == ',' })
}

// validToken reports whether s is a token (RFC 3261 section 25.1), such as a tag.
func validToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("-.!%*_+`'~", r) })
}

// replaceable returns why a leg cannot be replaced by an INVITE that names its dialog (RFC 3891 section 3), or nil.
func (l *Leg) replaceable(r replaces) *refusal {
	phase := l.Info().Phase
	switch {
	case l.dialogOf(r.fromTag) == nil:
		return noDialog()
	case l.Ended() != nil:
		return refuseWith(603, "Decline")
	case phase < bridge.Up && l.came: // RFC 3891 section 3: only who called may be taken out of a call that rings
		return noDialog()
	case phase == bridge.Up && r.early:
		return refuseWith(486, "Busy Here")
	case l.wished != nil:
		return refuseWith(491, "Request Pending")
	}
	return nil
}

// replacedBy takes an INVITE that is to take the place of this call.
func (l *Leg) replacedBy(by *Leg, r replaces) {
	if no := l.replaceable(r); no != nil {
		by.post(func() { by.reject(no) })
		return
	}
	by.log.Debug("call is to replace another", "replaces", l.Info().ID)
	l.wishes(&bridge.Transfer{By: by}, takeFor, func(err error) {
		if err != nil {
			by.post(func() { by.reject(by.agent.refusalOf(bridge.Unreachable)) }) // unless it was answered already
		}
	})
}

// reject refuses a call that came in and is not accepted yet.
func (l *Leg) reject(r *refusal) {
	if l.opening == nil || l.concluding {
		return
	}
	l.over(&bridge.EndError{Cause: causeOf(r.status, 0), Err: r})
	l.concluding = true
	l.stopTimers()
	l.refuse(r)
}

// escapeHeader returns a value as it stands in the headers of a URI (RFC 3261 section 19.1.1).
func escapeHeader(value string) string {
	var b strings.Builder
	for i := range len(value) {
		if c := value[i]; alphanumeric(rune(c)) || strings.IndexByte("-_.!~*'()", c) >= 0 {
			b.WriteByte(c)
		} else {
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// unescapeHeader returns what escapeHeader was given.
func unescapeHeader(text string) (string, bool) {
	value, err := url.PathUnescape(text)
	return value, err == nil && !hasControl(value)
}
