package audio_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// lossy is an endpoint that loses a tenth of what is written to it.
type lossy struct {
	media.Endpoint
	mu     sync.Mutex
	chance *rand.Rand // nil: it loses nothing
	lost   int
}

func newLossy(e media.Endpoint, seed uint64) *lossy {
	return &lossy{Endpoint: e, chance: rand.New(rand.NewPCG(seed, 5))}
}

func (l *lossy) loses() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.chance == nil || l.chance.IntN(10) > 0 {
		return false
	}
	l.lost++
	return true
}

func (l *lossy) losses() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

func (l *lossy) Stream(k media.Kind) media.Stream { return lossyStream{l.Endpoint.Stream(k), l} }

type lossyStream struct {
	media.Stream
	of *lossy
}

func (s lossyStream) Write(p *media.Packet) error {
	if s.of.loses() {
		return nil
	}
	return s.Stream.Write(p)
}

// talking is a stream that has two packets of sound before each event, as a phone has: all of them are one source.
type talking struct {
	media.Stream
	sound media.Packet
	seq   uint16
}

// opusSilence is a frame of silence, for builds that do not encode Opus.
var opusSilence = []byte{0xf8, 0xff, 0xfe}

func newTalking(t testing.TB, s media.Stream) *talking {
	t.Helper()
	c := s.Codec()
	to := &talking{Stream: s, sound: media.Packet{Codec: &c, Payload: opusSilence}}
	if c != media.Opus() {
		e, err := codec.NewEncoder(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if to.sound.Payload, err = e.Encode(nil, make([]int16, e.Rate()/50)); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func (s *talking) Write(p *media.Packet) error {
	if p.Marker {
		frame := uint32(s.sound.Codec.ClockRate / 50)
		for n := range uint32(2) {
			s.sound.Time = p.Time - (2-n)*frame
			if err := s.send(&s.sound); err != nil {
				return err
			}
		}
	}
	q := *p
	return s.send(&q)
}

func (s *talking) send(p *media.Packet) error {
	p.Seq, p.Start = s.seq, s.seq == 0
	s.seq++
	return s.Stream.Write(p)
}

// TestDigitsRelayed dials through a relay that copies or transcodes between two pipes, of which the first loses a tenth of all packets, and of
// events the second too: each key comes once, as an event, as a tone, and as an event that a transcoder has made of a tone.
func TestDigitsRelayed(t *testing.T) {
	const keys = "0123456789*#ABCD5555!"
	narrow, wide := media.TelephoneEvent(8000), media.TelephoneEvent(48000)
	tones := audio.DialOptions{Tones: audio.InBandAlways, Press: 200 * time.Millisecond}
	for seed := range uint64(5) {
		if raced && seed > 1 {
			break // enough for the detector
		}
		for _, c := range []struct {
			from, to []media.Codec
			o        audio.DialOptions
			keys     string
		}{
			{[]media.Codec{media.PCMU(), narrow}, []media.Codec{media.PCMU(), narrow}, audio.DialOptions{}, keys},
			{[]media.Codec{media.Opus(), wide}, []media.Codec{media.Opus(), wide}, audio.DialOptions{}, keys},
			{[]media.Codec{media.PCMU()}, []media.Codec{media.PCMU()}, tones, keys[:len(keys)-1]},
			{[]media.Codec{media.PCMU()}, []media.Codec{media.G722(), narrow}, tones, keys[:len(keys)-1]},
			{[]media.Codec{media.PCMA()}, []media.Codec{codec.L16(48000), wide}, tones, keys[:len(keys)-1]},
			{[]media.Codec{media.PCMU(), narrow}, []media.Codec{media.G722(), narrow}, audio.DialOptions{}, keys},
			{[]media.Codec{media.Opus(), wide}, []media.Codec{media.G722(), narrow}, audio.DialOptions{}, keys},
			{[]media.Codec{media.PCMA(), narrow}, []media.Codec{codec.L16(48000), wide}, audio.DialOptions{}, keys},
			{[]media.Codec{media.Opus(), wide}, []media.Codec{codec.L16(48000), wide}, audio.DialOptions{}, keys},
		} {
			synctest.Test(t, func(t *testing.T) {
				alice, nearA := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: c.from}})
				bob, nearB := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: c.to}})
				to := newLossy(nearB, seed)
				if c.to[len(c.to)-1] == media.PCMU() {
					to.chance = nil
				}
				o := codec.Relay(nil)
				made := 0
				o.Transcode = func(from, to media.Codec) (media.Transcoder, error) {
					made++
					return codec.Transcode(from, to)
				}
				relay, err := media.NewRelay(nearA, to, o)
				if err != nil {
					t.Fatal(err)
				}
				d := audio.NewDigits(bob, nil)
				defer closed(t, d)
				from := newLossy(alice, seed+100)
				out := from.Stream(media.Audio)
				if c.o.Tones != audio.InBandAlways {
					out = newTalking(t, out)
				}
				if err := dial(t, out, c.keys, &c.o); err != nil {
					t.Fatal(err)
				}
				if _, got := typed(t, d); got != c.keys {
					t.Errorf("seed %d, %v to %v: got %q, want %q", seed, c.from, c.to, got, c.keys)
				}
				closed(t, relay)
				if to.losses() < 5 && to.chance != nil || from.losses() < 5 {
					t.Errorf("only %d and %d packets were lost", from.losses(), to.losses())
				}
				if transcodes := c.from[0] != c.to[0]; transcodes != (made == 1) {
					t.Errorf("%v to %v: %d transcoders are made", c.from, c.to, made)
				}
			})
		}
	}
}
