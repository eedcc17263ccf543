package mediaserver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// toneHz are the tones that prompts of tests are made of, by their letters, and the beep.
var toneHz = map[byte]float64{'a': 400, 'b': 700, 'c': 1300, 'd': 1900, 'B': 1000}

// phraseTones is the format of the phrases of tests: their texts are such as "a1.5", a second and a half of tone a.
const phraseTones PhraseFormat = "tones"

// toneVoice speaks tones.
type toneVoice struct {
	mu     sync.Mutex
	spoken []Speech
	before func(ctx context.Context, s *Speech) error // nil: nothing
}

func (v *toneVoice) Speak(ctx context.Context, s *Speech) ([]byte, error) {
	v.mu.Lock()
	v.spoken = append(v.spoken, *s)
	v.mu.Unlock()
	if v.before != nil {
		if err := v.before(ctx, s); err != nil {
			return nil, err
		}
	}
	return toneWAV(s.Text)
}

// toneWAV returns a WAV file of tones at 8000 Hz: "a1 -0.5 b2"; "-" is silence.
func toneWAV(text string) ([]byte, error) {
	var pcm []int16
	for word := range strings.FieldsSeq(text) {
		var seconds float64
		if _, err := fmt.Sscanf(word[1:], "%g", &seconds); err != nil {
			return nil, err
		}
		amplitude := 8000.0
		if word[0] == '-' {
			amplitude = 0
		}
		pcm = append(pcm, sound.Sine(8000, toneHz[word[0]], amplitude, time.Duration(seconds*float64(time.Second)))...)
	}
	return audio.AppendWAV(nil, pcm, 8000), nil
}

func say(text string) Phrase { return Phrase{Format: phraseTones, Speech: Speech{Text: text}} }

// asked is a request of an IVR, and when it came.
type asked struct {
	*IVRRequest
	at time.Duration
}

// talk is an IVR and the party that it talks to, in fake time. It begins between two turns of the clock.
type talk struct {
	t      *testing.T
	voice  *toneVoice
	server *Server
	ivr    *ivr
	began  time.Time
	party  media.Stream // the party's side of its leg
	ear    *media.Reader
	cancel context.CancelCauseFunc
	over   chan ivrEnd
	closes []func()

	mu       sync.Mutex
	script   []*Command // what is left of it; then Hangup
	slow     time.Duration
	requests []asked
	heard    []int16 // at 8000 Hz
	files    []string
}

func talks(t *testing.T, script []*Command, f func(t *testing.T, k *talk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t, script)
		defer k.close()
		f(t, k)
	})
}

func newTalk(t *testing.T, script []*Command) *talk {
	clock := audio.NewClock(nil)
	time.Sleep(time.Millisecond) // between two turns
	k := &talk{t: t, script: script, began: time.Now(), voice: &toneVoice{}, over: make(chan ivrEnd, 1)}
	k.server = &Server{Clock: clock, Voices: map[PhraseFormat]Voice{phraseTones: k.voice}}
	near, far := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{codec.L16(8000), media.TelephoneEvent(8000)}}})
	k.party = far.Stream(media.Audio)
	k.ear = k.party.Reader()
	k.ivr = &ivr{server: k.server, media: near, domain: "example.com", ask: k.ask, recorded: k.recorded}
	var work sync.WaitGroup
	work.Go(k.listen)
	k.closes = append(k.closes, func() { k.ear.Close(); work.Wait() }, clock.Close)
	return k
}

// run begins the IVR.
func (k *talk) run() {
	ctx, cancel := context.WithCancelCause(k.t.Context())
	k.cancel = cancel
	go func() { k.over <- k.ivr.run(ctx) }()
	k.closes = append([]func(){func() { cancel(nil) }}, k.closes...)
}

func (k *talk) close() {
	for _, f := range k.closes {
		f()
	}
}

// end waits for the end of the IVR, and checks that it sends no more.
func (k *talk) end() ivrEnd {
	k.t.Helper()
	e := <-k.over
	sent := k.party.Stats().In.Packets
	time.Sleep(time.Second)
	if after := k.party.Stats().In.Packets; after != sent {
		k.t.Errorf("%d packets after the end", after-sent)
	}
	return e
}

func (k *talk) ask(ctx context.Context, r *IVRRequest) (*Command, error) {
	k.mu.Lock()
	k.requests = append(k.requests, asked{r, time.Since(k.began)})
	c := &Command{Hangup: true}
	if len(k.script) > 0 {
		c, k.script = k.script[0], k.script[1:]
	}
	slow := k.slow
	k.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return c, nil
}

