package rtc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/replay"
	"github.com/alexacall/alexacall/media"
)

// session is one session, or a bell that waits for one: one goroutine owns the state and performs what the machine says. What may take
// time runs aside and comes back as an event.
type session struct {
	skill *Skill
	began time.Time
	log   *slog.Logger

	inbox
	failed  chan error    // from the media, which must not wait for us
	closed  chan struct{} // closed when its media are
	handled chan struct{} // closed when the Bridge has returned
	work    sync.WaitGroup

	// Owned by the goroutine.
	state    state
	next     []event                 // that actions have led to
	with     *payload                // of the event that is being taken
	reply    *replay.Answer[outcome] // where the answer goes; nil: nobody has asked yet
	asked    *Directive              // that brought the offer
	offer    media.Description       // what it offers
	door     *Endpoint               // whom it is for
	plans    map[int]media.Plan      // by number, what the owner wants answered
	wanting  []chan<- error          // who waits for an answer to be made
	fault    *Fault                  // what Alexa is to be told, if the cause does not say it all
	terminal media.Terminal          // nil: there is none yet
	old      *session                // whose place we wish to take; nil once that is settled, or each would hold all that were before it
	wish     *bridge.Transfer        // to take it
	answer   string                  // that was made

	endpoint string // that the offer names, and
	token    string // its token

	leg *Leg // nil: there is none yet; set before the session can be found by its endpoint

	user string // guarded by skill.mu: whose it is, once that is known
}

// payload goes along with an event.
type payload struct {
	err      error
	fault    *Fault
	user     string
	door     *Endpoint
	offer    media.Description
	terminal media.Terminal
	asked    *Directive
	reply    *replay.Answer[outcome]
	plan     media.Plan
	answer   string
	result   chan<- error
	claim    chan<- bool
}

// outcome is the answer to an offer, for everybody who asks. It is kept for longer than the session, of which it holds no more than this.
type outcome struct {
	asked  string // message id of the directive that was answered first
	id     string // and of the answer
	answer string
	fault  *Fault // in place of an answer
	inbox  inbox  // of the session; zero: there was none
}

// inbox is where events for a session go.
type inbox struct {
	events chan event
	done   chan struct{} // closed when the session is over
}

// send hands an event to the session, and reports false when it is over.
func (i inbox) send(ev event) bool {
	select {
	case i.events <- ev:
		return true
	case <-i.done:
		return false
	}
}

func newSession(k *Skill, began time.Time, st state) *session {
	return &session{
		skill: k, began: began, state: st, log: k.logger(), plans: map[int]media.Plan{},
		inbox: inbox{make(chan event), make(chan struct{})}, failed: make(chan error, 1), closed: make(chan struct{}), handled: make(chan struct{}),
	}
}

