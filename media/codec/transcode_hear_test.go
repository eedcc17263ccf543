package codec_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// toned is a voice that presses keys between its words: each sounds for 100 ms, from a place that is ever another one in a packet.
func toned(t testing.TB, keys string, rate int) (pcm []int16, began []int) {
	t.Helper()
	voice := sound.Speech(3, rate, 2*time.Second)[rate/2:]
	for i, key := range []byte(keys) {
		pcm = append(pcm, voice[i*rate/20:][:rate/5+i*rate/310]...)
		tone, err := codec.NewKeyTone(key, rate, codec.KeyLow, codec.KeyHigh)
		if err != nil {
			t.Fatal(err)
		}
		began = append(began, len(pcm))
		pcm = tone.Append(pcm, rate/10)
		tone.Stop()
		pcm = append(tone.Append(pcm, rate/200), make([]int16, rate/16)...)
	}
	return append(pcm, make([]int16, rate/5)...), began
}

// heardKeys lists the presses in packets of events.
func heardKeys(out []media.Packet) (keys string, presses []codec.Press) {
	var pad codec.Keypad
	var now time.Time
	for i := range out {
		if presses = pad.Take(presses, &out[i], now); out[i].What == media.RTP {
			now = now.Add(20 * time.Millisecond)
		}
	}
	for _, p := range pad.Expire(presses, now.Add(time.Minute)) {
		if p.Down {
			keys += string(p.Key)
		}
	}
	return keys, presses
}

// TestTranscodeHears: where the source sends no events and the far side takes them, the tone of each key is an event, of its time and length, and
// of the tone nobody hears enough to take it for a key.
func TestTranscodeHears(t *testing.T) {
	const keys = "0159*#AD55"
	g722, pcma, event, wide := media.G722(), media.PCMA(), media.TelephoneEvent(8000), media.TelephoneEvent(48000)
	for _, c := range []struct {
		from, to, event media.Codec
		ptime           time.Duration
	}{
		{pcmu, pcma, event, 20 * time.Millisecond},
		{pcmu, g722, event, 30 * time.Millisecond},
		{g722, pcmu, event, 20 * time.Millisecond},
		{codec.L16(16000), codec.L16(48000), wide, 60 * time.Millisecond},
		{codec.L16(44100), pcma, wide, 20 * time.Millisecond},
	} {
		e, _ := codec.NewEncoder(c.from, nil)
		said, began := toned(t, keys, e.Rate())
		tr := mustTranscode(t, c.from, c.to)
		tr.(media.KeyHearer).HearKeys(c.event)
		pcm, _, out := transcoded(t, tr, &c.to, coded(t, &c.from, said, c.ptime))
		d := decoder(t, c.to)
		ear, _ := codec.NewDetector(d.Rate())
		if all := ear.Hear(nil, append(pcm, make([]int16, d.Rate())...)); len(all) > 0 {
			t.Errorf("%v to %v: of the tones is heard %+v", c.from, c.to, all)
		}
		got, presses := heardKeys(out)
		if got != keys {
			t.Errorf("%v to %v: %q comes out, want %q", c.from, c.to, got, keys)
		}
		for _, p := range presses {
			if !p.Down && (p.Duration < 90*time.Millisecond || p.Duration > 115*time.Millisecond) {
				t.Errorf("%v to %v: %c for %v", c.from, c.to, p.Key, p.Duration)
			}
		}
		next, known, ends := 0, uint32(0), 0
		for _, p := range out {
			if p.What == media.Digit && p.Payload[1]&0x80 != 0 {
				ends++
			}
			if p.What != media.Digit || next > 0 && p.Time == known || next == len(began) {
				continue
			}
			at := time.Duration(p.Time) * time.Second / time.Duration(c.event.ClockRate)
			want := time.Duration(began[next]) * time.Second / time.Duration(e.Rate())
			if off := at - want; off < -8*time.Millisecond || off > 8*time.Millisecond || !p.Marker || *p.Codec != c.event {
				t.Errorf("%v to %v: key %d is at %v, want %v; marker %v, %v", c.from, c.to, next, at, want, p.Marker, p.Codec)
			}
			known = p.Time
			next++
		}
		if ends != 3*len(keys) {
			t.Errorf("%v to %v: %d packets tell that a key is let go, want three of each", c.from, c.to, ends)
		}
	}
}

