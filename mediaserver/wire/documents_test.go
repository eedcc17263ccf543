package wire_test

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// TestDocuments reads what the documents of the service show an application to send and to answer, to the letter: nothing of it is unknown.
func TestDocuments(t *testing.T) {
	to := func(addr string) *mediaserver.Action {
		return &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: addr}}
	}
	say := func(text string) []mediaserver.Phrase {
		return []mediaserver.Phrase{{Format: mediaserver.PhrasePolly, Speech: mediaserver.Speech{Text: text}}}
	}
	holding := mediaserver.Phrase{Format: mediaserver.PhraseFile, File: "holdmusic.mp3"}
	recorded, monitored := to("sip:callee@x"), to("sip:callee@x")
	recorded.Record, recorded.Filename = true, "name"
	monitored.Monitor = "sip:monitor@x"
	for _, tt := range []struct {
		kind kind
		json string
		v    any
	}{
		{newAction, `{"action":"drop"}`, &mediaserver.Action{Kind: mediaserver.Drop}},
		{newAction, `{"action":"ivr"}`, &mediaserver.Action{Kind: mediaserver.IVR}},
		{newAction, `{"action":"call", "destAddr":"sip:userb@customer.prod-eu-north-1.iotcomms.io"}`, to("sip:userb@customer.prod-eu-north-1.iotcomms.io")},
		{newAction, `{"action":"call","destAddr":"sip:callee@x","callRecording":true,"filename":"name"}`, recorded},
		{newAction, `{"action":"call","destAddr":"sip:callee@x","monitorDestAddr":"sip:monitor@x"}`, monitored},

		{action, `{"action":"drop"}`, &mediaserver.Action{Kind: mediaserver.Drop}},
		{action, `{"action":"ivr"}`, &mediaserver.Action{Kind: mediaserver.IVR}},
		{action, `{"action":"call", "destAddr":"sip:callee@{customer}.prod-eu-north-1.iotcomms.io" }`, to("sip:callee@{customer}.prod-eu-north-1.iotcomms.io")},
		{
			action, `{"action":"connect","participantId":"participantIdA","replyId":"replyIdBwithCSplit"}`,
			&mediaserver.Action{Kind: mediaserver.Connect, ParticipantID: "participantIdA", ReplyID: "replyIdBwithCSplit"},
		},
		{
			action, `{"action":"joinconferenceconnection","connectionId":"conferenceId"}`,
			&mediaserver.Action{Kind: mediaserver.JoinConference, ConnectionID: "conferenceId"},
		},

		{
			command, `{"dtmf": {}, "phrases": [], "backgroundPrompt": {}, "hangup": false, "getIVRCommandAfter": 20}`,
			&mediaserver.Command{Digits: &mediaserver.Digits{}, Background: &mediaserver.Background{}, After: 20 * time.Second},
		},
		{
			command, `{"dtmf":{"maxDigits":1},"phrases":[{"format":"awstts","awsTTSParameters":{"Text":"Welcome. Press 1 for sales and 2 for support."}}]}`,
			&mediaserver.Command{Digits: &mediaserver.Digits{Max: 1}, Phrases: say("Welcome. Press 1 for sales and 2 for support.")},
		},
		{ // of one phrase, without the brackets
			command, `{"phrases":{"format":"awstts","awsTTSParameters":{"Text":"Thank you, you will get connected to support."}},"hangup":true}`,
			&mediaserver.Command{Phrases: say("Thank you, you will get connected to support."), Hangup: true},
		},
		{command, `{"action":"call", "destAddr":"sip:ARC@x" }`, &mediaserver.Command{Call: to("sip:ARC@x")}},
		{
			command, `{"backgroundPrompt":{"format":"file","fileName":"holdmusic.mp3","repeatPause":0.5},"hangup":false}`,
			&mediaserver.Command{Background: &mediaserver.Background{Phrase: holding, RepeatPause: 500 * time.Millisecond}},
		},
		{
			command, `{"backgroundPrompt":{"format":"file","fileName":"holdmusic.mp3"},"hangup":false}`,
			&mediaserver.Command{Background: &mediaserver.Background{Phrase: holding}},
		},

		{requestKind(wire.PlaceIVRCall), `{"destAddr": "the number to call"}`, &wire.Request{Destination: mediaserver.Destination{Addr: "the number to call"}}},
		{requestKind(wire.SplitConnection), `{"connectionId": "AwithB", "replyId":"replyIdStringAwithB"}`, &wire.Request{ConnectionID: "AwithB", ReplyID: "replyIdStringAwithB"}},
	} {
		got, unknown, err := tt.kind.read([]byte(tt.json))
		if err != nil || len(unknown) > 0 || !same(got, tt.v) {
			t.Errorf("%s: %v, unknown %q\ngot  %+v\nwant %+v\nof   %s", tt.kind.name, err, unknown, got, tt.v, tt.json)
		}
	}
}
