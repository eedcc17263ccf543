package sound_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/sound"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s is %.2f, want %.2f within %.2f", what, got, want, within)
	}
}

func TestLevel(t *testing.T) {
	tone := sound.Sine(8000, 1000, 3276.7, time.Second)
	near(t, "a tenth", sound.Level(tone, 8000, 1000), -20, 0.01)
	near(t, "a tenth at no whole number of cycles", sound.Level(sound.Sine(8000, 1003.3, 3276.7, 30*time.Millisecond), 8000, 1003.3), -20, 0.05)
	near(t, "its power", sound.Power(tone), -20, 0.01)
	near(t, "silence", sound.Level(make([]int16, 800), 8000, 1000), sound.Quietest, 0)
	near(t, "nothing", sound.Level(nil, 8000, 1000), sound.Quietest, 0)
	near(t, "the power of nothing", sound.Power(nil), sound.Quietest, 0)
	if beside := sound.Level(tone, 8000, 1010); beside > -105 {
		t.Errorf("10 Hz beside a tone of -20 dBFS, %.1f dBFS are heard", beside)
	}
	both := sound.Mix(tone, sound.Sine(8000, 2000, 103.6, time.Second))
	near(t, "a soft tone beside it", sound.Level(both, 8000, 2000), -50, 0.2)
}

// TestVoices holds Speech and Music to what the tests that use them rely on.
func TestVoices(t *testing.T) {
	for name, make := range map[string]func(uint64, int, time.Duration) []int16{"speech": sound.Speech, "music": sound.Music} {
		for _, rate := range []int{8000, 44100, 48000} {
			a := make(7, rate, 3*time.Second)
			if len(a) != 3*rate || !slices.Equal(a, make(7, rate, 3*time.Second)) {
				t.Errorf("%s at %d Hz: %d samples, or others the second time", name, rate, len(a))
			}
			if slices.Equal(a, make(8, rate, 3*time.Second)) {
				t.Errorf("%s at %d Hz: two seeds sound alike", name, rate)
			}
			if peak := max(slices.Max(a), -slices.Min(a)); peak != 16000 {
				t.Errorf("%s at %d Hz: the peak is %d", name, rate, peak)
			}
			if power := sound.Power(a); power < -32 || power > -12 {
				t.Errorf("%s at %d Hz: %.1f dBFS", name, rate, power)
			}
		}
	}
}

// TestSpeechPauses: a voice pauses, and between pauses has most of its power where voices have it.
func TestSpeechPauses(t *testing.T) {
	const rate = 16000
	for seed := range uint64(6) {
		pcm := sound.Speech(seed, rate, 10*time.Second)
		quiet := 0
		for frame := range slices.Chunk(pcm, rate/50) {
			if sound.Power(frame) < -50 {
				quiet++
			}
		}
		if quiet < 50 || quiet > 250 {
			t.Errorf("seed %d: %d of 500 frames are pauses", seed, quiet)
		}
		low := sound.Power(pcm) - sound.Power(differences(pcm))
		if low < 3 {
			t.Errorf("seed %d: differences are only %.1f dB softer: not the spectrum of a voice", seed, low)
		}
	}
}

func differences(pcm []int16) []int16 {
	out := make([]int16, len(pcm)-1)
	for i := range out {
		out[i] = int16((int(pcm[i+1]) - int(pcm[i])) / 2)
	}
	return out
}

func TestAlign(t *testing.T) {
	const rate, most = 8000, 500
	want := sound.Speech(3, rate, 2*time.Second)
	for _, lag := range []int{0, 1, -1, 37, -37, most, -most} {
		got := sound.Shift(want, -lag)
		if found := sound.Align(want, got, most); found != lag {
			t.Errorf("%d samples late: found %d", lag, found)
		}
		near(t, "the SNR once aligned", sound.SegmentalSNR(want[most:len(want)-most], sound.Shift(got, lag+most), rate), sound.BestSNR, 0)
	}
}

func TestSegmentalSNR(t *testing.T) {
	const rate = 8000
	want := sound.Sine(rate, 400, 10000, time.Second)
	near(t, "a tone 20 dB below", sound.SegmentalSNR(want, sound.Mix(want, sound.Sine(rate, 1000, 1000, time.Second)), rate), 20, 0.1)
	near(t, "nothing heard", sound.SegmentalSNR(want, nil, rate), 0, 0)
	near(t, "half heard", sound.SegmentalSNR(want, want[:rate/2], rate), sound.BestSNR/2, 0)
	near(t, "the wrong sign", sound.SegmentalSNR(want, sound.Sine(rate, 400, -10000, time.Second), rate), -6, 0.1)
	near(t, "silence", sound.SegmentalSNR(make([]int16, rate), make([]int16, rate), rate), sound.WorstSNR, 0)
}

func TestLogSpectralDistance(t *testing.T) {
	const rate = 16000
	want := sound.Speech(5, rate, 4*time.Second)
	soft := make([]int16, len(want))
	for i, x := range want {
		soft[i] = x / 2
	}
	near(t, "itself", sound.LogSpectralDistance(want, want, rate), 0, 0)
	if d := sound.LogSpectralDistance(want, soft, rate); d < 3 || d > 6.1 {
		t.Errorf("half as loud is %.2f dB, want almost 6", d)
	}
	noisy := sound.LogSpectralDistance(want, sound.Mix(want, sound.Noise(1, rate, 300, 4*time.Second)), rate)
	other := sound.LogSpectralDistance(want, sound.Speech(6, rate, 4*time.Second), rate)
	lost := sound.LogSpectralDistance(want, nil, rate)
	if !(0.5 < noisy && noisy < other && other < lost) {
		t.Errorf("noise %.2f dB, another voice %.2f dB, silence %.2f dB: want them to rise", noisy, other, lost)
	}
	if !math.IsInf(sound.LogSpectralDistance(nil, nil, rate), 1) {
		t.Error("nothing is measured")
	}
}

// TestToneShareAgrees: the older ear of testutil hears the same tone.
func TestToneShareAgrees(t *testing.T) {
	if share := testutil.ToneShare(sound.Sine(16000, 697, 9000, time.Second), 16000, 697); share < 0.999 {
		t.Errorf("a share of %.4f", share)
	}
}
