package rtc

import (
	"errors"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// yieldTime is how long the Bridge of a second offer waits for that of the first one to let the door go.
const yieldTime = 500 * time.Millisecond

// admit finds out whether an offer may come, and whom it is for. It runs aside.
func (s *session) admit() {
	d := s.asked
	ctx, cancel := s.answersAt(s.skill.life)
	defer cancel()
	user, door, fault := s.skill.admit(ctx, d)
	if fault != nil {
		s.send(event{kind: evEnd, cause: causeOf(fault.Type), with: &payload{fault: fault}})
		return
	}
	offer, err := media.ParseDescription([]byte(d.Offer))
	if err == nil {
		err = s.skill.policy.Foresee(offer)
	}
	if err != nil {
		s.send(event{kind: evEnd, cause: bridge.Media, with: &payload{err: err}})
		return
	}
	s.send(event{kind: evAdmitted, with: &payload{user: user, door: &door, offer: offer}})
}

// place gives the offer to the bell that waits for it.
func (s *session) place() event {
	k := s.skill
	if !k.own(s, s.with.user) {
		return event{kind: evEnd, cause: bridge.Overload, with: &payload{err: bridge.ErrDraining}}
	}
	s.log = s.log.With("endpoint", s.door.ID)
	for bell := k.bell(s.door.ID); bell != nil; bell = k.bell(s.door.ID) {
		k.hear(bell, s)
		if bell.send(event{kind: evOffer, ago: time.Since(s.began), with: &payload{asked: s.asked, offer: s.offer, reply: s.reply}}) {
			return event{kind: evPassed}
		}
		k.unhear(bell, s)
	}
	return event{kind: evFree}
}

// open opens a terminal. It runs aside.
func (s *session) open() {
	t, err := s.skill.Engine.Open(s.skill.policy, &media.OpenOptions{Failed: s.fail})
	if err != nil {
		s.send(event{kind: evEnd, cause: causeOfMedia(err, bridge.Internal), with: &payload{err: err}})
		return
	}
	if !s.send(event{kind: evOpened, with: &payload{terminal: t}}) {
		_ = t.Close() // too late
	}
}

func causeOfMedia(err error, other bridge.Cause) bridge.Cause {
	if errors.Is(err, media.ErrFull) {
		return bridge.Overload
	}
	return other
}

// appear makes the leg of an offer, and lets it be found by its endpoint.
func (s *session) appear() event {
	s.leg = newLeg(s, bridge.Info{
		From: bridge.Party{URI: s.user}, To: bridge.Party{URI: s.door.URI, Name: s.door.FriendlyName}, Came: true,
		Far: s.skill.policy.Read(s.offer), Pending: true, Placed: s.began,
	})
	s.leg.id = s.asked.SessionID
	if s.old = s.skill.appear(s); s.old == nil {
		return event{kind: evFirst}
	}
	return event{kind: evAgain}
}

// hand gives the leg to the Bridge.
func (s *session) hand() {
	if err := s.skill.intake.Receive(s.leg); err != nil {
		s.next = append(s.next, event{kind: evEnd, cause: bridge.Overload, with: &payload{err: err}})
	}
}

// wishes has the leg wish for the place of the one that the endpoint has.
func (s *session) wishes() {
	s.skill.stats.replaced.Add(1)
	s.wish = &bridge.Transfer{By: s.leg, Same: true, Take: s.claim, Done: func(err error) {
		if err != nil {
			s.skill.launch(func() { s.send(event{kind: evUntaken}) }) // it must not wait
		}
	}}
	if !s.old.leg.Change(func(i *bridge.Info) { i.Transfer = s.wish }) {
		s.next = append(s.next, event{kind: evUntaken}) // it has gone
	}
}

// claim settles whether the wish still stands, for who wants to take it up.
func (s *session) claim() bool {
	claim := make(chan bool, 1)
	return s.send(event{kind: evTake, with: &payload{claim: claim}}) && <-claim
}

// yield ends the leg that the endpoint has had, and gives the new one to the Bridge, which finds the door free.
func (s *session) yield() {
	old := s.old
	s.old = nil
	s.work.Go(func() {
		old.send(event{kind: evEnd, cause: bridge.Normal})
		late := time.NewTimer(yieldTime)
		defer late.Stop()
		select {
		case <-old.handled:
		case <-late.C:
		}
		if s.leg.Ended() != nil {
			return
		}
		if err := s.skill.intake.Receive(s.leg); err != nil {
			s.send(event{kind: evEnd, cause: bridge.Overload, with: &payload{err: err}})
		}
	})
}

// offered takes the offer that answers our bell.
func (s *session) offered() {
	far := s.skill.policy.Read(s.offer)
	s.skill.appear(s) // what the endpoint has had goes on by itself: a visitor at the bell is somebody else
	s.leg.answers(s.asked.SessionID)
	s.leg.Change(func(i *bridge.Info) {
		i.Phase, i.Far, i.Pending, i.Answered = bridge.Up, far, true, time.Now()
	})
	s.log.Info("bell answered")
}

// make makes the answer to the offer, aside.
func (s *session) make(plan int) {
	offer, t := s.offer, s.terminal
	wants := []media.Plan{s.plans[plan]}
	if plan == 0 {
		wants = s.skill.aloneFor(s.door.ID)
	} else {
		s.leg.learn(s.plans[plan])
	}
	clear(s.plans)
	s.work.Go(func() {
		var d media.Description
		var err error
		for _, want := range wants {
			if d, err = t.Answer(offer, want); err == nil || errors.Is(err, media.ErrFull) || errors.Is(err, media.ErrClosed) {
				break
			}
		}
		if err != nil {
			s.send(event{kind: evUnmade, cause: causeOfMedia(err, bridge.Media), with: &payload{err: err}})
			return
		}
		text, _ := d.AppendText(nil) // never fails
		s.send(event{kind: evMade, with: &payload{answer: string(text)}})
	})
}
