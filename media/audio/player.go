package audio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// ErrStopped is returned by a Play that Stop has ended.
var ErrStopped = errors.New("audio: stopped")

// PlayerOptions are the options of NewPlayer; nil and every zero field are valid.
type PlayerOptions struct {
	Encoder *codec.Options // of what is sent; nil: its codec's own
	// Quiet has nothing sent while nothing plays. Without it silence is sent, so that a far side does not take the call for dead, and a NAT
	// stays open.
	Quiet bool
}

// PlayOptions are the options of Player.Play; nil and every zero field are valid.
type PlayOptions struct {
	Gain  float64       // in dB, at most 40
	From  time.Duration // where the source begins to be played; repetitions begin at its beginning
	Loop  int           // how many times more it is played; negative: until it is ended
	Pause time.Duration // of silence before each repetition
}

// PlayerStats are the totals of a Player, in frames of 20 ms.
type PlayerStats struct {
	Frames    uint64 // that were sent and held sound
	Silent    uint64 // that were sent because nothing was there to be played
	Underruns uint64 // in which sound was missing because its source was too slow
	Lost      uint64 // that could not be encoded, or that the stream refused
	Waiting   int    // sources that play now, or wait for their turn
}

// A Player plays sources to a stream, one after the other, in the codec that the stream sends now. Between them it sends silence. What it
// sends it sends at the turns of a Clock; sources are read by the goroutines that call Play. A Player is its stream's only writer until
// Close. Its methods are safe for concurrent use.
type Player struct {
	to   media.Stream
	o    PlayerOptions
	stop func()

	mu     sync.Mutex
	queue  []*prompt // the first one plays
	closed bool

	frames, silent, underruns, lost atomic.Uint64

	out speaker // of the turn
}

// NewPlayer returns a Player that sends to a stream from now on. Close it.
func NewPlayer(c *Clock, to media.Stream, o *PlayerOptions) *Player {
	p := newPlayer(to, o)
	p.stop = c.Every(p.turn)
	return p
}

func newPlayer(to media.Stream, o *PlayerOptions) *Player {
	p := &Player{to: to}
	if o != nil {
		p.o = *o
	}
	return p
}

// Play plays s after what was given before, and returns when its last sample has been sent. It returns ErrStopped after Stop, io.EOF when
// the stream has ended, as it does with its leg, the cause of ctx when that ends, media.ErrClosed after Close, an error that wraps
// codec.ErrNoEncoder or codec.ErrUnknown if the stream wants what this build does not encode, and what s returned in mid-sound, which is
// played up to there. While nothing is negotiated, s waits.
//
// Play reads s, some 500 ms ahead, in the goroutine that called it, and closes it. So it returns only when a Read that is going on has: what
// reads from a network has to end with ctx by itself. What is heard ends at once in any case.
func (p *Player) Play(ctx context.Context, s Source, o *PlayOptions) error {
	defer func() { _ = s.Close() }()
	if o == nil {
		o = &PlayOptions{}
	}
	if err := p.fits(); err != nil {
		return err
	}
	q := newPrompt(s.Rate(), volumeOf(o.Gain))
	if err := p.join(q); err != nil {
		return err
	}
	defer p.leave(q)
	f := feeder{to: q, from: s, o: o}
	failed := f.run(ctx)
	if failed != nil && f.given == 0 {
		return failed
	}
	q.finish()
	select {
	case <-q.over:
		return cmp.Or(q.cause(), failed)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fits reports why the stream's codec is not one that we can send.
func (p *Player) fits() error {
	c := p.to.Codec()
	if c == (media.Codec{}) || codec.Encodes(c) {
		return nil
	}
	_, err := codec.NewEncoder(c, p.o.Encoder)
	return playError(err)
}

func playError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("audio: cannot play: %w", err)
}

func (p *Player) join(q *prompt) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return media.ErrClosed
	}
	p.queue = append(p.queue, q)
	return nil
}

// leave takes a prompt out that has not come to its end.
func (p *Player) leave(q *prompt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.queue, q); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	}
}

// Stop ends what plays and what waits: barge-in. At most the frame that is under way is still sent. A Play that is called later plays.
func (p *Player) Stop() { p.endAll(ErrStopped) }

// endAll ends every Play with an error.
func (p *Player) endAll(err error) {
	p.mu.Lock()
	all := p.queue
	p.queue = nil
	p.mu.Unlock()
	for _, q := range all {
		q.end(err)
	}
}

// Close ends every Play and sends nothing from then on: the stream is free for another writer. It is idempotent.
func (p *Player) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	p.endAll(media.ErrClosed)
	return nil
}

// Stats returns the totals.
func (p *Player) Stats() PlayerStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PlayerStats{
		Frames: p.frames.Load(), Silent: p.silent.Load(), Underruns: p.underruns.Load(), Lost: p.lost.Load(),
		Waiting: len(p.queue),
	}
}
