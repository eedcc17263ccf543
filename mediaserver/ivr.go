package mediaserver

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// ErrLoop means that an application has given an IVR commands without end.
var ErrLoop = errors.New("mediaserver: commands without end")

// Limits of what an application may have an IVR do.
const (
	mostCommands = 1000            // of one IVR
	commandPause = 5 * time.Second // Server.CommandPause
	mostAhead    = 64              // digits that are typed before anybody asks for them
)

// An ivr talks to one party: it carries out commands one after the other until one leaves, or ctx ends.
type ivr struct {
	server *Server
	media  media.Endpoint // of whom it talks to
	domain string
	// ask asks for the next command. It may take long: the background goes on.
	ask      func(ctx context.Context, r *IVRRequest) (*Command, error)
	log      *slog.Logger                                       // nil is silent
	recorded func(name string, d time.Duration, truncated bool) // a file has come to be in the store; nil: nobody wants to know

	player *audio.Player
	back   background
	keys   chan byte // that have been typed
	ahead  []byte    // of those, what commands have seen and not used
	work   sync.WaitGroup
}

// ivrEnd is how an IVR has left.
type ivrEnd struct {
	call *Action // do this; nil: just leave
	err  error   // why it could go on no longer; nil: it has left by Hangup or Call
}

// run talks until a command leaves, or ctx ends, whose cause is then the error. Nothing that it has started is left when it returns, and the
// stream is free for another writer.
func (v *ivr) run(ctx context.Context) ivrEnd {
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer v.work.Wait()
	defer cancel()
	digits := audio.NewDigits(v.media, nil)
	defer func() { _ = digits.Close() }()
	v.keys = make(chan byte, mostAhead)
	v.work.Go(func() { v.hear(ctx, digits) })
	v.player = audio.NewPlayer(v.server.Clock, v.media.Stream(media.Audio), nil)
	defer func() { _ = v.player.Close() }()
	v.back = background{v: v, ctx: ctx}
	defer v.back.close()
	return v.talk(ctx)
}

// hear has the digits that are typed wait for whoever wants them.
func (v *ivr) hear(ctx context.Context, digits *audio.Digits) {
	for {
		d, err := digits.Next(ctx)
		switch {
		case err != nil: // nobody types any more; how the call ends, others know
			return
		case d.Key == codec.KeyFlash:
			continue
		}
		select {
		case v.keys <- d.Key:
		case <-ctx.Done():
			return
		}
	}
}

// talk asks for commands and carries them out.
func (v *ivr) talk(ctx context.Context) ivrEnd {
	r := &IVRRequest{}
	for n, quick := 0, 0; n < mostCommands && quick < maxQuick; n++ {
		c, err := v.ask(ctx, r)
		switch {
		case ctx.Err() != nil:
			return ivrEnd{err: context.Cause(ctx)}
		case err != nil:
			return ivrEnd{err: err}
		case c == nil:
			c = &Command{}
		}
		began := time.Now()
		t := v.carryOut(ctx, c)
		switch {
		case ctx.Err() != nil:
			return ivrEnd{err: context.Cause(ctx)}
		case c.Hangup, c.Call != nil:
			return ivrEnd{call: leaving(c)}
		case !v.wait(ctx, pauseAfter(v.server, c)):
			return ivrEnd{err: context.Cause(ctx)}
		}
		quick++
		if t.used || time.Since(began) >= quickly {
			quick = 0
		}
		r = t.result()
		r.Failed = append(v.back.failures(), r.Failed...)
	}
	return ivrEnd{err: ErrLoop}
}

// leaving returns what a command does when it leaves: Hangup comes before Call.
func leaving(c *Command) *Action {
	if c.Hangup {
		return nil
	}
	return c.Call
}

// pauseAfter returns how long to wait before the next command is asked for.
func pauseAfter(s *Server, c *Command) time.Duration {
	switch {
	case c.After > 0:
		return c.After
	case len(c.Phrases) > 0 || c.Digits != nil || c.Record != nil || c.Echo != nil:
		return 0
	case s.CommandPause > 0:
		return s.CommandPause
	default:
		return commandPause
	}
}

// wait returns false if ctx ends before d has passed.
func (v *ivr) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// typed moves to ahead what has been typed.
func (v *ivr) typed() {
	for {
		select {
		case key := <-v.keys:
			v.keep(key)
		default:
			return
		}
	}
}

// keep keeps a digit that nobody has used.
func (v *ivr) keep(key byte) {
	if len(v.ahead) < mostAhead {
		v.ahead = append(v.ahead, key)
	}
}
