package codec_test

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// farthest returns the largest distance between two pieces of sound, and the largest sample of the first.
func farthest(want, got []int16) (off, most int) {
	for i, x := range want {
		off = max(off, int(x)-int(got[i]), int(got[i])-int(x))
		most = max(most, int(x), -int(x))
	}
	return off, most
}

// TestTranscodeLead has who speaks something that is transcoded to G.722 go over to G.722 of its own in the middle of speech and of music, with an
// encoder that is new or has gone on: as it comes this would click to who has heard the transcoder. As it is led it does not; soon the two
// decoders are as one, and its packets pass as they come.
func TestTranscodeLead(t *testing.T) {
	g722 := media.G722()
	for _, c := range []struct {
		name  string
		from  media.Codec
		voice func(uint64, int, time.Duration) []int16
		used  bool // the encoder has gone on
		off   float64
		most  int // packets that are led
	}{
		{"speech", pcmu, sound.Speech, false, 0.3, 75},
		{"wideband speech", codec.L16(16000), sound.Speech, false, 0.4, 75},
		{"speech, an encoder that has gone on", pcmu, sound.Speech, true, 1.25, 75},
		{"music", pcmu, sound.Music, false, 0.5, 200},
	} {
		clicks, left, worst, loud, slowest := 0, 0, 0.0, 0.0, 0
		for seed := range uint64(2) {
			if raced && seed > 0 {
				break // enough for the detector
			}
			wide := c.voice(seed, 16000, 3*time.Second)
			change := 16000 + int(seed)*2240 // where it goes over
			tr := mustTranscode(t, c.from, g722)
			said := wide[:change]
			if c.from == pcmu {
				said = at(t, said, 16000, 8000)
			}
			led, plain, own := decoder(t, g722), decoder(t, g722), decoder(t, g722)
			for _, p := range coded(t, &c.from, said, 20*time.Millisecond) {
				_ = tr.Transcode(p, func(q *media.Packet) error {
					_, _ = led.Decode(nil, q.Payload)
					_, _ = plain.Decode(nil, q.Payload)
					return nil
				})
			}
			before := 0
			if c.used {
				before = change / 320
			}
			_, top := farthest(wide, wide)
			changed, done := 0, false
			for n, p := range coded(t, &g722, wide[change-before*320:], 20*time.Millisecond) {
				want, _ := own.Decode(nil, p.Payload)
				if n < before {
					continue
				}
				clicked, _ := plain.Decode(nil, p.Payload)
				if !done {
					changed++
					done = tr.(media.Leader).Lead(p.Payload)
				}
				heard, _ := led.Decode(nil, p.Payload)
				if n == before {
					continue // the filters that join the bands have another past
				}
				off, _ := farthest(want, clicked)
				clicks = max(clicks, off)
				off, most := farthest(want, heard)
				if done && !c.used && n > changed {
					left = max(left, off)
				}
				worst = max(worst, float64(off)/float64(max(most, 1000)))
				_, most = farthest(heard, heard)
				loud = max(loud, float64(most)/float64(top))
			}
			slowest = max(slowest, changed)
		}
		t.Logf("%s: as it comes %d off; led for %d packets, %.2f of the loudest in 20 ms off, %.2f as loud; then %d off", c.name, clicks, slowest, worst, loud, left)
		if clicks < 10000 && !c.used || slowest > c.most || worst > c.off || loud > 1.25 || left > 0 {
			t.Errorf("%s: as it comes %d off; led for %d packets, want %d, %.2f of the loudest off, want %.2f, and %.2f as loud, then %d off",
				c.name, clicks, slowest, c.most, worst, c.off, loud, left)
		}
	}
}

func TestTranscodeLeadAllocs(t *testing.T) {
	g722 := media.G722()
	tr := mustTranscode(t, pcmu, g722).(media.Leader)
	all := coded(t, &g722, sound.Speech(1, 16000, time.Second), 20*time.Millisecond)
	n := 0
	turn := func() { n++; tr.Lead(all[n].Payload) }
	turn()
	if got := testing.AllocsPerRun(20, turn); got != 0 {
		t.Errorf("%v allocations in a packet", got)
	}
}

func decoder(t testing.TB, c media.Codec) codec.Decoder {
	t.Helper()
	d, err := codec.NewDecoder(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
