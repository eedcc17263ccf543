package codec_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// coded returns pcm as the packets of a source, each so long.
func coded(t testing.TB, c *media.Codec, pcm []int16, ptime time.Duration) []*media.Packet {
	t.Helper()
	e, err := codec.NewEncoder(*c, nil)
	if err != nil {
		t.Fatal(err)
	}
	size := int(ptime * time.Duration(e.Rate()) / time.Second)
	clock := uint32(ptime * time.Duration(c.ClockRate) / time.Second)
	var all []*media.Packet
	for n := 0; (n+1)*size <= len(pcm); n++ {
		payload, err := e.Encode(nil, pcm[n*size:(n+1)*size])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &media.Packet{Codec: c, Seq: uint16(65500 + n), Time: 1<<32 - 5000 + uint32(n)*clock, Payload: payload, Start: n == 0})
	}
	return all
}

// transcoded checks what packets become: one unbroken sequence in the target codec, whose times fit what is in them. Pauses are listed, as
// places in ms.
func transcoded(t testing.TB, tr media.Transcoder, to *media.Codec, in []*media.Packet) (pcm []int16, pauses []int, out []media.Packet) {
	t.Helper()
	d, err := codec.NewDecoder(*to, nil)
	if err != nil {
		t.Fatal(err)
	}
	var seq uint16
	var next uint32
	write := func(p *media.Packet) error {
		q := *p
		q.Payload = slices.Clone(p.Payload)
		if len(out) > 0 && p.Seq != seq {
			t.Errorf("packet %d bears number %d, want %d", len(out), p.Seq, seq)
		}
		seq = p.Seq + 1
		out = append(out, q)
		if p.What == media.Digit {
			return nil
		}
		if *p.Codec != *to || p.Start != (len(out) == 1) {
			t.Errorf("packet %d is %v, Start %v", len(out)-1, p.Codec, p.Start)
		}
		if pause := int(int32(p.Time - next)); len(pcm) > 0 && (pause != 0 || p.Marker) {
			if pause < 0 || !p.Marker {
				t.Errorf("packet %d is at %d, want %d; marker %v", len(out)-1, p.Time, next, p.Marker)
			}
			ms := len(pcm) * 1000 / d.Rate()
			pauses = append(pauses, ms)
			pcm = append(pcm, make([]int16, pause*d.Rate()/to.ClockRate)...)
		}
		had := len(pcm)
		if pcm, err = d.Decode(pcm, p.Payload); err != nil {
			t.Error(err)
		}
		next = p.Time + uint32((len(pcm)-had)*to.ClockRate/d.Rate())
		return nil
	}
	for _, p := range in {
		if err := tr.Transcode(p, write); err != nil {
			t.Error(err)
		}
	}
	return pcm, pauses, out
}

