package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/sip/siptest"
)

const (
	showTone, doorTone = 440, 620 // Hz
	frameRate          = 15       // pictures a second
	talkFor            = 2 * time.Second
	enough             = 0.8 // of the power heard must be the other side's tone; of the pictures shown at the door must be seen
	doorID             = "front-door"
)

type result struct { // of one talk
	From      string  `json:"from"` // "door" or "show"
	ShowHeard bool    `json:"show_heard"`
	DoorHeard bool    `json:"door_heard"`
	Frames    int     `json:"frames"` // that the Echo Show has shown: from a key frame on, without gaps
	KeyFrames int     `json:"key_frames"`
	KeyMS     float64 `json:"key_ms"`    // from the first packet of pictures to the first that is shown
	Lost      int     `json:"lost"`      // packets of pictures, on both ways
	LostLast  int     `json:"lost_last"` // of them, those on the way to the Echo Show
	AtDoor    int     `json:"at_door"`   // those that the door has sent again
	Repaired  int     `json:"repaired"`  // those that have reached the Echo Show all the same
	AnswerMS  float64 `json:"answer_ms"`
	Ended     string  `json:"ended"` // "normal", or what went wrong
}

// world is a house with everything around it simulated.
type world struct {
	*house
	begun time.Time
	lines sync.Mutex // said one after the other
	dir   string     // for recordings

	halfDuplex bool

	home *alexatest.Home
	show *alexatest.Show
	door *siptest.Phone
}

// simulate has a visitor ring, then somebody in the house talk to the door, and reports whether each heard the other, the Echo Show saw the
// visitor, and both talks ended as they should.
func simulate(ctx context.Context, o *options) bool {
	w, ok := openWorld(ctx, o), true
	var talks []result
	for _, from := range []string{"door", "show"} {
		talks = append(talks, w.talkFrom(ctx, from))
	}
	w.drain(talkFor) // what the door has ended is not yet ended at the Echo Show
	w.door.Close()
	w.home.Close() // nothing more is said
	fmt.Printf("\nrecordings are in %s\n\n%-10s%-12s%-12s%-12s%-8s%-12s%s\n", w.dir, "rung by", "show heard", "door heard", "show saw", "lost", "answer", "ended")
	for _, r := range talks {
		fmt.Printf("%-10s%-12v%-12v%-12s%-8d%-12s%s\n", r.From, r.ShowHeard, r.DoorHeard, fmt.Sprint(r.Frames, " frames"), r.Lost, fmt.Sprint(r.AnswerMS, " ms"), r.Ended)
		ok = ok && r.ShowHeard && r.DoorHeard && r.KeyFrames > 0 && r.Frames >= frameRate && r.Ended == "normal"
	}
	if o.json {
		fmt.Printf("%s\n", must(json.Marshal(map[string]any{"talks": talks, "ok": ok})))
	}
	return ok
}

// openWorld starts Alexa, Echo Show and door phone, and the house between them as -serve would.
func openWorld(ctx context.Context, o *options) *world {
	w := &world{begun: time.Now(), dir: must(os.MkdirTemp("", "doorphone-")), halfDuplex: o.halfDuplex}
	w.home = must(alexatest.NewHome(&alexatest.HomeOptions{OnMessage: func(e alexatest.HomeEntry) { w.say("alexa", e.Summary()) }}))
	show := &alexatest.ShowOptions{Play: alexatest.Tone(showTone), Codecs: []string{alexatest.CodecPCMU}, Loss: o.loss / 100, Seed: 3}
	door := &siptest.PhoneOptions{
		User: "door", Play: siptest.Tone(doorTone), AnswerAfter: talkFor / 8, OnMessage: func(e siptest.Entry) { w.say("door", e.String()) },
		Video: &siptest.VideoOptions{Rate: frameRate, AVPF: true, Feedback: []string{"nack", "nack pli", "ccm fir"}, Loss: o.loss / 100},
	}
	spoil(o.spoil, show, door)
	w.show, w.door = must(w.home.NewShow(show)), must(siptest.NewPhone(door))
	o.clientID, o.clientSecret, o.token = w.home.ClientID(), w.home.ClientSecret(), w.home.Token()
	o.alexaEndpoint, o.lwaURL, o.grants = w.home.URL(), w.home.TokenURL(), filepath.Join(w.dir, "grants.json")
	o.sipAddr, o.mediaAddr, o.doors, o.publicIP, o.stun, o.sipSecret, o.forwardKey = "127.0.0.1:0", "127.0.0.1:0", nil, "", "", "", ""
	check(o.addDoor(doorID + "=Front door=" + w.door.URI()))
	w.house = open(o)
	url := "http://" + w.listen("127.0.0.1:0", "", "").String()
	w.home.SetURL(url)
	if o.spoil == "late" {
		w.home.SetHandle(slow(url))
	}
	check(w.home.Grant(ctx))
	_, err := w.home.Discover(ctx)
	check(err)
	return w
}

// spoil changes what -break names.
func spoil(what string, show *alexatest.ShowOptions, door *siptest.PhoneOptions) {
	change, known := map[string]func(){
		"": func() {}, "late": func() {}, // see openWorld
		"one-way": func() { door.Play = siptest.Source{} },
		"deaf":    func() { show.Play = alexatest.Source{} },
		"tone":    func() { door.Play = siptest.Tone(doorTone + 100) },
		"hangup":  func() { door.HangUpAfter = talkFor / 4 },
		"video":   func() { door.Video.NoKeyFrames = true },
		"absent":  func() { door.AnswerAfter = -1 },
	}[what]
	if !known {
		check(fmt.Errorf("cannot break %q", what))
	}
	change()
}

