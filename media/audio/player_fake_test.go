package audio_test

import (
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// memory is a source of samples in memory.
type memory struct {
	rate   int
	pcm    []int16
	at     int
	closed int
	fails  error                // after the last sample; nil: io.EOF
	before func(read int) error // of each read
	reads  int
}

func (m *memory) Rate() int { return m.rate }

func (m *memory) Read(pcm []int16) (int, error) {
	if m.before != nil {
		if err := m.before(m.reads); err != nil {
			return 0, err
		}
	}
	m.reads++
	if m.at == len(m.pcm) {
		if m.fails != nil {
			return 0, m.fails
		}
		return 0, io.EOF
	}
	n := copy(pcm, m.pcm[m.at:])
	m.at += n
	return n, nil
}

func (m *memory) SeekTo(at time.Duration) error {
	m.at = min(int(at*time.Duration(m.rate)/time.Second), len(m.pcm))
	return nil
}

func (m *memory) Close() error {
	m.closed++
	return nil
}

// level is a source of one value, for a time.
func level(rate int, x int16, d time.Duration) *memory {
	m := &memory{rate: rate, pcm: make([]int16, int(d*time.Duration(rate)/time.Second))}
	for i := range m.pcm {
		m.pcm[i] = x
	}
	return m
}

// heard is a packet as the far side has it, and when.
type heard struct {
	media.Packet
	at    time.Duration
	codec media.Codec
}

// farEnd is a stream whose codec the test sets, and which keeps what is written.
type farEnd struct {
	began time.Time

	mu      sync.Mutex
	codec   media.Codec
	packets []heard
	refuses error
}

func newFarEnd(c media.Codec) *farEnd { return &farEnd{codec: c, began: time.Now()} }

func (f *farEnd) Codec() media.Codec {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.codec
}

func (f *farEnd) change(c media.Codec) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.codec = c
}

func (f *farEnd) refuse(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuses = err
}

func (f *farEnd) Write(p *media.Packet) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuses != nil {
		return f.refuses
	}
	h := heard{Packet: *p, at: time.Since(f.began), codec: *p.Codec}
	h.Payload = append([]byte(nil), p.Payload...)
	f.packets = append(f.packets, h)
	return nil
}

// all returns what has come so far, and forgets it.
func (f *farEnd) all() []heard {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.packets
	f.packets = nil
	return all
}

func (f *farEnd) Reader() *media.Reader { return new(media.Fanout).Open() }
func (f *farEnd) Gate(media.Direction)  {}
func (f *farEnd) Stats() media.Stats    { return media.Stats{} }

// decoded returns the samples of packets of one codec.
func decoded(t testing.TB, all []heard) (pcm []int16) {
	t.Helper()
	if len(all) == 0 {
		return nil
	}
	d, err := codec.NewDecoder(all[0].codec, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if pcm, err = d.Decode(pcm, p.Payload); err != nil {
			t.Fatal(err)
		}
	}
	return pcm
}

// stage is a player, and the far end that it plays to, in fake time. Linear sound shows each sample as it was.
type stage struct {
	*audio.Player
	far *farEnd
}

func onStage(t *testing.T, c media.Codec, o *audio.PlayerOptions, f func(t *testing.T, s stage)) {
	synctest.Test(t, func(t *testing.T) {
		clock := audio.NewClock(nil)
		defer clock.Close()
		far := newFarEnd(c)
		p := audio.NewPlayer(clock, far, o)
		defer p.Close()
		time.Sleep(time.Millisecond) // between two turns
		f(t, stage{p, far})
	})
}

// play plays beside the test, which gets what Play returned.
func (s stage) play(t *testing.T, m audio.Source, o *audio.PlayOptions) <-chan error {
	done := make(chan error, 1)
	go func() { done <- s.Play(t.Context(), m, o) }()
	synctest.Wait()
	return done
}

// follows checks that the packets are one source's, without a gap, 20 ms apart.
func follows(t *testing.T, all []heard) {
	t.Helper()
	for i, p := range all[1:] {
		before := all[i]
		if p.Seq != before.Seq+1 || p.Time != before.Time+uint32(p.codec.ClockRate/50) || p.at-before.at != audio.FrameTime {
			t.Errorf("packet %d: number %d after %d, time %d after %d, %v later", i+1, p.Seq, before.Seq, p.Time, before.Time, p.at-before.at)
		}
		if p.Start || p.Marker {
			t.Errorf("packet %d: start %v, marker %v", i+1, p.Start, p.Marker)
		}
	}
}

var errTest = errors.New("no more")
