package audio_test

import (
	"math"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media/audio"
)

// talk is half a minute of someone who listens for three seconds, speaks for six and listens again, and how loud each frame of 20 ms is;
// the level of all is that of the frames with a voice in them.
func talk(seed uint64, rate int) (pcm []int16, frames []float64, level float64) {
	frame := rate / 50
	pcm = make([]int16, 30*rate)
	speech := sound.Speech(seed, rate, 18*time.Second)
	for at := 0; at < len(pcm); at += 10 * rate {
		copy(pcm[at+3*rate:at+9*rate], speech[at/10*6:])
	}
	sum, n := 0.0, 0.0
	for at := 0; at < len(pcm); at += frame {
		power := sound.Power(pcm[at : at+frame])
		frames = append(frames, power)
		if power > voiced {
			sum, n = sum+math.Pow(10, power/10), n+1
		}
	}
	return pcm, frames, 10 * math.Log10(sum/n)
}

const (
	voiced    = -40 // dBFS: a frame that is louder has a voice in it
	voiceless = -60 // one that is softer has none
)

// hiss is noise of a power in dBFS.
func hiss(seed uint64, rate int, level float64, d time.Duration) []int16 {
	return sound.Noise(seed, rate, sound.FullScale*math.Pow(10, level/20)*math.Sqrt(1.5), d)
}

// rates are what a Voice makes of frames: the share of those with a voice that it hears, and of those without one, now and in the last
// 300 ms, in which it hears one all the same. The first 1.4 s are not counted: the noise is not known yet.
func rates(v *audio.Voice, pcm []int16, frames []float64, rate int) (hits, alarms float64) {
	frame, pause := rate/50, 0
	var n, heard [2]float64
	for i, power := range frames {
		got := v.Hear(pcm[i*frame : (i+1)*frame])
		if pause++; power > voiceless {
			pause = 0
		}
		which := 0
		if power > voiced {
			which = 1
		}
		if i < 70 || which == 0 && pause <= 15 {
			continue
		}
		n[which]++
		if got {
			heard[which]++
		}
	}
	return heard[1] / n[1], heard[0] / n[0]
}

// TestVoiceInNoise states how much of a voice is heard, and how much noise is taken for one, by the distance of the two.
func TestVoiceInNoise(t *testing.T) {
	for seed := range uint64(2) {
		for _, rate := range []int{8000, 16000}[seed:] {
			pcm, frames, level := talk(seed, rate)
			for _, c := range []struct{ snr, hits, alarms float64 }{{40, 0.98, 0.02}, {20, 0.97, 0.01}, {15, 0.96, 0.01}, {10, 0.93, 0.01}, {5, 0.7, 0.01}} {
				noisy := sound.Mix(pcm, hiss(seed+9, rate, level-c.snr, 30*time.Second))
				v := audio.NewVoice(&audio.VoiceOptions{Rate: rate})
				hits, alarms := rates(v, noisy, frames, rate)
				if hits < c.hits || alarms > c.alarms {
					t.Errorf("%v dB, seed %d at %d Hz: hits %.3f, false alarms %.3f", c.snr, seed, rate, hits, alarms)
				}
				if got := v.Noise(); math.Abs(got-(level-c.snr)) > 2.5 && c.snr < 40 {
					t.Errorf("%v dB, seed %d at %d Hz: noise at %.1f dBFS is taken to be at %.1f", c.snr, seed, rate, level-c.snr, got)
				}
			}
		}
	}
}

