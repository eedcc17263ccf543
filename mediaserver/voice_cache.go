package mediaserver

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// SpeechCacheOptions are the options of NewSpeechCache; nil and every zero field are valid.
type SpeechCacheOptions struct {
	MaxBytes int64 // of all that it keeps; what has not been asked for for longest goes. 0: 64 MiB
}

const (
	speechBytes    = 64 << 20
	speechOverhead = 256 // of each, beside the sound and the text
)

// SpeechCacheStats are the totals of a SpeechCache.
type SpeechCacheStats struct {
	Hits   uint64
	Spoken uint64
	Failed uint64
	Kept   int   // now
	Bytes  int64 // of them
}

// A SpeechCache is a Voice that keeps what another has spoken. A text that several ask for at once is spoken once. Its methods are safe for
// concurrent use.
type SpeechCache struct {
	voice Voice
	most  int64

	mu      sync.Mutex
	kept    map[speechKey]*list.Element // of *keptSpeech
	order   *list.List                  // what was asked for last is first
	flights map[speechKey]*speechFlight
	stats   SpeechCacheStats
}

// speechKey is all of a Speech.
type speechKey struct {
	text, voice, language, engine, lexicons string
	ssml                                    bool
	rate                                    int
}

func keyOf(s *Speech) speechKey {
	return speechKey{
		text: s.Text, voice: s.Voice, language: s.Language, engine: s.Engine, lexicons: strings.Join(s.Lexicons, "\x00"), ssml: s.SSML, rate: s.SampleRate,
	}
}

// keptSpeech is what was spoken.
type keptSpeech struct {
	key  speechKey
	data []byte
	at   time.Time
}

// size is about how many bytes of memory it takes.
func (k *keptSpeech) size() int64 {
	return int64(len(k.data) + len(k.key.text) + len(k.key.lexicons) + speechOverhead)
}

// speechFlight is a speech that is being spoken, by the goroutine of who asked first.
type speechFlight struct {
	done chan struct{}

	data   []byte
	err    error
	gaveUp bool // it has not been spoken because who asked first wants it no more
}

// NewSpeechCache returns a cache of what a voice speaks.
func NewSpeechCache(v Voice, o *SpeechCacheOptions) *SpeechCache {
	c := &SpeechCache{voice: v, most: speechBytes, kept: map[speechKey]*list.Element{}, order: list.New(), flights: map[speechKey]*speechFlight{}}
	if o != nil {
		c.most = cmp.Or(o.MaxBytes, c.most)
	}
	return c
}

// Speak returns what the voice speaks, or has spoken before. The result is shared: it is not to be changed.
func (c *SpeechCache) Speak(ctx context.Context, s *Speech) ([]byte, error) {
	return c.speak(ctx, s, 0, false)
}

// speak is Speak that takes nothing older than ttl, unless that is 0, nor, to refresh, anything that has been spoken before.
func (c *SpeechCache) speak(ctx context.Context, s *Speech, ttl time.Duration, refresh bool) ([]byte, error) {
	key := keyOf(s)
	for {
		data, fl, first := c.board(key, ttl, refresh)
		switch {
		case fl == nil:
			return data, nil
		case first:
			c.fly(ctx, key, s, fl)
			return fl.data, fl.err
		}
		select {
		case <-fl.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if !fl.gaveUp {
			return fl.data, fl.err
		}
	}
}

// board returns what is kept, or else the flight to wait for, or to be flown by who is the first.
func (c *SpeechCache) board(key speechKey, ttl time.Duration, refresh bool) (data []byte, fl *speechFlight, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.kept[key]; e != nil && !refresh {
		if k := e.Value.(*keptSpeech); ttl <= 0 || time.Since(k.at) < ttl {
			c.order.MoveToFront(e)
			c.stats.Hits++
			return k.data, nil, false
		}
	}
	if fl = c.flights[key]; fl != nil {
		return nil, fl, false
	}
	fl = &speechFlight{done: make(chan struct{})}
	c.flights[key] = fl
	return nil, fl, true
}

func (c *SpeechCache) fly(ctx context.Context, key speechKey, s *Speech, fl *speechFlight) {
	own := *s
	own.Lexicons = slices.Clone(s.Lexicons)
	data, err := c.voice.Speak(ctx, &own)
	c.mu.Lock()
	defer c.mu.Unlock()
	fl.data, fl.err, fl.gaveUp = data, err, err != nil && ctx.Err() != nil
	delete(c.flights, key)
	close(fl.done)
	if err != nil {
		c.stats.Failed++
		return
	}
	c.stats.Spoken++
	c.keep(&keptSpeech{key: key, data: data, at: time.Now()})
}

// keep keeps what was spoken, in place of what was before, if there is room for it at all. c.mu is held.
func (c *SpeechCache) keep(k *keptSpeech) {
	if e := c.kept[k.key]; e != nil {
		c.drop(e)
	}
	size := k.size()
	if size > c.most {
		return
	}
	for c.stats.Bytes+size > c.most {
		c.drop(c.order.Back())
	}
	c.kept[k.key] = c.order.PushFront(k)
	c.stats.Bytes += size
}

func (c *SpeechCache) drop(e *list.Element) {
	k := c.order.Remove(e).(*keptSpeech)
	delete(c.kept, k.key)
	c.stats.Bytes -= k.size()
}

// Stats returns the totals.
func (c *SpeechCache) Stats() SpeechCacheStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Kept = len(c.kept)
	return s
}
