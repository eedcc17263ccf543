package codec_test

import (
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// payloadTable holds the codecs whose payloads have no structure: any octets are some sound.
var payloadTable = []struct {
	codec       media.Codec
	rate, frame int // of samples in Hz; of a payload in octets
	unit        int // octets
	makes       int // samples of a unit
}{
	{media.PCMU(), 8000, 160, 1, 1},
	{media.PCMA(), 8000, 160, 1, 1},
	{codec.L16(8000), 8000, 320, 2, 1},
	{codec.L16(48000), 48000, 1920, 2, 1},
	{media.G722(), 16000, 160, 1, 2},
}

func pair(t testing.TB, c media.Codec) (codec.Decoder, codec.Encoder) {
	t.Helper()
	d, err := codec.NewDecoder(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := codec.NewEncoder(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, e
}

func TestPayloadSizes(t *testing.T) {
	for _, c := range payloadTable {
		d, e := pair(t, c.codec)
		if d.Rate() != c.rate || e.Rate() != c.rate {
			t.Errorf("%v: %d and %d Hz, want %d", c.codec, d.Rate(), e.Rate(), c.rate)
		}
		b, err := e.Encode([]byte{1}, make([]int16, c.rate/codec.FramesPerSecond))
		if err != nil || len(b) != 1+c.frame || b[0] != 1 {
			t.Errorf("%v: %d octets, %v, want %d after what was there", c.codec, len(b), err, c.frame)
		}
		pcm, err := d.Decode([]int16{7}, b[1:])
		if err != nil || len(pcm) != 1+c.rate/codec.FramesPerSecond || pcm[0] != 7 {
			t.Errorf("%v: %d samples, %v, want a frame after what was there", c.codec, len(pcm), err)
		}
		if pcm = d.Conceal(pcm[:1], 77, nil); len(pcm) != 78 || pcm[0] != 7 {
			t.Errorf("%v: %d samples in place of 77", c.codec, len(pcm)-1)
		}
	}
}

// TestPayloadAllocations: what a call does 50 times a second makes no garbage.
func TestPayloadAllocations(t *testing.T) {
	for _, c := range payloadTable {
		d, e := pair(t, c.codec)
		voice := sound.Speech(1, c.rate, 40*time.Millisecond)[:c.rate/codec.FramesPerSecond]
		b, pcm := make([]byte, 0, c.frame), make([]int16, 0, len(voice))
		turn := func() {
			b, _ = e.Encode(b[:0], voice)
			pcm, _ = d.Decode(pcm[:0], b)
			pcm = d.Conceal(pcm[:0], len(voice), nil)
		}
		turn()
		if n := testing.AllocsPerRun(100, turn); n != 0 {
			t.Errorf("%v: %v allocations a frame", c.codec, n)
		}
	}
}

// FuzzPayload decodes octets as each of the codecs: a unit makes its samples, half a unit is an error that leaves no trace, and what was heard,
// encoded and decoded again as G.711 or L16, is heard again.
func FuzzPayload(f *testing.F) {
	f.Add([]byte(nil), uint16(0))
	f.Add([]byte{0}, uint16(3))
	f.Add([]byte{0x7F, 0xFF, 0x80, 0x00}, uint16(160))
	f.Add(slices.Repeat([]byte{0xFA}, 160), uint16(320))
	f.Add(slices.Repeat([]byte{0x20, 0x04, 0xFF}, 107), uint16(65535))
	f.Fuzz(func(t *testing.T, payload []byte, lost uint16) {
		for _, c := range payloadTable {
			d, e := pair(t, c.codec)
			if n := len(d.Conceal(nil, int(lost), payload)); n != int(lost) {
				t.Errorf("%v: %d samples in place of %d", c.codec, n, lost)
			}
			pcm, err := d.Decode(nil, payload)
			if bad := len(payload)%c.unit != 0; bad != (err != nil) || bad && pcm != nil {
				t.Errorf("%v: %d octets: %v", c.codec, len(payload), err)
			}
			if err != nil {
				continue
			}
			if want := len(payload) / c.unit * c.makes; len(pcm) != want {
				t.Errorf("%v: %d octets are %d samples, want %d", c.codec, len(payload), len(pcm), want)
			}
			if c.codec.Name == media.G722().Name {
				continue
			}
			fresh, _ := pair(t, c.codec) // which has nothing to fade in after
			heard, _ := fresh.Decode(nil, payload)
			b, err := e.Encode(nil, heard)
			if err != nil || len(b) != len(payload) {
				t.Errorf("%v: %d octets have become %d: %v", c.codec, len(payload), len(b), err)
			}
			if again, _ := fresh.Decode(nil, b); !slices.Equal(again, heard) {
				t.Errorf("%v: the second time it sounds otherwise", c.codec)
			}
		}
	})
}

func BenchmarkPayload(b *testing.B) {
	for _, c := range payloadTable {
		voice := sound.Speech(1, c.rate, time.Second)
		frame := c.rate / codec.FramesPerSecond
		d, e := pair(b, c.codec)
		b.Run("encode-"+c.codec.String(), func(b *testing.B) {
			out, at := make([]byte, 0, c.frame), 0
			b.ReportAllocs()
			for b.Loop() {
				out, _ = e.Encode(out[:0], voice[at:at+frame])
				at = (at + frame) % len(voice)
			}
		})
		b.Run("decode-"+c.codec.String(), func(b *testing.B) {
			in, _ := e.Encode(nil, voice)
			out, at := make([]int16, 0, frame), 0
			b.ReportAllocs()
			for b.Loop() {
				out, _ = d.Decode(out[:0], in[at:at+c.frame])
				at = (at + c.frame) % len(in)
			}
		})
	}
}
