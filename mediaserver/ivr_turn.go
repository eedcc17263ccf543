package mediaserver

import (
	"context"
	"strings"
	"sync"
	"time"
)

// An ivrTurn is one command that is carried out. What is heard and recorded, one thing after the other, has a goroutine; digits and their
// times are the caller's.
type ivrTurn struct {
	v *ivr
	c *Command

	gather *gather // nil: no digits are wanted
	quiet  chan struct{}
	over   chan struct{}
	barge  context.CancelFunc // ends the phrases
	used   bool               // a digit

	failed []PhraseError // until over the goroutine's
	record *RecordResult // likewise

	mu        sync.Mutex
	recording func() // a key may call it, which ends a recording
	keyed     bool   // one has
}

// carryOut carries out a command, but for leaving and waiting. When ctx ends so does the command.
func (v *ivr) carryOut(ctx context.Context, c *Command) *ivrTurn {
	phrases, barge := context.WithCancel(ctx)
	defer barge()
	t := &ivrTurn{v: v, c: c, quiet: make(chan struct{}), over: make(chan struct{}), barge: barge}
	v.back.set(c.Background)
	if c.Digits != nil {
		t.gather = newGather(c.Digits)
	}
	t.typedAhead()
	var work sync.WaitGroup
	work.Go(func() {
		defer close(t.over)
		t.sound(ctx, phrases)
	})
	defer work.Wait()
	t.listen(ctx)
	return t
}

// typedAhead uses what was typed before.
func (t *ivrTurn) typedAhead() {
	t.v.typed()
	if t.c.Digits != nil && t.c.Digits.Clear {
		t.v.ahead = nil
	}
	if t.c.BargeIn && len(t.v.ahead) > 0 {
		t.barge()
	}
	for len(t.v.ahead) > 0 && t.gather.wants() {
		t.gather.take(t.v.ahead[0], time.Now())
		t.v.ahead = t.v.ahead[1:]
		t.used = true
	}
}

// listen takes digits until all of the command has been carried out, or ctx ends.
func (t *ivrTurn) listen(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	quiet, over := t.quiet, t.over
	for over != nil || t.gather.wants() {
		var late <-chan time.Time
		if at := t.gather.deadline(); !at.IsZero() {
			timer.Reset(time.Until(at))
			late = timer.C
		}
		select {
		case key := <-t.v.keys:
			t.key(key)
		case <-quiet:
			quiet = nil
			t.gather.begin(time.Now())
		case <-over:
			over = nil
		case <-late:
			t.gather.expire(time.Now())
		case <-ctx.Done():
			return
		}
	}
}

// key takes a digit that has been typed just now.
func (t *ivrTurn) key(key byte) {
	if t.endsRecording(key) {
		t.used = true
		return
	}
	if t.c.BargeIn {
		t.barge()
	}
	if t.gather.wants() {
		t.gather.take(key, time.Now())
		t.used = true
		return
	}
	t.v.keep(key)
}

// endsRecording ends the recording that goes on, if the key does.
func (t *ivrTurn) endsRecording(key byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.recording == nil || !strings.ContainsRune(t.c.Record.Termination, rune(key)) {
		return false
	}
	t.keyed = true
	t.recording()
	return true
}

// sound plays and records, until ctx ends.
func (t *ivrTurn) sound(ctx, phrases context.Context) {
	t.play(phrases)
	close(t.quiet)
	if t.c.Record != nil && ctx.Err() == nil {
		t.record = t.v.record(ctx, t)
	}
	if t.c.Echo != nil && ctx.Err() == nil {
		t.v.echo(ctx, t.c.Echo)
	}
	t.v.back.on()
}

// result is what the next request tells.
func (t *ivrTurn) result() *IVRRequest {
	return &IVRRequest{Digits: t.gather.result(), Record: t.record, Failed: t.failed}
}
