package codec_test

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// pressed returns the packets of a key: so many frames of 20 ms, and the end three times.
func pressed(event *media.Codec, key byte, seq uint16, at uint32, frames int) []*media.Packet {
	code, _ := codec.KeyCode(key)
	frame := event.ClockRate / 50
	var all []*media.Packet
	for i := range frames + 2 {
		e := codec.Event{Code: code, Duration: uint16(min(i+1, frames) * frame), End: i+1 >= frames}
		all = append(all, &media.Packet{What: media.Digit, Codec: event, Seq: seq, Time: at, Marker: i == 0, Payload: e.Append(nil)})
		seq++
	}
	return all
}

// TestTranscodeKeys: where the far side takes no events each becomes a tone, of its length, once, though the one or the other packet of it is
// lost; between sound that is transcoded, and alone.
func TestTranscodeKeys(t *testing.T) {
	const keys = "0123456789*#ABCD5555"
	g722, event, wide := media.G722(), media.TelephoneEvent(8000), media.TelephoneEvent(48000)
	for _, c := range []struct {
		from, event *media.Codec
		to          media.Codec
	}{{&g722, &event, pcmu}, {&pcmu, &event, g722}, {&event, &event, pcmu}, {&wide, &wide, g722}} {
		tr := mustTranscode(t, *c.from, c.to)
		d, _ := codec.NewDecoder(c.to, nil)
		var pcm []int16
		var seq uint16
		packets := 0
		write := func(p *media.Packet) error {
			if p.What == media.Digit {
				return media.ErrNoCommonCodec
			}
			if packets > 0 && p.Seq != seq+1 {
				t.Errorf("%v to %v: number %d follows %d", c.from, c.to, p.Seq, seq)
			}
			seq = p.Seq
			packets++
			pcm, _ = d.Decode(pcm, p.Payload)
			return nil
		}
		var all []*media.Packet
		for i, key := range keys {
			if !c.from.IsDigits() {
				all = append(all, coded(t, c.from, make([]int16, 8000), 20*time.Millisecond)[:10]...)
			}
			for n, p := range pressed(c.event, byte(key), 0, uint32(i*20*c.event.ClockRate/50), 5+i%3*5) {
				if n > 0 && n%4 == i%4 {
					p.What = media.Ceiling // lost
				}
				all = append(all, p)
				if i%2 == 1 && !c.from.IsDigits() && n < 5 { // some devices send sound beside an event
					all = append(all, coded(t, c.from, make([]int16, 320), 20*time.Millisecond)[0])
				}
			}
		}
		for i, p := range all {
			p.Seq, p.Start = uint16(i), i == 0
			if p.What == media.RTP {
				p.Time = uint32(i * 160)
			}
			if p.What == media.Ceiling {
				continue
			}
			if err := tr.Transcode(p, write); err != nil {
				t.Error(err)
			}
			if c.from.IsDigits() && p.Payload[1]&0x80 != 0 {
				pcm = append(pcm, make([]int16, d.Rate()/20)...) // the pause until the next key
			}
		}
		ear, err := codec.NewDetector(d.Rate())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range ear.Hear(nil, append(pcm, make([]int16, d.Rate())...)) {
			if p.Down {
				got += string(p.Key)
			} else if p.Duration < 40*time.Millisecond || p.Duration > 360*time.Millisecond {
				t.Errorf("%v to %v: %c for %v", c.from, c.to, p.Key, p.Duration)
			}
		}
		if got != keys {
			t.Errorf("%v to %v: hears %q, want %q", c.from, c.to, got, keys)
		}
	}
}
