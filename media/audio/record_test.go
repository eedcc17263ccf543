package audio_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// TestRecordSound records every kind of file from several codecs, and compares each channel with what was said.
func TestRecordSound(t *testing.T) {
	const slight = 45 // dB: the beginning is faded in, and a pause made shorter
	for name, c := range map[string]struct {
		o     audio.RecorderOptions
		of    [2]media.Codec
		least float64 // segmental SNR in dB
	}{
		"linear":         {audio.RecorderOptions{}, [2]media.Codec{codec.L16(8000)}, slight},
		"linear 16":      {audio.RecorderOptions{Rate: 16000}, [2]media.Codec{codec.L16(16000)}, slight},
		"linear down":    {audio.RecorderOptions{}, [2]media.Codec{codec.L16(16000)}, 25},
		"mu-law":         {audio.RecorderOptions{}, [2]media.Codec{media.PCMU()}, 30},
		"mu-law as such": {audio.RecorderOptions{Format: audio.RecordMuLaw}, [2]media.Codec{media.PCMU()}, 30},
		"A-law":          {audio.RecorderOptions{}, [2]media.Codec{media.PCMA()}, 30},
		"A-law to mu":    {audio.RecorderOptions{Format: audio.RecordMuLaw}, [2]media.Codec{media.PCMA()}, 28},
		"G.722":          {audio.RecorderOptions{Rate: 16000}, [2]media.Codec{media.G722()}, 15},
		"stereo":         {audio.RecorderOptions{Stereo: true}, [2]media.Codec{codec.L16(8000), media.PCMU()}, 30},
		"stereo 16":      {audio.RecorderOptions{Stereo: true, Rate: 16000}, [2]media.Codec{codec.L16(16000), codec.L16(16000)}, slight},
		"stereo mu":      {audio.RecorderOptions{Stereo: true, Format: audio.RecordMuLaw}, [2]media.Codec{media.PCMA(), media.PCMU()}, 28},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said, file, end := recordTalk(t, &c.o, c.of)
				w := readWAV(t, file)
				if end.Err != nil || end.Reason != audio.RecordClosed || end.Bytes != int64(len(file)) || end.Duration != soundTime(w) {
					t.Errorf("%+v of %d bytes and %v", end, len(file), soundTime(w))
				}
				var lags []int
				for i, got := range w.sound {
					lag := sound.Align(said[i][:w.rate], got[:w.rate], w.rate/5)
					lags = append(lags, lag)
					if snr := sound.SegmentalSNR(said[i], sound.Shift(got, lag), w.rate); snr < c.least {
						t.Errorf("channel %d is %d samples late and has %.1f dB, want %.0f", i, lag, snr, c.least)
					}
				}
				if soonest, latest := slices.Min(lags), slices.Max(lags); soonest < 0 || latest > w.rate*3/20 || latest-soonest > w.rate/40 {
					t.Errorf("the sides are %v samples late, want 150 ms at most and 25 ms between them", lags)
				}
			})
		})
	}
}

// recordTalk records a talk and returns what should be on each channel, and the file.
func recordTalk(t *testing.T, o *audio.RecorderOptions, of [2]media.Codec) (said [][]int16, file []byte, end audio.RecordEnd) {
	const lasts = 2 * time.Second
	rate := max(o.Rate, 8000)
	sides := []int{0}
	var pcm [2][]int16
	for i, c := range of {
		if c.Name == "" {
			continue
		}
		e, err := codec.NewEncoder(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		pcm[i] = halved(sound.Speech(uint64(i+1), e.Rate(), lasts))
		said = append(said, resampled(t, pcm[i], e.Rate(), rate))
		sides = append(sides[:0], 0, 1)[:i+1]
	}
	call, f := newRecordCall(t), &memFile{}
	r := call.record(f, o, sides...)
	call.talk(of, pcm)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if !f.closed {
		t.Error("the file is open after Close")
	}
	return said, f.data, ended(t, r)
}

// halved leaves room for a sum.
func halved(pcm []int16) []int16 {
	for i := range pcm {
		pcm[i] /= 2
	}
	return pcm
}

func resampled(t *testing.T, pcm []int16, from, to int) []int16 {
	t.Helper()
	if from == to {
		return pcm
	}
	r, err := codec.NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r.Append(nil, pcm)
}

func soundTime(w wavSound) time.Duration {
	return time.Duration(len(w.sound[0])) * time.Second / time.Duration(w.rate)
}

// TestRecordMixed has one party speak, then the other, then both: the file has both, as loud as they were.
func TestRecordMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call, f := newRecordCall(t), &memFile{}
		r := call.record(f, nil, 0, 1)
		linear, none := [2]media.Codec{codec.L16(8000), codec.L16(8000)}, make([]int16, 8000)
		call.talk(linear, [2][]int16{tone(400, time.Second), none})
		call.talk(linear, [2][]int16{none, tone(1000, time.Second)})
		call.talk(linear, [2][]int16{sound.Sine(8000, 400, sound.FullScale, time.Second), sound.Sine(8000, 1000, sound.FullScale, time.Second)})
		_ = r.Close()
		pcm := readWAV(t, f.data).sound[0]
		for i, want := range [][2]float64{{-12, sound.Quietest}, {sound.Quietest, -12}, {-2, -2}} {
			for j, hz := range []float64{400, 1000} {
				if level := sound.Level(pcm[i*8000+2000:][:4000], 8000, hz); level > want[j]+3 && level > -50 || level < want[j]-3 {
					t.Errorf("in second %d there are %.1f dB of %v Hz, want %.0f", i, level, hz, want[j])
				}
			}
		}
	})
}

// TestRecordStandstill has the clock stand still for longer than it makes up for, and less: the file's time is that on the wall.
func TestRecordStandstill(t *testing.T) {
	for stands, dropped := range map[time.Duration]time.Duration{700 * time.Millisecond: 0, 30 * time.Second: 29 * time.Second} {
		t.Run(stands.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call, f, opus := newRecordCall(t), &memFile{}, &memFile{}
				rs := []*audio.Recorder{call.record(f, nil, 0), call.record(opus, &audio.RecorderOptions{Format: audio.RecordOpus}, 1)}
				time.Sleep(time.Second)
				stand := stands
				defer call.clock.Every(func() {
					time.Sleep(stand)
					stand = 0
				})()
				time.Sleep(stands + 3*time.Second)
				for _, r := range rs {
					_ = r.Close()
					if e := ended(t, r); (e.Duration-stands-4*time.Second).Abs() > 100*time.Millisecond || (e.Dropped-dropped).Abs() > 1100*time.Millisecond {
						t.Errorf("%+v, want %v", e, stands+4*time.Second)
					}
				}
			})
		})
	}
}
