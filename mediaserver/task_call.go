package mediaserver

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

var (
	errNoDialer = errors.New("mediaserver: no Dialer")
	errNoAnswer = &bridge.EndError{Cause: bridge.NoAnswer}
)

const forever = 1000 * time.Hour

// call places a call, and joins who is called with who waits for it, if anybody does.
func (s *session) call(d *deed) {
	called := newPerson(nil, UserOf(d.action.Addr))
	s.people[d.party] = called
	id, l, a := d.party, d.link, d.action
	waits := s.people[d.other]
	if waits == nil {
		s.start(func(context.Context) input {
			_, in := s.dial(id, called, true, a, bridge.DialOptions{Plan: ours(), From: s.server.caller(a)})
			return in
		}, called)
		return
	}
	as := *a
	as.Destination = a.copied(waits.leg)
	a = &as
	s.start(func(ctx context.Context) input {
		until := time.Now().Add(s.server.rings(a))
		info := waits.leg.Info()
		o := bridge.DialOptions{Plan: offered(waits.leg), From: info.From, Attr: info.Attr}
		if !info.Came {
			o.From = info.To
		}
		if a.From != "" {
			o.From = PartyOf(a.From)
		}
		leg, in := s.dial(id, called, false, a, o)
		if leg == nil {
			return in
		}
		ringing, stop := context.WithDeadlineCause(ctx, until, errNoAnswer)
		var work sync.WaitGroup
		work.Go(func() { untilUp(ringing, leg) })
		defer work.Wait()
		defer stop()
		return s.joint(ctx, l, waits.leg, leg)
	}, waits, called)
}

// dial calls somebody, and has the leg watched from then on. Who is alone is given up if the call is not accepted in time; of two, that is
// for the joint to do. Without a leg, the input says why there is none.
func (s *session) dial(id partyID, called *person, alone bool, a *Action, o bridge.DialOptions) (bridge.Leg, input) {
	ctx, cancel := context.WithTimeoutCause(called.ctx, s.server.rings(a), errNoAnswer)
	defer cancel()
	d := s.server.dialer(&a.Destination)
	if d == nil {
		return nil, gone(id, &bridge.EndError{Cause: bridge.Unreachable, Err: errNoDialer})
	}
	leg, err := s.server.joins().Place(ctx, d, a.Addr, &o)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, gone(id, err)
	}
	s.post(posted{apply: func() { s.connected(id, called, leg) }})
	if alone {
		untilUp(ctx, leg)
	}
	return leg, input{}
}

// gone is the input for somebody who has not answered.
func gone(id partyID, err error) input {
	end, ok := errors.AsType[*bridge.EndError](err)
	if !ok {
		end = &bridge.EndError{Cause: bridge.CauseOf(err), Err: err}
	}
	return input{kind: inGone, party: id, end: end}
}

// connected is when somebody we called has given a sign of life. Who was hung up meanwhile is hung up now.
func (s *session) connected(id partyID, p *person, leg bridge.Leg) {
	p.leg = leg
	if s.state.party(id) == nil || p.ended != nil {
		s.spawn(func() input {
			end(leg, bridge.Cancelled)
			return gone(id, p.ended)
		})
		return
	}
	s.watch(id, p)
}

// untilUp hangs a leg up that is not accepted before the time of ctx is over.
func untilUp(ctx context.Context, l bridge.Leg) {
	info, err := l.Info(), error(nil)
	for err == nil && info.Phase < bridge.Up {
		info, err = l.Next(ctx, info.Rev)
	}
	if late, ok := errors.AsType[*bridge.EndError](context.Cause(ctx)); ok && info.Phase < bridge.Up {
		end(l, late.Cause)
	}
}

// join joins two who are up.
func (s *session) join(d *deed) {
	called, caller, l := s.people[d.party], s.people[d.other], d.link
	s.start(func(ctx context.Context) input { return s.joint(ctx, l, caller.leg, called.leg) }, caller, called)
}

// joint joins two legs until one of them is over or ctx ends.
func (s *session) joint(ctx context.Context, l linkID, caller, called bridge.Leg) input {
	o := s.server.joins()
	o.RingFor, o.Stay = forever, true // it would end both
	o.Ringback = s.ringback
	err := bridge.Join(ctx, caller, called, o)
	if ctx.Err() != nil || caller.Info().Phase == bridge.Over || called.Info().Phase == bridge.Over {
		return input{} // who watches the legs tells
	}
	return input{kind: inJointEnded, link: l, err: err}
}

// ringback plays to a side that is up while the other rings.
func (s *session) ringback(of media.Endpoint) (stop func()) {
	player := audio.NewPlayer(s.server.Clock, of.Stream(media.Audio), nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = player.Play(ctx, audio.Ringback(s.server.Country, nil), nil)
	}()
	return func() {
		cancel()
		_ = player.Close()
		<-done
	}
}

// ours is what somebody is offered whom we call on nobody's behalf: the sound that we make.
func ours() media.Plan { return codec.Speakable(media.Phone().Plan()) }

// offered returns what somebody we call is offered on behalf of who waits: what has been agreed with that one, so that both come to the same and
// nothing has to be changed; a far side that is offered more may take it, and then send it. Who has none of it is offered, a second time, what
// can be made of it (bridge.JoinOptions.Place).
func offered(l bridge.Leg) media.Plan {
	agreed, ok := l.Media().Plan().Find(media.Audio)
	far, said := l.Info().Far.Find(media.Audio)
	switch {
	case ok:
		return media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: agreed.Codecs}}
	case said:
		return media.Plan{far}
	}
	return nil
}

// joins returns the options of joints, which transcode where nothing is common.
func (s *Server) joins() *bridge.JoinOptions { return &bridge.JoinOptions{Relay: codec.Relay(nil)} }
