package stories

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// What applications answer, as the documents have it.
const (
	drop     = `{"action":"drop"}`
	talkIVR  = `{"action":"ivr"}`
	callB    = `{"action":"call","destAddr":"sip:b@hotel.example"}`
	callC    = `{"action":"call","destAddr":"sip:c@hotel.example"}`
	holdOn   = `{"backgroundPrompt":{"format":"file","fileName":"holdmusic.wav","repeatPause":0.1},"hangup":false}`
	welcome  = `"phrases":[{"format":"awstts","awsTTSParameters":{"Text":"Welcome. For the reception, press 2.","OutputFormat":"pcm","VoiceId":"Kendra"}}]`
	thankYou = `{"phrases":[{"format":"awstts","awsTTSParameters":{"Text":"Thank you.","OutputFormat":"pcm","VoiceId":"Kendra"}}],"hangup":true}`
)

const soon = 100 * time.Millisecond // that the application thinks about one of two questions, so that they are answered in order

// A flow is one of those that the documents of the service have.
type flow struct {
	name, title string
	play        func(h *hotel)
}

var flowTable = []flow{
	{"auto_attendant", "An auto-attendant greets A, who presses a key and is connected with B.", func(h *hotel) { autoAttendant(h, true) }},
	{"auto_attendant_no_digits", "An auto-attendant greets A, who presses no key and is connected with B.", func(h *hotel) { autoAttendant(h, false) }},
	{"recording", "A talks to B, and is recorded. The application gets the file.", recording},
	{"monitoring", "A talks to B, and M listens for a while.", monitoring},
	{"attended_transfer", "A talks to B, B asks C, and A gets C.", attendedTransfer},
	{"conference", "A talks to B, parks B, calls C, and all three confer.", conference},
	{"outbound", "The application has A called, and connects A with B.", outbound},
	{"application_fails", "A calls three times. The application fails, then knows no such call, and fails again when a fallback is stored.", applicationFails},
}

// TestCodecOfIVR has two Echoes agree on Opus, end to end. Who is left is asked for another codec, once, so that it hears the greeting.
func TestCodecOfIVR(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		h := newHotel(t, &hotelProps{echoes: true})
		a := h.guest("a", 300, 0)
		b := h.guest("b", 500, time.Second)
		h.program.decide = func(callback string, s said) string {
			switch {
			case callback == "newCall":
				return `{"action":"call","destAddr":"sip:b@hotel.example","delayAnswer":true}`
			case callback == "getIvrCommand":
				return thankYou
			case s["reason"] == "" && s["event"] == "calledPartyDrop" && s["connectionId"][27:] == "c1":
				return talkIVR
			}
			return drop
		}
		a.call()
		h.wait(2 * time.Second)
		if sends := h.engine.Terminals()[0].Stream(media.Audio).Codec(); !sends.Matches(media.Opus()) {
			t.Errorf("A is sent %v while it talks to B", sends)
		}
		b.hangup()
		h.wait(100 * time.Millisecond)
		h.hears("a:G")
		a.changes = 1
		h.finish("")
	})
}

// TestFlows plays every flow with phones and with Echoes, and compares what was said, and who heard whom, with its golden file.
func TestFlows(t *testing.T) {
	signingKey() // takes a while
	for _, parties := range []string{"phones", "echoes"} {
		for _, f := range flowTable {
			t.Run(f.name+"_"+parties, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := newHotel(t, &hotelProps{echoes: parties == "echoes"})
					f.play(h)
					want(t, "flows/"+f.name+"_"+parties, h.finish(f.title+" All are "+parties+"."))
				})
			})
		}
	}
}

// autoAttendant is flow 5.1.
func autoAttendant(h *hotel, digits bool) {
	a := h.guest("a", 300, 0)
	h.guest("b", 500, time.Second)
	dtmf := `"dtmf":{"maxDigits":1}`
	if !digits {
		dtmf = `"dtmf":{"maxDigits":1,"firstDigitTimeout":2}`
	}
	h.program.decide = func(callback string, s said) string {
		switch {
		case callback == "newCall":
			return talkIVR
		case callback == "getIvrCommand" && s["reason"] == "":
			return `{` + dtmf + `,` + welcome + `}`
		case callback == "getIvrCommand":
			return thankYou
		case s["event"] == "calledPartyDrop":
			return callB
		}
		return drop
	}
	a.call()
	h.hears("a:G")
	if digits {
		a.press("2")
	}
	h.wait(8 * time.Second)
	h.hears("a:b b:a")
	a.hangup()
}

// recording is flow 5.2.
func recording(h *hotel) {
	a := h.guest("a", 300, 0)
	h.guest("b", 500, time.Second)
	h.program.decide = func(callback string, _ said) string {
		if callback == "newCall" {
			return `{"action":"call","destAddr":"sip:b@hotel.example","callRecording":true,"filename":"talk.wav"}`
		}
		return drop
	}
	a.call()
	h.wait(2 * time.Second)
	h.hears("a:b b:a")
	h.wait(1700 * time.Millisecond)
	a.hangup()
	h.wait(time.Second)
	holds(h.t, h.program.send(http.MethodGet, "promptfile/talk.wav", nil), 300, 500)
}