// TestTranscodeHearsEarly: wherever in a packet a tone begins, no more than 10 ms of it go out; of voices and music without a key few packets
// wait, and none is taken for one.
func TestTranscodeHearsEarly(t *testing.T) {
	pcma := media.PCMA()
	for off := 0; off < 280; off += 9 {
		tone, _ := codec.NewKeyTone("0123456789*#ABCD"[off%16], 8000, codec.KeyLow, codec.KeyHigh)
		said := append(tone.Append(make([]int16, 800+off), 800), make([]int16, 1600)...)
		tr := mustTranscode(t, pcmu, pcma)
		tr.(media.KeyHearer).HearKeys(media.TelephoneEvent(8000))
		ptime := 20 * time.Millisecond
		if off%2 == 1 { // frames end within packets
			ptime = 35 * time.Millisecond
		}
		pcm, _, _ := transcoded(t, tr, &pcma, coded(t, &pcmu, said, ptime))
		loud := func(x int16) bool { return x > 300 || x < -300 }
		first := slices.IndexFunc(pcm, loud)
		slices.Reverse(pcm)
		if last := len(pcm) - 1 - slices.IndexFunc(pcm, loud); first >= 0 && last-first > 80 {
			t.Errorf("%d samples of a tone go out that begins at %d of a packet", last-first, off)
		}
	}
	for name, make := range map[string]func(uint64, int, time.Duration) []int16{"speech": sound.Speech, "music": sound.Music} {
		tr, late := mustTranscode(t, pcmu, pcma), 0
		tr.(media.KeyHearer).HearKeys(media.TelephoneEvent(8000))
		all := coded(t, &pcmu, make(4, 8000, 20*time.Second), 20*time.Millisecond)
		for _, p := range all {
			at := late
			late++
			_ = tr.Transcode(p, func(q *media.Packet) error {
				if q.What == media.Digit {
					t.Errorf("%s: an event %x", name, q.Payload)
				}
				late = at
				return nil
			})
		}
		if late*40 > len(all) {
			t.Errorf("%s: %d of %d packets wait", name, late, len(all))
		}
	}
}

// TestTranscodeHearsLate: after what sounded like a key for long, and is none, nothing waits; of a key that follows 40 ms go out.
func TestTranscodeHearsLate(t *testing.T) {
	pcma := media.PCMA()
	for off := 0; off < 160; off += 16 {
		like := sound.Mix(sound.Sine(8000, 718, 6000, 200*time.Millisecond), sound.Sine(8000, 1247, 6000, 200*time.Millisecond))
		tone, _ := codec.NewKeyTone('1', 8000, codec.KeyLow, codec.KeyHigh)
		said := append(tone.Append(like[off:], 800), make([]int16, 1600)...)
		tr := mustTranscode(t, pcmu, pcma)
		tr.(media.KeyHearer).HearKeys(media.TelephoneEvent(8000))
		pcm, _, out := transcoded(t, tr, &pcma, coded(t, &pcmu, said, 20*time.Millisecond))
		slices.Reverse(pcm)
		last := len(pcm) - slices.IndexFunc(pcm, func(x int16) bool { return x > 300 || x < -300 })
		if late := last - (1600 - off); late < -160 || late > 320 {
			t.Errorf("of a key at %d what goes out ends %d samples after its beginning", off, late)
		}
		if got, _ := heardKeys(out); got != "1" {
			t.Errorf("%q comes out", got)
		}
	}
}

// TestTranscodeHearsLoss: each key is told of once, though the one or the other packet of its tone is lost.
func TestTranscodeHearsLoss(t *testing.T) {
	const keys = "0123456789*#ABCD55"
	pcma := media.PCMA()
	for seed := range uint64(5) {
		chance := rand.New(rand.NewPCG(seed, 2))
		said, _ := toned(t, keys, 8000)
		var in []*media.Packet
		for i, p := range coded(t, &pcmu, said, 20*time.Millisecond) {
			if i == 0 || chance.IntN(20) > 0 {
				in = append(in, p)
			}
		}
		tr := mustTranscode(t, pcmu, pcma)
		tr.(media.KeyHearer).HearKeys(media.TelephoneEvent(8000))
		_, _, out := transcoded(t, tr, &pcma, in)
		if got, _ := heardKeys(out); got != keys {
			t.Errorf("seed %d: %q comes out, want %q", seed, got, keys)
		}
	}
}