func mustTranscode(t testing.TB, from, to media.Codec) media.Transcoder {
	t.Helper()
	tr, err := codec.Transcode(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// at resamples.
func at(t testing.TB, pcm []int16, from, to int) []int16 {
	t.Helper()
	r, err := codec.NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r.Append(nil, pcm)
}

// aligned moves what is heard to where its first two seconds are most like what was said, by parts of a sample: at 32000 Hz, where the filter of
// G.722 is so many samples late. Both go that way.
func aligned(t testing.TB, said, heard []int16, rate int) (want, got []int16, late time.Duration) {
	t.Helper()
	const fine = 32000
	want, got = at(t, said, rate, fine), at(t, heard, rate, fine)
	lag := sound.Align(want[:min(len(want), 2*fine)], got[:min(len(got), 2*fine)], fine/20)
	got = sound.Shift(got, lag)
	return at(t, want, fine, rate), at(t, got, fine, rate), time.Duration(lag) * time.Second / fine
}

// TestTranscodeQuality measures a voice that has been through two codecs and what is between them, by pairs, in the band that
// all of them have.
func TestTranscodeQuality(t *testing.T) {
	alone(t)
	g722, pcma := media.G722(), media.PCMA()
	wide, narrow := codec.L16(16000), codec.L16(8000)
	for _, c := range []struct {
		from, to media.Codec
		ptime    time.Duration
		snr, lsd float64 // in dB, at least and at most
	}{
		{pcmu, pcma, 20 * time.Millisecond, 32, 1.6},
		{pcma, pcmu, 30 * time.Millisecond, 32, 1.6},
		{pcmu, g722, 10 * time.Millisecond, 28, 2.2},
		{g722, pcmu, 20 * time.Millisecond, 29, 1.8},
		{g722, wide, 60 * time.Millisecond, 35, 1.2},
		{wide, g722, 20 * time.Millisecond, 35, 1.2},
		{narrow, wide, 20 * time.Millisecond, 34, 1.8},
		{codec.L16(48000), pcmu, 20 * time.Millisecond, 33, 1.3},
		{pcmu, media.Opus(), 20 * time.Millisecond, 3, 4.5},
		{media.Opus(), pcmu, 20 * time.Millisecond, 7, 3.6},
		{media.Opus(), g722, 20 * time.Millisecond, 9, 3.4},
		{codec.L16(44100), g722, 20 * time.Millisecond, 35, 1},
	} {
		if !codec.Encodes(c.from) || !codec.Encodes(c.to) {
			continue // Opus, in a build without libopus
		}
		t.Run(fmt.Sprint(c.from, " to ", c.to), func(t *testing.T) {
			const rate = 8000 // what all of them have
			e, err := codec.NewEncoder(c.from, nil)
			if err != nil {
				t.Fatal(err)
			}
			voice := sound.Speech(7, e.Rate(), 6*time.Second)
			got, pauses, out := transcoded(t, mustTranscode(t, c.from, c.to), &c.to, coded(t, &c.from, voice, c.ptime))
			if len(pauses) > 0 || len(out) < 298 {
				t.Errorf("%d packets come out, pauses at %v", len(out), pauses)
			}
			d, _ := codec.NewDecoder(c.to, nil)
			want, heard, late := aligned(t, at(t, voice, e.Rate(), rate), at(t, got, d.Rate(), rate), rate)
			n := min(len(want), len(heard))
			snr, lsd := sound.SegmentalSNR(want[:n], heard[:n], rate), sound.LogSpectralDistance(want[:n], heard[:n], rate)
			t.Logf("%v to %v: %.1f dB, %.2f dB, %v late", c.from, c.to, snr, lsd, late)
			if snr < c.snr || lsd > c.lsd {
				t.Errorf("segmental SNR %.1f dB, want %.1f; spectral distance %.2f dB, want %.2f", snr, c.snr, lsd, c.lsd)
			}
		})
	}
}

// TestTranscodeLoss: what is lost is made up for, in order, and what comes late finds its place.
func TestTranscodeLoss(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 4))
	pcma := media.PCMA()
	voice := sound.Speech(8, 8000, 20*time.Second)
	all := coded(t, &pcmu, voice, 20*time.Millisecond)
	var in []*media.Packet
	for i := range all {
		if i == 0 || chance.Float64() > 0.05 {
			in = append(in, all[i])
		}
	}
	for i := 5; i+1 < len(in); i += 7 {
		in[i], in[i+1] = in[i+1], in[i]
	}
	got, pauses, _ := transcoded(t, mustTranscode(t, pcmu, pcma), &pcma, in)
	if len(pauses) > 0 || len(got) < len(voice)-800 || len(got) > len(voice) {
		t.Errorf("%d samples come out of %d, pauses at %v", len(got), len(voice), pauses)
	}
	if lsd := sound.LogSpectralDistance(voice[:len(got)], got, 8000); lsd > 2.5 {
		t.Errorf("spectral distance %.2f dB", lsd)
	}
}

// TestTranscodePauses: a pause is one, in its length, and what was before it is not kept back.
func TestTranscodePauses(t *testing.T) {
	g722 := media.G722()
	for _, ptime := range []time.Duration{20 * time.Millisecond, 30 * time.Millisecond} {
		all := coded(t, &pcmu, sound.Sine(8000, 500, 8000, 6*time.Second), ptime)
		var in []*media.Packet
		var seq uint16
		for i, p := range all {
			if n := time.Duration(i) * ptime; n%(2*time.Second) < time.Second {
				p.Seq = seq
				seq++
				in = append(in, p)
			}
			if n := time.Duration(i) * ptime; n%time.Second == 0 && ptime == 20*time.Millisecond { // it says what silence sounds like
				c := codec.ComfortNoise(8000)
				in = append(in, &media.Packet{Codec: &c, Seq: seq, Time: p.Time, Payload: []byte{60}})
				seq++
			}
		}
		got, pauses, _ := transcoded(t, mustTranscode(t, pcmu, g722), &g722, in)
		if len(pauses) != 2 || pauses[0] < 1000 || pauses[0] > 1060 || pauses[1] < 3000 || pauses[1] > 3060 {
			t.Errorf("%v: pauses at %v", ptime, pauses)
		}
		for second := range 5 {
			from := second*16000 + 4000
			if level := sound.Level(got[from:from+8000], 16000, 500); second%2 == 0 && level < -13.5 || second%2 == 1 && level > -60 {
				t.Errorf("%v: second %d is at %.0f dB", ptime, second, level)
			}
		}
	}
}

