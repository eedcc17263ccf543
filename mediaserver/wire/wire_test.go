package wire_test

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
	"github.com/alexacall/alexacall/sip"
)

// A kind is a document that is written by one function and read by another.
type kind struct {
	name  string
	write func(any) ([]byte, error)
	read  func([]byte) (any, []string, error)
}

func kindOf[T any](name string, write func([]byte, *T) ([]byte, error), read func([]byte) (*T, []string, error)) kind {
	return kind{
		name:  name,
		write: func(v any) ([]byte, error) { return write(nil, v.(*T)) },
		read: func(b []byte) (any, []string, error) {
			v, unknown, err := read(b)
			if err != nil { // a nil pointer is not nil in an any
				if v != nil {
					return nil, nil, errors.New("a value beside an error")
				}
				return nil, unknown, err
			}
			return v, unknown, nil
		},
	}
}

func noticeKind(name wire.Callback) kind {
	return kindOf(string(name), wire.AppendNotice, func(b []byte) (*mediaserver.Notice, []string, error) { return wire.ParseNotice(name, b) })
}

func requestKind(op wire.Operation) kind {
	return kindOf(string(op), func(b []byte, r *wire.Request) ([]byte, error) { return wire.AppendRequest(b, op, r) },
		func(b []byte) (*wire.Request, []string, error) { return wire.ParseRequest(op, b) })
}

var (
	newCall    = kindOf("newCall", wire.AppendNewCall, wire.ParseNewCall)
	ivrRequest = kindOf("getIvrCommand", wire.AppendIVRRequest, wire.ParseIVRRequest)
	callEvent  = kindOf("callEvent", wire.AppendCallEvent, wire.ParseCallEvent)
	newAction  = kindOf("newCall's answer", wire.AppendAction, wire.ParseNewCallAction)
	action     = kindOf("callEvent's answer", wire.AppendAction, wire.ParseCallEventAction)
	command    = kindOf("command", wire.AppendCommand, wire.ParseCommand)
	fallback   = kindOf("fallback", wire.AppendFallback, wire.ParseFallback)
	restAnswer = kindOf("answer", wire.AppendAnswer, wire.ParseAnswer)
)

var session = mediaserver.SessionInfo{Domain: "customer.example", SessionID: "s1", Reference: "alarm-7"}

const sessionJSON = `"domain":"customer.example","sessionId":"s1","sessionReferenceId":"alarm-7"`

