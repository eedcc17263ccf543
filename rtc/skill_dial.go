package rtc

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// pressesAtOnce is how many users are told of a bell at a time.
const pressesAtOnce = 8

var (
	errNoGateway = errors.New("rtc: the skill has no gateway")
	errNoBell    = errors.New("rtc: the endpoint has no bell")
)

// Dial rings the bell of an endpoint: DoorbellPress to all its Users, or to the user "" where it has none of its own. The leg is Alerting
// when Alexa has taken one of them; it is Up, with an offer that waits, when a user answers, and has no session before. There is nothing to
// ring off: whoever dials ends the leg when the visitor leaves, or nobody answers in time. o.Plan is not looked at, for the user's device
// makes the offer.
//
// The error is an *EndError: NotFound for an endpoint that there is not, Unreachable where it has no bell or Alexa takes no event of it,
// with the error of the Gateway in its chain.
func (k *Skill) Dial(ctx context.Context, endpointID string, o *bridge.DialOptions) (bridge.Leg, error) {
	k.init()
	if o == nil {
		o = &bridge.DialOptions{}
	}
	s, err := k.prepare(ctx, endpointID, o)
	if err != nil {
		return nil, err
	}
	info := s.leg.Info()
	for err == nil && info.Phase < bridge.Alerting {
		info, err = s.leg.Next(ctx, info.Rev)
	}
	switch end := s.leg.Ended(); {
	case end != nil:
		return nil, end
	case err != nil:
		s.send(event{kind: evEnd, cause: bridge.Cancelled})
		return nil, &bridge.EndError{Cause: bridge.Cancelled, Err: err}
	}
	return s.leg, nil
}

// prepare begins to ring a bell. What is the program's and the engine's may take its time, and is not waited for when ctx ends.
func (k *Skill) prepare(caller context.Context, endpointID string, o *bridge.DialOptions) (*session, error) {
	ctx, cancel := context.WithTimeoutCause(caller, PressTime, errLate)
	defer cancel()
	s := newSession(k, time.Now(), rung(k.doorTime()))
	ready := make(chan error)
	if !k.launch(func() {
		err := s.unlock(ctx, endpointID)
		select {
		case ready <- err:
		case <-ctx.Done():
			if s.terminal != nil {
				_ = s.terminal.Close()
			}
		}
	}) {
		return nil, &bridge.EndError{Cause: bridge.Overload, Err: bridge.ErrDraining}
	}
	select {
	case err := <-ready:
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		end := &bridge.EndError{Cause: bridge.Unreachable, Err: context.Cause(ctx)}
		if caller.Err() != nil {
			end.Cause = bridge.Cancelled
		}
		return nil, end
	}
	s.log = s.log.With("endpoint", endpointID)
	s.leg = newLeg(s, bridge.Info{From: o.From, To: bridge.Party{URI: endpointID, Name: s.door.FriendlyName}, Attr: o.Attr, Placed: s.began})
	if !k.ring(s) {
		k.forget(s)
		_ = s.terminal.Close()
		return nil, &bridge.EndError{Cause: bridge.Overload, Err: bridge.ErrDraining}
	}
	k.stats.bells.Add(1)
	k.launch(func() { k.press(s) })
	return s, nil
}

// unlock finds the door of a bell, and opens a terminal for who answers it.
func (s *session) unlock(ctx context.Context, endpointID string) error {
	k := s.skill
	door, err := k.find(ctx, endpointID)
	switch {
	case errors.Is(err, ErrNoEndpoint):
		return &bridge.EndError{Cause: bridge.NotFound, Err: err}
	case err != nil:
		return &bridge.EndError{Cause: bridge.Internal, Err: err}
	case !door.Doorbell:
		return &bridge.EndError{Cause: bridge.Unreachable, Err: errNoBell}
	case k.Gateway == nil:
		return &bridge.EndError{Cause: bridge.Unreachable, Err: errNoGateway}
	}
	s.door = &door
	if s.terminal, err = k.Engine.Open(k.policy, &media.OpenOptions{Failed: s.fail}); err != nil {
		return &bridge.EndError{Cause: causeOfMedia(err, bridge.Internal), Err: err}
	}
	return nil
}

// press tells everybody whose door it is that somebody rings. One of them is enough.
func (k *Skill) press(s *session) {
	users := s.door.Users
	if users == nil {
		users = []string{""}
	}
	ctx, cancel := context.WithTimeoutCause(s.leg.Context(), PressTime, errLate)
	defer cancel()
	var work sync.WaitGroup
	var mu sync.Mutex
	why := errNobody
	turns := make(chan struct{}, pressesAtOnce)
	for _, user := range users {
		turns <- struct{}{}
		work.Go(func() {
			defer func() { <-turns }()
			err := k.guard("Gateway", func() error { return k.Gateway.DoorbellPress(ctx, user, s.door.ID) })
			if err == nil {
				k.stats.presses.Add(1)
				s.send(event{kind: evRang})
				return
			}
			k.stats.unpressed.Add(1)
			s.log.Warn("doorbell not told to Alexa", "err", err)
			mu.Lock()
			defer mu.Unlock()
			why = err
		})
	}
	work.Wait()
	s.send(event{kind: evUnrung, cause: bridge.Unreachable, with: &payload{err: why}})
}

var errNobody = errors.New("rtc: the endpoint is nobody's")