// run is the session's goroutine.
func (s *session) run() {
	defer s.work.Wait()
	defer s.skill.forget(s) // where that has not been done, because a bell has got the offer
	defer close(s.done)     // first, for what still runs may have something to tell
	if s.state.stage == stageAsked {
		s.work.Go(s.admit)
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for s.state.stage != stageEnded {
		timer.Reset(s.until(s.state.deadline()))
		select {
		case ev := <-s.events:
			s.take(ev)
		case err := <-s.failed:
			s.log.Warn("media failed", "err", err)
			s.take(event{kind: evEnd, cause: bridge.Media, with: &payload{err: err}})
		case <-timer.C:
			s.take(event{kind: evTimeout})
		}
	}
}

func (s *session) until(deadline time.Duration) time.Duration {
	if deadline == 0 {
		return time.Hour
	}
	return deadline - time.Since(s.began)
}

// take makes a step of the machine, and those that its actions lead to.
func (s *session) take(ev event) {
	for s.next = append(s.next, ev); len(s.next) > 0; {
		ev, s.next = s.next[0], s.next[1:]
		if s.with = ev.with; s.with == nil {
			s.with = &payload{}
		}
		s.keep(ev)
		var acts []action
		s.state, acts = s.state.step(time.Since(s.began), ev)
		for _, a := range acts {
			s.perform(a)
		}
		s.settle()
	}
}

// keep takes what came along with an event.
func (s *session) keep(ev event) {
	w := s.with
	switch ev.kind {
	case evAdmitted:
		s.door, s.offer = w.door, w.offer
	case evOpened:
		s.terminal = w.terminal
	case evOffer:
		s.asked, s.offer, s.reply = w.asked, w.offer, w.reply
	case evWant:
		s.wanting = append(s.wanting, w.result)
		if ev.plan != 0 {
			s.plans[ev.plan] = w.plan
		}
	case evMade:
		s.answer = w.answer
	case evEnd:
		if w.fault != nil {
			s.fault = w.fault
		}
	default:
	}
}

// settle tells who waits for an answer to be made what has come of it.
func (s *session) settle() {
	if len(s.wanting) == 0 {
		return
	}
	var err error
	switch s.state.stage {
	case stageMaking:
		return
	case stageOffered:
		err = s.with.err
	case stageEnded:
		err = s.leg.endError()
	default:
	}
	for _, result := range s.wanting {
		result <- err
	}
	s.wanting = nil
}

// perform does one action without waiting for anybody.
func (s *session) perform(a action) {
	switch a.do {
	case doPlace:
		s.next = append(s.next, s.place())
	case doOpen:
		s.work.Go(s.open)
	case doAppear:
		s.next = append(s.next, s.appear())
	case doHand:
		s.hand()
	case doWish:
		s.wishes()
	case doUnwish:
		s.old.leg.Change(func(i *bridge.Info) {
			if i.Transfer == s.wish {
				i.Transfer = nil
			}
		})
	case doClaim:
		if a.claim {
			s.old = nil
		}
		s.with.claim <- a.claim
	case doYield:
		s.yield()
	case doAlerting:
		s.leg.reach(bridge.Alerting)
	case doOffered:
		s.offered()
	case doMake:
		s.make(a.plan)
	case doReply:
		s.answered(a)
	case doEarly:
		s.leg.agreed(bridge.Early)
	case doUp:
		s.leg.agreed(bridge.Up)
	case doUnmade:
	case doOver:
		s.over(a)
	}
}

// answered answers Alexa.
func (s *session) answered(a action) {
	k := s.skill
	o := outcome{asked: s.asked.MessageID, id: newUUID(), inbox: s.inbox}
	switch {
	case a.made:
		o.answer = s.answer
		k.stats.answered.Add(1)
		if s.state.alone {
			k.stats.alone.Add(1)
		}
	case s.fault != nil:
		o.fault = s.fault
	default:
		o.fault = faultOf(a.cause)
	}
	if a.cause == bridge.NoAnswer {
		k.stats.late.Add(1)
	}
	if o.fault != nil {
		s.log.Info("session refused", "type", string(o.fault.Type), "err", s.with.err)
	}
	k.offers.Finish(s.reply, o, len(o.asked)+len(o.id)+len(o.answer)+o.fault.size(), true)
}

// over ends the leg and its media.
func (s *session) over(a action) {
	s.skill.forget(s)
	s.old = nil
	s.log.Info("session ended", "cause", a.cause.String(), "remote", a.remote)
	if s.leg != nil {
		err := s.with.err
		if s.with.fault != nil && err == nil {
			err = s.with.fault
		}
		s.leg.End(&bridge.EndError{Cause: a.cause, Remote: a.remote, Err: err})
	}
	t := s.terminal
	s.work.Go(func() {
		defer close(s.closed)
		if t != nil {
			_ = t.Close()
		}
	})
}

// fail ends the session for its media. It is safe to be called from an engine and does not wait.
func (s *session) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// answersAt returns a context that ends when Alexa has to have an answer.
func (s *session) answersAt(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadlineCause(ctx, s.began.Add(AnswerTime), errLate)
}

var errLate = errors.New("rtc: the answer was not there in time")