// TestTranscodeDigits: digits pass once each, at one time each, in the same sequence as the sound.
func TestTranscodeDigits(t *testing.T) {
	g722, event := media.G722(), media.TelephoneEvent(8000)
	all := coded(t, &pcmu, sound.Sine(8000, 500, 8000, 3*time.Second), 20*time.Millisecond)
	for i, p := range all {
		if press := i / 50; i%50 >= 40 {
			p.What, p.Codec, p.Time = media.Digit, &event, all[press*50+39].Time+160
			p.Payload = codec.Event{Code: uint8(press), Duration: uint16(i%50-39) * 160, End: i%50 > 46}.Append(nil)
		}
	}
	_, pauses, out := transcoded(t, mustTranscode(t, pcmu, g722), &g722, all)
	if len(pauses) != 2 || len(out) != 150 {
		t.Errorf("%d packets, pauses at %v", len(out), pauses)
	}
	begin := out[0].Time
	for i, p := range out {
		if digit := i%50 >= 40; digit != (p.What == media.Digit) {
			t.Errorf("packet %d is %v", i, p.What)
		} else if digit && (*p.Codec != event || p.Time-begin != uint32(i/50*50+40)*160 || p.Payload[0] != byte(i/50)) {
			t.Errorf("packet %d is a digit at %d, %v of %v", i, p.Time-begin, p.Payload, p.Codec)
		}
	}
}

// TestTranscodeStart: a source that begins anew is a new source.
func TestTranscodeStart(t *testing.T) {
	pcma := media.PCMA()
	tr := mustTranscode(t, pcmu, pcma)
	starts := 0
	var seq uint16
	var before uint32
	write := func(p *media.Packet) error {
		if p.Start {
			starts++
		}
		if starts > 1 && (p.Seq != seq+1 || p.Time != before+160) {
			t.Errorf("number %d at %d follows %d at %d", p.Seq, p.Time, seq, before)
		}
		seq, before = p.Seq, p.Time
		return nil
	}
	for _, p := range coded(t, &pcmu, make([]int16, 1600), 20*time.Millisecond) {
		_ = tr.Transcode(p, write)
	}
	for _, p := range coded(t, &pcmu, make([]int16, 1600), 20*time.Millisecond) {
		p.Seq += 12345
		p.Time += 1 << 30
		_ = tr.Transcode(p, write)
	}
	if starts != 2 || seq == 0 {
		t.Errorf("%d packets are the first of a source, want 2", starts)
	}
}

func TestTranscodeErrors(t *testing.T) {
	for _, c := range []struct {
		from, to media.Codec
		err      error
	}{
		{media.Codec{Name: "EVS", ClockRate: 16000, Channels: 1}, pcmu, codec.ErrUnknown},
		{pcmu, media.Codec{Name: "EVS", ClockRate: 16000, Channels: 1}, codec.ErrUnknown},
		{pcmu, codec.ComfortNoise(8000), codec.ErrNoEncoder},
		{pcmu, media.VP8(), codec.ErrUnknown},
	} {
		_, err := codec.Transcode(c.from, c.to)
		var typed *codec.Error
		if !errors.Is(err, c.err) || !errors.As(err, &typed) {
			t.Errorf("%v to %v: %v, want %v", c.from, c.to, err, c.err)
		}
	}
	if !codec.Encodes(media.Opus()) {
		if _, err := codec.Transcode(pcmu, media.Opus()); !errors.Is(err, codec.ErrNoEncoder) {
			t.Errorf("to Opus: %v", err)
		}
	}
	for _, c := range codec.Relay(nil).Also {
		if _, err := codec.Transcode(c, pcmu); !c.IsDigits() && err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestTranscodeAllocs(t *testing.T) {
	for _, to := range []media.Codec{media.PCMA(), media.G722()} {
		tr, all := mustTranscode(t, pcmu, to), coded(t, &pcmu, sound.Speech(1, 8000, 10*time.Second), 20*time.Millisecond)
		write := func(*media.Packet) error { return nil }
		n := 0
		turn := func() {
			for range 10 {
				if n++; n%11 > 0 {
					_ = tr.Transcode(all[n], write)
				}
			}
		}
		for range 10 {
			turn()
		}
		if got := testing.AllocsPerRun(30, turn); got != 0 {
			t.Errorf("to %v: %v allocations in ten packets", to, got)
		}
	}
}
