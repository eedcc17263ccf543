package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/sip/siptest"
)

// call has a guest call, hear the greeting and press a key or none, and lets both sides play for a while. Then one hangs up, and it is judged
// what each has heard.
func (w *world) call(ctx context.Context, presses string, deskEnds bool) result {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	w.say("call", "with key "+fmt.Sprintf("%q", presses))
	begun, r := time.Now(), result{Pressed: presses, Ended: "normal"}
	echo, err := w.echo.Call(ctx, "reception")
	if err != nil {
		r.Ended = err.Error()
		return r
	}
	var phone *siptest.Call
	if r.Greeted, err = w.greet(ctx, echo, presses); err == nil {
		r.Reached, phone, err = w.answered(ctx)
	}
	if err == nil {
		r.SetupMS = float64(time.Since(begun).Microseconds()) / 1000
		err = errors.Join(w.talk(ctx, &r, echo, phone, deskEnds), w.judge(ctx, &r, echo, phone))
	} else {
		err = errors.Join(err, echo.Hangup(ctx))
	}
	if err != nil {
		r.Ended = err.Error()
	}
	return r
}

// greet waits for the greeting, reports whether it was heard, and presses a key into it.
func (w *world) greet(ctx context.Context, echo *alexatest.Call, presses string) (heard bool, err error) {
	if err = echo.WaitState(ctx, alexatest.StateConnected); err == nil {
		err = echo.WaitHeard(ctx, greetingLength*3/4)
	}
	if err != nil {
		return false, err
	}
	heard = echo.Heard().ToneShare(greetingTone) > enough
	if presses == "" || w.spoil == "digits" {
		return heard, nil
	}
	return heard, echo.Press(ctx, presses)
}

// answered waits until a phone has answered, and returns of which department.
func (w *world) answered(ctx context.Context) (department string, phone *siptest.Call, err error) {
	type answer struct {
		department string
		call       *siptest.Call
		err        error
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	answers := make(chan answer, len(w.desks))
	for name, desk := range w.desks {
		go func() {
			c, err := desk.NextCall(ctx)
			if err == nil {
				err = c.WaitState(ctx, siptest.Up)
			}
			answers <- answer{name, c, err}
		}()
	}
	a := <-answers
	cancel()
	for range len(w.desks) - 1 {
		<-answers
	}
	return a.department, a.call, a.err
}

const window = int(talkFor * 8000 / time.Second) // samples

// talk lets both sides play until each has heard the other for a while, and has one hang up.
func (w *world) talk(ctx context.Context, r *result, echo *alexatest.Call, phone *siptest.Call, deskEnds bool) error {
	for until := time.Now().Add(listenFor); time.Now().Before(until) && (!r.EchoHeard || !r.PhoneHeard); time.Sleep(20 * time.Millisecond) {
		if echo.State() != alexatest.StateConnected || phone.State() != siptest.Up {
			return errors.New("ended too early")
		}
		heard, listened := echo.Heard(), phone.Heard()
		heard.Samples = heard.Samples[max(0, len(heard.Samples)-window):]
		r.EchoHeard = heard.ToneShare(departmentTable[r.Reached]) > enough
		r.PhoneHeard = len(listened.PCM) >= window && listened.ToneShare(echoTone, talkFor) > enough
	}
	if deskEnds {
		return phone.Hangup(ctx)
	}
	return echo.Hangup(ctx)
}

// judge waits for the end on both sides and saves what was heard.
func (w *world) judge(ctx context.Context, r *result, echo *alexatest.Call, phone *siptest.Call) error {
	err := echo.WaitState(ctx, alexatest.StateEnded)
	if code, _ := echo.Ended(); code != "SUCCESS" {
		err = errors.Join(err, fmt.Errorf("code %s at the Echo", code))
	}
	err = errors.Join(err, phone.WaitState(ctx, siptest.Ended))
	if status, reason, _ := phone.Ended(); status != 200 {
		err = errors.Join(err, fmt.Errorf("status %d %s at the phone", status, reason))
	}
	name := filepath.Join(w.dir, fmt.Sprintf("%06d-with-%s-heard-by-", time.Since(w.begun).Milliseconds(), r.Reached))
	return errors.Join(err, echo.Heard().WriteWAV(name+"echo.wav"), phone.Heard().WriteWAV(name+"phone.wav"))
}