func (k *talk) recorded(name string, d time.Duration, truncated bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.files = append(k.files, fmt.Sprintf("%s %.1f %v", name, d.Seconds(), truncated))
}

// listen is the party's ear.
func (k *talk) listen() {
	buf := make([]byte, 2000)
	for {
		var p media.Packet
		if err := k.ear.Read(buf, &p); err != nil {
			if !errors.Is(err, media.ErrClosed) {
				k.t.Errorf("listening: %v", err)
			}
			return
		}
		k.mu.Lock()
		for i := 0; p.What == media.RTP && i+1 < len(p.Payload); i += 2 {
			k.heard = append(k.heard, int16(binary.BigEndian.Uint16(p.Payload[i:])))
		}
		k.mu.Unlock()
	}
}

// press has the party press keys, each for 100 ms and with 100 ms after it.
func (k *talk) press(keys string) {
	k.t.Helper()
	if err := audio.Dial(k.t.Context(), k.server.Clock, k.party, keys, nil); err != nil {
		k.t.Error(err)
	}
}

// until waits for a moment since the beginning.
func (k *talk) until(at time.Duration) { time.Sleep(at - time.Since(k.began)) }

// speak has the party speak a tone.
func (k *talk) speak(tone byte, d time.Duration) {
	k.t.Helper()
	p := audio.NewPlayer(k.server.Clock, k.party, &audio.PlayerOptions{Quiet: true})
	defer p.Close()
	o := &audio.TonesOptions{For: d}
	if err := p.Play(k.t.Context(), audio.NewTones([]audio.Tone{{Hz: [2]float64{toneHz[tone]}}}, o), nil); err != nil {
		k.t.Error(err)
	}
}

// asks waits for the end and returns what was asked, but for the first time.
func (k *talk) asks() []asked {
	k.t.Helper()
	if e := k.end(); e.err != nil || e.call != nil {
		k.t.Errorf("ended with %+v", e)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.requests) == 0 {
		k.t.Fatal("nothing was asked")
	}
	return k.requests[1:]
}

// span is a time of one sound.
type span struct {
	tone byte // '-': silence; '?': something else
	d    time.Duration
}

// spans tells what a sound is made of. What lasts less than 50 ms belongs to what is before it.
func spans(pcm []int16, rate int) (all []span) {
	n := rate / 50
	for ; len(pcm) >= n; pcm = pcm[n:] {
		tone := toneOf(pcm[:n], rate)
		if len(all) == 0 || all[len(all)-1].tone != tone {
			if k := len(all) - 1; k >= 0 && all[k].d < 50*time.Millisecond {
				all[k].tone = tone
				if k > 0 && all[k-1].tone == tone {
					all[k-1].d += all[k].d
					all = all[:k]
				}
			} else {
				all = append(all, span{tone: tone})
			}
		}
		all[len(all)-1].d += audio.FrameTime
	}
	if k := len(all) - 1; k > 0 && all[k].d < 50*time.Millisecond {
		all = all[:k]
	}
	return all
}

func toneOf(pcm []int16, rate int) byte {
	power := sound.Power(pcm)
	if power < -50 {
		return '-'
	}
	for tone, hz := range toneHz {
		if math.Abs(sound.Level(pcm, rate, hz)-power) < 1.5 {
			return tone
		}
	}
	return '?'
}

// hears checks what the party has heard so far, such as "-0.5 a1 -3", to 80 ms.
func (k *talk) hears(want string) {
	k.t.Helper()
	sounds(k.t, k.spans(), want)
}

func (k *talk) spans() []span {
	k.mu.Lock()
	defer k.mu.Unlock()
	return spans(k.heard, 8000)
}

// sounds checks a sound. A time of 0 is any.
func sounds(t *testing.T, got []span, want string) {
	t.Helper()
	words, said := strings.Fields(want), ""
	ok := len(words) == len(got)
	for i, s := range got {
		said += fmt.Sprintf(" %c%.2f", s.tone, s.d.Seconds())
		if i >= len(words) {
			continue
		}
		var seconds float64
		if _, err := fmt.Sscanf(words[i][1:], "%g", &seconds); err != nil {
			t.Fatal(err)
		}
		ok = ok && words[i][0] == s.tone && (seconds == 0 || math.Abs(seconds-s.d.Seconds()) < 0.081)
	}
	if !ok {
		t.Errorf("heard%s, want %s", said, want)
	}
}
