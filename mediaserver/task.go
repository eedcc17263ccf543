package mediaserver

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

const (
	hangupFor = 5 * time.Second  // how long we wait for a far side to confirm the end
	answerFor = 10 * time.Second // likewise for what an answer, or a change of codecs, comes to
)

// errNoTransfer is what a far side is told that asks to be replaced while it is not joined with anybody.
var errNoTransfer = errors.New("mediaserver: transfers are the application's")

// A task has the media of one or two people for itself.
type task struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when it touches them no more
}

// start begins a task when those that the people had before have ended, which it has them do.
func (s *session) start(f func(ctx context.Context) input, of ...*person) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &task{cancel: cancel, done: make(chan struct{})}
	var before []*task
	for _, p := range of {
		if p.task != nil {
			p.task.cancel()
			before = append(before, p.task)
		}
		p.task = t
	}
	s.spawn(func() input {
		defer cancel()
		defer close(t.done)
		for _, b := range before {
			<-b.done
		}
		if ctx.Err() != nil {
			return input{}
		}
		return f(ctx)
	})
}

// release gives up a person whom no party stands for any more.
func (s *session) release(p *person) {
	p.cancel(nil)
	if p.task == nil {
		close(p.gone)
		return
	}
	p.task.cancel()
	s.spawn(func() input {
		<-p.task.done
		close(p.gone)
		return input{}
	})
}

// watch posts what becomes of a leg, and at last that it is over.
func (s *session) watch(id partyID, p *person) {
	s.spawn(func() input {
		var told bridge.Phase
		for rev := uint64(0); ; {
			info, err := p.leg.Next(p.ctx, rev)
			if end, ok := errors.AsType[*bridge.EndError](err); ok {
				return input{kind: inGone, party: id, end: end}
			}
			if err != nil {
				return input{} // given up
			}
			rev = info.Rev
			if info.Phase == told {
				continue
			}
			switch {
			case info.Phase == bridge.Up:
				s.post(posted{input: input{kind: inUp, party: id}})
			case told < bridge.Alerting && info.Phase < bridge.Up:
				s.post(posted{input: input{kind: inRinging, party: id}})
			}
			told = info.Phase
		}
	})
}

// answer accepts a call.
func (s *session) answer(id partyID) {
	p := s.people[id]
	s.spawn(func() input {
		ctx, cancel := context.WithTimeout(p.ctx, answerFor)
		defer cancel()
		if err := p.leg.Answer(ctx, wanted(p.leg)); err != nil {
			s.log.Warn("a call could not be answered", "err", err)
			end(p.leg, bridge.Media)
		}
		return input{}
	})
}

// wanted is what we want of a leg: sound that we can make, if its far side takes any, and in one codec: joined later with somebody who takes
// just that one, the leg need not be changed.
func wanted(l bridge.Leg) media.Plan {
	far := l.Info().Far
	p := codec.Speakable(far)
	if p == nil {
		return far
	}
	for i := range p {
		first := slices.IndexFunc(p[i].Codecs, func(c media.Codec) bool { return !c.IsDigits() })
		chosen := p[i].Codecs[first]
		p[i].Codecs = slices.DeleteFunc(p[i].Codecs, func(c media.Codec) bool { return !c.IsDigits() && c != chosen })
	}
	return p
}

// hangup ends a call, or the attempt of one.
func (s *session) hangup(id partyID, why bridge.Cause) {
	p := s.people[id]
	p.ended = &bridge.EndError{Cause: why}
	if p.leg == nil {
		p.cancel(p.ended)
		return
	}
	s.spawn(func() input {
		end(p.leg, why)
		return input{}
	})
}

// end hangs up a leg.
func end(l bridge.Leg, why bridge.Cause) {
	ctx, cancel := context.WithTimeout(context.Background(), hangupFor)
	defer cancel()
	_ = l.Hangup(ctx, why)
}

// wait has somebody hear silence until the application has decided.
func (s *session) wait(id partyID) {
	p := s.people[id]
	s.start(func(ctx context.Context) input {
		player := audio.NewPlayer(s.server.Clock, p.leg.Media().Stream(media.Audio), nil)
		tend(ctx, p.leg)
		_ = player.Close()
		return input{}
	}, p)
}

// tend answers what the far side of a leg asks for that is with none but us, until ctx ends or the leg is over.
func tend(ctx context.Context, l bridge.Leg) {
	var refused *bridge.Transfer
	for info, err := l.Info(), error(nil); err == nil; info, err = l.Next(ctx, info.Rev) {
		if t := info.Transfer; t != nil && t != refused {
			refused = t
			refuse(t)
		}
		if info.Pending {
			_ = l.Answer(ctx, wanted(l)) // on an error the leg has refused it
		}
	}
}

// refuse refuses a transfer.
func refuse(t *bridge.Transfer) {
	if t.Take != nil && !t.Take() {
		return
	}
	if t.Done != nil {
		t.Done(&bridge.EndError{Cause: bridge.Forbidden, Err: errNoTransfer})
	}
	if t.By != nil && !t.Same {
		end(t.By, bridge.Forbidden)
	}
}

// speakable sees to it that what we make can be sent on a leg: one that is sent what this build does not encode is asked for another codec.
func speakable(ctx context.Context, l bridge.Leg) {
	if codec.Encodes(l.Media().Stream(media.Audio).Codec()) {
		return
	}
	if want := codec.Speakable(l.Info().Far); want != nil {
		ctx, cancel := context.WithTimeout(ctx, answerFor)
		defer cancel()
		_ = l.Update(ctx, want) // what stands stands: silence
	}
}
