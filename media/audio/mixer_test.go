package audio_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// table is a conference whose turns a test takes itself, and the phones of those who are in it.
type table struct {
	t      testing.TB
	m      *audio.Mixer
	phones []*phone
	now    time.Duration
}

func newTable(t testing.TB, o *audio.MixerOptions) *table {
	t.Helper()
	c := audio.NewClock(nil)
	c.Close() // it takes no turns
	m, err := audio.NewMixer(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return &table{t: t, m: m}
}

// phone is the far side of a member: it says what it has to say, by its own clock, and keeps what it hears.
type phone struct {
	*audio.Member
	codec   media.Codec
	stream  media.Stream // of the phone
	reader  *media.Reader
	encoder codec.Encoder
	decoder codec.Decoder

	says  []int16 // at the encoder's rate; then silence
	loss  float64
	late  time.Duration // at most
	fast  float64       // how much more a second is to it
	dice  *rand.Rand
	due   time.Duration // of the next packet
	ahead []flight

	out   media.Packet
	heard []int16 // at the decoder's rate
	got   []media.Packet
}

// flight is a packet on its way.
type flight struct {
	p  media.Packet
	at time.Duration
}

// join adds a phone. With a nil voice it listens.
func (tb *table) join(c media.Codec, says []int16, o *audio.MemberOptions) *phone {
	tb.t.Helper()
	near, far := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{c, media.TelephoneEvent(8000)}}})
	member, err := tb.m.Join(near.Stream(media.Audio), o)
	if err != nil {
		tb.t.Fatal(err)
	}
	p := &phone{Member: member, codec: c, stream: far.Stream(media.Audio), says: says, dice: rand.New(rand.NewPCG(uint64(len(tb.phones)), 9))}
	p.reader = p.stream.Reader()
	tb.t.Cleanup(func() { p.reader.Close() })
	if p.encoder, err = codec.NewEncoder(c, &codec.Options{Rate: 16000}); err != nil {
		tb.t.Fatal(err)
	}
	if p.decoder, err = codec.NewDecoder(c, &codec.Options{Rate: 16000}); err != nil {
		tb.t.Fatal(err)
	}
	p.out = media.Packet{Start: true, Codec: &p.codec}
	p.due = tb.now + time.Duration(len(tb.phones)*7%20)*time.Millisecond
	tb.phones = append(tb.phones, p)
	return p
}

// run passes time.
func (tb *table) run(d time.Duration) {
	for end := tb.now + d; tb.now < end; tb.now += audio.FrameTime {
		for _, p := range tb.phones {
			p.speak(tb.t, tb.now)
		}
		tb.m.Turn()
		for _, p := range tb.phones {
			p.listen(tb.t)
		}
	}
}

func (p *phone) speak(t testing.TB, now time.Duration) {
	for ; p.due <= now; p.due += time.Duration(float64(audio.FrameTime) / (1 + p.fast)) {
		frame := make([]int16, p.encoder.Rate()/50)
		p.says = p.says[copy(frame, p.says):]
		payload, err := p.encoder.Encode(nil, frame)
		if err != nil {
			t.Fatal(err)
		}
		p.out.Payload = payload
		if p.dice.Float64() >= p.loss {
			one := flight{p.out, p.due}
			if p.late > 0 {
				one.at += time.Duration(p.dice.Int64N(int64(p.late)))
			}
			p.ahead = append(p.ahead, one)
		}
		p.out.Seq++
		p.out.Time += uint32(p.codec.ClockRate / 50)
		p.out.Start = false
	}
	rest := p.ahead[:0]
	for _, one := range p.ahead {
		if one.at > now {
			rest = append(rest, one)
		} else if err := p.stream.Write(&one.p); err != nil {
			t.Fatal(err)
		}
	}
	p.ahead = rest
}

func (p *phone) listen(t testing.TB) {
	var buf [2048]byte
	for {
		var q media.Packet
		ok, err := p.reader.TryRead(buf[:], &q)
		if !ok || err != nil {
			return
		}
		q.Payload = append([]byte(nil), q.Payload...)
		p.got = append(p.got, q)
		if q.What != media.RTP {
			continue
		}
		if p.heard, err = p.decoder.Decode(p.heard, q.Payload); err != nil {
			t.Fatal(err)
		}
	}
}

