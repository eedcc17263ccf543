package audio_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// TestJitterNoise: a pause sounds as its source says, once in its whole length or again and again, at the pace of the codec or at another; and a
// source that says it badly is silent.
func TestJitterNoise(t *testing.T) {
	noise := codec.ComfortNoise(8000)
	tone := sound.Sine(8000, 500, 8000, 6*time.Second)
	for _, c := range []struct {
		name    string
		rate    int
		every   int // packets: how often the pause is described
		payload []byte
		want    float64 // dBFS
	}{
		{"once", 8000, 50, []byte{50}, -47},
		{"again and again", 8000, 1, []byte{50, 20, 140}, -47},
		{"at another rate", 16000, 10, []byte{50, 20}, -47},
		{"badly", 8000, 10, nil, sound.Quietest},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := path{chance: rand.New(rand.NewPCG(3, 1)), delay: uniform(20 * time.Millisecond)}
			l.skip = func(n int) bool { return n%100 >= 50 && n%100%c.every != 0 }
			l.change = func(n int, p *media.Packet) {
				if n%100 >= 50 {
					p.Codec, p.Payload = &noise, c.payload
				}
			}
			j := audio.NewJitter(&audio.JitterOptions{Rate: c.rate})
			heard := listen(j, c.rate, l.arrive(t, &pcmu, tone), 6*time.Second, nil)
			s := j.Stats()
			if s.Lost+s.Concealed+s.Unknown > 0 {
				t.Errorf("%+v", s)
			}
			balanced(t, s, len(heard), c.rate/10)
			for second := range 5 {
				at := second*c.rate + c.rate*3/10
				part := heard[at : at+c.rate/2]
				if second%2 == 0 && sound.Level(part, c.rate, 500) < -13 {
					t.Errorf("second %d: the tone is at %.0f dB", second, sound.Level(part, c.rate, 500))
				}
				if second%2 == 1 && math.Abs(sound.Power(part)-c.want) > 1.5 {
					t.Errorf("second %d: the pause is at %.1f dB, want %.0f", second, sound.Power(part), c.want)
				}
			}
		})
	}
}
