package audio_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// press has a phone hold keys down, 100 ms each with 60 ms between them, as RFC 4733 section 2.5.1 has it: a packet every 20 ms, the last
// three times. Of ten packets one is lost.
func (tb *table) press(p *phone, keys []byte) {
	dice := rand.New(rand.NewPCG(1, 4))
	event := media.TelephoneEvent(8000)
	for _, key := range keys {
		began := p.out.Time
		for n := range 8 {
			end := byte(0)
			if n >= 5 {
				end = 0x80
			}
			lasts := uint16(min(n+1, 6) * 160)
			q := media.Packet{What: media.Digit, Marker: n == 0, Codec: &event, Seq: p.out.Seq, Time: began, Payload: []byte{key, end | 10, byte(lasts >> 8), byte(lasts)}}
			p.out.Seq++
			if dice.IntN(10) > 0 {
				if err := p.stream.Write(&q); err != nil {
					tb.t.Fatal(err)
				}
			}
			if n < 6 {
				p.out.Time += 160
				p.due += audio.FrameTime // no sound meanwhile
				tb.run(audio.FrameTime)
			}
		}
		tb.run(60 * time.Millisecond)
	}
}

// TestMixerDigits passes what a member presses to nobody, and with the option to all others, each key once and in the line of what they hear.
func TestMixerDigits(t *testing.T) {
	keys := []byte{1, 2, 2, 11, 2, 0, 15, 15}
	for _, passes := range []bool{false, true} {
		tb := newTable(t, &audio.MixerOptions{Rate: 8000, Digits: passes})
		a := tb.join(media.PCMU(), nil, nil)
		tb.join(media.PCMU(), sound.Sine(8000, 440, 3000, 10*time.Second), nil)
		tb.join(media.PCMA(), nil, nil)
		tb.join(codec.L16(16000), nil, &audio.MemberOptions{Listen: true})
		tb.run(500 * time.Millisecond)
		tb.press(a, keys)
		tb.run(500 * time.Millisecond)
		for i, p := range tb.phones {
			var got []byte
			events := map[uint32]bool{}
			step := uint32(p.codec.ClockRate / 50)
			var time uint32
			for n, q := range p.got {
				if int(q.Seq) != n || q.Start != (n == 0) {
					t.Fatalf("phone %d: packet %d is %+v", i, n, q)
				}
				if q.What == media.RTP {
					time = q.Time
					continue
				}
				if !events[q.Time] {
					events[q.Time] = true
					got = append(got, q.Payload[0])
				}
				if back := time + step - q.Time; back > 8*step {
					t.Errorf("phone %d: event at %d among sound at %d", i, q.Time, time)
				}
			}
			want := keys
			if !passes || i == 0 {
				want = nil
			}
			if string(got) != string(want) {
				t.Errorf("passes %v, phone %d: keys %v, want %v", passes, i, got, want)
			}
			if len(want) > 0 {
				if got := sound.Level(last(tb.phones[2], 100*1e6), 8000, 440); got < -22 || got > -20 {
					t.Errorf("the tone is at %.1f dBFS", got)
				}
			}
		}
		tb.phones[0].Mute(true)
		before := len(tb.phones[1].got)
		tb.press(a, keys[:1])
		for _, q := range tb.phones[1].got[before:] {
			if q.What == media.Digit {
				t.Fatal("keys of who is muted are passed")
			}
		}
	}
}
