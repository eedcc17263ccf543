package audio_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// pausing is sound that begins after a while.
func pausing(after time.Duration, rate int, pcm []int16) []int16 {
	return append(make([]int16, int(after*time.Duration(rate)/time.Second)), pcm...)
}

// scaled is sound that is so many dB softer.
func scaled(db float64, pcm []int16) []int16 {
	out := make([]int16, len(pcm))
	for i, x := range pcm {
		out[i] = int16(math.Round(float64(x) * math.Pow(10, -db/20)))
	}
	return out
}

// speaking returns which of the phones have a voice that is heard.
func (tb *table) speaking() []int {
	var all []int
	for i, p := range tb.phones {
		if p.Speaking() {
			all = append(all, i)
		}
	}
	return all
}

// TestMixerCrowd seats twelve in a room with noise, of whom one after another begins to speak without end: the first three are heard, a
// fourth who is no louder is not, a fifth who is takes the place of one; then those who have fallen silent give way. What is mixed never is
// more than three, and a turn more when places change.
func TestMixerCrowd(t *testing.T) {
	const rate = 8000
	tb := newTable(t, &audio.MixerOptions{Rate: rate})
	tell := func(i int, from, to time.Duration, softer float64) []int16 {
		voice := scaled(softer, sound.Speech(uint64(i), rate, to-from))
		return sound.Mix(pausing(from, rate, voice), hiss(uint64(50+i), rate, -62, to+10*time.Second))
	}
	for i := range 12 {
		var says []int16
		switch i {
		case 0, 1, 2, 3:
			says = tell(i, time.Duration(2+2*i)*time.Second, 16*time.Second, 12)
		case 4:
			says = tell(i, 12*time.Second, 16*time.Second, 0)
		case 5:
			says = tell(i, 19*time.Second, 24*time.Second, 18)
		default:
			says = hiss(uint64(50+i), rate, -62, 40*time.Second)
		}
		tb.join(media.PCMU(), says, nil)
	}
	heard := make([]int, len(tb.phones)) // turns
	check := func(until time.Duration, want ...int) {
		t.Helper()
		clear(heard)
		for tb.now < until {
			tb.run(audio.FrameTime)
			who := tb.speaking()
			if len(who) > 3 {
				t.Fatalf("at %v %v are heard", tb.now, who)
			}
			for _, i := range who {
				heard[i]++
			}
		}
		var often []int
		for i, n := range heard {
			if n > 15 {
				often = append(often, i)
			}
		}
		if !slices.Equal(often, want) {
			t.Errorf("until %v %v are heard, want %v: %v", until, often, want, heard)
		}
	}
	check(2 * time.Second)
	check(4*time.Second, 0)
	check(6*time.Second, 0, 1)
	check(8*time.Second, 0, 1, 2)
	before := tb.m.Stats()
	tb.run(4 * time.Second)
	after := tb.m.Stats()
	if frames := (after.Mixed - before.Mixed) / (rate / 50); frames > 3*200+20 || frames < 2*200 {
		t.Errorf("%d frames were mixed in 200 turns", frames)
	}
	clear(heard)
	tb.run(time.Second)
	if !tb.phones[4].Speaking() {
		t.Error("who is much louder is not heard")
	}
	tb.run(6 * time.Second)
	check(24*time.Second, 5)
}

// TestMixerCrowdIsLeft has everybody be heard, noise and all, when enough have left.
func TestMixerCrowdIsLeft(t *testing.T) {
	const rate = 8000
	tb := newTable(t, &audio.MixerOptions{Rate: rate, Crowd: 4, Speakers: 2})
	for i := range 6 {
		tb.join(codec.L16(rate), sound.Sine(rate, float64(500+200*i), 100, 20*time.Second), nil)
	}
	tb.run(6 * time.Second)
	if got := sound.Power(last(tb.phones[5], time.Second)); got > -70 {
		t.Errorf("a crowd of who does not speak is heard at %.1f dBFS", got)
	}
	tb.phones[0].Leave()
	tb.phones[1].Leave()
	tb.run(2 * time.Second)
	for _, hz := range []float64{900, 1100, 1300} {
		if got := sound.Level(last(tb.phones[5], time.Second), rate, hz); math.Abs(got+50.3) > 1 {
			t.Errorf("%v Hz at %.1f dBFS", hz, got)
		}
	}
}

// last is what a phone heard of late.
func last(p *phone, d time.Duration) []int16 {
	return p.heard[len(p.heard)-int(d*time.Duration(p.decoder.Rate())/time.Second):]
}

// TestMixerCrowdKeepsWords has a member of a crowd who speaks with pauses be heard whole: as well as alone.
func TestMixerCrowdKeepsWords(t *testing.T) {
	const rate = 8000
	tb := newTable(t, &audio.MixerOptions{Rate: rate})
	voice := half(sound.Speech(1, rate, 6*time.Second))
	tb.join(media.PCMU(), voice, nil)
	for i := range 11 {
		tb.join(media.PCMU(), hiss(uint64(i), rate, -65, 10*time.Second), nil)
	}
	tb.run(6 * time.Second)
	tb.phones[5].wants(t, 2, 5, 22, 5, voice)
}

// TestMixerIsLoud has eight shout the same: what comes of it is as loud as there is room for, and not bent beyond recognition.
func TestMixerIsLoud(t *testing.T) {
	const rate, hz = 8000, 300
	tb := newTable(t, &audio.MixerOptions{Rate: rate})
	for range 8 {
		tb.join(codec.L16(rate), sound.Sine(rate, hz, 30000, 5*time.Second), nil)
	}
	tb.run(4 * time.Second)
	for _, p := range tb.phones {
		pcm := last(p, time.Second)
		if got := sound.Level(pcm, rate, hz); got < -3 || got > 0 {
			t.Errorf("the tone is at %.1f dBFS", got)
		}
		if got := sound.Level(pcm, rate, 3*hz); got > -50 {
			t.Errorf("its third harmonic is at %.1f dBFS", got)
		}
	}
	for i, x := range tb.phones[0].heard[rate/10+1:] {
		if d := int(x) - int(tb.phones[0].heard[rate/10+i]); d > 16000 || d < -16000 {
			t.Fatalf("from %d to %d at %d", tb.phones[0].heard[i], x, i)
		}
	}
}
