package audio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media/audio"
)

// mp3Frame is a frame of silence: MPEG 1, layer III, 128 kbit/s, 44100 Hz, stereo.
func mp3Frame() []byte { return append([]byte{0xFF, 0xFB, 0x90, 0x00}, make([]byte, 413)...) }

func mp3File(n int) []byte { return bytes.Repeat(mp3Frame(), n) }

// mp3Info is a first frame in which LAME says how much there is to be heard.
func mp3Info(frames uint32, before, after int) []byte {
	b := mp3Frame()
	info := append([]byte("Info"), 0, 0, 0, 1)
	info = binary.BigEndian.AppendUint32(info, frames)
	info = append(info, "LAME3.100"+strings.Repeat("\x00", 12)...)
	info = append(info, byte(before>>4), byte(before<<4|after>>8), byte(after))
	copy(b[4+32:], info)
	return b
}

// id3 is a tag of so many bytes, or one that only says so.
func id3(size int) []byte {
	n := size - 10
	return append([]byte{'I', 'D', '3', 3, 0, 0, byte(n >> 21), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}, make([]byte, n)...)
}

func TestMP3(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want int
	}{
		"frames":          {mp3File(10), 11520},
		"tag":             {append(id3(5000), mp3File(3)...), 3456},
		"two tags":        {slices.Concat(id3(300), id3(100), mp3File(3)), 3456},
		"padding":         {slices.Concat(id3(300), make([]byte, 9999), mp3File(3)), 3456},
		"info":            {append(mp3Info(10, 576, 1000), mp3File(10)...), 11520 - 1576},
		"info of much":    {append(mp3Info(1<<31, 576, 1000), mp3File(10)...), 11520 - 576 - 529},
		"info of nothing": {append(mp3Info(1, 600, 600), mp3File(10)...), 11520 - 600 - 529},
		"cut":             {mp3File(10)[:9*417+100], 9 * 1152},
		"tag at the end":  {append(mp3File(3), "TAG"+strings.Repeat("\x00", 125)...), 3456},
		"junk between":    {slices.Concat(mp3File(2), bytes.Repeat([]byte("junk"), 1000), mp3File(2)), 4608},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, bytes.NewReader(c.file))
			if got := drain(t, s); len(got) != c.want || s.Rate() != 44100 {
				t.Errorf("%d samples at %d Hz, want %d", len(got), s.Rate(), c.want)
			}
			if err := s.(audio.Seeker).SeekTo(20 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
			if rest := drain(t, s); len(rest) != c.want-882 {
				t.Errorf("%d samples after 20 ms, want %d", len(rest), c.want-882)
			}
			if err := s.(audio.Seeker).SeekTo(time.Hour); err != nil || len(drain(t, s)) != 0 {
				t.Errorf("beyond the end: %v", err)
			}
		})
	}
}

// TestMP3SeekFar goes to places that are many frames in, of which only the last few are decoded.
func TestMP3SeekFar(t *testing.T) {
	s := open(t, bytes.NewReader(append(mp3Info(200, 576, 600), mp3File(200)...))).(audio.Seeker)
	all := 200*1152 - 1176
	for _, at := range []time.Duration{4 * time.Second, 3 * time.Second, 5 * time.Second} {
		if err := s.SeekTo(at); err != nil {
			t.Fatal(err)
		}
		if n, want := len(drain(t, s)), all-int(at*44100/time.Second); n != want {
			t.Errorf("%d samples after %v, want %d", n, at, want)
		}
	}
}

func TestMP3Refused(t *testing.T) {
	old := mp3Frame()
	old[1] = 0xE3 // MPEG 2.5
	free := mp3Frame()
	free[2] = 0x00 // free format
	large := []byte{'I', 'D', '3', 3, 0, 0, 0x7F, 0x7F, 0x7F, 0x7F, 0, 0}
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"MPEG 2.5":        {append(id3(20), old...), audio.ErrFormat},
		"free format":     {append(id3(20), free...), audio.ErrFormat},
		"a tag too large": {large, audio.ErrLimit},
		"a tag cut off":   {id3(5000)[:100], audio.ErrMalformed},
		"a tag alone":     {id3(5000), audio.ErrMalformed},
		"half a frame":    {mp3Frame()[:200], audio.ErrMalformed},
		"no frame":        {append(id3(20), make([]byte, 3<<20)...), audio.ErrMalformed},
	} {
		if _, err := audio.NewSource(bytes.NewReader(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	s := open(t, bytes.NewReader(append(mp3File(2), make([]byte, 3<<20)...)))
	for {
		if _, err := s.Read(make([]int16, 1152)); err != nil {
			if !errors.Is(err, audio.ErrMalformed) {
				t.Errorf("nothing but junk: %v", err)
			}
			return
		}
	}
}

func FuzzMP3(f *testing.F) {
	f.Add(mp3File(3))
	f.Add(append(mp3Info(2, 576, 0), mp3File(2)...))
	f.Add(append(id3(20), mp3File(1)...))
	f.Add(bytes.Repeat(append([]byte{0xFF, 0xF2, 0x82, 0xC4, 0, 0, 40, 1, 64}, make([]byte, 201)...), 3)) // 22050 Hz, which are made anew
	f.Add([]byte("\xff\xfb\x100004000094\xff000000000000000000000000000000\u007f0\xff\xee\u007f\xff\xee\u007f\xff\xff\u007f\xff\xff\xee\u007f\xff\xff0"))
	f.Fuzz(func(t *testing.T, file []byte) {
		readAll(t, file)
		readAll(t, append(mp3Frame()[:36], file...))
	})
}