// expected is the sum of what others say as p may hear it: each as late as it is found in what p heard, at p's rate, from a sample on.
func expected(got []int16, most int, said ...[]int16) []int16 {
	var all [][]int16
	for _, s := range said {
		all = append(all, sound.Shift(s, -sound.Align(s, got, most)))
	}
	return sound.Mix(all...)
}

func half(pcm []int16) []int16 {
	out := make([]int16, len(pcm))
	for i, x := range pcm {
		out[i] = x / 2
	}
	return out
}

// wants checks what a phone heard of others from one second on to another: against their sum, by the least SNR in dB and the greatest
// spectral distance in dB.
func (p *phone) wants(t *testing.T, from, to int, snr, distance float64, said ...[]int16) {
	t.Helper()
	rate := p.decoder.Rate()
	var parts [][]int16
	for _, s := range said {
		parts = append(parts, s[from*rate:to*rate])
	}
	got := p.heard[from*rate : to*rate]
	want := expected(got, rate/2, parts...)
	n, d := sound.SegmentalSNR(want, got, rate), sound.LogSpectralDistance(want, got, rate)
	if n < snr || d > distance {
		t.Errorf("%v: SNR %.1f dB, want %.1f; spectral distance %.2f dB, want %.2f", p.codec, n, snr, d, distance)
	}
}

// at is sound at another rate.
func at(t testing.TB, to, from int, pcm []int16) []int16 {
	t.Helper()
	r, err := codec.NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r.Append(nil, pcm)
}

// TestMixerQuality has three talk at once, and each hear the other two and not itself, as well as their codecs carry it: against the sum of
// what the others say.
func TestMixerQuality(t *testing.T) {
	const lasts, rate = 4 * time.Second, 16000
	var said [3][]int16
	for i := range said {
		said[i] = half(sound.Speech(uint64(i), rate, lasts))
	}
	pcmu, pcma, g722, wide := media.PCMU(), media.PCMA(), media.G722(), codec.L16(16000)
	for _, c := range []struct {
		name          string
		rate          int
		codecs        [3]media.Codec
		loss          float64
		late          time.Duration
		snr, distance float64
	}{
		{name: "G.711", rate: 8000, codecs: [3]media.Codec{pcmu, pcma, pcmu}, snr: 30, distance: 3},
		{name: "L16", rate: 16000, codecs: [3]media.Codec{wide, wide, wide}, snr: 50, distance: 1},
		{name: "G.722", rate: 16000, codecs: [3]media.Codec{g722, g722, g722}, snr: 24, distance: 3.5},
		{name: "wideband and telephones", rate: 16000, codecs: [3]media.Codec{g722, pcmu, pcma}, snr: 24, distance: 3.5},
		{name: "telephones at 48 kHz", rate: 48000, codecs: [3]media.Codec{pcmu, pcma, pcmu}, snr: 24, distance: 3.5},
		{name: "jitter", rate: 8000, codecs: [3]media.Codec{pcmu, pcma, pcmu}, late: 30 * time.Millisecond, snr: 25, distance: 3.5},
		{name: "loss", rate: 8000, codecs: [3]media.Codec{pcmu, pcma, pcmu}, loss: 0.05, snr: 22, distance: 3.5},
	} {
		if raced && c.loss == 0 {
			continue // enough for the detector
		}
		t.Run(c.name, func(t *testing.T) {
			tb := newTable(t, &audio.MixerOptions{Rate: c.rate})
			for i, one := range c.codecs {
				p := tb.join(one, nil, nil)
				p.says = at(t, p.encoder.Rate(), rate, said[i])
				p.loss, p.late = c.loss, c.late
			}
			tb.run(lasts)
			for i, p := range tb.phones {
				var others [][]int16
				for _, k := range []int{(i + 1) % 3, (i + 2) % 3} {
					narrow := at(t, tb.phones[k].encoder.Rate(), rate, said[k])
					others = append(others, at(t, p.decoder.Rate(), tb.phones[k].encoder.Rate(), narrow))
				}
				p.wants(t, 2, 4, c.snr, c.distance, others...)
			}
		})
	}
}

