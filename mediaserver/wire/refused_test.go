package wire_test

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// secret stands where an error may not repeat what is there.
const secret = "s3cret"

func utf16LE(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// refusedTable has documents of which nothing may be taken.
var refusedTable = []struct {
	name string
	kind kind
	json string
	path string
	text string
}{
	{"empty", command, ``, "", "not JSON"},
	{"malformed", command, `{"hangup":tru}`, "", "not JSON"},
	{"half", command, `{"hangup":true`, "", "not JSON"},
	{"two", command, `{} {}`, "", "not JSON"},
	{"array", command, `[]`, "", "not an object"},
	{"null", command, `null`, "", "not an object"},
	{"byte order mark", command, "\xef\xbb\xbf{}", "", "byte order mark"},
	{"UTF-16", command, utf16LE(`{}`), "", "not UTF-8"},
	{"not UTF-8", command, "{\"a\":\"\xff\"}", "", "not UTF-8"},
	{"10 MB", command, `{"a":"` + strings.Repeat("a", 10<<20) + `"}`, "", "more than 262144 bytes"},
	{"one byte too long", command, `{"a":"` + strings.Repeat("a", wire.MaxBody-7) + `"}`, "", "more than 262144 bytes"},
	{"33 deep", command, `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, "a" + strings.Repeat("[0]", 31), "deeper than 32"},
	{"100,000 deep", command, `{"a":` + strings.Repeat("[", 100_000), "", "not JSON"},
	{"there twice", command, `{"hangup":false,"hangup":true}`, "hangup", "more than once"},
	{"there twice in another spelling", command, `{"hangup":false,"hang\u0075p":true}`, "hangup", "more than once"},
	{"there twice within", command, `{"phrases":[{},{"x":{"a":1,"a":1}}]}`, "phrases[1].x.a", "more than once"},
	{"there by two names", command, `{"record":{"fileName":"a","filename":"b"}}`, "record.filename", "another name"},

	{"action unknown", action, `{"action":"` + secret + `"}`, "action", "unknown"},
	{"action of another callback", newAction, `{"action":"connect","participantId":"p"}`, "action", "unknown"},
	{"action missing", newAction, `{}`, "action", "missing"},
	{"action a number", action, `{"action":7}`, "action", "not a string"},
	{"action without type", action, `{"action":{"destAddr":"x"}}`, "action.type", "missing"},
	{"no destination", action, `{"action":"call"}`, "destAddr", "missing"},
	{"no destination in an object", action, `{"action":{"type":"call"},"destAddr":"x"}`, "action.destAddr", "missing"},
	{"no participant", action, `{"action":"connect"}`, "participantId", "missing"},
	{"no conference", action, `{"action":"joinconferenceconnection"}`, "connectionId", "missing"},
	{"destination a list", action, `{"action":"call","destAddr":["` + secret + `"]}`, "destAddr", "not a string"},
	{"flag as text", action, `{"action":"call","destAddr":"x","callRecording":"true"}`, "callRecording", "not true or false"},
	{"1e400", action, `{"action":"call","destAddr":"x","maxRingTime":1e400}`, "maxRingTime", "not a number from 0"},
	{"negative time", action, `{"action":"call","destAddr":"x","maxRingTime":-1}`, "maxRingTime", "not a number from 0"},
	{"time too long", action, `{"action":"call","destAddr":"x","maxRingTime":31622401}`, "maxRingTime", "not a number from 0"},
	{"time as text", action, `{"action":"call","destAddr":"x","maxRingTime":"1"}`, "maxRingTime", "not a number"},
	{"reject code", action, `{"action":"drop","rejectCode":200}`, "rejectCode", "not from 400"},
	{"header of another kind", action, `{"action":"call","destAddr":"x","xHeaders":{"Via":"` + secret + `"}}`, "xHeaders", "not an X- header"},
	{"X- header among P-", action, `{"action":"call","destAddr":"x","pHeaders":{"X-A":"a"}}`, "pHeaders", "not an P- header"},
	{"header with a line end", action, `{"action":"call","destAddr":"x","xHeaders":{"X-A":"a\r\nVia: ` + secret + `"}}`, "xHeaders", "control characters"},
	{"header with a colon", action, `{"action":"call","destAddr":"x","xHeaders":{"X-A: b":"a"}}`, "xHeaders", "not a name"},
	{"headers as text", action, `{"action":"call","destAddr":"x","xHeaders":"X-A: a"}`, "xHeaders", "not an object"},
	{"header a number", action, `{"action":"call","destAddr":"x","xHeaders":{"X-A":1}}`, "xHeaders", "not a string"},
	{"65 headers", action, `{"action":"call","destAddr":"x","xHeaders":{` + numbered(`"X-%":"a"`, 65) + `}}`, "xHeaders", "more than 64 entries"},
	{"caller with a line end", action, `{"action":"call","destAddr":"x","sipFrom":"a\n"}`, "sipFrom", "control characters"},
	{"copied header", action, `{"action":"call","destAddr":"x","copyHeaders":["a","b\r\n"]}`, "copyHeaders[1]", "not a name"},
	{"copied header a number", action, `{"action":"call","destAddr":"x","copyHeaders":["a",1]}`, "copyHeaders[1]", "not a string"},
	{"copied header alone", action, `{"action":"call","destAddr":"x","copyHeaders":"a"}`, "copyHeaders", "not an array"},
	{"long address", action, `{"action":"call","destAddr":"` + strings.Repeat("a", wire.MaxString+1) + `"}`, "destAddr", "more than 4096 bytes"},

	{"65 phrases", command, `{"phrases":[` + numbered(`{"format":"file","fileName":"%"}`, 65) + `]}`, "phrases", "more than 64 entries"},
	{"the last phrase", command, `{"phrases":[` + numbered(`{"format":"file","fileName":"%"}`, 63) + `,{"format":"file","fileName":{}}]}`, "phrases[63].fileName", "not a string"},
	{"phrases as text", command, `{"phrases":"` + secret + `"}`, "phrases", "not an object"},
	{"phrase a number", command, `{"phrases":[1]}`, "phrases[0]", "not an object"},
	{"phrase without format", command, `{"phrases":[{"fileName":"a"}]}`, "phrases[0].format", "missing"},
	{"format no name", command, `{"phrases":[{"format":"a b"}]}`, "phrases[0].format", "not a name"},
	{"long text", command, `{"phrases":[{"format":"awstts","awsTTSParameters":{"Text":"` + strings.Repeat("a", wire.MaxText+1) + `"}}]}`, "phrases[0].awsTTSParameters.Text", "more than 16384 bytes"},
	{"text type", command, `{"phrases":[{"format":"awstts","awsTTSParameters":{"TextType":"x"}}]}`, "phrases[0].awsTTSParameters.TextType", "unknown"},
	{"sample rate", command, `{"phrases":[{"format":"awstts","awsTTSParameters":{"SampleRate":"0x10"}}]}`, "phrases[0].awsTTSParameters.SampleRate", "not a number"},
	{"sample rate 2", command, `{"phrases":[{"format":"awstts","awsTTSParameters":{"SampleRate":"1.2.3"}}]}`, "phrases[0].awsTTSParameters.SampleRate", "not a number from 0"},
	{"Google's text", command, `{"phrases":[{"format":"googletts","googleTTSParameters":{"input":"x"}}]}`, "phrases[0].googleTTSParameters.input", "not an object"},
	{"cache time", command, `{"phrases":[{"format":"file","cacheTimeToLive":"NaN"}]}`, "phrases[0].cacheTimeToLive", "not a number"},
	{"cache time 2", command, `{"phrases":[{"format":"file","cacheTimeToLive":true}]}`, "phrases[0].cacheTimeToLive", "not a number"},
	{"barge-in", command, `{"bargeIn":"some"}`, "bargeIn", "unknown"},
	{"half a digit", command, `{"dtmf":{"maxDigits":1.5}}`, "dtmf.maxDigits", "not a whole number"},
	{"digits as text", command, `{"dtmf":{"maxDigits":"1"}}`, "dtmf.maxDigits", "not a number"},
	{"too many digits", command, `{"dtmf":{"maxDigits":1001}}`, "dtmf.maxDigits", "not a number from 0 to 1000"},
	{"termination key", command, `{"dtmf":{"terminationKey":"E"}}`, "dtmf.terminationKey", "not keys"},
	{"pattern", command, `{"dtmf":{"regex":"(` + secret + `"}}`, "dtmf.regex", "not a regular expression"},
	{"long pattern", command, `{"dtmf":{"regex":"` + strings.Repeat("a", 257) + `"}}`, "dtmf.regex", "more than 256 bytes"},
	{"echo", command, `{"echo":"yes"}`, "echo", "not an object"},
	{"background without format", command, `{"backgroundPrompt":{"repeatPause":1}}`, "backgroundPrompt.format", "missing"},
	{"negative pause", command, `{"backgroundPrompt":{"format":"file","repeatPause":-0.5}}`, "backgroundPrompt.repeatPause", "not a number from 0"},
	{"command's action", command, `{"action":"ivr"}`, "action", "unknown"},

	{"event unknown", callEvent, `{"event":"x"}`, "event", "unknown"},
	{"event missing", callEvent, `{}`, "event", "missing"},
	{"notice without event", noticeKind(wire.CallNotify), `{}`, "event", "missing"},
	{"session a number", newCall, `{"sessionId":7}`, "sessionId", "not a string"},
	{"digits' reason", ivrRequest, `{"dtmfParams":{"reason":"x"}}`, "dtmfParams.reason", "unknown"},

	{"mode missing", fallback, `{"command":{"action":{"type":"hangup"}}}`, "mode", "missing"},
	{"mode unknown", fallback, `{"mode":"x","command":{"action":{"type":"hangup"}}}`, "mode", "unknown"},
	{"command missing", fallback, `{"mode":"always"}`, "command", "missing"},
	{"stored command without end", fallback, `{"mode":"always","command":{}}`, "command.action", "missing"},
	{"expiration unknown", fallback, `{"mode":"always","expiration":"YEAR","command":{"action":{"type":"hangup"}}}`, "expiration", "unknown"},
	{"expiration negative", fallback, `{"mode":"always","expiration":-1,"command":{"action":{"type":"hangup"}}}`, "expiration", "not a number from 0"},

	{"operation unknown", requestKind("x"), `{"replyId":"r"}`, "", "unknown operation"},
	{"no reply id", requestKind(wire.StopRecording), `{"connectionId":"c"}`, "replyId", "missing"},
	{"no connection", requestKind(wire.SplitConnection), `{"replyId":"r"}`, "connectionId", "missing"},
	{"no peer", requestKind(wire.Connect), `{"participantId":"p","replyId":"r"}`, "peerParticipantId", "missing"},
	{"answer's data", restAnswer, `{"data":7}`, "data", "not an array"},
	{"answer's numbers", restAnswer, `{"data":["a",7]}`, "data", "not a string"},
}

func numbered(s string, n int) string {
	var all []string
	for i := range n {
		all = append(all, strings.ReplaceAll(s, "%", strconv.Itoa(i)))
	}
	return strings.Join(all, ",")
}

func TestRefused(t *testing.T) {
	for _, tt := range refusedTable {
		_, _, err := tt.kind.read([]byte(tt.json))
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Path != tt.path || !strings.Contains(e.Text, tt.text) || strings.Contains(err.Error(), secret) || !strings.HasPrefix(err.Error(), "wire: ") {
			t.Errorf("%s: got %v, want %q: %q", tt.name, err, tt.path, tt.text)
		}
	}
}

// TestJustTaken has what is at a limit.
func TestJustTaken(t *testing.T) {
	for _, tt := range []struct {
		kind kind
		json string
	}{
		{command, `{"a":"` + strings.Repeat("a", wire.MaxBody-8) + `"}`},
		{command, `{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`},
		{command, `{"phrases":[` + numbered(`{"format":"file","fileName":"%"}`, 64) + `]}`},
		{action, `{"action":"call","destAddr":"` + strings.Repeat("a", wire.MaxString) + `","maxRingTime":31622400}`},
	} {
		if _, _, err := tt.kind.read([]byte(tt.json)); err != nil {
			t.Error(err)
		}
	}
}

// TestNotWritten has values that no peer would take.
func TestNotWritten(t *testing.T) {
	long := strings.Repeat("a", wire.MaxString+1)
	for _, tt := range []struct {
		kind kind
		v    any
		path string
	}{
		{action, &mediaserver.Action{}, "action"},
		{action, &mediaserver.Action{Kind: 99}, "action"},
		{action, &mediaserver.Action{Kind: mediaserver.Call}, "destAddr"},
		{action, &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: "a", MaxRing: -1}}, "maxRingTime"},
		{action, &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: "a", Headers: map[string]string{"Via": "b"}}}, "xHeaders"},
		{action, &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: "a", From: "b\r\n"}}, "sipFrom"},
		{command, &mediaserver.Command{Call: &mediaserver.Action{Kind: mediaserver.IVR}}, "action"},
		{command, &mediaserver.Command{Phrases: make([]mediaserver.Phrase, 65)}, "phrases"},
		{command, &mediaserver.Command{Phrases: make([]mediaserver.Phrase, 2)}, "phrases[0].format"},
		{command, &mediaserver.Command{Digits: &mediaserver.Digits{Max: -1}}, "dtmf.maxDigits"},
		{newCall, &mediaserver.NewCall{From: bridge.Party{Name: long}}, "fromName"},
		{newCall, &mediaserver.NewCall{From: bridge.Party{URI: long}}, "sipFrom"},
		{callEvent, &mediaserver.CallEvent{}, "event"},
		{noticeKind(wire.CallNotify), &mediaserver.Notice{}, "event"},
		{noticeKind(wire.SessionCompleted), &mediaserver.Notice{Kind: mediaserver.SessionCompleted, Duration: 367 * 24 * time.Hour}, "sessionDuration"},
		{fallback, &wire.Fallback{Mode: wire.Always, Command: &mediaserver.Command{}}, "command.action"},
		{requestKind(wire.Connect), &wire.Request{}, "participantId"},
		{restAnswer, &wire.Answer{Numbers: make([]string, wire.MaxBody)}, ""},
	} {
		b, err := tt.kind.write(tt.v)
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Path != tt.path || len(b) > 0 {
			t.Errorf("%s: got %v, want %q", tt.kind.name, err, tt.path)
		}
	}
}
