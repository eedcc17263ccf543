package mediaserver

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/alexacall/alexacall/media/audio"
)

const (
	phraseOpen = 10 * time.Second       // how long it may take until a phrase can be played
	phraseSoon = 100 * time.Millisecond // what is less is no reason to have the background be heard
)

// errSlow means that a phrase took longer than phraseOpen.
var errSlow = errors.New("it took too long")

// opening is a phrase that is being opened while something else is heard.
type opening struct {
	ctx    context.Context // of the phrase, also while it plays
	cancel context.CancelCauseFunc
	done   chan struct{}

	mu     sync.Mutex
	source audio.Source
	err    error
	left   bool // nobody wants it
}

// open begins to open a phrase. Close it.
func (v *ivr) open(ctx context.Context, p *Phrase) *opening {
	o := &opening{done: make(chan struct{})}
	o.ctx, o.cancel = context.WithCancelCause(ctx)
	v.work.Go(func() {
		defer close(o.done)
		late := time.AfterFunc(phraseOpen, func() { o.cancel(errSlow) })
		defer late.Stop()
		source, err := v.server.openPhrase(o.ctx, v.domain, p)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.source, o.err = source, err
		o.leave()
	})
	return o
}

// soon reports whether it is open before there is a pause that is heard.
func (o *opening) soon() bool {
	timer := time.NewTimer(phraseSoon)
	defer timer.Stop()
	select {
	case <-o.done:
		return true
	case <-timer.C:
	case <-o.ctx.Done():
	}
	return false
}

// wait returns the phrase's sound when it is open: the caller closes it.
func (o *opening) wait(ctx context.Context) (audio.Source, error) {
	select {
	case <-o.done:
	case <-o.ctx.Done(): // what opens it may take no notice
		return nil, context.Cause(o.ctx)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	source := o.source
	o.source = nil
	if o.err != nil && o.ctx.Err() != nil {
		return nil, context.Cause(o.ctx)
	}
	return source, o.err
}

// close gives it up. What opens it may go on for a while; the ivr waits for it in the end.
func (o *opening) close() {
	if o == nil {
		return
	}
	o.cancel(nil)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.left = true
	o.leave()
}

// leave closes a sound that nobody wants. o.mu is held.
func (o *opening) leave() {
	if o.left && o.source != nil {
		_ = o.source.Close()
		o.source = nil
	}
}

// play plays the phrases of a command, until ctx ends. While one plays, the next is opened.
func (t *ivrTurn) play(ctx context.Context) {
	phrases := t.c.Phrases
	if len(phrases) == 0 || ctx.Err() != nil {
		return
	}
	next := t.v.open(ctx, &phrases[0])
	for i := range phrases {
		this := next
		next = nil
		if !this.soon() {
			t.v.back.on()
		}
		source, err := this.wait(ctx)
		if i+1 < len(phrases) && ctx.Err() == nil {
			next = t.v.open(ctx, &phrases[i+1])
		}
		if err == nil {
			t.v.back.off()
			err = t.v.say(ctx, source, nil)
		}
		this.close()
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			t.v.log.Warn("a phrase cannot be played", "index", i, "format", phrases[i].Format, "err", err)
			t.failed = append(t.failed, PhraseError{Index: i, Err: err})
		}
	}
	next.close()
}

// say plays a sound, until ctx ends. Where the party's media has ended the call is over: how it ends, others know, and end ctx.
func (v *ivr) say(ctx context.Context, source audio.Source, o *audio.PlayOptions) error {
	err := v.player.Play(ctx, source, o)
	if errors.Is(err, io.EOF) {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return err
}
