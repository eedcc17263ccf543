//go:build cgo && libopus

package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

func opusEncoder(t testing.TB, params string, o *codec.Options) codec.Encoder {
	t.Helper()
	c := media.Opus()
	c.Params = params
	e, err := codec.NewEncoder(c, o)
	if err != nil {
		t.Fatal(err)
	}
	stopped := time.Unix(0, 0)
	codec.SetClock(e, func() time.Time { return stopped }) // a busy machine changes nothing
	return e
}

// encodeAll returns the payloads of pcm; one that is not to be sent is empty.
func encodeAll(t testing.TB, e codec.Encoder, pcm []int16) [][]byte {
	t.Helper()
	var all [][]byte
	for n := e.Rate() / codec.FramesPerSecond; len(pcm) >= n; pcm = pcm[n:] {
		p, err := e.Encode(nil, pcm[:n])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func opusOctets(packets [][]byte) int { return len(bytes.Join(packets, nil)) }

// TestOpusFinalRange has the range coder end each packet of another libopus as its encoder did: every bit was read as it was meant.
func TestOpusFinalRange(t *testing.T) {
	for _, s := range opusStreams(t) {
		d, pcm := opusDecoder(t, nil), []int16(nil)
		for i, p := range s.packets(t) {
			var err error
			if pcm, err = d.Decode(pcm[:0], p); err != nil {
				t.Fatalf("%v: packet %d: %v", &s, i, err)
			}
			if got := codec.FinalRange(d); got != s.Packets[i].Range {
				t.Fatalf("%v: packet %d ends in %#x, want %#x", &s, i, got, s.Packets[i].Range)
			}
		}
	}
}

// TestOpusPure compares the decoder of the build without libopus with libopus.
func TestOpusPure(t *testing.T) {
	t.Parallel()
	checkOpus(t, codec.NewPureDecoder, func(t *testing.T, s *opusStream) []int16 {
		return decodeAll(t, opusDecoder(t, nil), s.packets(t))
	})
}

// opusVoiceTable is how well libopus encodes a voice: at most bit/s, and the distance of spectra in dB, by rate and complexity.
var opusVoiceTable = []struct {
	rate, complexity, bitrate int
	distance                  float64
}{
	{8000, 5, 16000, 3.8},
	{16000, -1, 24000, 3.3},
	{16000, 5, 24000, 3.3},
	{16000, 10, 24000, 3.1},
	{48000, 5, 32000, 2.9},
}

func TestOpusEncode(t *testing.T) {
	for _, v := range opusVoiceTable {
		name := fmt.Sprintf("%d Hz, complexity %d", v.rate, v.complexity)
		want := sound.Speech(1, v.rate, 6*time.Second)
		packets := encodeAll(t, opusEncoder(t, "", &codec.Options{Rate: v.rate, Complexity: v.complexity}), want)
		rate := opusOctets(packets) * 8 / 6
		got := decodeAll(t, opusDecoder(t, &codec.Options{Rate: v.rate}), packets)
		got = sound.Shift(got, sound.Align(want, got, v.rate/50))
		distance := sound.LogSpectralDistance(want, got, v.rate)
		t.Logf("%s: %d bit/s, %.2f dB, segmental SNR %.1f dB", name, rate, distance, sound.SegmentalSNR(want, got, v.rate))
		if rate > v.bitrate*11/10 || distance > v.distance {
			t.Errorf("%s: %d bit/s and %.2f dB from the source, want %d and %.1f", name, rate, distance, v.bitrate, v.distance)
		}
	}
}

// TestOpusFEC loses every fifth packet. The copy in the next one has to sound more like the source than what is made up without it.
func TestOpusFEC(t *testing.T) {
	const rate, n = 16000, 320
	want := sound.Speech(2, rate, 10*time.Second)
	packets := encodeAll(t, opusEncoder(t, "useinbandfec=1", &codec.Options{Rate: rate, Loss: 0.2}), want)
	through := func(gap int, next bool) float64 {
		d, pcm := opusDecoder(t, &codec.Options{Rate: rate}), []int16(nil)
		var err error
		for i := 0; i < len(packets); i++ {
			if lost := i % 5; lost == 3 && i+gap < len(packets) {
				i += gap
				known := packets[i]
				if !next {
					known = nil
				}
				if pcm = d.Conceal(pcm, gap*n, known); len(pcm) != i*n {
					t.Fatalf("%d samples after packet %d, want %d", len(pcm), i, i*n)
				}
			}
			if pcm, err = d.Decode(pcm, packets[i]); err != nil {
				t.Fatal(err)
			}
		}
		return sound.LogSpectralDistance(want, sound.Shift(pcm, sound.Align(want, pcm, n)), rate)
	}
	whole, copied, madeUp := through(0, false), through(1, true), through(1, false)
	t.Logf("%.2f dB from the source, %.2f with copies of each fifth packet, %.2f with none", whole, copied, madeUp)
	if copied > whole+1 || madeUp < copied+0.3 {
		t.Errorf("%.2f dB from the source, %.2f with copies of each fifth packet, %.2f with none", whole, copied, madeUp)
	}
	if two, none := through(2, true), through(2, false); two > none-0.2 {
		t.Errorf("%.2f dB from the source with copies of one of two lost, %.2f with none", two, none)
	}
}

// TestOpusConcealSizes asks for gaps of any size, before a copy and without one.
func TestOpusConcealSizes(t *testing.T) {
	packets := encodeAll(t, opusEncoder(t, "useinbandfec=1", &codec.Options{Rate: 16000, Loss: 0.2}), sound.Speech(2, 16000, time.Second))
	d := opusDecoder(t, &codec.Options{Rate: 16000})
	pcm := decodeAll(t, d, packets[:30])[:3]
	for _, next := range [][]byte{nil, packets[31], {}, {0xFF}} {
		for _, n := range []int{-1, 0, 1, 39, 40, 160, 320, 321, 1919, 1920, 1921, 16000} {
			if got := d.Conceal(pcm, n, next); len(got) != 3+max(0, n) {
				t.Errorf("%d samples were asked for, and %d made up", n, len(got)-3)
			}
		}
	}
}

// TestOpusDTX sends nothing most of the time while nobody speaks, if the far side asks for that.
func TestOpusDTX(t *testing.T) {
	const rate, n = 16000, 320
	said := sound.Speech(3, rate, 2*time.Second)
	source := append(append(append([]int16{}, said...), make([]int16, 3*rate)...), said...)
	for _, c := range []struct {
		params string
		want   bool
	}{{"usedtx=1", true}, {"usedtx=0", false}, {"", false}} {
		packets := encodeAll(t, opusEncoder(t, c.params, &codec.Options{Rate: rate, DTX: true}), source)
		d, pcm, longest, unsent, now := opusDecoder(t, &codec.Options{Rate: rate}), []int16(nil), 0, 0, 0
		for _, p := range packets {
			if len(p) == 0 {
				pcm = d.Conceal(pcm, n, nil)
				now, unsent = now+1, unsent+1
				longest = max(longest, now)
				continue
			}
			now = 0
			var err error
			if pcm, err = d.Decode(pcm, p); err != nil {
				t.Fatal(err)
			}
		}
		if c.want && (unsent < 100 || longest > 25) || !c.want && unsent > 0 {
			t.Errorf("%q: %d of 150 packets of silence were not sent, the longest pause was of %d", c.params, unsent, longest)
		}
		pcm = sound.Shift(pcm, sound.Align(source, pcm, n))
		if distance := sound.LogSpectralDistance(source, pcm, rate); distance > 3.5 {
			t.Errorf("%q: %.2f dB from the source", c.params, distance)
		}
		if quiet := sound.Power(pcm[3*rate : 5*rate-n]); quiet > -60 {
			t.Errorf("%q: silence has %.1f dBFS", c.params, quiet)
		}
	}
}

// TestOpusRoom has a room be heard that hums and hisses, of which little is sent: it neither comes and goes nor stops.
func TestOpusRoom(t *testing.T) {
	const rate, n = 16000, 320
	room := sound.Noise(8, rate, 120, 6*time.Second)
	for i := 1; i < len(room); i++ {
		room[i] = int16((int(room[i]) + 3*int(room[i-1])) / 4)
	}
	loud := sound.Power(room)
	packets := encodeAll(t, opusEncoder(t, "usedtx=1", &codec.Options{Rate: rate, DTX: true}), room)
	for name, decoder := range map[string]newDecoder{"libopus": codec.NewDecoder, "pure": codec.NewPureDecoder} {
		d, err := decoder(media.Opus(), &codec.Options{Rate: rate})
		if err != nil {
			t.Fatal(err)
		}
		sent, pcm := 0, []int16(nil)
		for _, p := range packets {
			if len(p) == 0 {
				pcm = d.Conceal(pcm, n, nil)
				continue
			}
			sent++
			if pcm, err = d.Decode(pcm, p); err != nil {
				t.Fatal(err)
			}
		}
		if sent > len(packets)/4 {
			t.Errorf("%d of %d packets were sent of a room without a voice", sent, len(packets))
		}
		least, most := 0.0, -100.0
		for at := 2 * rate; at+5*n <= len(pcm); at += 5 * n {
			power := sound.Power(pcm[at : at+5*n])
			least, most = min(least, power), max(most, power)
		}
		t.Logf("%s: of a room of %.0f dBFS, 100 ms have from %.0f to %.0f, by %d packets of %d", name, loud, least, most, sent, len(packets))
		if least < loud-8 || most > loud+8 {
			t.Errorf("%s: of a room of %.0f dBFS, 100 ms have from %.0f to %.0f", name, loud, least, most)
		}
	}
}

// TestOpusAllowed has the far side allow less than the encoder would do.
func TestOpusAllowed(t *testing.T) {
	const rate = 48000
	source := sound.Speech(4, rate, 5*time.Second)
	bandwidth := func(p []byte) int { // the highest that is heard, in kHz (RFC 6716 section 3.1)
		switch config := p[0] >> 3; {
		case config < 12:
			return [...]int{4, 6, 8}[config/4]
		case config < 16:
			return [...]int{12, 20}[(config-12)/2]
		default:
			return [...]int{4, 8, 12, 20}[(config-16)/4]
		}
	}
	copies := func(packets [][]byte) (n int) { // of one frame of SILK each: its second bit (RFC 6716 section 4.2.3)
		for _, p := range packets {
			if p[0]>>3 < 16 && codec.OpusFrames(p)[0][0]&0x40 != 0 {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		params  string
		bitrate int
		highest int
		copies  bool
		steady  bool
	}{
		{"useinbandfec=1", 32000, 20, true, false},
		{"useinbandfec=0", 32000, 20, false, false},
		{"maxaveragebitrate=16000", 16000, 20, false, false},
		{"maxplaybackrate=8000", 16000, 4, false, false},
		{"maxplaybackrate=16000", 24000, 8, false, false},
		{"maxplaybackrate=24000;cbr=1", 32000, 12, false, true},
	} {
		packets := encodeAll(t, opusEncoder(t, c.params, &codec.Options{Rate: rate, Loss: 0.1}), source)
		if got := opusOctets(packets) * 8 / 5; got > c.bitrate*11/10 || got < c.bitrate/2 {
			t.Errorf("%q: %d bit/s, want %d", c.params, got, c.bitrate)
		}
		if got := copies(packets); got > 0 != c.copies || c.copies && got < len(packets)/2 {
			t.Errorf("%q: %d of %d packets hold a copy, want any: %t", c.params, got, len(packets), c.copies)
		}
		highest, sizes := 0, map[int]bool{}
		for _, p := range packets {
			highest, sizes[len(p)] = max(highest, bandwidth(p)), true
		}
		if highest > c.highest {
			t.Errorf("%q: sound up to %d kHz, want %d", c.params, highest, c.highest)
		}
		if len(sizes) == 1 != c.steady {
			t.Errorf("%q: %d sizes, want one: %t", c.params, len(sizes), c.steady)
		}
	}
}

// TestOpusLoad has an encoder find by its clock that it takes too long.
func TestOpusLoad(t *testing.T) {
	source := sound.Speech(5, 16000, 10*time.Second)
	o := &codec.Options{Rate: 16000, Complexity: 9, Budget: 500 * time.Microsecond}
	free, busy := opusEncoder(t, "", o), opusEncoder(t, "", o)
	stopped := time.Unix(0, 0)
	codec.SetClock(free, func() time.Time { return stopped })
	now := stopped
	codec.SetClock(busy, func() time.Time {
		now = now.Add(time.Duration(1+codec.Complexity(busy)) * 100 * time.Microsecond)
		return now
	})
	if alike, other := encodeAll(t, free, source[:320]), encodeAll(t, busy, source[:320]); !bytes.Equal(alike[0], other[0]) {
		t.Fatal("two encoders of the same make different packets of the same")
	}
	alike, other := encodeAll(t, free, source[320:]), encodeAll(t, busy, source[320:])
	if codec.Complexity(free) != 9 || codec.Complexity(busy) != 4 {
		t.Errorf("complexity %d where it takes no time, %d where it may be 4 at most", codec.Complexity(free), codec.Complexity(busy))
	}
	if bytes.Equal(bytes.Join(alike, nil), bytes.Join(other, nil)) {
		t.Error("the complexity made no difference to the packets")
	}
}

func TestOpusEncodeSize(t *testing.T) {
	e := opusEncoder(t, "", &codec.Options{Rate: 16000})
	for _, n := range []int{0, 1, 160, 319, 321, 640} {
		if b, err := e.Encode([]byte("abc"), make([]int16, n)); string(b) != "abc" || !errors.Is(err, codec.ErrPayload) {
			t.Errorf("%d samples: %q, %v, want ErrPayload", n, b, err)
		}
	}
}

func TestOpusEncodeAllocs(t *testing.T) {
	source := sound.Speech(6, 48000, time.Second)
	e, b, i := opusEncoder(t, "useinbandfec=1", &codec.Options{Loss: 0.1}), make([]byte, 0, 4000), 0
	if n := testing.AllocsPerRun(100, func() {
		b, _ = e.Encode(b[:0], source[i%50*960:][:960])
		i++
	}); n != 0 {
		t.Errorf("%v allocations a frame, want none", n)
	}
}

func BenchmarkOpusEncode(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		source, n := sound.Speech(1, rate, 10*time.Second), rate/codec.FramesPerSecond
		for _, complexity := range []int{-1, 5, 9, 10} {
			b.Run(fmt.Sprintf("%d/complexity=%d", rate, max(0, complexity)), func(b *testing.B) {
				o := &codec.Options{Rate: rate, Complexity: complexity}
				heard := decodeAll(b, opusDecoder(b, o), encodeAll(b, opusEncoder(b, "", o), source))
				heard = sound.Shift(heard, sound.Align(source, heard, n))
				e, out, i := opusEncoder(b, "", o), []byte(nil), 0
				b.ReportAllocs()
				for b.Loop() {
					out, _ = e.Encode(out[:0], source[i%500*n:][:n])
					i++
				}
				b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(20*time.Millisecond)*100, "%core")
				b.ReportMetric(sound.LogSpectralDistance(source, heard, rate), "dB-LSD")
			})
		}
	}
}
