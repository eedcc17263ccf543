package alexa_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

func TestWhatIsTakenLeniently(t *testing.T) {
	base := `"type":"` + prefix + `CallAccepted","sessionId":"s"`
	for name, rest := range map[string]string{
		"nothing else":                 ``,
		"no participants":              `,"participants":null`,
		"empty participants":           `,"participants":[]`,
		"participant without anything": `,"participants":[{}]`,
		"no value":                     `,"sdpDetails":{"type":"ANSWER"}`,
		"null value":                   `,"sdpDetails":{"type":"ANSWER","value":null}`,
		"null SDP":                     `,"sdpDetails":null`,
		"other SDP type":               `,"sdpDetails":{"type":"PRANSWER","value":"v=0"}`,
		"unknown code":                 `,"callResult":{"code":"NEW"}`,
		"no code":                      `,"callResult":{}`,
		"unknown renegotiation":        `,"renegotiationType":"CALL_PARK"`,
		"fractions and zone":           `,"timestamp":"2024-10-31T12:00:00.123456+02:00"`,
		"white space":                  " ,\n\t\"x\" : [ ] ",
	} {
		if _, err := alexa.ParseMessage([]byte(`{` + base + rest + `}`)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	m, err := alexa.ParseMessage([]byte(`{"type":"` + prefix + `CallParked","sessionId":"s"}`))
	if err != nil || m.Type.Known() || m.Type.String() != "CallParked" {
		t.Errorf("a thirteenth message: %v, %v", m, err)
	}
}

func TestParseErrors(t *testing.T) {
	base := `"type":"` + prefix + `CallRinging","sessionId":"s"`
	with := func(rest string) string { return `{` + base + `,` + rest + `}` }
	const secret = "+12055551233"
	for _, tt := range []struct{ name, json, path string }{
		{"empty", ``, ""},
		{"not JSON", `{"type":` + secret, ""},
		{"two values", `{}{}`, ""},
		{"null", `null`, ""},
		{"array", `[]`, ""},
		{"string", `"` + secret + `"`, ""},
		{"no type", `{"sessionId":"s"}`, "type"},
		{"type of another interface", `{"type":"LaunchRequest","sessionId":"s"}`, "type"},
		{"type in other case", `{"Type":"` + prefix + `CallRinging","sessionId":"s"}`, "type"},
		{"type not a string", `{"type":7,"sessionId":"s"}`, "type"},
		{"no session", `{"type":"` + prefix + `CallRinging"}`, "sessionId"},
		{"empty session", `{"type":"` + prefix + `CallRinging","sessionId":""}`, "sessionId"},
		{"session a number", `{"type":"` + prefix + `CallRinging","sessionId":12055551233}`, "sessionId"},
		{"time", with(`"timestamp":"` + secret + `"`), "timestamp"},
		{"time a number", with(`"timestamp":12055551233`), "timestamp"},
		{"participants an object", with(`"participants":{}`), "participants"},
		{"participant a string", with(`"participants":[{},"` + secret + `"]`), "participants[1]"},
		{"id a string", with(`"participants":[{"id":"` + secret + `"}]`), "participants[0].id"},
		{"id value a number", with(`"participants":[{"id":{"value":12055551233}}]`), "participants[0].id.value"},
		{"originator a string", with(`"participants":[{"isOriginator":"true"}]`), "participants[0].isOriginator"},
		{"SDP a string", with(`"sdpDetails":"` + secret + `"`), "sdpDetails"},
		{"SDP value an array", with(`"sdpDetails":{"value":[]}`), "sdpDetails.value"},
		{"result a string", with(`"callResult":"SUCCESS"`), "callResult"},
		{"code a number", with(`"callResult":{"code":1}`), "callResult.code"},
		{"custom params an array", with(`"customParams":[]`), "customParams"},
		{"caller name an object", with(`"customParams":{"callerName":{}}`), "customParams.callerName"},
		{"renegotiation true", with(`"renegotiationType":true`), "renegotiationType"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := alexa.ParseMessage([]byte(tt.json))
			e, ok := errors.AsType[*alexa.ParseError](err)
			if !ok {
				t.Fatalf("got %v, want *ParseError", err)
			}
			if e.Path != tt.path {
				t.Errorf("path %q, want %q", e.Path, tt.path)
			}
			if !strings.HasPrefix(e.Error(), "alexa: cannot parse") || strings.Contains(e.Error(), "2055551233") {
				t.Errorf("text: %s", e)
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	msg := func(session, rest string) string {
		return `{"type":"` + prefix + `CallRinging","sessionId":"` + session + `"` + rest + `}`
	}
	many := func(n int) string { return strings.TrimSuffix(strings.Repeat("{},", n), ",") }
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	body := func(n int) string { return msg("s", `,"x":"`+long(n-len(msg("s", `,"x":""`)))+`"`) }
	for _, tt := range []struct {
		name  string
		below string
		above string
	}{
		{"body", body(alexa.MaxBody), body(alexa.MaxBody + 1)},
		{"session", msg(long(256), ""), msg(long(257), "")},
		{"SDP", msg("s", `,"sdpDetails":{"value":"`+long(64<<10)+`"}`), msg("s", `,"sdpDetails":{"value":"`+long(64<<10+1)+`"}`)},
		{"participants", msg("s", `,"participants":[`+many(16)+`]`), msg("s", `,"participants":[`+many(17)+`]`)},
		{"address", msg("s", `,"participants":[{"id":{"value":"`+long(1024)+`"}}]`), msg("s", `,"participants":[{"id":{"value":"`+long(1025)+`"}}]`)},
		{"depth", msg("s", `,"x":`+nested(31)), msg("s", `,"x":`+nested(32))},
		{"depth, not in strings", msg("s", `,"x":"\"`+long(3)+strings.Repeat("{[", 50)+`"`), msg("s", `,"x":"\\"`+`,"y":`+nested(100000))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := alexa.ParseMessage([]byte(tt.below)); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			_, err := alexa.ParseMessage([]byte(tt.above))
			if _, ok := errors.AsType[*alexa.ParseError](err); !ok {
				t.Errorf("above the limit: %v, want *ParseError", err)
			}
		})
	}
}

// FuzzParseMessage checks that whatever parses comes back the same, and that a message
// fit to be sent is one that parses.
func FuzzParseMessage(f *testing.F) {
	for _, tt := range messageCases {
		f.Add([]byte(tt.json))
	}
	f.Add([]byte(`{"type":"` + prefix + `X","sessionId":"s","timestamp":"9999-12-31T23:59:59,999999999-23:59","\ud800":"\ufffe","x":{"y":[1e400,null,"\u2028<"]},"x":2}`))
	f.Add([]byte(`{"type":"` + prefix + `CallEnded","sessionId":"\u0000` + "\xff" + `","participants":[{"id":{"\n":""},"isOriginator":null}],"callResult":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m1, err := alexa.ParseMessage(data)
		if err != nil {
			if _, ok := errors.AsType[*alexa.ParseError](err); !ok {
				t.Fatalf("error %T", err)
			}
			return
		}
		b1, err := m1.MarshalJSON()
		if err != nil {
			t.Fatalf("a parsed message does not marshal: %v", err)
		}
		if len(b1) > alexa.MaxBody {
			return // escapes may make it longer than it came
		}
		m2, err := alexa.ParseMessage(b1)
		if err != nil {
			t.Fatalf("%v in our own %s", err, b1)
		}
		b2, err := m2.MarshalJSON()
		if err != nil || !bytes.Equal(b1, b2) {
			t.Fatalf("not stable: %s\n%s, %v", b1, b2, err)
		}
		if !m1.Timestamp.Equal(m2.Timestamp) {
			t.Fatalf("time %v became %v", m1.Timestamp, m2.Timestamp)
		}
		m1.Timestamp, m2.Timestamp = time.Time{}, time.Time{}
		if !reflect.DeepEqual(m1, m2) {
			t.Fatalf("fields changed: %s", b1)
		}
		_ = m1.ValidateEvent()
		_ = m1.ValidateRequest()
		_ = fmt.Sprint(m1.LogValue())
	})
}