// caseTable has documents as they are written, and what they say.
var caseTable = []struct {
	kind kind
	v    any
	json string
}{
	{newCall, &mediaserver.NewCall{
		SessionInfo: session, ParticipantID: "p1", ReplyID: "r1", CallID: "a@host", From: bridge.Party{URI: "sip:+4670@pbx.example;user=phone", Name: `Åsa "A"`},
		To: bridge.Party{URI: "100"}, Attr: map[string]string{"room": "7", "a": ""},
	}, `{` + sessionJSON + `,"participantId":"p1","replyId":"r1","sipCallId":"a@host","sipFrom":"sip:+4670@pbx.example;user=phone","from":"+4670",` +
		`"fromName":"Åsa \"A\"","sipTo":"100","to":"100","attributes":{"a":"","room":"7"}}`},
	{ivrRequest, &mediaserver.IVRRequest{
		SessionInfo: session, ConnectionID: "c1", ParticipantID: "p1", ReplyID: "r1", User: "userA", Called: "100",
		Digits: &mediaserver.DigitsResult{Digits: "2", Reason: mediaserver.DigitsMax},
		Record: &mediaserver.RecordResult{File: "a.wav", Duration: 1500 * time.Millisecond, Reason: mediaserver.RecordSilence},
		Failed: []mediaserver.PhraseError{{Index: 0, Err: errors.New("gone")}, {Index: 3, Err: errors.New("x")}, {Index: -1, Err: errors.New("y")}},
	}, `{` + sessionJSON + `,"connectionId":"c1","participantId":"p1","replyId":"r1","user":"userA","to":"100",` +
		`"dtmfParams":{"dtmfMatch":"2","reason":"maxDigits"},"recordParams":{"fileName":"a.wav","duration":1.5,"reason":"silence"},` +
		`"phraseErrors":[{"reason":"gone"},{"index":3,"reason":"x"},{"background":true,"reason":"y"}]}`},
	{ivrRequest, &mediaserver.IVRRequest{
		Digits: &mediaserver.DigitsResult{Reason: mediaserver.DigitsTimeout}, Record: &mediaserver.RecordResult{Reason: mediaserver.RecordFailed},
	}, `{"dtmfParams":{"dtmfMatch":"","reason":"timeout"},"recordParams":{"duration":0,"reason":"failed"}}`},
	{
		callEvent, &mediaserver.CallEvent{SessionInfo: session, Event: mediaserver.CallingPartyDrop, ParticipantID: "p2", User: "userB", ConnectionID: "c1", ReplyID: "r2"},
		`{` + sessionJSON + `,"event":"callingPartyDrop","participantId":"p2","user":"userB","connectionId":"c1","replyId":"r2"}`,
	},
	{
		callEvent, &mediaserver.CallEvent{Event: mediaserver.CalledPartyDrop, Reason: bridge.NoAnswer, Err: &wire.SIPError{Status: 480}},
		`{"event":"calledPartyDrop","reason":"noAnswer","sipCode":480}`,
	},
	{callEvent, &mediaserver.CallEvent{Event: mediaserver.CallerConnectionSplit, Reason: bridge.Internal}, `{"event":"callerConnectionSplit","reason":"error"}`},
	{callEvent, &mediaserver.CallEvent{Event: mediaserver.CalleeConnectionSplit}, `{"event":"calleeConnectionSplit"}`},

	{
		noticeKind(wire.CallAnswered), &mediaserver.Notice{Kind: mediaserver.Answered, SessionInfo: session, ReplyID: "r1", ConnectionID: "AwithB", CallerID: "pA", CalleeID: "pB"},
		`{` + sessionJSON + `,"replyId":"r1","connectionId":"AwithB","callerParticipantId":"pA","calleeParticipantId":"pB"}`,
	},
	{noticeKind(wire.SessionCompleted), &mediaserver.Notice{Kind: mediaserver.SessionCompleted, Duration: 61250 * time.Millisecond}, `{"sessionDuration":61.25}`},
	{
		noticeKind(wire.RecordingReady), &mediaserver.Notice{Kind: mediaserver.RecordingReady, ConnectionID: "c", Filename: "a.wav", Duration: time.Minute, Truncated: true},
		`{"connectionId":"c","filename":"a.wav","duration":60,"truncated":true}`,
	},
	{
		noticeKind(wire.CallNotify), &mediaserver.Notice{Kind: mediaserver.Ringing, ReplyID: "r", ParticipantID: "p", User: "u"},
		`{"replyId":"r","event":"ringing","participantId":"p","user":"u"}`,
	},
	{
		noticeKind(wire.CallNotify), &mediaserver.Notice{Kind: mediaserver.Failed, Cause: bridge.Busy, Err: &wire.SIPError{Status: 486}},
		`{"event":"busy","reason":"busy","sipCode":486}`,
	},
	{noticeKind(wire.CallNotify), &mediaserver.Notice{Kind: mediaserver.Failed, Cause: bridge.NotFound}, `{"event":"failed","reason":"notFound"}`},
	{noticeKind(wire.CallNotify), &mediaserver.Notice{Kind: mediaserver.Failed}, `{"event":"failed"}`},
	{noticeKind(wire.CallNotify), &mediaserver.Notice{Kind: mediaserver.ConferenceJoined, ConnectionID: "c"}, `{"connectionId":"c","event":"conferenceJoined"}`},
	{noticeKind(wire.CallNotify), &mediaserver.Notice{Kind: mediaserver.ConferenceLeft}, `{"event":"conferenceLeft"}`},
	{noticeKind(wire.CallNotify), &mediaserver.Notice{Kind: mediaserver.MonitorConnected}, `{"event":"monitorConnected"}`},
	{noticeKind(wire.CallNotify), &mediaserver.Notice{Kind: mediaserver.MonitorDisconnected, Cause: bridge.Busy}, `{"event":"monitorDisconnected","reason":"busy"}`},

	{newAction, &mediaserver.Action{Kind: mediaserver.Drop}, `{"action":"drop"}`},
	{newAction, &mediaserver.Action{Kind: mediaserver.Drop, Reject: bridge.Busy}, `{"action":"drop","rejectCode":486}`},
	{newAction, &mediaserver.Action{Kind: mediaserver.Drop, Reject: bridge.Internal}, `{"action":"drop","rejectCode":500}`},
	{newAction, &mediaserver.Action{Kind: mediaserver.IVR}, `{"action":"ivr"}`},
	{
		newAction, &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: "sip:callee@customer.example"}, Record: true, Filename: "a", Monitor: "sip:m@x", DelayAnswer: true},
		`{"action":"call","destAddr":"sip:callee@customer.example","callRecording":true,"filename":"a","monitorDestAddr":"sip:m@x","delayAnswer":true}`,
	},
	{action, &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{
		Addr: "+4670", MaxRing: 20 * time.Second, From: "sip:a@x", To: "<sip:b@x>", AssertedIdentity: "sip:c@x", RemotePartyID: "sip:d@x", Diversion: "sip:e@x",
		Headers:       map[string]string{"X-Room": "7", "P-Early-Media": "supported", "x-low": ""},
		ContactParams: map[string]string{"a": "b"}, ContactUserParams: map[string]string{"c": "d"}, CopyHeaders: []string{"User-to-User"},
	}}, `{"action":"call","destAddr":"+4670","maxRingTime":20,"sipFrom":"sip:a@x","sipTo":"<sip:b@x>","sipPAI":"sip:c@x","sipRPID":"sip:d@x","sipDiversion":"sip:e@x",` +
		`"xHeaders":{"X-Room":"7","x-low":""},"pHeaders":{"P-Early-Media":"supported"},"contactParameters":{"a":"b"},"contactUserParameters":{"c":"d"},"copyHeaders":["User-to-User"]}`},
	{action, &mediaserver.Action{Kind: mediaserver.Connect, ParticipantID: "pA", ReplyID: "r4"}, `{"action":"connect","participantId":"pA","replyId":"r4"}`},
	{action, &mediaserver.Action{Kind: mediaserver.JoinConference, ConnectionID: "conf"}, `{"action":"joinconferenceconnection","connectionId":"conf"}`},

	{command, &mediaserver.Command{}, `{}`},
	{command, &mediaserver.Command{
		Phrases: []mediaserver.Phrase{
			{Format: mediaserver.PhraseFile, File: "welcome.mp3", TTL: 90 * time.Second, Refresh: true},
			{Format: mediaserver.PhraseURL, URL: "https://a.example/x?y=1&z=2", TTL: 7 * 24 * time.Hour},
			{Format: mediaserver.PhrasePolly, Speech: mediaserver.Speech{Text: "<speak>Hi</speak>", SSML: true, Voice: "Kendra", Language: "en-US", Engine: "neural", SampleRate: 16000, Lexicons: []string{"l"}}},
			{Format: mediaserver.PhraseGoogle, Speech: mediaserver.Speech{Text: "Hej", Voice: "sv-SE-Wavenet-A", Language: "sv-SE", SampleRate: 8000}},
			{Format: mediaserver.PhraseGoogle, Speech: mediaserver.Speech{Text: "<speak/>", SSML: true}},
			{Format: "espeak", Speech: mediaserver.Speech{Text: "Hello", Voice: "en-gb", Language: "en", Engine: "e", SampleRate: 22050, SSML: true, Lexicons: []string{"l"}}},
		},
		BargeIn: true,
		Digits: &mediaserver.Digits{
			Max: 4, Termination: "#*", First: 10 * time.Second, Between: 2500 * time.Millisecond, Total: time.Minute, Pattern: regexp.MustCompile("[1-3]"), Clear: true,
		},
		Record:     &mediaserver.Record{File: "r", Max: time.Minute, Silence: 3 * time.Second, Termination: "#", Beep: true},
		Echo:       &mediaserver.Echo{For: 5 * time.Second},
		Background: &mediaserver.Background{Phrase: mediaserver.Phrase{Format: mediaserver.PhraseFile, File: "holdmusic.mp3"}, RepeatPause: 500 * time.Millisecond},
		Hangup:     true, After: 20 * time.Second,
	}, `{"dtmf":{"maxDigits":4,"terminationKey":"#*","firstDigitTimeout":10,"interDigitTimeout":2.5,"timeout":60,"regex":"[1-3]","clear":true},` +
		`"phrases":[{"format":"file","fileName":"welcome.mp3","cacheTimeToLive":"90","refreshCache":true},` +
		`{"format":"url","url":"https://a.example/x?y=1&z=2","cacheTimeToLive":"604800"},` +
		`{"format":"awstts","awsTTSParameters":{"Text":"<speak>Hi</speak>","TextType":"ssml","VoiceId":"Kendra","LanguageCode":"en-US","Engine":"neural","SampleRate":"16000","LexiconNames":["l"]}},` +
		`{"format":"googletts","googleTTSParameters":{"input":{"text":"Hej"},"voice":{"languageCode":"sv-SE","name":"sv-SE-Wavenet-A"},"audioConfig":{"sampleRateHertz":8000}}},` +
		`{"format":"googletts","googleTTSParameters":{"input":{"ssml":"<speak/>"}}},` +
		`{"format":"espeak","ttsParameters":{"text":"Hello","ssml":true,"voice":"en-gb","language":"en","engine":"e","sampleRate":22050,"lexicons":["l"]}}],` +
		`"bargeIn":"all","record":{"fileName":"r","maxTime":60,"silenceTime":3,"terminationKey":"#","beep":true},"echo":{"duration":5},` +
		`"backgroundPrompt":{"format":"file","fileName":"holdmusic.mp3","repeatPause":0.5},"hangup":true,"getIVRCommandAfter":20}`},
	{
		command, &mediaserver.Command{Echo: &mediaserver.Echo{}, Background: &mediaserver.Background{}, Digits: &mediaserver.Digits{}, Record: &mediaserver.Record{}},
		`{"dtmf":{},"record":{},"echo":true,"backgroundPrompt":{}}`,
	},
	{
		command, &mediaserver.Command{Call: &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: "sip:ARC@x"}, Record: true}},
		`{"action":"call","destAddr":"sip:ARC@x","callRecording":true}`,
	},

	{fallback, &wire.Fallback{Mode: wire.OnError, Command: &mediaserver.Command{
		Phrases: []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: "sorry"}},
		Call:    &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: "+46", MaxRing: 30 * time.Second}},
	}}, `{"mode":"onError","command":{"phrases":[{"format":"file","fileName":"sorry"}],"action":{"type":"call","destAddr":"+46","maxRingTime":30}}}`},
	{
		fallback, &wire.Fallback{Mode: wire.Always, For: 30 * 24 * time.Hour, Command: &mediaserver.Command{Hangup: true}},
		`{"mode":"always","expiration":"MONTH","command":{"action":{"type":"hangup"}}}`,
	},
	{
		fallback, &wire.Fallback{Mode: wire.Always, Until: time.Unix(1790000000, 0), Command: &mediaserver.Command{Hangup: true}},
		`{"mode":"always","expiration":1790000000,"command":{"action":{"type":"hangup"}}}`,
	},

	{
		requestKind(wire.PlaceIVRCall), &wire.Request{Destination: mediaserver.Destination{Addr: "+46", From: "sip:hotel@x"}, Reference: "job"},
		`{"destAddr":"+46","sipFrom":"sip:hotel@x","sessionReferenceId":"job"}`,
	},
	{requestKind(wire.SplitConnection), &wire.Request{ConnectionID: "c", ReplyID: "r"}, `{"connectionId":"c","replyId":"r"}`},
	{
		requestKind(wire.Connect), &wire.Request{ParticipantID: "p", PeerParticipantID: "q", SessionID: "s", ReplyID: "r"},
		`{"participantId":"p","peerParticipantId":"q","sessionId":"s","replyId":"r"}`,
	},
	{requestKind(wire.CreateConferenceConnection), &wire.Request{}, `{}`},
	{requestKind(wire.CreateConferenceConnection), &wire.Request{ReplyID: "r"}, `{"replyId":"r"}`},
	{requestKind(wire.CreateConferenceConnection), &wire.Request{SessionID: "s", ReplyID: "r"}, `{"sessionId":"s","replyId":"r"}`},
	{requestKind(wire.HangupParticipant), &wire.Request{ParticipantID: "p", SessionID: "s", ReplyID: "r"}, `{"participantId":"p","sessionId":"s","replyId":"r"}`},
	{requestKind(wire.StartRecording), &wire.Request{ConnectionID: "c", Filename: "f", ReplyID: "r"}, `{"connectionId":"c","filename":"f","replyId":"r"}`},
	{requestKind(wire.StopRecording), &wire.Request{ConnectionID: "c", ReplyID: "r"}, `{"connectionId":"c","replyId":"r"}`},

	{restAnswer, &wire.Answer{Success: true}, `{"success":true}`},
	{restAnswer, &wire.Answer{Reason: "stale"}, `{"success":false,"reason":"stale"}`},
	{
		restAnswer, &wire.Answer{Success: true, SessionID: "s", ParticipantID: "p", ReplyID: "r", ConnectionID: "c"},
		`{"success":true,"sessionId":"s","participantId":"p","replyId":"r","connectionId":"c"}`,
	},
	{restAnswer, &wire.Answer{Success: true, Numbers: []string{}}, `{"success":true,"data":[]}`},
	{restAnswer, &wire.Answer{Success: true, Numbers: []string{"100", "+46"}}, `{"success":true,"data":["100","+46"]}`},
	{
		restAnswer, &wire.Answer{Success: true, Fallback: &wire.Fallback{Mode: wire.OnError, TTL: 90 * time.Second, Command: &mediaserver.Command{Hangup: true}}},
		`{"success":true,"data":{"mode":"onError","ttl":90,"command":{"action":{"type":"hangup"}}}}`,
	},
	{
		restAnswer, &wire.Answer{Success: true, Fallback: &wire.Fallback{Mode: wire.OnError, TTL: 73 * 366 * 24 * time.Hour, Command: &mediaserver.Command{Hangup: true}}},
		`{"success":true,"data":{"mode":"onError","ttl":2308435200,"command":{"action":{"type":"hangup"}}}}`,
	},
}

