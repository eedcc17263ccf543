package audio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// recordKinds returns the options of every kind of file.
func recordKinds() map[string]audio.RecorderOptions {
	return map[string]audio.RecorderOptions{
		"wav":    {},
		"stereo": {Stereo: true, Rate: 16000},
		"mu-law": {Format: audio.RecordMuLaw},
		"opus":   {Format: audio.RecordOpus},
	}
}

// recordKind records a call of a kind for a time.
func recordKind(call *recordCall, f audio.RecordFile, o audio.RecorderOptions, lasts time.Duration) *audio.Recorder {
	call.t.Helper()
	sides := []int{0}
	if o.Stereo {
		sides = []int{0, 1}
	}
	r := call.record(f, &o, sides...)
	speak(call, o, lasts)
	return r
}

// speak has the party that is recorded speak for a time.
func speak(call *recordCall, o audio.RecorderOptions, lasts time.Duration) {
	call.t.Helper()
	if o.Format != audio.RecordOpus {
		call.talk([2]media.Codec{codec.L16(8000)}, [2][]int16{tone(400, lasts)})
		return
	}
	for i := range int(lasts / audio.FrameTime) {
		call.send(0, media.Opus(), opusPacket(celtFull, i))
		time.Sleep(audio.FrameTime)
	}
}

// fileTime is how long a whole file lasts.
func fileTime(t *testing.T, o audio.RecorderOptions, b []byte) time.Duration {
	t.Helper()
	if o.Format == audio.RecordOpus {
		return sampleTime(readOgg(t, b).end)
	}
	return soundTime(readWAV(t, b))
}

// TestRecordSlowDisk has the disk stand still for half a minute. The call goes on, what came when there was no more room for it is silence in
// the file, and what comes afterwards is where it belongs.
func TestRecordSlowDisk(t *testing.T) {
	for name, o := range recordKinds() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call, f := newRecordCall(t), &memFile{stuck: make(chan struct{})}
				r := recordKind(call, f, o, 30*time.Second)
				close(f.stuck)
				speak(call, o, 2*time.Second)
				if s := call.clock.Stats(); s.Late != 0 {
					t.Errorf("%+v: the disk has held up the clock", s)
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				e := ended(t, r)
				if d := fileTime(t, o, f.data); (d-32*time.Second).Abs() > 200*time.Millisecond || e.Duration != d {
					t.Errorf("the file lasts %v, %+v", d, e)
				}
				if e.Dropped < 21*time.Second || e.Dropped > 23*time.Second || e.Reason != audio.RecordClosed {
					t.Errorf("%+v, want 22 s dropped", e)
				}
				if o.Format == audio.RecordOpus {
					return
				}
				if got := shape(spans(resampled(t, readWAV(t, f.data).sound[0], max(o.Rate, 8000), 8000), 400)); got != ".a.a" && got != "a.a" && got != ".a.a." && got != "a.a." {
					t.Errorf("heard %s", got)
				}
			})
		})
	}
}

// TestRecordDiskFull has a disk that is full after every number of bytes of a second, and more. The file is whole.
func TestRecordDiskFull(t *testing.T) {
	for name, o := range recordKinds() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for most := 1; most < 20_000; most += 1 + most/9 {
					call, f := newRecordCall(t), &memFile{most: most}
					r := recordKind(call, f, o, 3*time.Second)
					e := ended(t, r)
					if e.Reason != audio.RecordDiskFull || !errors.Is(e.Err, syscall.ENOSPC) || e.Bytes != int64(len(f.data)) || !f.closed {
						t.Fatalf("%d bytes: %+v", most, e)
					}
					if o.Format != audio.RecordOpus && len(f.data) < 58 || len(f.data) < 200 {
						continue // a part of the head
					}
					if d := fileTime(t, o, f.data); d != e.Duration || d < e.Duration-time.Second {
						t.Errorf("%d bytes: %v in the file, %+v", most, d, e)
					}
					call.clock.Close()
				}
			})
		})
	}
}

