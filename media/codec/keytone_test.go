package codec_test

import (
	"math"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media/codec"
)

// TestKeyToneLevels measures both tones of every key, and that there is nothing else.
func TestKeyToneLevels(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		for _, key := range []byte(keysAt(rate)) {
			tone, err := codec.NewKeyTone(key, rate, codec.KeyLow, codec.KeyHigh)
			if err != nil {
				t.Fatal(err)
			}
			pcm := tone.Append(nil, 2*rate)[rate:] // a second of both, without the edge
			power := 0.0
			for k, want := range [...]float64{codec.KeyLow, codec.KeyHigh} {
				const fullScale = 3.14 // dBm0
				got := sound.Level(pcm, rate, testKeyTable[key][k]) + fullScale
				if math.Abs(got-want) > 0.05 {
					t.Errorf("%d Hz, %c: tone %d has %.2f dBm0, want %v", rate, key, k, got, want)
				}
				power += math.Pow(10, (want-fullScale)/10) / 2 * 32767 * 32767
			}
			if all := sound.Power(pcm); math.Abs(10*math.Log10(all/power)) > 0.05 {
				t.Errorf("%d Hz, %c: the tones have a power of %.0f, all has %.0f", rate, key, power, all)
			}
		}
	}
}

// TestKeyToneEdges begins and ends within 3 ms, without a step, and is silent afterwards.
func TestKeyToneEdges(t *testing.T) {
	const rate, edge = 8000, 24
	tone, err := codec.NewKeyTone('5', rate, codec.KeyLow, codec.KeyHigh)
	if err != nil {
		t.Fatal(err)
	}
	pcm := tone.Append(nil, 400)
	tone.Stop()
	pcm = tone.Append(pcm, 200)
	if pcm[0] > 100 || pcm[0] < -100 {
		t.Errorf("begins at %d", pcm[0])
	}
	for i, x := range pcm[400+edge:] {
		if x != 0 {
			t.Fatalf("sample %d after the end is %d", i, x)
		}
	}
	steepest := 0.0
	for i := 1; i < len(pcm); i++ {
		steepest = max(steepest, math.Abs(float64(pcm[i])-float64(pcm[i-1])))
	}
	// Two sines of the levels given are never steeper than this; a click would be.
	limit := 32767 * (math.Pow(10, -13.14/20)*2*math.Pi*770/rate + math.Pow(10, -11.14/20)*2*math.Pi*1336/rate)
	if steepest > 1.1*limit {
		t.Errorf("steps by %.0f, want at most %.0f", steepest, limit)
	}
}

// TestKeyToneIsHeard has a Detector hear every key for as long as it was pressed.
func TestKeyToneIsHeard(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		var pcm []int16
		for _, key := range []byte(allKeys) {
			tone, err := codec.NewKeyTone(key, rate, codec.KeyLow, codec.KeyHigh)
			if err != nil {
				t.Fatal(err)
			}
			pcm = tone.Append(pcm, rate/20)
			tone.Stop()
			pcm = tone.Append(pcm, rate/20)
		}
		got, lasts := detect(t, rate, pcm)
		if got != allKeys {
			t.Errorf("%d Hz: heard %q", rate, got)
		}
		for _, l := range lasts {
			if l < 40*time.Millisecond || l > 60*time.Millisecond {
				t.Errorf("%d Hz: a key of 50 ms is said to last %v", rate, l)
			}
		}
	}
}

func TestKeyToneRefuses(t *testing.T) {
	for _, c := range []struct {
		key       byte
		rate      int
		low, high float64
	}{
		{'x', 8000, -10, -8}, {codec.KeyFlash, 8000, -10, -8}, {'1', 4000, -10, -8}, {'1', 96000, -10, -8}, {'1', 8000, 0, 0}, {'1', 8000, math.NaN(), -8},
	} {
		if _, err := codec.NewKeyTone(c.key, c.rate, c.low, c.high); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}

func TestKeyToneAllocs(t *testing.T) {
	tone, err := codec.NewKeyTone('5', 8000, codec.KeyLow, codec.KeyHigh)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, 0, 160)
	if n := testing.AllocsPerRun(100, func() { pcm = tone.Append(pcm[:0], 160) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
