package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/sip/siptest"
)

const (
	echoTone, phoneTone = 440, 620 // Hz
	talkFor             = 2 * time.Second
	enough              = 0.8 // of the power heard must be the other side's tone
)

type result struct { // of one call
	From       string  `json:"from"` // "echo" or "phone"
	EchoHeard  bool    `json:"echo_heard"`
	PhoneHeard any     `json:"phone_heard,omitempty"` // a bool; nil: it cannot be known
	SetupMS    float64 `json:"setup_ms"`
	Ended      string  `json:"ended"` // "normal", or what went wrong
}

// world is a hotel with everything around it simulated.
type world struct {
	*hotel
	begun time.Time
	lines sync.Mutex // said one after the other
	dir   string     // for recordings
	cloud *alexatest.Cloud
	echo  *alexatest.Echo
	desk  *siptest.Phone // nil with -pbx
}

// simulate places the calls and reports whether everybody heard the other and every call ended as it should.
func simulate(ctx context.Context, o *options) bool {
	w := openWorld(ctx, o)
	calls, callers, ok := []result{}, []string{"echo"}, true
	if w.desk != nil {
		callers = append(callers, "phone")
		defer w.desk.Close()
	}
	for i := range o.calls * len(callers) {
		calls = append(calls, w.call(ctx, callers[i%len(callers)]))
	}
	w.drain(talkFor) // a call that the Echo has ended is not yet ended at the phone
	w.cloud.Close()  // nothing more is said
	fmt.Printf("\nrecordings are in %s\n\n%-12s%-12s%-14s%-12s%s\n", w.dir, "call from", "echo heard", "phone heard", "set up", "ended")
	for _, c := range calls {
		heard := cmp.Or[any](c.PhoneHeard, "not known")
		fmt.Printf("%-12s%-12v%-14v%-12s%s\n", c.From, c.EchoHeard, heard, fmt.Sprint(c.SetupMS, " ms"), c.Ended)
		ok = ok && c.EchoHeard && heard != false && c.Ended == "normal"
	}
	if o.json {
		fmt.Printf("%s\n", must(json.Marshal(map[string]any{"calls": calls, "ok": ok})))
	}
	return ok
}

// openWorld starts cloud, Echo and phone, and the hotel between them as -serve would.
func openWorld(ctx context.Context, o *options) *world {
	w := &world{begun: time.Now(), dir: must(os.MkdirTemp("", "hotel-"))}
	w.cloud = must(alexatest.NewCloud(&alexatest.CloudOptions{OnMessage: func(e alexatest.Entry) { w.say(string(e.Direction), e.Type) }}))
	w.echo = must(w.cloud.NewEcho("101", &alexatest.EchoOptions{Play: alexatest.Tone(echoTone), AnswerAfter: talkFor / 8}))
	if o.pbx == "" {
		tone := siptest.Tone(phoneTone)
		phone, known := map[string]siptest.PhoneOptions{
			"": {Play: tone}, "one-way": {}, "tone": {Play: siptest.Tone(phoneTone + 100)}, "hangup": {Play: tone, HangUpAfter: talkFor / 4},
		}[o.spoil]
		if !known {
			check(fmt.Errorf("cannot break %q", o.spoil))
		}
		phone.User, phone.AnswerAfter, phone.OnMessage = "reception", talkFor/8, func(e siptest.Entry) { w.say("desk phone", e.String()) }
		w.desk = must(siptest.NewPhone(&phone))
		o.pbx = w.desk.URI()
	}
	o.skillID, o.alexaEndpoint, o.lwaURL, o.skillChainAddr = w.cloud.SkillID(), w.cloud.URL(), w.cloud.TokenURL(), w.cloud.ChainAddr()
	o.secrets.ClientID, o.secrets.ClientSecret, o.secrets.RefreshToken = w.cloud.ClientID(), w.cloud.ClientSecret(), w.cloud.RefreshToken()
	o.sipAddr, o.mediaAddr, o.devices = "127.0.0.1:0", "127.0.0.1:0", map[string]string{"room-101": "101"}
	w.hotel = open(ctx, o, w.cloud.Roots())
	w.cloud.SetSkillURL("http://" + w.listen("127.0.0.1:0", w.server.Serve).String())
	return w
}

// call places one call, lets both sides play for a while, hangs up at the caller's, and judges what each has heard.
func (w *world) call(ctx context.Context, from string) result {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	w.say("call", "from "+from)
	begun, r := time.Now(), result{From: from, Ended: "normal"}
	echo, phone, err := w.place(ctx, from)
	if err == nil {
		r.SetupMS = float64(time.Since(begun).Microseconds()) / 1000
		time.Sleep(talkFor)
		if echo.State() != alexatest.StateConnected || phone != nil && phone.State() != siptest.Up {
			err = errors.New("ended too early")
		} else if from == "echo" {
			err = echo.Hangup(ctx)
		} else {
			err = phone.Hangup(ctx)
		}
		err = errors.Join(err, w.judge(ctx, &r, echo, phone))
	}
	if err != nil {
		r.Ended = err.Error()
	}
	return r
}

// place sets a call up. Without a simulated phone it returns none.
func (w *world) place(ctx context.Context, from string) (echo *alexatest.Call, phone *siptest.Call, err error) {
	if from == "phone" {
		if phone, err = w.desk.Call(ctx, "sip:room-101@"+w.phones.Addr().String(), nil); err == nil {
			echo, err = w.echo.NextCall(ctx)
		}
	} else if echo, err = w.echo.Call(ctx, "reception"); err == nil && w.desk != nil {
		phone, err = w.desk.NextCall(ctx)
	}
	if err == nil && phone != nil {
		err = phone.WaitState(ctx, siptest.Up)
	}
	if err == nil {
		err = echo.WaitState(ctx, alexatest.StateConnected)
	}
	return echo, phone, err
}

// judge waits for the end on both sides, saves what was heard and measures it.
func (w *world) judge(ctx context.Context, r *result, echo *alexatest.Call, phone *siptest.Call) error {
	err := echo.WaitState(ctx, alexatest.StateEnded)
	if code, _ := echo.Ended(); code != "SUCCESS" {
		err = errors.Join(err, fmt.Errorf("code %s at the Echo", code))
	}
	name := filepath.Join(w.dir, fmt.Sprintf("%06d-from-%s-heard-by-", time.Since(w.begun).Milliseconds(), r.From))
	heard := echo.Heard()
	err = errors.Join(err, heard.WriteWAV(name+"echo.wav"))
	if phone == nil { // that there was sound is all that can be asked of a phone that plays what it likes
		r.EchoHeard = len(slices.DeleteFunc(heard.Samples, func(s int16) bool { return max(s, -s) < 300 })) > 2000
		return err
	}
	err = errors.Join(err, phone.WaitState(ctx, siptest.Ended))
	if status, reason, _ := phone.Ended(); status != 200 {
		err = errors.Join(err, fmt.Errorf("status %d %s at the phone", status, reason))
	}
	listened := phone.Heard()
	r.EchoHeard, r.PhoneHeard = heard.ToneShare(phoneTone) > enough, listened.ToneShare(echoTone, 0) > enough
	return errors.Join(err, listened.WriteWAV(name+"phone.wav"))
}

// say prints a line of what happens.
func (w *world) say(who, what string) {
	w.lines.Lock()
	defer w.lines.Unlock()
	fmt.Printf("%9.1f ms  %-15s %s\n", float64(time.Since(w.begun).Microseconds())/1000, who, what)
}
