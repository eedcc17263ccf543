package audio_test

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// nowhere is a file that keeps nothing.
type nowhere struct{}

func (nowhere) Write(b []byte) (int, error)            { return len(b), nil }
func (nowhere) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (nowhere) Close() error                           { return nil }

// costOf is a recording whose turns are taken by hand, and a party that speaks a codec.
type costOf struct {
	r    *audio.RecorderTurns
	says media.Stream
	p    media.Packet
	of   media.Codec
}

func newCostOf(tb testing.TB, o audio.RecorderOptions, of media.Codec, sides int) *costOf {
	tb.Helper()
	a, b := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{of}}})
	c := &costOf{says: a.Stream(media.Audio), of: of}
	var rs []*media.Reader
	for range sides {
		rs = append(rs, b.Stream(media.Audio).Reader())
	}
	r, err := audio.NewRecorderTurns(nowhere{}, &o, rs...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	c.r, c.p = r, media.Packet{Codec: &c.of, Payload: make([]byte, 160)}
	if o.Format == audio.RecordOpus {
		c.p.Payload[0] = celtFull
	}
	return c
}

// turn is 20 ms of it.
func (c *costOf) turn() {
	_ = c.says.Write(&c.p)
	c.p.Seq++
	c.p.Time += uint32(c.of.ClockRate / codec.FramesPerSecond)
	c.r.Turn()
}

// TestRecordAllocates nothing, once it has begun.
func TestRecordAllocates(t *testing.T) {
	for name, o := range recordKinds() {
		of, sides := media.PCMU(), 1
		if o.Format == audio.RecordOpus {
			of = media.Opus()
		}
		if o.Stereo {
			sides = 2
		}
		c := newCostOf(t, o, of, sides)
		for range 500 {
			c.turn()
		}
		if n := testing.AllocsPerRun(500, c.turn); n != 0 {
			t.Errorf("%s: %v allocations in a turn", name, n)
		}
	}
}

// BenchmarkRecorders is a turn of a thousand recorders, writing included: a core that takes it in less than 20 ms carries them.
func BenchmarkRecorders(b *testing.B) {
	for name, c := range map[string]struct {
		o     audio.RecorderOptions
		of    media.Codec
		sides int
	}{
		"mono":   {audio.RecorderOptions{}, media.PCMU(), 1},
		"mixed":  {audio.RecorderOptions{}, media.PCMU(), 2},
		"stereo": {audio.RecorderOptions{Stereo: true}, media.PCMU(), 2},
		"g722":   {audio.RecorderOptions{Stereo: true, Rate: 16000}, media.G722(), 2},
		"opus":   {audio.RecorderOptions{Format: audio.RecordOpus}, media.Opus(), 1},
	} {
		b.Run(name, func(b *testing.B) {
			var all []*costOf
			for range 1000 {
				one := newCostOf(b, c.o, c.of, c.sides)
				for range 50 {
					one.turn()
				}
				all = append(all, one)
			}
			b.ReportAllocs()
			took := time.Duration(0)
			for b.Loop() {
				began := time.Now()
				for _, one := range all {
					one.turn()
				}
				took += time.Since(began)
			}
			b.ReportMetric(100*float64(took)/float64(b.N)/float64(audio.FrameTime), "%core")
		})
	}
}
