package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/sip/siptest"
)

const (
	talkFor       = 500 * time.Millisecond // each has to hear the others for so long
	listenFor     = 4 * time.Second        // until then
	patience      = 30 * time.Second       // for all of it
	audible       = 0.15                   // of the power heard must be each of the others' tones, of which there are three at most
	whole         = 0.8                    // of the power heard must be those tones
	trunkPassword = "open-the-hotel"
)

// toneTable has who plays what, in Hz: the operator's phone, the Echos of 101 and 102, the phone of 103.
var toneTable = map[string]float64{"operator": 440, "101": 620, "102": 1150, "103": 1500}

type result struct { // of one moment
	Moment string          `json:"moment"`
	Hears  map[string]bool `json:"hears"` // by the operator or the room: hears whom it should, and nothing else
}

// world is a switchboard with everything around it simulated.
type world struct {
	*hotel
	begun  time.Time
	lines  sync.Mutex // said one after the other
	dir    string     // for recordings
	spoil  string
	cloud  *alexatest.Cloud
	pbx    *siptest.PBX
	echos  map[string]*alexatest.Echo
	phones map[string]*siptest.Phone // the operator's too
	calls  map[string]*call
	over   int // sessions that were said to be over; under lines
	left   int // who was said to have left the conference; likewise
}

// simulate has a guest call the operator, who calls two more and confers with all, and reports whether everybody heard whom it should.
func simulate(ctx context.Context, o *options) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w := openWorld(ctx, o)
	results, err := w.story(ctx)
	for name, c := range w.calls {
		err = errors.Join(err, c.heard().WriteWAV(filepath.Join(w.dir, "heard-by-"+name+".wav")))
	}
	w.drain(listenFor)
	w.cloud.Close() // nothing more is said
	for _, phone := range w.phones {
		check(phone.Close())
	}
	check(w.pbx.Close())
	ended, ok := "normal", err == nil && w.over == 1 && w.left == len(toneTable)
	if err != nil {
		ended = err.Error()
	}
	fmt.Printf("\nrecordings are in %s\n\n", w.dir)
	for _, r := range results {
		fmt.Printf("%-12s", r.Moment)
		for _, name := range []string{"operator", "101", "102", "103"} {
			if hears, there := r.Hears[name]; there {
				fmt.Printf("  %s: %-5t", name, hears)
				ok = ok && hears
			}
		}
		fmt.Println()
	}
	fmt.Printf("%d have left the conference, %d session completed, ended: %s\n", w.left, w.over, ended)
	if o.json {
		fmt.Printf("%s\n", must(json.Marshal(map[string]any{"moments": results, "left": w.left, "completed": w.over, "ended": ended, "ok": ok})))
	}
	return ok
}

// openWorld starts cloud, Echos, PBX and phones, and the switchboard between them as -serve would.
func openWorld(ctx context.Context, o *options) *world {
	w := &world{
		begun: time.Now(), dir: must(os.MkdirTemp("", "conference-")), spoil: o.spoil, calls: map[string]*call{},
		echos: map[string]*alexatest.Echo{}, phones: map[string]*siptest.Phone{},
	}
	switch o.spoil {
	case "", "one-way", "tone", "hangup", "music", "echo":
	default:
		check(fmt.Errorf("cannot break %q", o.spoil))
	}
	o.operatorPassword, o.sipPassword, o.token = "open-the-switchboard", trunkPassword, "unused"
	w.openEchos(o)
	extensions := map[string]string{}
	for _, name := range []string{"operator", "103"} {
		w.phones[name] = w.newPhone(name)
		extensions[name] = w.phones[name].URI()
	}
	w.pbx = must(siptest.NewPBX(&siptest.PBXOptions{Users: map[string]string{"hotel": trunkPassword}, Extensions: extensions}))
	o.pbx, o.register = w.pbx.URI("")[len("sip:@"):], w.pbx.URI("hotel")
	o.sipAddr, o.mediaAddr = "127.0.0.1:0", "127.0.0.1:0"
	w.hotel = open(ctx, o, w.cloud.Roots())
	w.told = w.notice
	if o.spoil == "music" {
		check(w.prompts.Remove(ctx, "", music))
	}
	w.cloud.SetSkillURL("http://" + listen("127.0.0.1:0", w.events.Serve).String())
	return w
}

// openEchos starts the cloud and its Echos.
func (w *world) openEchos(o *options) {
	w.cloud = must(alexatest.NewCloud(&alexatest.CloudOptions{OnMessage: func(e alexatest.Entry) { w.say(string(e.Direction), e.Type) }}))
	for _, room := range []string{"101", "102"} {
		echo := &alexatest.EchoOptions{Play: alexatest.Tone(toneTable[room])}
		if room == "101" && w.spoil == "echo" {
			echo.Play = alexatest.Source{}
		}
		w.echos[room] = must(w.cloud.NewEcho("guest-in-"+room, echo))
		o.devices[room] = w.echos[room].ProfileID()
	}
	o.skillID, o.alexaEndpoint, o.lwaURL, o.skillChainAddr = w.cloud.SkillID(), w.cloud.URL(), w.cloud.TokenURL(), w.cloud.ChainAddr()
	o.secrets.ClientID, o.secrets.ClientSecret, o.secrets.RefreshToken = w.cloud.ClientID(), w.cloud.ClientSecret(), w.cloud.RefreshToken()
}

func (w *world) newPhone(name string) *siptest.Phone {
	phone := &siptest.PhoneOptions{User: name, Play: siptest.Tone(toneTable[name]), OnMessage: func(e siptest.Entry) { w.say(name, e.String()) }}
	if name == "103" {
		switch w.spoil {
		case "one-way":
			phone.Play = siptest.Source{}
		case "tone":
			phone.Play = siptest.Tone(toneTable[name] + 100)
		case "hangup":
			phone.HangUpAfter = talkFor / 2
		}
	}
	return must(siptest.NewPhone(phone))
}

// noticeTable names what the media server tells of.
var noticeTable = map[mediaserver.NoticeKind]string{
	mediaserver.Ringing: "ringing", mediaserver.Answered: "answered", mediaserver.Failed: "failed", mediaserver.ConferenceJoined: "conference joined",
	mediaserver.ConferenceLeft: "conference left", mediaserver.SessionCompleted: "session completed",
}

// notice says what the media server tells of.
func (w *world) notice(n *mediaserver.Notice) {
	w.lines.Lock()
	switch n.Kind {
	case mediaserver.SessionCompleted:
		w.over++
	case mediaserver.ConferenceLeft:
		w.left++
	default:
	}
	w.lines.Unlock()
	w.say("media server", noticeTable[n.Kind]+" "+n.User)
}

// say prints a line of what happens.
func (w *world) say(who, what string) {
	w.lines.Lock()
	defer w.lines.Unlock()
	fmt.Printf("%9.1f ms  %-15s %s\n", float64(time.Since(w.begun).Microseconds())/1000, who, what)
}
