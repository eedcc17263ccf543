package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/sip/siptest"
)

// call is the far end of a call, a phone's or an Echo's.
type call struct {
	up     func() bool
	heard  func() siptest.Recording
	hangup func(context.Context) error
}

func phoneCall(c *siptest.Call) *call {
	return &call{func() bool { return c.State() == siptest.Up }, c.Heard, c.Hangup}
}

func echoCall(c *alexatest.Call) *call {
	heard := func() siptest.Recording { return siptest.Recording{PCM: c.Heard().Samples} } // of 8000 Hz too
	return &call{func() bool { return c.State() == alexatest.StateConnected }, heard, c.Hangup}
}

// story is what happens: a guest's Echo calls the operator, who calls two other rooms while those before are parked, takes the first guest
// back, and has all confer. That guest hangs up, and at last everybody. All who are there are listened to at each moment.
func (w *world) story(ctx context.Context) (results []result, err error) {
	for _, s := range []struct {
		moment  string
		happens func(context.Context) error
		hears   map[string][]string
	}{
		{"with 101", w.guestCalls, talk("101")},
		{"with 102", w.operatorCalls("102"), talk("102", "101")},
		{"with 103", w.operatorCalls("103"), talk("103", "101", "102")},
		{"101 again", func(ctx context.Context) error { return w.Talk(ctx, "101") }, talk("101", "102", "103")},
		{"conference", w.Confer, everybody("operator", "101", "102", "103")},
		{"without 101", func(ctx context.Context) error { return w.calls["101"].hangup(ctx) }, everybody("operator", "102", "103")},
	} {
		w.say("moment", s.moment)
		if err := s.happens(ctx); err != nil {
			return results, err
		}
		r, err := w.hear(s.moment, s.hears)
		results = append(results, r)
		if err != nil {
			return results, err
		}
	}
	for _, name := range []string{"operator", "102", "103"} {
		err = errors.Join(err, w.calls[name].hangup(ctx))
	}
	return results, err
}

// guestCalls has a guest say that the Echo is to call somebody, and the operator's phone answer.
func (w *world) guestCalls(ctx context.Context) error {
	c, err := w.echos["101"].Call(ctx, "reception")
	if err == nil {
		w.calls["101"] = echoCall(c)
		err = c.WaitState(ctx, alexatest.StateConnected)
	}
	return errors.Join(err, w.answers(ctx, "operator"))
}

// operatorCalls has the operator press a button, and the room answer.
func (w *world) operatorCalls(room string) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := w.Talk(ctx, room); err != nil {
			return err
		}
		return w.answers(ctx, room)
	}
}

// answers waits until somebody who is called has answered.
func (w *world) answers(ctx context.Context, name string) error {
	if echo := w.echos[name]; echo != nil {
		c, err := echo.NextCall(ctx)
		if err != nil {
			return err
		}
		w.calls[name] = echoCall(c)
		return c.WaitState(ctx, alexatest.StateConnected)
	}
	c, err := w.phones[name].NextCall(ctx)
	if err != nil {
		return err
	}
	w.calls[name] = phoneCall(c)
	return c.WaitState(ctx, siptest.Up)
}

// talk has the operator and a guest hear each other, and those who are parked hear music.
func talk(guest string, parked ...string) map[string][]string {
	hears := map[string][]string{"operator": {guest}, guest: {"operator"}}
	for _, name := range parked {
		hears[name] = []string{""}
	}
	return hears
}

// everybody has each of them hear the others.
func everybody(names ...string) map[string][]string {
	hears := map[string][]string{}
	for _, name := range names {
		hears[name] = slices.DeleteFunc(slices.Clone(names), func(other string) bool { return other == name })
	}
	return hears
}

// hear waits until everybody has heard whom they should, and nothing else, or it takes too long, or one of them has left.
func (w *world) hear(moment string, hears map[string][]string) (result, error) {
	r := result{moment, map[string]bool{}}
	for until := time.Now().Add(listenFor); ; time.Sleep(20 * time.Millisecond) {
		all, left := true, ""
		for name, others := range hears {
			r.Hears[name] = r.Hears[name] || hearsThem(w.calls[name].heard(), others)
			all = all && r.Hears[name]
			if !w.calls[name].up() {
				left = name
			}
		}
		if left != "" {
			return r, errors.New(left + " has ended too early")
		}
		if all || time.Now().After(until) {
			return r, nil
		}
	}
}

const window = int(talkFor * 8000 / time.Second) // samples

// hearsThem reports whether the last that was heard is the tones of all the others, or music, and nothing else.
func hearsThem(heard siptest.Recording, others []string) bool {
	heard.PCM = heard.PCM[max(0, len(heard.PCM)-window):]
	if len(heard.PCM) < window {
		return false
	}
	sum := 0.0
	for _, other := range others {
		hz, there := toneTable[other]
		if !there {
			hz = musicTone
		}
		share := heard.ToneShare(hz, 0)
		if sum += share; share < audible {
			return false
		}
	}
	return sum > whole
}