// TestVoiceFollowsNoise has noise that grows by 20 dB taken for a voice for two seconds, and a voice in it heard afterwards.
func TestVoiceFollowsNoise(t *testing.T) {
	v := audio.NewVoice(nil)
	v.Hear(hiss(1, 8000, -60, 5*time.Second))
	if v.Active() {
		t.Error("noise is a voice")
	}
	v.Hear(hiss(2, 8000, -40, 2500*time.Millisecond))
	v.Hear(hiss(3, 8000, -40, 500*time.Millisecond))
	if v.Active() || math.Abs(v.Noise()+40) > 2 {
		t.Errorf("noise that lasts is a voice: %v, noise at %.1f dBFS", v.Active(), v.Noise())
	}
	if !v.Hear(sound.Mix(sound.Sine(8000, 440, 4000, 100*time.Millisecond), hiss(4, 8000, -40, 100*time.Millisecond))) {
		t.Error("a voice in the new noise is not heard")
	}
}

// TestVoiceOfACaller is one who speaks from the first moment on: the noise is not known, and the voice is not taken for it.
func TestVoiceOfACaller(t *testing.T) {
	pcm, frames, _ := talk(5, 8000)
	pcm = pcm[3*8000:]
	v := audio.NewVoice(nil)
	heard, all := 0, 0
	for i, power := range frames[150:250] {
		if got := v.Hear(pcm[i*160 : (i+1)*160]); power > voiced {
			all++
			if got {
				heard++
			}
		}
	}
	if heard < all*95/100 {
		t.Errorf("%d of %d frames of a voice are heard in the first two seconds", heard, all)
	}
}

// TestVoiceIsNot is silence, a click, hum of the mains, and what is too soft: no voices.
func TestVoiceIsNot(t *testing.T) {
	click := make([]int16, 16000)
	click[8000], click[8001] = 20000, -20000
	for name, pcm := range map[string][]int16{
		"silence": make([]int16, 16000),
		"a click": click,
		"hum":     sound.Sine(8000, 50, 300, 2*time.Second),
		"soft":    sound.Sine(8000, 440, 40, 2*time.Second),
	} {
		v := audio.NewVoice(nil)
		for at := 0; at < len(pcm); at += 160 {
			if v.Hear(pcm[at : at+160]) {
				t.Errorf("%s is a voice at %d, %.1f dBFS", name, at, v.Level())
				break
			}
		}
	}
}

// TestVoiceEnds has a voice be over its hang-over after it is, to a block.
func TestVoiceEnds(t *testing.T) {
	for _, hang := range []time.Duration{0, time.Second} {
		v := audio.NewVoice(&audio.VoiceOptions{Hang: hang})
		v.Hear(make([]int16, 8000))
		v.Hear(sound.Sine(8000, 440, 8000, 500*time.Millisecond))
		lasted := time.Duration(0)
		for v.Hear(make([]int16, 80)) {
			lasted += 10 * time.Millisecond
		}
		if hang == 0 {
			hang = 200 * time.Millisecond
		}
		if lasted < hang || lasted > hang+150*time.Millisecond {
			t.Errorf("a voice is over after %v, want %v", lasted, hang)
		}
	}
}

// TestVoiceTakesAnyFrames hears the same in frames of any length.
func TestVoiceTakesAnyFrames(t *testing.T) {
	pcm, _, _ := talk(7, 8000)
	a, b := audio.NewVoice(nil), audio.NewVoice(nil)
	for at := 0; at+400 <= len(pcm); at += 400 {
		one := a.Hear(pcm[at : at+400])
		b.Hear(pcm[at : at+7])
		b.Hear(pcm[at+7 : at+391])
		if two := b.Hear(pcm[at+391 : at+400]); one != two || a.Level() != b.Level() {
			t.Fatalf("at %d: %v and %v, %v and %v dBFS", at, one, two, a.Level(), b.Level())
		}
	}
}

func TestVoiceDoesNotAllocate(t *testing.T) {
	v := audio.NewVoice(nil)
	pcm := sound.Speech(1, 8000, 20*time.Millisecond)
	if n := testing.AllocsPerRun(1000, func() { v.Hear(pcm) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkVoice(b *testing.B) {
	v := audio.NewVoice(&audio.VoiceOptions{Rate: 16000})
	pcm := sound.Speech(1, 16000, 20*time.Millisecond)
	for b.Loop() {
		v.Hear(pcm)
	}
}