func TestWritten(t *testing.T) {
	for _, tt := range caseTable {
		if got, err := tt.kind.write(tt.v); err != nil || string(got) != tt.json {
			t.Errorf("%s: %v\ngot  %s\nwant %s", tt.kind.name, err, got, tt.json)
		}
		got, unknown, err := tt.kind.read([]byte(tt.json))
		if err != nil || len(unknown) > 0 || !same(got, tt.v) {
			t.Errorf("%s: %v, unknown %q\ngot  %+v\nwant %+v\nof   %s", tt.kind.name, err, unknown, got, tt.v, tt.json)
		}
	}
}

// same compares what was read, errors by their text and regular expressions by theirs.
func same(a, b any) bool { return reflect.DeepEqual(comparable(a), comparable(b)) }

func comparable(v any) any {
	switch v := v.(type) {
	case *mediaserver.IVRRequest:
		c := *v
		texts := []string{}
		for _, e := range c.Failed {
			texts = append(texts, string(rune('a'+e.Index))+e.Err.Error())
		}
		c.Failed = nil
		return []any{c, texts}
	case *mediaserver.Command:
		if v.Digits != nil && v.Digits.Pattern != nil {
			c, d := *v, *v.Digits
			pattern := d.Pattern.String()
			d.Pattern, c.Digits = nil, &d
			return []any{c, pattern}
		}
	}
	return v
}