// talkFrom has one side begin a talk, lets both play for a while, ends it at that side, and judges what each has heard and seen.
func (w *world) talkFrom(ctx context.Context, from string) result {
	ctx, cancel := context.WithTimeout(ctx, 12*time.Second)
	defer cancel()
	w.say("talk", "from "+from)
	r := result{From: from, Ended: "normal"}
	session, visitor, err := w.begin(ctx, from)
	if session != nil {
		r.AnswerMS = float64(session.AnswerTime().Microseconds()) / 1000
	}
	if err == nil {
		w.listenAndTalk(ctx, session)
		if visitor.State() != siptest.Up {
			err = errors.New("ended too early")
		} else if from == "door" {
			err = visitor.Hangup(ctx)
		} else {
			err = session.Disconnect(ctx)
		}
		err = errors.Join(err, w.judge(ctx, &r, session, visitor))
	}
	if err != nil {
		r.Ended = err.Error()
		hangUp(session, visitor)
	}
	return r
}

// listenAndTalk lets a talk go on for a while, and a little longer on a slow machine. Where one side is heard at a time the visitor is, and
// from half of it on the people in the house.
func (w *world) listenAndTalk(ctx context.Context, session *alexatest.Session) {
	ctx, cancel := context.WithTimeout(ctx, 3*talkFor)
	defer cancel()
	time.Sleep(talkFor / 2)
	_ = errors.Join(session.WaitSeen(ctx, frameRate), session.WaitHeard(ctx, talkFor/4)) // what is missing is judged later
	if w.halfDuplex {
		check(w.push(doorID, true))
	}
	time.Sleep(talkFor / 2)
}

// hangUp ends what is left of a talk that went wrong, so that the next one finds a quiet door.
func hangUp(session *alexatest.Session, visitor *siptest.Call) {
	ctx, cancel := context.WithTimeout(context.Background(), talkFor)
	defer cancel()
	if visitor != nil {
		_ = visitor.Hangup(ctx) // it may have ended
	}
	if session != nil {
		_ = session.Disconnect(ctx) // likewise
	}
}

// begin has a visitor ring and somebody answer at the Echo Show, or has the Echo Show call the door.
func (w *world) begin(ctx context.Context, from string) (session *alexatest.Session, visitor *siptest.Call, err error) {
	if from == "door" {
		if visitor, err = w.door.Call(ctx, "sip:"+doorID+"@"+w.phones.Addr().String(), nil); err != nil {
			return nil, nil, err
		}
		press, err := w.home.NextPress(ctx)
		if err == nil {
			err = visitor.WaitState(ctx, siptest.Ringing)
		}
		if err == nil {
			session, err = w.show.Talk(ctx, press.EndpointID)
		}
		if err == nil {
			err = visitor.WaitState(ctx, siptest.Up)
		}
		return session, visitor, err
	}
	if session, err = w.show.Talk(ctx, doorID); err == nil {
		visitor, err = w.door.NextCall(ctx)
	}
	if err == nil {
		err = visitor.WaitState(ctx, siptest.Up)
	}
	return session, visitor, err
}

// judge waits for the end on both sides, saves what was heard and seen and measures it.
func (w *world) judge(ctx context.Context, r *result, session *alexatest.Session, visitor *siptest.Call) error {
	_, err := session.WaitEnd(ctx)
	if bye := session.Farewell(); r.From == "door" && (!bye.Bye || !bye.Closed) {
		err = errors.Join(err, errors.New("the Echo Show was not told of the end"))
	}
	err = errors.Join(err, visitor.WaitState(ctx, siptest.Ended))
	if status, reason, _ := visitor.Ended(); status != 200 {
		err = errors.Join(err, fmt.Errorf("status %d %s at the door", status, reason))
	}
	heard, seen, listened, shown := session.Heard(), session.Seen(), visitor.Heard(), visitor.Video()
	r.ShowHeard, r.DoorHeard = heard.ToneShare(doorTone) > enough, listened.ToneShare(showTone, 0) > enough
	r.Frames, r.KeyFrames, r.KeyMS = seen.Frames, seen.KeyFrames, max(0, float64(seen.FirstFrame.Sub(seen.First).Microseconds())/1000)
	r.Lost, r.LostLast, r.AtDoor, r.Repaired = shown.Lost+seen.Dropped, seen.Dropped, shown.Resent, seen.Recovered
	name := filepath.Join(w.dir, fmt.Sprintf("%06d-from-%s-", time.Since(w.begun).Milliseconds(), r.From))
	return errors.Join(err, heard.WriteWAV(name+"heard-by-show.wav"), listened.WriteWAV(name+"heard-by-door.wav"), seen.WriteFile(name+"seen-by-show.h264"))
}

// say prints a line of what happens.
func (w *world) say(who, what string) {
	w.lines.Lock()
	defer w.lines.Unlock()
	fmt.Printf("%9.1f ms  %-8s %s\n", float64(time.Since(w.begun).Microseconds())/1000, who, what)
}

// slow is a way to the skill that takes longer than the six seconds that Alexa waits.
func slow(url string) func(ctx context.Context, directive []byte) ([]byte, error) {
	return func(ctx context.Context, directive []byte) ([]byte, error) {
		if bytes.Contains(directive, []byte("InitiateSessionWithOffer")) {
			time.Sleep(6500 * time.Millisecond)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(directive))
		if err != nil {
			return nil, err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		return io.ReadAll(answer.Body)
	}
}
