package audio_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// tone is what a party says who is not to be confused with another.
func tone(hz float64, d time.Duration) []int16 { return sound.Sine(8000, hz, 8000, d) }

// spans returns for each 100 ms of a recording which of some tones is heard.
func spans(pcm []int16, hz ...float64) string {
	var b strings.Builder
	for ; len(pcm) >= 800; pcm = pcm[800:] {
		heard := byte('.')
		for i, f := range hz {
			if sound.Level(pcm[:800], 8000, f) > -18 {
				heard = byte('a' + i)
			}
		}
		b.WriteByte(heard)
	}
	return b.String()
}

// shape leaves of spans what is heard one after another.
func shape(spans string) string {
	var b strings.Builder
	for i := range spans {
		if i == 0 || spans[i] != spans[i-1] {
			b.WriteByte(spans[i])
		}
	}
	return b.String()
}

// TestRecordPause leaves a pause out, or keeps it as silence, in every kind of file.
func TestRecordPause(t *testing.T) {
	linear := [2]media.Codec{codec.L16(8000)}
	for name, c := range map[string]struct {
		keep  bool
		lasts time.Duration
		want  string
	}{
		"left out": {false, 2 * time.Second, "a.c"},
		"kept":     {true, 3 * time.Second, "a.c"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call, f, opus := newRecordCall(t), &memFile{}, &memFile{}
				r := call.record(f, &audio.RecorderOptions{KeepPauses: c.keep}, 0)
				other := call.record(opus, &audio.RecorderOptions{KeepPauses: c.keep, Format: audio.RecordOpus}, 1)
				for i, hz := range []float64{400, 1000, 2000} {
					r.Pause(i == 1)
					other.Pause(i == 1)
					for range 50 {
						call.send(1, media.Opus(), opusPacket(celtFull, i))
					}
					call.talk(linear, [2][]int16{tone(hz, time.Second)})
				}
				for _, r := range []*audio.Recorder{r, other} {
					if err := r.Close(); err != nil {
						t.Error(err)
					}
					if e := ended(t, r); (e.Duration-c.lasts).Abs() > 250*time.Millisecond || (e.Paused-time.Second).Abs() > 60*time.Millisecond {
						t.Errorf("%+v, want %v", e, c.lasts)
					}
				}
				got := strings.Trim(shape(spans(readWAV(t, f.data).sound[0], 400, 1000, 2000)), ".")
				if got != c.want && (c.keep || got != "ac") { // what waits for late packets at the beginning may be heard as a gap
					t.Errorf("heard %s, want %s", got, c.want)
				}
				for i, p := range readOgg(t, opus.data).packets {
					if len(p) > 3 && p[2] == 1 {
						t.Errorf("packet %d is of the pause", i)
					}
				}
			})
		})
	}
}

// TestRecordLimits ends recordings by themselves, each for its reason, and says so once.
func TestRecordLimits(t *testing.T) {
	const second = time.Second
	for name, c := range map[string]struct {
		o        audio.RecorderOptions
		want     audio.RecordReason
		from, to time.Duration
		bytes    int64 // most
	}{
		"long":        {audio.RecorderOptions{MaxDuration: 1500 * time.Millisecond}, audio.RecordTooLong, 1500 * time.Millisecond, 1500 * time.Millisecond, 24044},
		"long mu":     {audio.RecorderOptions{MaxDuration: 1505 * time.Millisecond, Format: audio.RecordMuLaw}, audio.RecordTooLong, 1505 * time.Millisecond, 1505 * time.Millisecond, 13000},
		"long opus":   {audio.RecorderOptions{MaxDuration: 1501 * time.Millisecond, Format: audio.RecordOpus}, audio.RecordTooLong, 1499 * time.Millisecond, 1501 * time.Millisecond, 5000},
		"large":       {audio.RecorderOptions{MaxBytes: 16044}, audio.RecordTooLarge, 980 * time.Millisecond, second, 16044},
		"large opus":  {audio.RecorderOptions{MaxBytes: 4096, Format: audio.RecordOpus}, audio.RecordTooLarge, 4 * second, 10 * second, 4096},
		"silent":      {audio.RecorderOptions{StopAfterSilence: second}, audio.RecordSilence, 3900 * time.Millisecond, 4800 * time.Millisecond, 80000},
		"silent opus": {audio.RecorderOptions{StopAfterSilence: second, Format: audio.RecordOpus}, audio.RecordSilence, 900 * time.Millisecond, 1100 * time.Millisecond, 2000},
		"stream over": {audio.RecorderOptions{}, audio.RecordStreamOver, 20 * second, 21 * second, 400_000},
		"over opus":   {audio.RecorderOptions{Format: audio.RecordOpus}, audio.RecordStreamOver, 19900 * time.Millisecond, 21 * second, 400_000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call, f, told := newRecordCall(t), &memFile{}, 0
				var said audio.RecordEnd
				c.o.Ended = func(e audio.RecordEnd) { said, told = e, told+1 }
				reader := call.hears[0].Reader()
				r, err := audio.NewRecorder(call.clock, f, &c.o, reader)
				if err != nil {
					t.Fatal(err)
				}
				if c.o.Format == audio.RecordOpus {
					for i := range 1000 {
						packet := opusPacket(celtFull, i)
						if c.o.StopAfterSilence > 0 {
							packet = []byte{celtFull, 0xFF, 0xFE}
						}
						call.send(0, media.Opus(), packet)
						time.Sleep(audio.FrameTime)
					}
				} else {
					call.talk([2]media.Codec{codec.L16(8000)}, [2][]int16{append(sound.Speech(1, 8000, 3*second), make([]int16, 17*8000)...)})
				}
				_ = reader.Close() // as the stream's end is
				e := ended(t, r)
				if e.Reason != c.want || e.Err != nil || e.Duration < c.from || e.Duration > c.to || e.Bytes > c.bytes || e.Bytes != int64(len(f.data)) || !f.closed {
					t.Errorf("%+v, want %v and %v to %v", e, c.want, c.from, c.to)
				}
				_ = r.Close()
				if said != e || told != 1 || e.Reason.String() == "" {
					t.Errorf("told %d times of %+v", told, said)
				}
				if s := call.clock.Stats(); s.Turns != 0 {
					t.Errorf("%d turns are left", s.Turns)
				}
				if c.o.Format == audio.RecordOpus {
					if o := readOgg(t, f.data); sampleTime(o.end) != e.Duration || !o.last {
						t.Errorf("the file ends at %v, last %v", sampleTime(o.end), o.last)
					}
				} else {
					readWAV(t, f.data)
				}
			})
		})
	}
}

