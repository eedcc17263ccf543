package rtc_test

import (
	"context"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/rtc"
)

// asked is an offer, with all the answers that it got.
type asked struct {
	town    *town
	luck    luck
	talk    *talk
	answers []*rtc.Event // of deliveries with the same message id
}

// lives lets everybody act, ends what stands, and holds that nothing is left.
func (w *town) lives() rtc.SkillStats {
	for range perTown {
		l := w.luck()
		a := &asked{town: w, luck: l, talk: w.session([...]string{"front", "back"}[l.IntN(2)])}
		w.work.Go(a.acts)
	}
	for range w.luck().IntN(6) {
		w.work.Go(w.visitor)
	}
	time.Sleep(4 * time.Minute)
	synctest.Wait()
	w.agree()
	for _, term := range w.engine.Terminals() { // what Alexa has not ended ends when nothing is heard of the device
		term.Options.Failed(context.DeadlineExceeded)
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	for _, door := range w.doors {
		if door.Info().Phase != bridge.Over {
			w.t.Errorf("a door is left in phase %v", door.Info().Phase)
			_ = door.Hangup(context.Background(), bridge.Normal)
		}
	}
	w.work.Wait()
	got := w.skill.Stats()
	w.close()
	return got
}

// agree holds that each session has its door, and each door its session.
func (w *town) agree() {
	doors := 0
	for _, door := range w.doors {
		if door.Info().Phase != bridge.Over {
			doors++
		}
	}
	if n := w.skill.Stats().Sessions; n != doors {
		w.t.Errorf("%d sessions and %d doors", n, doors)
	}
	if n := len(w.engine.Terminals()); n != doors {
		w.t.Errorf("%d terminals and %d doors", n, doors)
	}
}

// acts is a user who makes an offer, as the network has it: once, twice at a time, or again because the answer was lost. Then comes what
// Alexa says of the session, or it does not.
func (a *asked) acts() {
	w, l := a.town, a.luck
	l.pause(time.Minute)
	deliveries := 1
	if l.die(4) {
		deliveries += 1 + l.IntN(2)
	}
	results := make(chan *rtc.Event, deliveries)
	for range deliveries {
		loss := time.Duration(0)
		if l.die(10) {
			loss = l.upTo(3 * time.Second)
		}
		w.work.Go(func() { results <- a.deliver(loss) })
		if l.die(2) {
			l.pause(time.Second)
		}
	}
	if l.die(8) {
		w.work.Go(func() { a.says(rtc.SessionDisconnected) }) // overtakes the answer
	}
	answered := false
	for range deliveries {
		if e := <-results; e != nil {
			a.answers = append(a.answers, e)
			answered = e.Fault == nil
		}
	}
	a.same()
	if !answered {
		return
	}
	for range l.IntN(3) {
		a.says(rtc.SessionConnected)
	}
	l.pause(time.Minute)
	for range l.IntN(3) {
		w.work.Go(func() { a.says(rtc.SessionDisconnected) })
	}
}

// deliver hands the offer to the skill, and returns the answer, which is there in time. After loss, unless that is 0, nobody waits for it.
func (a *asked) deliver(loss time.Duration) *rtc.Event {
	w := a.town
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	lost := loss > 0
	if lost {
		defer time.AfterFunc(loss, cancel).Stop()
	}
	began := time.Now()
	e, _, err := w.deliver(ctx, a.talk.offer)
	switch took := time.Since(began); {
	case took > rtc.AnswerTime:
		w.t.Errorf("an offer was answered after %v", took)
	case err != nil && !lost:
		w.t.Errorf("an offer was not answered: %v", err)
	case err != nil:
		return nil
	}
	return e
}

// same holds that an offer has one answer.
func (a *asked) same() {
	for _, e := range a.answers {
		first := a.answers[0]
		if e.MessageID != first.MessageID || e.Answer != first.Answer || e.Type != first.Type {
			a.town.t.Errorf("an offer was answered with %v, and with %v", first, e)
		}
	}
}

// says sends what comes after an offer. Its answer is success, or that the token could not be looked up.
func (a *asked) says(typ rtc.MessageType) {
	w := a.town
	e, _, err := w.deliver(context.Background(), &rtc.Directive{
		Header: rtc.Header{Type: typ, MessageID: "m"}, EndpointID: a.talk.endpoint, Token: secret, SessionID: a.talk.id,
	})
	switch {
	case err != nil:
		w.t.Errorf("%v was not answered: %v", typ, err)
	case e.Type != typ && !w.wicked:
		w.t.Errorf("%v is answered with %v", typ, e)
	}
}
