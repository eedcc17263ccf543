package mediaserver

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/alexacall/alexacall/media/audio"
)

// background is what is heard of an IVR while it says nothing. One goroutine at a time uses it.
type background struct {
	v   *ivr
	ctx context.Context

	now     Background // without a format: there is none
	opening *opening   // of it; nil: it has not been heard yet
	source  *placed    // nil: it is not open
	stop    func()     // has it be heard no more; nil: it is not
	broken  bool       // it cannot be played

	mu     sync.Mutex
	failed []PhraseError
}

// set replaces the background, unless it is the same. Nil leaves it.
func (b *background) set(to *Background) {
	if to != nil && !reflect.DeepEqual(b.now, *to) {
		b.close()
		b.now = *to
	}
}

// on has it be heard, from where it was left.
func (b *background) on() {
	if b.stop != nil || b.broken || b.now.Format == "" || b.ctx.Err() != nil {
		return
	}
	if b.opening == nil {
		phrase := b.now.Phrase // now may be another before it is open
		b.opening = b.v.open(b.ctx, &phrase)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan struct{})
	b.v.work.Go(func() {
		defer close(done)
		b.play(ctx)
	})
	b.stop = func() {
		cancel()
		<-done
	}
}

// off has it be silent. The stream's player is free when it returns.
func (b *background) off() {
	if b.stop != nil {
		b.stop()
		b.stop = nil
	}
}

// close ends it.
func (b *background) close() {
	b.off()
	b.opening.close()
	if b.source != nil {
		_ = b.source.Source.Close()
	}
	b.opening, b.source, b.now, b.broken = nil, nil, Background{}, false
}

func (b *background) play(ctx context.Context) {
	if b.source == nil {
		source, err := b.opening.wait(ctx)
		if err != nil {
			b.fails(ctx, err)
			return
		}
		b.source = &placed{Source: source}
	}
	b.fails(ctx, b.v.say(ctx, b.source, &audio.PlayOptions{From: b.source.place(), Loop: -1, Pause: b.now.RepeatPause}))
}

// fails notes why the background is not heard, unless it is not to be: it is not tried again.
func (b *background) fails(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	b.v.log.Warn("the background cannot be played", "format", b.now.Format, "err", err)
	b.broken = true
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = append(b.failed, PhraseError{Index: -1, Err: err})
}

// failures returns what has failed since it was asked before.
func (b *background) failures() []PhraseError {
	b.mu.Lock()
	defer b.mu.Unlock()
	failed := b.failed
	b.failed = nil
	return failed
}

// placed is a source that stays open when a player closes it, and knows how much of it has been played.
type placed struct {
	audio.Source
	at int64 // samples
}

func (p *placed) Read(pcm []int16) (int, error) {
	n, err := p.Source.Read(pcm)
	p.at += int64(n)
	if err != nil {
		p.at = 0 // what follows is its beginning
	}
	return n, err
}

// SeekTo makes it an audio.Seeker, which what is repeated has to be.
func (p *placed) SeekTo(at time.Duration) error {
	s, ok := p.Source.(audio.Seeker)
	if !ok {
		return audio.ErrSeek
	}
	if err := s.SeekTo(at); err != nil {
		return err
	}
	p.at = int64(at / time.Second * time.Duration(p.Rate()))
	p.at += int64(at % time.Second * time.Duration(p.Rate()) / time.Second)
	return nil
}

func (p *placed) Close() error { return nil }

// placeAhead is about how much of a source a player has read that has not been heard.
const placeAhead = 400 * time.Millisecond

// place is where it goes on: about where it was heard last.
func (p *placed) place() time.Duration {
	rate := int64(p.Rate())
	at := time.Duration(p.at/rate)*time.Second + time.Duration(p.at%rate)*time.Second/time.Duration(rate)
	return max(0, at-placeAhead)
}