// monitoring is flow 5.3.
func monitoring(h *hotel) {
	a := h.guest("a", 300, 0)
	h.guest("b", 500, time.Second)
	m := h.guest("m", 1300, time.Second)
	h.program.decide = func(callback string, _ said) string {
		if callback == "newCall" {
			return `{"action":"call","destAddr":"sip:b@hotel.example","monitorDestAddr":"sip:m@hotel.example"}`
		}
		return drop
	}
	a.call()
	h.wait(4 * time.Second)
	h.hears("a:b b:a m:ab")
	m.hangup()
	h.wait(time.Second)
	h.hears("a:b b:a")
	a.hangup()
}

// music puts the music for those who wait into the prompt store.
func music(h *hotel) {
	h.program.send(http.MethodPut, "promptfile/holdmusic.wav", audio.AppendWAV(nil, sound.Sine(soundRate, musicHz, 8000, 2*time.Second), soundRate))
}

// split splits a connection.
func split(h *hotel, link said) {
	h.program.post("splitconnection", "connectionId", link["connectionId"], "replyId", link["replyId"])
}

// attendedTransfer is flow 5.4.
func attendedTransfer(h *hotel) {
	a := h.guest("a", 300, 0)
	h.guest("b", 500, time.Second)
	h.guest("c", 1100, time.Second)
	music(h)
	var first said
	h.program.decide = func(callback string, s said) string {
		switch callback + " " + s["event"] + " " + s["user"] {
		case "newCall  ":
			return callB
		case "callEvent callerConnectionSplit a":
			return talkIVR
		case "callEvent calleeConnectionSplit b":
			time.Sleep(soon)
			return callC
		case "callEvent calleeConnectionSplit c":
			time.Sleep(soon)
			return `{"action":"connect","participantId":"` + first["callerParticipantId"] + `","replyId":"` + s["replyId"] + `"}`
		}
		if callback == "getIvrCommand" {
			return holdOn
		}
		return drop
	}
	a.call()
	h.wait(2 * time.Second)
	h.hears("a:b b:a")
	first = h.program.link()
	split(h, first)
	h.wait(2 * time.Second)
	h.hears("a:M b:c c:b")
	h.wait(4 * time.Second) // meanwhile the IVR asks again, and is told the same
	h.hears("a:M b:c c:b")
	split(h, h.program.link())
	h.wait(time.Second)
	h.hears("a:c c:a")
	a.hangup()
}

// conference is flow 5.5.
func conference(h *hotel) {
	a := h.guest("a", 300, 0)
	b := h.guest("b", 500, time.Second)
	c := h.guest("c", 1100, time.Second)
	music(h)
	room := ""
	h.program.decide = func(callback string, s said) string {
		switch {
		case callback == "newCall":
			return callB
		case callback == "getIvrCommand":
			return holdOn
		case s["user"] == "": // the IVR
			return drop
		case room != "":
			if s["user"] == "c" {
				time.Sleep(soon)
			}
			return `{"action":"joinconferenceconnection","connectionId":"` + room + `"}`
		case s["user"] == "b":
			return talkIVR
		}
		time.Sleep(soon)
		return callC
	}
	a.call()
	h.wait(2 * time.Second)
	first := h.program.link()
	split(h, first)
	h.wait(soon)
	parked := h.program.link()
	h.wait(2 * time.Second)
	h.hears("a:c b:M c:a")
	inquiry := h.program.link()
	room = h.program.post("createconferenceconnection", "sessionId", inquiry["sessionId"], "replyId", inquiry["replyId"])["connectionId"]
	split(h, inquiry)
	h.wait(time.Second)
	split(h, parked)
	h.wait(time.Second)
	h.hears("a:bc b:ac c:ab")
	c.hangup()
	h.wait(time.Second)
	h.hears("a:b b:a")
	a.hangup()
	h.wait(time.Second)
	b.hangup()
}

// outbound is flow 5.6.
func outbound(h *hotel) {
	a := h.guest("a", 300, time.Second)
	h.guest("b", 500, 3*time.Second)
	h.program.decide = func(callback string, _ said) string {
		if callback == "getIvrCommand" {
			return callB
		}
		return drop
	}
	h.program.post("placeivrcall", "destAddr", "sip:a@hotel.example", "sessionReferenceId", "alarm 7")
	h.wait(1300 * time.Millisecond)
	ringback := "a:R"
	if h.skill != nil {
		ringback = "a:R b:a" // an Echo that rings has answered the offer
	}
	h.hears(ringback)
	h.wait(3 * time.Second)
	h.hears("a:b b:a")
	a.hangup()
}

// applicationFails has no decision three times: a failure of the application's (5xx, which is asked again) refuses the call as overload, any other
// as unreachable, and with a stored fallback none does.
func applicationFails(h *hotel) {
	a := h.guest("a", 300, 0)
	fails := "503"
	h.program.decide = func(string, said) string { return fails }
	refused := func() {
		_ = a.device.call() // a phone's fails with how it was refused, which is in the transcript
		h.wait(2 * time.Second)
		a.check()
	}
	refused()
	fails = "404"
	refused()
	fails = "500"
	greeting := mediaserver.Phrase{Format: mediaserver.PhrasePolly, Speech: mediaserver.Speech{Text: "We cannot take your call."}}
	must(h.t, h.stored.Put(h.t.Context(), domain, "100", &wire.Fallback{
		Mode: wire.OnError, Command: &mediaserver.Command{Phrases: []mediaserver.Phrase{greeting}, Hangup: true},
	}))
	a.call()
	h.wait(100 * time.Millisecond)
	h.hears("a:G")
	h.wait(5 * time.Second)
}
