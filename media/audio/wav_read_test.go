package audio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media/audio"
)

// wavFile describes a WAV file for a test. The zero value is 16-bit PCM, mono, 8000 Hz.
type wavFile struct {
	magic          string // "" is RIFF
	tag, bits      int
	channels, rate int
	align          int // 0: as it should be
	extensible     bool
	samples        int
	before, after  string // chunks beside the sound
	size           *uint32
}

// wavSample is the sample of every test file, of all channels alike.
func wavSample(i int) int16 { return int16(10000 * math.Sin(float64(i)*0.3)) }

func (f wavFile) bytes() []byte {
	orNot(&f.tag, 1)
	orNot(&f.bits, 16)
	orNot(&f.channels, 1)
	orNot(&f.rate, 8000)
	orNot(&f.align, f.channels*f.bits/8)
	var data []byte
	for i := range f.samples {
		for range f.channels {
			data = f.sample(data, wavSample(i))
		}
	}
	format := binary.LittleEndian.AppendUint16(nil, uint16(f.tag))
	if f.extensible {
		format[0], format[1] = 0xFE, 0xFF
	}
	format = binary.LittleEndian.AppendUint16(format, uint16(f.channels))
	format = binary.LittleEndian.AppendUint32(format, uint32(f.rate))
	format = binary.LittleEndian.AppendUint32(format, uint32(f.rate*f.align))
	format = binary.LittleEndian.AppendUint16(format, uint16(f.align))
	format = binary.LittleEndian.AppendUint16(format, uint16(f.bits))
	if f.extensible {
		format = append(format, 22, 0, byte(f.bits), 0, 0, 0, 0, 0, byte(f.tag), byte(f.tag>>8))
		format = append(format, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	}
	size := uint32(len(data))
	if f.size != nil {
		size = *f.size
	}
	body := "WAVE" + f.before + chunk("fmt ", string(format)) + "data" + string(binary.LittleEndian.AppendUint32(nil, size)) + string(data) + f.after
	return []byte(cmpOr(f.magic, "RIFF") + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body)
}

func orNot(x *int, or int) {
	if *x == 0 {
		*x = or
	}
}

func cmpOr(s, or string) string {
	if s == "" {
		return or
	}
	return s
}

// sample writes one in the file's own format.
func (f wavFile) sample(b []byte, x int16) []byte {
	switch {
	case f.tag == 3 && f.bits == 32:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)/32768))
	case f.tag == 3:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(x)/32768))
	case f.bits == 8:
		return append(b, byte(x>>8)+128)
	}
	for range f.bits/8 - 2 {
		b = append(b, 0)
	}
	return binary.LittleEndian.AppendUint16(b, uint16(x))
}

func chunk(id, body string) string {
	s := id + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body
	if len(body)%2 != 0 {
		s += "\x00"
	}
	return s
}

func TestWAV(t *testing.T) {
	unknown, none, less := uint32(0xFFFFFFFF), uint32(0), uint32(20)
	ds64 := chunk("ds64", strings.Repeat("\x00", 8)+"\x14\x00\x00\x00\x00\x00\x00\x00"+strings.Repeat("\x00", 12))
	for name, c := range map[string]struct {
		file wavFile
		want int // samples
		off  int // by at most so much
	}{
		"mono 16":          {file: wavFile{}, want: 1000},
		"stereo 16":        {file: wavFile{channels: 2, rate: 44100}, want: 1000},
		"eight channels":   {file: wavFile{channels: 8, rate: 11025}, want: 1000},
		"8":                {file: wavFile{bits: 8}, want: 1000, off: 256},
		"24":               {file: wavFile{bits: 24, rate: 48000}, want: 1000},
		"32":               {file: wavFile{bits: 32, rate: 22050}, want: 1000},
		"float":            {file: wavFile{tag: 3, bits: 32}, want: 1000},
		"double":           {file: wavFile{tag: 3, bits: 64, channels: 2}, want: 1000},
		"extensible":       {file: wavFile{extensible: true}, want: 1000},
		"extensible float": {file: wavFile{extensible: true, tag: 3, bits: 32}, want: 1000},
		"chunks around": {
			file: wavFile{before: chunk("LIST", "INFOx") + chunk("JUNK", strings.Repeat("y", 20001)), after: chunk("LIST", strings.Repeat("z", 99))}, want: 1000,
		},
		"size unknown":   {file: wavFile{size: &unknown}, want: 1000},
		"size none":      {file: wavFile{size: &none}, want: 1000},
		"size less":      {file: wavFile{size: &less}, want: 10},
		"RF64":           {file: wavFile{magic: "RF64", before: ds64, size: &unknown}, want: 10},
		"no block align": {file: wavFile{align: -1}, want: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			c.file.samples = 1000
			b := c.file.bytes()
			if c.file.align == -1 {
				at := bytes.Index(b, []byte("fmt ")) + 8 + 12
				b[at], b[at+1] = 0, 0
			}
			s := open(t, bytes.NewReader(b))
			orNot(&c.file.rate, 8000)
			got := drain(t, s)
			if len(got) != c.want || s.Rate() != c.file.rate {
				t.Fatalf("%d samples at %d Hz, want %d at %d", len(got), s.Rate(), c.want, c.file.rate)
			}
			for i, x := range got {
				if d := int(x) - int(wavSample(i)); d > c.off || d < -c.off {
					t.Fatalf("sample %d is %d, want %d", i, x, wavSample(i))
				}
			}
			skip := int(5 * time.Millisecond * time.Duration(c.file.rate) / time.Second)
			if err := s.(audio.Seeker).SeekTo(5 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
			if rest := drain(t, s); len(rest) != max(c.want-skip, 0) || len(rest) > 0 && rest[0] != got[skip] {
				t.Errorf("%d samples after 5 ms, want %d", len(rest), c.want-skip)
			}
		})
	}
}

