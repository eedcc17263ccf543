package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alexacall/alexacall/sip/siptest"
)

// story is what happens: the operator talks to each room while those before are parked, then all confer, and a room hangs up. Everybody is
// listened to at each moment. The operator hangs up at last.
func (w *world) story(ctx context.Context) (results []result, err error) {
	call, err := w.rooms["operator"].Call(ctx, "sip:"+roomTable[0]+"@"+w.phones.Addr().String(), nil)
	if err != nil {
		return nil, err
	}
	w.calls["operator"] = call
	for i, room := range roomTable {
		if i > 0 {
			if err := w.Add(ctx, room); err != nil {
				return results, err
			}
		}
		if err := w.answered(ctx, room); err != nil {
			return results, err
		}
		hears := map[string][]string{"operator": {room}, room: {"operator"}}
		for _, parked := range roomTable[:i] {
			hears[parked] = []string{""} // music
		}
		results = append(results, w.hear("with "+room, hears))
	}
	if err := w.Confer(ctx); err != nil {
		return results, err
	}
	results = append(results, w.hear("conference", everybody("operator", "101", "102", "103")))
	if err := w.calls["101"].Hangup(ctx); err != nil {
		return results, err
	}
	results = append(results, w.hear("without 101", everybody("operator", "102", "103")))
	for _, name := range []string{"operator", "102", "103"} {
		if w.calls[name].State() != siptest.Up {
			err = errors.Join(err, errors.New(name+" has ended too early"))
		}
		err = errors.Join(err, w.calls[name].Hangup(ctx))
	}
	return results, err
}

// answered waits until a room has answered and the operator is connected with it.
func (w *world) answered(ctx context.Context, room string) error {
	call, err := w.rooms[room].NextCall(ctx)
	if err == nil {
		w.calls[room] = call
		err = call.WaitState(ctx, siptest.Up)
	}
	for err == nil && !w.Talks() {
		if err = ctx.Err(); err == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
	return err
}

// everybody has each of them hear the others.
func everybody(names ...string) map[string][]string {
	hears := map[string][]string{}
	for _, name := range names {
		hears[name] = slices.DeleteFunc(slices.Clone(names), func(other string) bool { return other == name })
	}
	return hears
}

// hear waits until everybody hears whom they should, and nothing else, or it takes too long.
func (w *world) hear(moment string, hears map[string][]string) result {
	w.say("moment", moment)
	r := result{moment, map[string]bool{}}
	for until := time.Now().Add(listenFor); ; time.Sleep(20 * time.Millisecond) {
		all := true
		for name, others := range hears {
			r.Hears[name] = w.calls[name].State() == siptest.Up && hearsThem(w.calls[name].Heard(), others)
			all = all && r.Hears[name]
		}
		if all || time.Now().After(until) {
			return r
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
