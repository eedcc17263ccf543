package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/sip/siptest"
)

const (
	echoTone                       = 440 // Hz
	simulatedPatience              = time.Second
	answerAfter                    = 250 * time.Millisecond
	talkFor                        = 500 * time.Millisecond // each has to hear the other for so long, alone
	listenFor                      = 3 * time.Second        // until then
	enough                         = 0.8                    // of the power heard must be the tone that is expected
	trunkUser, trunkPassword, room = "hotel", "open-the-hotel", "101"
)

// departmentTable has the phones of the PBX, with the tones that they play in Hz.
var departmentTable = map[string]float64{"reception": 620, "housekeeping": 1150, "concierge": 1500}

// guestTable has what guests press, whom they reach by it, and who hangs up.
var guestTable = []struct {
	presses, reaches string
	deskEnds         bool
}{{"2", "housekeeping", false}, {"", "reception", true}}

type result struct { // of one call
	Pressed    string  `json:"pressed"`
	Reached    string  `json:"reached"` // "" if nobody
	Greeted    bool    `json:"greeted"`
	EchoHeard  bool    `json:"echo_heard"`
	PhoneHeard bool    `json:"phone_heard"`
	SetupMS    float64 `json:"setup_ms"` // from the call to the answer of a phone
	Ended      string  `json:"ended"`    // "normal", or what went wrong
}

// world is a hotel with everything around it simulated.
type world struct {
	*hotel
	begun  time.Time
	lines  sync.Mutex // said one after the other
	dir    string     // for recordings
	spoil  string
	cloud  *alexatest.Cloud
	echo   *alexatest.Echo
	pbx    *siptest.PBX
	desks  map[string]*siptest.Phone
	counts map[string]int // by session: how often it was said to be over; under lines
}

// simulate places the calls and reports whether every guest was greeted, reached whom it asked for, heard it and was heard.
func simulate(ctx context.Context, o *options) bool {
	w, calls := openWorld(ctx, o), []result{}
	for range o.calls {
		for i := range guestTable {
			calls = append(calls, w.call(ctx, guestTable[i].presses, guestTable[i].deskEnds))
		}
	}
	w.drain(listenFor) // a call that one side has ended is not yet ended at the other
	w.cloud.Close()    // nothing more is said
	for _, desk := range w.desks {
		check(desk.Close())
	}
	check(w.pbx.Close())
	ok := len(w.counts) == len(calls)
	for _, n := range w.counts {
		ok = ok && n == 1
	}
	fmt.Printf("\nrecordings are in %s\n\n%-9s%-14s%-9s%-12s%-13s%-12s%s\n", w.dir, "pressed", "reached", "greeted", "echo heard", "phone heard", "set up", "ended")
	for i, c := range calls {
		fmt.Printf("%-9s%-14s%-9v%-12v%-13v%-12s%s\n", c.Pressed, c.Reached, c.Greeted, c.EchoHeard, c.PhoneHeard, fmt.Sprint(c.SetupMS, " ms"), c.Ended)
		ok = ok && c.Greeted && c.Reached == guestTable[i%len(guestTable)].reaches && c.EchoHeard && c.PhoneHeard && c.Ended == "normal"
	}
	fmt.Printf("%d sessions of the media server were completed\n", len(w.counts))
	if o.json {
		fmt.Printf("%s\n", must(json.Marshal(map[string]any{"calls": calls, "completed": len(w.counts), "ok": ok})))
	}
	return ok
}

// openWorld starts cloud, Echo, PBX and phones, and the hotel between them as -serve would.
func openWorld(ctx context.Context, o *options) *world {
	w := &world{begun: time.Now(), dir: must(os.MkdirTemp("", "ivr-")), spoil: o.spoil, desks: map[string]*siptest.Phone{}, counts: map[string]int{}}
	switch o.spoil {
	case "", "one-way", "tone", "hangup", "digits", "greeting":
	default:
		check(fmt.Errorf("cannot break %q", o.spoil))
	}
	w.cloud = must(alexatest.NewCloud(&alexatest.CloudOptions{OnMessage: func(e alexatest.Entry) { w.say(string(e.Direction), e.Type) }}))
	keys := []string{alexatest.CodecPCMU, alexatest.CodecPCMA, alexatest.CodecTelephoneEvent} // beside Opus it has none
	w.echo = must(w.cloud.NewEcho(room, &alexatest.EchoOptions{Play: alexatest.Tone(echoTone), Codecs: keys}))
	extensions := map[string]string{}
	for name, hz := range departmentTable {
		w.desks[name] = w.newDesk(name, hz)
		extensions[name] = w.desks[name].URI()
	}
	w.pbx = must(siptest.NewPBX(&siptest.PBXOptions{
		Users: map[string]string{trunkUser: trunkPassword}, Extensions: extensions,
		OnRequest: func(what string, status int) { w.say("pbx", fmt.Sprint(what, " ", status)) },
	}))
	o.pbx, o.housekeeping, o.concierge = w.pbx.URI("reception"), w.pbx.URI("housekeeping"), w.pbx.URI("concierge")
	o.register, o.sipPassword, o.patience = w.pbx.URI(trunkUser), trunkPassword, simulatedPatience
	o.skillID, o.alexaEndpoint, o.lwaURL, o.skillChainAddr = w.cloud.SkillID(), w.cloud.URL(), w.cloud.TokenURL(), w.cloud.ChainAddr()
	o.secrets.ClientID, o.secrets.ClientSecret, o.secrets.RefreshToken = w.cloud.ClientID(), w.cloud.ClientSecret(), w.cloud.RefreshToken()
	o.sipAddr, o.mediaAddr = "127.0.0.1:0", "127.0.0.1:0"
	w.hotel = open(ctx, o, w.cloud.Roots())
	w.desk.told = w.notice
	if o.spoil == "greeting" {
		check(w.prompts.Remove(ctx, "", greeting+".wav"))
	}
	w.cloud.SetSkillURL("http://" + w.listen("127.0.0.1:0", w.http.Serve).String())
	return w
}

// newDesk returns the phone of a department.
func (w *world) newDesk(name string, hz float64) *siptest.Phone {
	phone := &siptest.PhoneOptions{
		User: name, Play: siptest.Tone(hz), AnswerAfter: answerAfter, OnMessage: func(e siptest.Entry) { w.say(name, e.String()) },
	}
	switch w.spoil {
	case "one-way":
		phone.Play = siptest.Source{}
	case "tone":
		phone.Play = siptest.Tone(hz + 100)
	case "hangup":
		phone.HangUpAfter = talkFor / 2
	}
	return must(siptest.NewPhone(phone))
}

// noticeTable names what the media server tells of.
var noticeTable = map[mediaserver.NoticeKind]string{
	mediaserver.Ringing: "ringing", mediaserver.Answered: "answered", mediaserver.Failed: "failed", mediaserver.SessionCompleted: "session completed",
}

// notice says what the media server tells of.
func (w *world) notice(n *mediaserver.Notice) {
	if n.Kind == mediaserver.SessionCompleted {
		w.lines.Lock()
		w.counts[n.SessionID]++
		w.lines.Unlock()
	}
	w.say("media server", noticeTable[n.Kind]+" "+n.User)
}

// say prints a line of what happens.
func (w *world) say(who, what string) {
	w.lines.Lock()
	defer w.lines.Unlock()
	fmt.Printf("%9.1f ms  %-15s %s\n", float64(time.Since(w.begun).Microseconds())/1000, who, what)
}