// TestMixerDrift has three talk for half a minute, one by a clock that is 2000 ppm fast and one by a slow one, which is what 100 ppm make of
// ten minutes: 60 ms are left out and made up, and what is heard stays what it was.
func TestMixerDrift(t *testing.T) {
	const lasts, rate = 30 * time.Second, 8000
	tb := newTable(t, &audio.MixerOptions{Rate: rate})
	var said [3][]int16
	for i := range said {
		said[i] = again(half(sound.Speech(uint64(i), rate, 5*time.Second)), 7)
		tb.join(media.PCMU(), said[i], nil).fast = 2000e-6 * float64(1-i)
	}
	tb.run(lasts)
	for i, p := range tb.phones {
		p.wants(t, 27, 29, 10, 6.5, said[(i+1)%3], said[(i+2)%3])
		s := p.Stats().Jitter
		if s.Delay > 100*time.Millisecond || s.Starved > rate/20 || s.Discarded > 0 {
			t.Errorf("phone %d: %+v", i, s)
		}
		if made := float64(s.Inserted) - float64(s.Dropped); i != 1 && made*p.fast >= 0 {
			t.Errorf("phone %d is %v fast: %+v", i, p.fast, s)
		}
	}
}

// TestMixerChangesLines has members begin and cease to speak, and so hear what is encoded for all and for them alone by turns, while a
// member who only listens hears the same all along: where they hear the same, it sounds the same, and nothing clicks between.
func TestMixerChangesLines(t *testing.T) {
	const rate, hz = 16000, 400
	for _, c := range []media.Codec{media.G722(), media.PCMU(), codec.L16(rate)} {
		tb := newTable(t, nil)
		tb.join(codec.L16(rate), sound.Sine(rate, hz, 6000, 20*time.Second), nil)
		var says []int16
		p := tb.join(c, nil, nil)
		own := p.encoder.Rate()
		for range 3 {
			says = append(says, pausing(1500*time.Millisecond, own, sound.Sine(own, 1000, 3000, 500*time.Millisecond))...)
		}
		p.says = says
		tb.run(6 * time.Second)
		if own := p.Stats().Own; own < 100 || own > 200 {
			t.Errorf("%v: %d frames for one alone", c, own)
		}
		rate := p.decoder.Rate()
		for at := rate; at+rate/40 < len(p.heard); at += rate / 160 {
			piece := p.heard[at : at+rate/40]
			if got := sound.Level(piece, rate, 1000); got > -50 {
				t.Errorf("%v: it hears itself at %.1f dBFS, %.2f s into the test", c, got, float64(at)/float64(rate))
				break
			}
			if got := sound.Level(piece, rate, 2500); got > -55 {
				t.Errorf("%v: a click of %.1f dBFS, %.2f s into the test", c, got, float64(at)/float64(rate))
				break
			}
		}
	}
}

// again is sound again and again.
func again(pcm []int16, times int) []int16 {
	var all []int16
	for range times {
		all = append(all, pcm...)
	}
	return all
}

func TestMixerRefuses(t *testing.T) {
	tb := newTable(t, nil)
	near, _ := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{{Name: "G729", ClockRate: 8000, Channels: 1}}}})
	_, err := tb.m.Join(near.Stream(media.Audio), nil)
	var of *codec.Error
	if !errors.As(err, &of) || of.Codec.Name != "G729" {
		t.Errorf("Join gives %v", err)
	}
	near, _ = media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.Opus()}}})
	if _, err := tb.m.Join(near.Stream(media.Audio), nil); errors.As(err, &of) == codec.Encodes(media.Opus()) {
		t.Errorf("Join with Opus gives %v", err)
	}
	c := audio.NewClock(nil)
	defer c.Close()
	if _, err := audio.NewMixer(c, &audio.MixerOptions{Rate: 12345}); !errors.As(err, &of) {
		t.Errorf("NewMixer gives %v", err)
	}
}