// TestRead has documents that nobody here writes.
func TestRead(t *testing.T) {
	call := func(addr string) *mediaserver.Action {
		return &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: addr}}
	}
	file := mediaserver.Phrase{Format: mediaserver.PhraseFile, File: "a"}
	for _, tt := range []struct {
		kind kind
		json string
		v    any
	}{
		{newCall, `{"sessionId":"s1","sipCallId":"x","from":"100","to":null}`, &mediaserver.NewCall{
			SessionInfo: mediaserver.SessionInfo{SessionID: "s1"}, CallID: "x", From: bridge.Party{URI: "100"},
		}},
		{callEvent, `{"event":"calledPartyDrop","reason":"normal"}`, &mediaserver.CallEvent{Event: mediaserver.CalledPartyDrop}},
		{callEvent, `{"event":"calledPartyDrop","reason":"who knows"}`, &mediaserver.CallEvent{Event: mediaserver.CalledPartyDrop, Reason: bridge.Internal}},
		{noticeKind(wire.CallNotify), `{"event":"progress"}`, &mediaserver.Notice{}},
		{noticeKind(wire.CallNotify), `{"event":"noAnswer"}`, &mediaserver.Notice{Kind: mediaserver.Failed, Cause: bridge.NoAnswer}},
		{noticeKind(wire.CallNotify), `{"event":"rejected"}`, &mediaserver.Notice{Kind: mediaserver.Failed, Cause: bridge.Declined}},

		{action, `{}`, &mediaserver.Action{Kind: mediaserver.Drop}},
		{action, ` { "action" : null } `, &mediaserver.Action{Kind: mediaserver.Drop}},
		{action, `{"action":{"type":"call","destAddr":"sip:a@x"}}`, call("sip:a@x")},
		{newAction, `{"action":"drop","rejectCode":600}`, &mediaserver.Action{Kind: mediaserver.Drop, Reject: bridge.Busy}},
		{newAction, `{"action":"drop","rejectCode":486}`, &mediaserver.Action{Kind: mediaserver.Drop, Reject: bridge.Busy}},
		{newAction, `{"action":"drop","rejectCode":410}`, &mediaserver.Action{Kind: mediaserver.Drop, Reject: bridge.NotFound}},
		{newAction, `{"action":"drop","rejectCode":599}`, &mediaserver.Action{Kind: mediaserver.Drop, Reject: bridge.Internal}},
		{newAction, `{"action":"drop","rejectCode":603}`, &mediaserver.Action{Kind: mediaserver.Drop, Reject: bridge.Declined}},
		{newAction, `{"action":"drop","rejectCode":499}`, &mediaserver.Action{Kind: mediaserver.Drop, Reject: bridge.Declined}},

		{command, `{"phrases":{"format":"file","fileName":"a"},"bargeIn":"none"}`, &mediaserver.Command{Phrases: []mediaserver.Phrase{file}}},
		{command, `{"phrases":[{"format":"file","filename":"a"}],"bargeIn":true}`, &mediaserver.Command{Phrases: []mediaserver.Phrase{file}, BargeIn: true}},
		{command, `{"phrases":[],"bargeIn":false,"echo":false,"dtmf":null,"hangup":false}`, &mediaserver.Command{}},
		{command, `{"echo":{}}`, &mediaserver.Command{Echo: &mediaserver.Echo{}}},
		{command, `{"action":"call","destAddr":"+1"}`, &mediaserver.Command{Call: call("+1")}},
		{command, `{"action":{"type":"call","destAddr":"+1"}}`, &mediaserver.Command{Call: call("+1")}},
		{command, `{"action":{"type":"hangup"}}`, &mediaserver.Command{Hangup: true}},
		{command, `{"action":"hangup","getIvrCommandAfter":1.5e0}`, &mediaserver.Command{Hangup: true, After: 1500 * time.Millisecond}},
		{command, `{"phrases":[{"format":"file","fileName":"a","cacheTimeToLive":"QUARTER"}]}`, &mediaserver.Command{Phrases: []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: "a", TTL: 91 * 24 * time.Hour}}}},
		{command, `{"phrases":[{"format":"file","fileName":"a","cacheTimeToLive":60}]}`, &mediaserver.Command{Phrases: []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: "a", TTL: time.Minute}}}},
		{
			command, `{"phrases":[{"format":"awstts","awsTTSParameters":{"Text":"x","OutputFormat":"pcm","TextType":"text","SampleRate":8000}}]}`,
			&mediaserver.Command{Phrases: []mediaserver.Phrase{{Format: mediaserver.PhrasePolly, Speech: mediaserver.Speech{Text: "x", SampleRate: 8000}}}},
		},

		{
			command, `{"phrases":[{"format":"googletts","googleTTSParameters":{"input":{"ssml":""}}}]}`,
			&mediaserver.Command{Phrases: []mediaserver.Phrase{{Format: mediaserver.PhraseGoogle}}},
		},

		{fallback, `{"mode":"always","command":{"action":"call","destAddr":"+1"}}`, &wire.Fallback{Mode: wire.Always, Command: &mediaserver.Command{Call: call("+1")}}},
		{requestKind(wire.PlaceIVRCall), `{"destAddr":"+46","callerId":"+1"}`, &wire.Request{Destination: mediaserver.Destination{Addr: "+46", From: "+1"}}},
	} {
		got, unknown, err := tt.kind.read([]byte(tt.json))
		if err != nil || len(unknown) > 0 || !same(got, tt.v) {
			t.Errorf("%s: %v, unknown %q\ngot  %+v\nwant %+v\nof   %s", tt.kind.name, err, unknown, got, tt.v, tt.json)
		}
	}
}

