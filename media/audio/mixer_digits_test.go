package audio_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
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

// TestMixerDigitsHeldUp has two presses of one key come at once, with packets of the first behind those of the second, and then a press that lasts
// for two segments: these are three presses to who hears them, whatever its clock.
func TestMixerDigitsHeldUp(t *testing.T) {
	tb := newTable(t, &audio.MixerOptions{Rate: 8000, Digits: true})
	a := tb.join(media.PCMU(), nil, nil)
	tb.join(media.PCMA(), nil, nil)
	tb.join(codec.L16(48000), nil, nil)
	tb.run(100 * time.Millisecond)
	event, wide := media.TelephoneEvent(8000), media.TelephoneEvent(48000)
	of, began := &event, a.out.Time
	tell := func(seq, at uint32, e codec.Event) {
		q := media.Packet{What: media.Digit, Codec: of, Seq: a.out.Seq + uint16(seq), Time: began + at, Payload: e.Append(nil)}
		if err := a.stream.Write(&q); err != nil {
			t.Fatal(err)
		}
	}
	tell(0, 0, codec.Event{Code: 5, Duration: 160})
	tell(1, 0, codec.Event{Code: 5, Duration: 320, End: true})
	tell(3, 800, codec.Event{Code: 5, Duration: 160})
	tell(2, 0, codec.Event{Code: 5, Duration: 320, End: true})
	tell(4, 800, codec.Event{Code: 5, Duration: 320, End: true})
	tb.run(20 * time.Millisecond)
	tell(2, 0, codec.Event{Code: 5, Duration: 320, End: true})
	tb.run(200 * time.Millisecond)
	of = &wide
	tell(5, 8000, codec.Event{Code: 5, Duration: 65535})
	tb.run(1440 * time.Millisecond) // 75 ms late
	tell(6, 8000+65535, codec.Event{Code: 5, Duration: 960, End: true})
	tb.run(20 * time.Millisecond)
	for _, p := range tb.phones[1:] {
		var pad codec.Keypad
		var heard []codec.Press
		for i := range p.got {
			if q := &p.got[i]; q.What == media.Digit && q.Codec.ClockRate != p.codec.ClockRate {
				t.Errorf("%v: an event of %v", p.codec, q.Codec)
			}
			heard = pad.Take(heard, &p.got[i], time.Time{})
		}
		got := ""
		for _, press := range heard {
			if press.Down {
				got += string(press.Key)
			}
		}
		if got != "555" {
			t.Errorf("%v: hears %q, want three presses: %v", p.codec, got, heard)
		} else if last := heard[len(heard)-1]; last.Down || last.Duration < 1380*time.Millisecond || last.Duration > 1390*time.Millisecond {
			t.Errorf("%v: the last press is %+v, want 1.385 s of it", p.codec, last)
		}
	}
}

// TestMixerDigitsLost dials into a conference of three phones whose clocks differ, with a tenth of all packets lost on the way in and on the way
// out: each of the two others gets each key once.
func TestMixerDigitsLost(t *testing.T) {
	const keys = "0159*#AD5555!"
	narrow, wide := media.TelephoneEvent(8000), media.TelephoneEvent(48000)
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			clock := audio.NewClock(nil)
			defer clock.Close()
			room, err := audio.NewMixer(clock, &audio.MixerOptions{Rate: 8000, Digits: true})
			if err != nil {
				t.Fatal(err)
			}
			defer closed(t, room)
			var phones []*lossy
			var ears []*audio.Digits
			for i, codecs := range [][]media.Codec{{media.PCMU(), narrow}, {codec.L16(48000), wide}, {media.PCMA(), narrow}} {
				far, near := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: codecs}})
				to := newLossy(near, seed+uint64(10*i))
				if _, err := room.Join(to.Stream(media.Audio), nil); err != nil {
					t.Fatal(err)
				}
				phones = append(phones, newLossy(far, seed+100))
				d := audio.NewDigits(far, nil)
				defer closed(t, d)
				ears = append(ears, d)
			}
			for i, p := range phones[:2] {
				time.Sleep(time.Duration(7*i) * time.Millisecond) // the turns of the conference are not those of a phone
				if err := dial(t, newTalking(t, p.Stream(media.Audio)), keys, nil); err != nil {
					t.Fatal(err)
				}
				var all sync.WaitGroup
				for n, d := range ears {
					want := keys
					if n == i {
						want = ""
					}
					all.Go(func() {
						if _, got := typed(t, d); got != want {
							t.Errorf("seed %d: phone %d gets %q of %d, want %q", seed, n, got, i, want)
						}
					})
				}
				all.Wait()
				if p.losses() < 5 {
					t.Errorf("only %d packets were lost", p.losses())
				}
			}
		})
	}
}