// TestWAVCut reads a file that was cut off at any byte: what is there, or an error that says so.
func TestWAVCut(t *testing.T) {
	f := wavFile{samples: 50, channels: 2, extensible: true, before: chunk("LIST", "INFOabc")}
	whole := f.bytes()
	header := bytes.Index(whole, []byte("data")) + 8
	for n := range whole {
		s, err := audio.NewSource(bytes.NewReader(whole[:n]))
		if n < header {
			if !errors.Is(err, audio.ErrMalformed) && !errors.Is(err, audio.ErrFormat) {
				t.Fatalf("%d bytes: %v", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := drain(t, s); len(got) != (n-header)/4 {
			t.Fatalf("%d bytes: %d samples", n, len(got))
		}
	}
}

func TestWAVRefused(t *testing.T) {
	large := "JUNK\xff\xff\xff\x7f"
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"MPEG":             {wavFile{tag: 0x55}.bytes(), audio.ErrFormat},
		"12 bits of ADPCM": {wavFile{tag: 2, bits: 8}.bytes(), audio.ErrFormat},
		"rate too low":     {wavFile{rate: 4000}.bytes(), audio.ErrFormat},
		"rate too high":    {wavFile{rate: 96000}.bytes(), audio.ErrFormat},
		"nine channels":    {wavFile{channels: 9}.bytes(), audio.ErrFormat},
		"odd align":        {wavFile{channels: 2, align: 5}.bytes(), audio.ErrMalformed},
		"data first":       {[]byte("RIFF\x00\x00\x00\x00WAVEdata\x10\x00\x00\x000123456789abcdef"), audio.ErrMalformed},
		"short format":     {[]byte("RIFF\x00\x00\x00\x00WAVE" + chunk("fmt ", "0123456789abcd")), audio.ErrMalformed},
		"large format":     {[]byte("RIFF\x00\x00\x00\x00WAVE" + chunk("fmt ", strings.Repeat("x", 5000))), audio.ErrLimit},
		"many chunks":      {wavFile{before: strings.Repeat(chunk("JUNK", "x"), audio.MaxWAVChunks)}.bytes(), audio.ErrLimit},
		"large chunk":      {append([]byte("RIFF\x00\x00\x00\x00WAVE"+large), make([]byte, audio.MaxWAVSkip+2)...), audio.ErrLimit},
		"other GUID":       {bytes.Replace(wavFile{extensible: true}.bytes(), []byte("\x80\x00\x00\xaa"), []byte("\x80\x00\x00\xab"), 1), audio.ErrFormat},
	} {
		if _, err := audio.NewSource(bytes.NewReader(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestWAVFloatOutOfRange clips what is beyond full scale, and takes what is no number for silence.
func TestWAVFloatOutOfRange(t *testing.T) {
	b := wavFile{tag: 3, bits: 32}.bytes()
	for _, x := range []float64{2, -2, math.NaN(), math.Inf(1), 1, -1} {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
	}
	want := []int16{32767, -32768, 0, 32767, 32767, -32768}
	got := drain(t, open(t, bytes.NewReader(b))) // of a size that is not known
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got, want)
			break
		}
	}
}

func FuzzWAV(f *testing.F) {
	unknown := uint32(0xFFFFFFFF)
	f.Add(wavFile{samples: 20}.bytes())
	f.Add(wavFile{samples: 5, tag: 3, bits: 64, channels: 3, extensible: true, before: chunk("LIST", "a")}.bytes())
	f.Add(wavFile{samples: 9, tag: 7, bits: 8, magic: "RF64", size: &unknown}.bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		readAll(t, append([]byte("RIFF\x00\x00\x00\x00WAVE"), file...))
		readAll(t, file)
	})
}