// TestRecordBrokenFile has writing, or closing, fail. The call goes on, and the reason is told.
func TestRecordBrokenFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("the disk is on fire")
		call, f := newRecordCall(t), &memFile{}
		r := recordKind(call, f, audio.RecorderOptions{}, 2*time.Second)
		f.mu.Lock()
		f.failure = broken
		f.mu.Unlock()
		reader := call.hears[0].Reader()
		defer reader.Close()
		speak(call, audio.RecorderOptions{}, time.Second)
		e := ended(t, r) // by itself
		if e.Reason != audio.RecordFailed || !errors.Is(e.Err, broken) || (e.Duration-2*time.Second).Abs() > 500*time.Millisecond || !errors.Is(r.Close(), broken) {
			t.Errorf("%+v", e)
		}
		if d := soundTime(readWAV(t, f.data)); d != e.Duration {
			t.Errorf("the file lasts %v, %+v", d, e)
		}
		for n := 0; ; n++ { // the other reader of the stream has heard everything
			var p media.Packet
			if ok, err := reader.TryRead(make([]byte, 2000), &p); !ok || err != nil {
				if n != 50 {
					t.Errorf("another reader has heard %d packets, %v", n, err)
				}
				break
			}
		}

		f = &memFile{closing: broken}
		r = recordKind(call, f, audio.RecorderOptions{}, time.Second)
		if err := r.Close(); !errors.Is(err, broken) || ended(t, r).Reason != audio.RecordFailed {
			t.Errorf("%v, %+v", err, ended(t, r))
		}
		if err := (&memFile{closed: true}).Close(); err != nil {
			t.Error(err)
		}
		r = recordKind(call, &memFile{closed: true}, audio.RecorderOptions{}, time.Second)
		if e := ended(t, r); e.Reason != audio.RecordFailed || e.Err == nil || e.Duration != 0 {
			t.Errorf("a closed file: %+v", e)
		}
	})
}

// TestRecordCut looks at a file as it is after every byte that is written to it: what a killed program leaves. It can be played and holds all
// but the last second of what had been said by then.
func TestRecordCut(t *testing.T) {
	for name, o := range recordKinds() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call := newRecordCall(t)
				f := &timedFile{began: time.Now()}
				r := recordKind(call, f, o, 3*time.Second)
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				var image []byte
				for i, op := range f.ops[:len(f.ops)-1] {
					until := f.times[i+1] // before the next write this is all there is
					at := len(image)
					image = write(image, op.at, op.data)
					for n := max(at, 1); n <= len(image); n++ { // a change of the head is within a page of memory, and happens or not
						if held := cutTime(t, o, image[:n]); held < until-time.Second {
							t.Fatalf("write %d is cut after %d bytes of the file, which holds %v at %v", i, n, held, until)
						}
					}
				}
				// The end of the whole file cut off, as by who copies it too early.
				last := cutTime(t, o, image)
				for n := len(image) - 1; n > 0; n-- {
					held := cutTime(t, o, image[:n])
					if held > last || last-held > time.Second {
						t.Fatalf("%v after %v with a byte less", held, last)
					}
					last = held
				}
				for n := len(image); n > 100; n -= 1 + n/20 {
					heardBySource(t, o, image[:n])
				}
			})
		})
	}
}

// timedFile says when it was written to, too.
type timedFile struct {
	memFile
	began time.Time
	times []time.Duration
}

func (f *timedFile) Write(b []byte) (int, error) {
	f.times = append(f.times, time.Since(f.began))
	return f.memFile.Write(b)
}

func (f *timedFile) WriteAt(b []byte, at int64) (int, error) {
	f.times = append(f.times, time.Since(f.began))
	return f.memFile.WriteAt(b, at)
}

// write returns a file after a write.
func write(file []byte, at int, b []byte) []byte {
	file = append(file, make([]byte, max(0, at+len(b)-len(file)))...)
	copy(file[at:], b)
	return file
}

// cutTime returns what can be played of a file that is cut off.
func cutTime(t *testing.T, o audio.RecorderOptions, b []byte) time.Duration {
	t.Helper()
	head, frame, rate := 44, 2, 8000
	switch {
	case o.Format == audio.RecordOpus:
		return oggTime(b)
	case o.Format == audio.RecordMuLaw:
		head, frame = 58, 1
	case o.Stereo:
		frame, rate = 4, 16000
	}
	if len(b) < head {
		return 0
	}
	says := binary.LittleEndian.Uint32(b[head-4:])
	if riff := binary.LittleEndian.Uint32(b[4:]); string(b[head-8:head-4]) != "data" || riff != says+uint32(head)-8 {
		t.Fatalf("head % x", b[:head])
	}
	return time.Duration(min(int(says), len(b)-head)/frame) * time.Second / time.Duration(rate)
}

// oggTime returns how much there is in whole pages. Whether they are right, readOgg says.
func oggTime(b []byte) (d time.Duration) {
	for len(b) > 27 && len(b) > 27+int(b[26]) {
		size := 27 + int(b[26])
		for _, n := range b[27:size] {
			size += int(n)
		}
		if len(b) < size {
			break
		}
		d = sampleTime(max(0, int64(binary.LittleEndian.Uint64(b[6:]))-3840))
		b = b[size:]
	}
	return d
}

// heardBySource has a file that is cut off read by what this package plays.
func heardBySource(t *testing.T, o audio.RecorderOptions, b []byte) {
	t.Helper()
	if o.Format == audio.RecordOpus {
		readOgg(t, b)
		return
	}
	s, err := audio.NewSource(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%d bytes: %v", len(b), err)
	}
	got := time.Duration(len(drain(t, s))) * time.Second / time.Duration(s.Rate())
	if want := cutTime(t, o, b); got != want {
		t.Errorf("of %d bytes %v are played, want %v", len(b), got, want)
	}
}