// TestUnknownMembersAreNamed: a member that is not known changes nothing, wherever it is.
func TestUnknownMembersAreNamed(t *testing.T) {
	got, unknown, err := command.read([]byte(`{"hangup":true,"Hangup":[],"dtmf":{"maxDigits":1,"beep":1e400},"phrases":[{"format":"file","fileName":"a","url":"b\n"}],"z\n":{}}`))
	want := []string{"dtmf.beep", "phrases[0].url", "Hangup", "z "}
	if err != nil || !reflect.DeepEqual(unknown, want) || !got.(*mediaserver.Command).Hangup {
		t.Errorf("unknown %q, want %q; %v", unknown, want, err)
	}
	var many strings.Builder
	for i := range 100 {
		many.WriteString(`,"` + strings.Repeat("a", 1000+i) + `":1`)
	}
	_, unknown, err = action.read([]byte(`{"action":"drop"` + many.String() + `}`))
	if err != nil || len(unknown) != 16 || len(unknown[0]) > 300 {
		t.Errorf("%d names are reported, want 16 that were cut; %v", len(unknown), err)
	}
}

// TestStatusOfSIP: the status that a leg was lost with is found wherever it is in the chain.
func TestStatusOfSIP(t *testing.T) {
	e := &mediaserver.CallEvent{Event: mediaserver.CalledPartyDrop, Reason: bridge.Busy, Err: &bridge.EndError{Cause: bridge.Busy, Err: &sip.Error{Status: 600}}}
	b, err := wire.AppendCallEvent([]byte("x"), e)
	if want := `x{"event":"calledPartyDrop","reason":"busy","sipCode":600}`; err != nil || string(b) != want {
		t.Errorf("got %s, %v, want %s", b, err, want)
	}
	e = &mediaserver.CallEvent{Event: mediaserver.CalledPartyDrop, Err: &bridge.EndError{Err: &sip.Error{Status: 200}}} // to an INVITE, and then BYE
	b, err = wire.AppendCallEvent(nil, e)
	if want := `{"event":"calledPartyDrop"}`; err != nil || string(b) != want {
		t.Errorf("got %s, %v, want %s", b, err, want)
	}
}

func TestExpires(t *testing.T) {
	now := time.Unix(1_000_000_000, 0)
	for want, f := range map[time.Duration]wire.Fallback{
		182 * 24 * time.Hour: {},
		24 * time.Hour:       {For: 24 * time.Hour},
		time.Minute:          {Until: now.Add(time.Minute)},
	} {
		if got := f.Expires(now).Sub(now); got != want {
			t.Errorf("after %v, want %v", got, want)
		}
	}
}