// TestRecordWait waits with a deadline, which does not end the recording.
func TestRecordWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call, f := newRecordCall(t), &memFile{}
		r := call.record(f, nil, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if e, err := r.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) || e != (audio.RecordEnd{}) {
			t.Errorf("%+v, %v", e, err)
		}
		time.Sleep(time.Second)
		r.Stop()
		if e := ended(t, r); e.Duration.Round(100*time.Millisecond) != 2*time.Second || e.Reason != audio.RecordClosed {
			t.Errorf("%+v", e)
		}
	})
}

func TestNewRecorderRefuses(t *testing.T) {
	call := newRecordCall(t)
	one, other := call.hears[0].Reader(), call.hears[1].Reader()
	defer one.Close()
	defer other.Close()
	for name, c := range map[string]struct {
		o     audio.RecorderOptions
		sides []*media.Reader
	}{
		"no side":        {audio.RecorderOptions{}, nil},
		"three":          {audio.RecorderOptions{}, []*media.Reader{one, other, one}},
		"lone stereo":    {audio.RecorderOptions{Stereo: true}, []*media.Reader{one}},
		"opus mixed":     {audio.RecorderOptions{Format: audio.RecordOpus}, []*media.Reader{one, other}},
		"unknown format": {audio.RecorderOptions{Format: 77}, []*media.Reader{one}},
		"rate":           {audio.RecorderOptions{Rate: 11025}, []*media.Reader{one}},
		"small":          {audio.RecorderOptions{MaxBytes: 100}, []*media.Reader{one}},
		"negative":       {audio.RecorderOptions{MaxDuration: -1}, []*media.Reader{one}},
	} {
		f := &memFile{}
		if r, err := audio.NewRecorder(call.clock, f, &c.o, c.sides...); err == nil || r != nil || !strings.HasPrefix(err.Error(), "audio: ") {
			t.Errorf("%s: %v, %v", name, r, err)
		}
		if f.closed || len(f.data) > 0 {
			t.Errorf("%s: the file was touched", name)
		}
	}
}

// TestCreateRecordFile creates files that are the owner's alone, in the folder, and never one that is there.
func TestCreateRecordFile(t *testing.T) {
	dir := t.TempDir()
	f, err := audio.CreateRecordFile(dir, "a.wav")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := os.Stat(filepath.Join(dir, "a.wav")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := audio.CreateRecordFile(dir, "a.wav"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v, want that it is there", err)
	}
	for _, name := range []string{"../a.wav", "/tmp/a.wav", "", "no such folder/a.wav"} {
		if _, err := audio.CreateRecordFile(dir, name); err == nil || !strings.HasPrefix(err.Error(), "audio: ") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := audio.CreateRecordFile(filepath.Join(dir, "none"), "a.wav"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want that the folder is not there", err)
	}
}

// TestRecordDigits has a digit between words: it takes numbers of the sound's and is no loss.
func TestRecordDigits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		call, f := newRecordCall(t), &memFile{}
		r := call.record(f, nil, 0)
		linear := [2]media.Codec{codec.L16(8000)}
		call.talk(linear, [2][]int16{tone(400, time.Second)})
		events := media.TelephoneEvent(8000)
		for range 10 {
			_ = call.says[0].Write(&media.Packet{What: media.Digit, Codec: &events, Seq: call.seq[0], Time: call.time[0], Payload: []byte{5, 10, 0, 160}})
			call.seq[0]++
			time.Sleep(audio.FrameTime)
		}
		call.time[0] += 1600
		call.talk(linear, [2][]int16{tone(400, time.Second)})
		_ = r.Close()
		if s := ended(t, r).Sides[0]; s.Packets != 100 || s.Concealed > 160 {
			t.Errorf("%+v, want nothing concealed", s)
		}
		if got := strings.Trim(shape(spans(readWAV(t, f.data).sound[0], 400)), "."); got != "a.a" {
			t.Errorf("heard %s", got)
		}
	})
}
