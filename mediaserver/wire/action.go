package wire

import (
	"strings"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
)

// newCallTable and callEventTable have the actions that may be answered.
var (
	newCallTable = []word[mediaserver.ActionKind]{
		{"drop", mediaserver.Drop},
		{"call", mediaserver.Call},
		{"ivr", mediaserver.IVR},
	}
	callEventTable = []word[mediaserver.ActionKind]{
		{"drop", mediaserver.Drop},
		{"call", mediaserver.Call},
		{"ivr", mediaserver.IVR},
		{"connect", mediaserver.Connect},
		{"joinconferenceconnection", mediaserver.JoinConference},
	}
)

// AppendAction appends the answer to a newCall or a callEvent. Which of them it may be is not looked at.
func AppendAction(b []byte, a *mediaserver.Action) ([]byte, error) {
	v := *a
	return write(b, func(c *coder) { c.answer(&v, callEventTable) })
}

// ParseNewCallAction parses the answer to a newCall.
func ParseNewCallAction(data []byte) (a *mediaserver.Action, unknown []string, err error) {
	return parsed(data, func(c *coder, a *mediaserver.Action) { c.answer(a, newCallTable) })
}

// ParseCallEventAction parses the answer to a callEvent. One without an action drops.
func ParseCallEventAction(data []byte) (a *mediaserver.Action, unknown []string, err error) {
	return parsed(data, func(c *coder, a *mediaserver.Action) {
		if c.members["action"] == nil {
			a.Kind = mediaserver.Drop
			return
		}
		c.answer(a, callEventTable)
	})
}

func (c *coder) answer(a *mediaserver.Action, words []word[mediaserver.ActionKind]) {
	c.action(a, words)
	if a.Kind == 0 {
		c.fail("action", "missing")
	}
}

// action is an action in its flat form, {"action": "call", "destAddr": ...}, or when it is read as an object too,
// {"action": {"type": "call", "destAddr": ...}}.
func (c *coder) action(a *mediaserver.Action, words []word[mediaserver.ActionKind]) {
	if _, ok := c.members["action"].(map[string]any); ok {
		c.inside("action", true, func(in *coder) {
			if in.members["type"] == nil {
				in.fail("type", "missing")
			}
			in.actionOf("type", a, words)
		})
		return
	}
	c.actionOf("action", a, words)
}

func (c *coder) actionOf(name string, a *mediaserver.Action, words []word[mediaserver.ActionKind]) {
	enum(c, name, &a.Kind, words)
	switch a.Kind {
	case mediaserver.Drop:
		c.reject(&a.Reject)
	case mediaserver.Call:
		c.destination(&a.Destination)
		c.flag("callRecording", &a.Record)
		c.alias("filename", "fileName")
		c.text("filename", &a.Filename)
		c.text("monitorDestAddr", &a.Monitor)
		c.flag("delayAnswer", &a.DelayAnswer)
	case mediaserver.IVR:
	case mediaserver.Connect:
		c.need("participantId", &a.ParticipantID)
		c.text("replyId", &a.ReplyID)
	case mediaserver.JoinConference:
		c.need("connectionId", &a.ConnectionID)
	}
}

// rejectTable has the SIP status for each cause to refuse a call with, and more that are read. Another one is Internal from 500 to 599, and
// else Declined.
var rejectTable = []struct {
	status int
	cause  bridge.Cause
}{
	{603, bridge.Declined},
	{486, bridge.Busy},
	{480, bridge.NoAnswer},
	{487, bridge.Cancelled},
	{486, bridge.Elsewhere}, // is read as Busy
	{404, bridge.NotFound},
	{502, bridge.Unreachable},
	{403, bridge.Forbidden},
	{503, bridge.Overload},
	{488, bridge.Media},
	{500, bridge.Internal},
	{600, bridge.Busy},
	{401, bridge.Forbidden},
	{408, bridge.NoAnswer},
	{410, bridge.NotFound},
	{484, bridge.NotFound},
	{604, bridge.NotFound},
	{606, bridge.Media},
}

// reject is why a call is refused.
func (c *coder) reject(p *bridge.Cause) {
	status := 0
	for _, row := range rejectTable {
		if row.cause == *p && status == 0 {
			status = row.status
		}
	}
	c.whole("rejectCode", &status, maxStatus)
	if !c.reading() || status == 0 {
		return
	}
	if status < 400 {
		c.fail("rejectCode", "not from 400 to 699")
	}
	if *p = bridge.Declined; status/100 == 5 {
		*p = bridge.Internal
	}
	for _, row := range rejectTable {
		if row.status == status {
			*p = row.cause
			return
		}
	}
}

// destination is who is called, and how.
func (c *coder) destination(d *mediaserver.Destination) {
	c.need("destAddr", &d.Addr)
	c.seconds("maxRingTime", &d.MaxRing)
	c.line("sipFrom", &d.From)
	c.line("sipTo", &d.To)
	c.line("sipPAI", &d.AssertedIdentity)
	c.line("sipRPID", &d.RemotePartyID)
	c.line("sipDiversion", &d.Diversion)
	c.headers(&d.Headers)
	c.table("contactParameters", &d.ContactParams, wrongParameter)
	c.table("contactUserParameters", &d.ContactUserParams, wrongParameter)
	c.texts("copyHeaders", &d.CopyHeaders, wrongToken)
}

// line is a text that goes into a header of SIP.
func (c *coder) line(name string, p *string) {
	c.text(name, p)
	if text := wrongLine(*p); text != "" {
		c.fail(name, text)
	}
}

// headers are the X- and the P- headers, each in a table of its own.
func (c *coder) headers(p *map[string]string) {
	for key := range *p {
		if !hasPrefixFold(key, "x-") && !hasPrefixFold(key, "p-") {
			c.fail("xHeaders", "not an X- or P- header")
		}
	}
	for _, kind := range []struct{ name, prefix string }{{"xHeaders", "x-"}, {"pHeaders", "p-"}} {
		some := p
		if !c.reading() {
			some = &map[string]string{}
			for key, value := range *p {
				if hasPrefixFold(key, kind.prefix) {
					(*some)[key] = value
				}
			}
		}
		c.table(kind.name, some, func(key, value string) string {
			if !hasPrefixFold(key, kind.prefix) {
				return "not an " + strings.ToUpper(kind.prefix) + " header"
			}
			return wrongParameter(key, value)
		})
	}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// wrongParameter says what is wrong with a header or a parameter.
func wrongParameter(key, value string) string {
	if text := wrongToken(key); text != "" {
		return text
	}
	return wrongLine(value)
}

// wrongToken says what is wrong with the name of a header or parameter: it is a token of RFC 3261 section 25.1.
func wrongToken(s string) string {
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("-.!%*_+`'~", r) {
			return "not a name"
		}
	}
	if s == "" || len(s) > maxName {
		return "not a name"
	}
	return ""
}

// wrongLine says what is wrong with a text that goes into a header.
func wrongLine(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "has control characters"
	}
	return ""
}
