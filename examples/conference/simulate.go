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

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/sip/siptest"
)

const (
	talkFor       = 500 * time.Millisecond // each has to hear the others for so long
	listenFor     = 4 * time.Second        // until then
	patience      = 20 * time.Second       // for all of it
	audible       = 0.15                   // of the power heard must be each of the others' tones, of which there are three at most
	whole         = 0.8                    // of the power heard must be those tones
	trunkPassword = "open-the-hotel"
)

// toneTable has who plays what, in Hz: the operator and the rooms.
var toneTable = map[string]float64{"operator": 440, "101": 620, "102": 1150, "103": 1500}

// roomTable has the rooms in the order in which they are called.
var roomTable = []string{"101", "102", "103"}

type result struct { // of one moment
	Moment string          `json:"moment"`
	Hears  map[string]bool `json:"hears"` // by phone: it hears whom it should, and nothing else
}

// world is a switchboard with everything around it simulated.
type world struct {
	*hotel
	begun time.Time
	lines sync.Mutex // said one after the other
	dir   string     // for recordings
	spoil string
	pbx   *siptest.PBX
	rooms map[string]*siptest.Phone // the operator's too
	calls map[string]*siptest.Call
	over  int // sessions that were said to be over; under lines
	left  int // who was said to have left the conference; likewise
}

// simulate has the operator call three rooms one after the other and confer with them, and reports whether everybody heard whom it should.
func simulate(ctx context.Context, o *options) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w := openWorld(ctx, o)
	results, err := w.story(ctx)
	for name, c := range w.calls {
		err = errors.Join(err, c.Heard().WriteWAV(filepath.Join(w.dir, "heard-by-"+name+".wav")))
	}
	w.drain(listenFor)
	for _, phone := range w.rooms {
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
		for _, name := range append([]string{"operator"}, roomTable...) {
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

// openWorld starts the PBX and the phones, and the switchboard between them as -serve would.
func openWorld(ctx context.Context, o *options) *world {
	w := &world{begun: time.Now(), dir: must(os.MkdirTemp("", "conference-")), spoil: o.spoil, rooms: map[string]*siptest.Phone{}, calls: map[string]*siptest.Call{}}
	o.operatorPassword, o.sipPassword, o.token = "open-the-switchboard", trunkPassword, "unused"
	rooms := map[string]string{}
	for name := range toneTable {
		w.rooms[name] = w.newPhone(name, o)
		rooms[name] = w.rooms[name].URI()
	}
	w.pbx = must(siptest.NewPBX(&siptest.PBXOptions{Users: map[string]string{"hotel": trunkPassword}, Extensions: rooms}))
	o.pbx, o.register = w.pbx.URI("")[len("sip:@"):], w.pbx.URI("hotel")
	o.sipAddr, o.mediaAddr = "127.0.0.1:0", "127.0.0.1:0"
	w.hotel = open(ctx, o)
	w.told = w.notice
	if o.spoil == "music" {
		check(w.prompts.Remove(ctx, "", music))
	}
	return w
}

func (w *world) newPhone(name string, o *options) *siptest.Phone {
	phone := &siptest.PhoneOptions{User: name, Play: siptest.Tone(toneTable[name]), OnMessage: func(e siptest.Entry) { w.say(name, e.String()) }}
	if name == "operator" {
		phone.Username, phone.Password = o.operator, o.operatorPassword
	}
	if name == "103" {
		switch o.spoil {
		case "", "music":
		case "one-way":
			phone.Play = siptest.Source{}
		case "tone":
			phone.Play = siptest.Tone(toneTable[name] + 100)
		case "hangup":
			phone.HangUpAfter = talkFor / 2
		default:
			check(fmt.Errorf("cannot break %q", o.spoil))
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