// TestTranscodeHearsLong: a key that is held for longer than an event lasts goes on in a further one, and is one press.
func TestTranscodeHearsLong(t *testing.T) {
	tone, _ := codec.NewKeyTone('7', 8000, codec.KeyLow, codec.KeyHigh)
	pcma := media.PCMA()
	tr := mustTranscode(t, pcmu, pcma)
	tr.(media.KeyHearer).HearKeys(media.TelephoneEvent(48000))
	said := append(tone.Append(nil, 8000*3), make([]int16, 1600)...)
	_, _, out := transcoded(t, tr, &pcma, coded(t, &pcmu, said, 20*time.Millisecond))
	got, presses := heardKeys(out)
	if last := presses[len(presses)-1]; got != "7" || last.Duration < 2990*time.Millisecond || last.Duration > 3010*time.Millisecond {
		t.Errorf("comes out as %+v", presses)
	}
}

// TestTranscodeHearsOnce: a source that tells of its keys by signalling after all is heard no more, and what it told of twice is one press.
func TestTranscodeHearsOnce(t *testing.T) {
	pcma, event := media.PCMA(), media.TelephoneEvent(8000)
	said, began := toned(t, "1223", 8000)
	var in []*media.Packet
	for i, p := range coded(t, &pcmu, said, 20*time.Millisecond) {
		p.Seq, p.Time = uint16(i), uint32(i*160)
		in = append(in, p)
	}
	inform := func(after int, key byte) { // as the engine does
		place := slices.IndexFunc(in, func(p *media.Packet) bool { return p.What == media.RTP && int(p.Time) > after })
		code, _ := codec.KeyCode(key)
		var all []*media.Packet
		for i := range 4 {
			e := codec.Event{Code: code, Duration: 1280, End: i > 0}
			all = append(all, &media.Packet{
				What: media.Digit, Signal: true, Start: true, Marker: i == 0, Codec: &event, Seq: uint16(i), Time: uint32(after), Payload: e.Append(nil),
			})
		}
		in[place].Start = true // its numbers are not those of what came between
		in = slices.Insert(in, place, all...)
	}
	inform(began[1]+900, '2') // of the first two
	inform(began[2]+900, '2')
	inform(began[3]+900, '3')
	tr := mustTranscode(t, pcmu, pcma)
	tr.(media.KeyHearer).HearKeys(event)
	var out []media.Packet
	for _, p := range in {
		_ = tr.Transcode(p, func(q *media.Packet) error {
			r := *q
			r.Payload = slices.Clone(q.Payload)
			out = append(out, r)
			return nil
		})
	}
	if got, presses := heardKeys(out); got != "1223" {
		t.Errorf("comes out as %+v", presses)
	}
}

// TestTranscodeHearsRefused: a far side that does not take the events after all gets the tones.
func TestTranscodeHearsRefused(t *testing.T) {
	pcma := media.PCMA()
	tr := mustTranscode(t, pcmu, pcma)
	tr.(media.KeyHearer).HearKeys(media.TelephoneEvent(8000))
	said, _ := toned(t, "159", 8000)
	var pcm []int16
	var seq uint16
	d := decoder(t, pcma)
	for _, p := range coded(t, &pcmu, said, 20*time.Millisecond) {
		_ = tr.Transcode(p, func(q *media.Packet) error {
			if q.What == media.Digit {
				return media.ErrNoCommonCodec
			}
			if len(pcm) > 0 && q.Seq != seq+1 {
				t.Errorf("number %d follows %d", q.Seq, seq)
			}
			seq = q.Seq
			pcm, _ = d.Decode(pcm, q.Payload)
			return nil
		})
	}
	ear, _ := codec.NewDetector(8000)
	got := ""
	for _, p := range ear.Hear(nil, append(pcm, make([]int16, 800)...)) {
		if p.Down {
			got += string(p.Key)
		}
	}
	if got != "159" {
		t.Errorf("hears %q", got)
	}
}

func TestTranscodeHearsAllocs(t *testing.T) {
	pcma := media.PCMA()
	tr := mustTranscode(t, pcmu, pcma)
	tr.(media.KeyHearer).HearKeys(media.TelephoneEvent(8000))
	said, _ := toned(t, "0123456789*#ABCD", 8000)
	all := coded(t, &pcmu, said, 20*time.Millisecond)
	write := func(*media.Packet) error { return nil }
	n := 0
	turn := func() {
		for range 5 {
			if n++; n%19 > 0 {
				_ = tr.Transcode(all[n], write)
			}
		}
	}
	for range 10 {
		turn()
	}
	if got := testing.AllocsPerRun(30, turn); got != 0 {
		t.Errorf("%v allocations in five packets", got)
	}
}
