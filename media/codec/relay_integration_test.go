package codec_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
	"github.com/alexacall/alexacall/media/engine"
)

// TestRelayEngine talks over real sockets through two legs of an engine. The caller speaks what the called party does not take, then what
// both have, presses a key, and goes back: what arrives is one unbroken sequence of one source, of good quality; and
// nothing is transcoded that need not be. Where a transcoder begins or ends there is no click, though the far side's decoder of G.722 still goes
// by the other encoder.
func TestRelayEngine(t *testing.T) {
	var engines [3]*engine.Engine
	for i := range engines {
		e, err := engine.Listen("127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		engines[i] = e
	}
	g722, event := media.G722(), media.TelephoneEvent(8000)
	nearA, alice := calltest.Agree(t, engines[0], engines[1], []media.Codec{pcmu, g722, event}, nil)
	nearB, bob := calltest.Agree(t, engines[0], engines[2], []media.Codec{g722, event}, nil)
	o := codec.Relay(nil)
	var made atomic.Int32
	o.Transcode = func(from, to media.Codec) (media.Transcoder, error) {
		made.Add(1)
		return codec.Transcode(from, to)
	}
	relay, err := media.NewRelay(nearA, nearB, o)
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	ear := bob.Stream(media.Audio).Reader()
	defer ear.Close()
	deadline := time.AfterFunc(30*time.Second, func() { _ = ear.Close() }) // ends a hang
	defer deadline.Stop()

	const frames = 60
	narrow := at(t, sound.Speech(3, 16000, 10*time.Second), 16000, 8000) // without what a telephone's filter keeps out
	wide := at(t, narrow, 8000, 16000)
	from := func(pcm []int16, rate, turn int) []int16 { return pcm[turn*frames*rate/50:][:frames*rate/50] }
	d, _ := codec.NewDecoder(g722, nil)
	out, seq, buf := alice.Stream(media.Audio), uint16(0), make([]byte, 2048)
	var sent uint16
	hear := func(pcm []int16) []int16 { // the next packet
		var p media.Packet
		if err := ear.Read(buf, &p); err != nil {
			t.Fatal(err)
		}
		if p.Start != (sent == 0) || sent > 0 && p.Seq != seq+1 {
			t.Errorf("packet %d is number %d after %d, Start %v", sent, p.Seq, seq, p.Start)
		}
		seq = p.Seq
		sent++
		if p.What == media.RTP {
			if pcm, err = d.Decode(pcm, p.Payload); err != nil {
				t.Error(err)
			}
		}
		return pcm
	}
	var number uint16
	var clock uint32
	say := func(all []*media.Packet, heard []int16) []int16 {
		for _, p := range all {
			p.Seq, p.Time, p.Start = number, clock, number == 0
			number++
			clock += 160
			if err := out.Write(p); err != nil {
				t.Fatal(err)
			}
			heard = hear(heard)
		}
		return heard
	}
	for turn := range 4 {
		want, all := from(wide, 16000, turn), coded(t, &pcmu, from(narrow, 8000, turn), 20*time.Millisecond)
		if turn%2 == 1 {
			all = coded(t, &g722, want, 20*time.Millisecond)
		}
		before := made.Load()
		heard := say(all, nil)
		if got := made.Load() - before; got != int32(1-turn%2) {
			t.Errorf("turn %d: %d transcoders are made", turn, got)
		}
		for press := range 5 {
			key := &media.Packet{What: media.Digit, Codec: &event, Payload: codec.Event{Code: 5, Duration: uint16(160 * press), End: press > 2}.Append(nil)}
			say([]*media.Packet{key}, nil)
			clock -= 160
		}
		clock += 5 * 160
		want, heard, late := aligned(t, want, heard, 16000)
		n := min(len(want), len(heard))
		snr := sound.SegmentalSNR(want[2400:n], heard[2400:n], 16000)
		t.Logf("turn %d: %v late, %.1f dB", turn, late, snr)
		if snr < 20 || late > 10*time.Millisecond {
			t.Errorf("turn %d: segmental SNR %.1f dB, %v late", turn, snr, late)
		}
		if loudest, most := slices.Max(heard), slices.Max(want); float64(loudest) > 1.25*float64(most) {
			t.Errorf("turn %d: a click of %d where the voice has %d at most", turn, loudest, most)
		}
	}
}

// TestRelayEngineKeys: of two parties that speak alike one takes no telephone events and has no signalling for them: it hears tones, and
// what goes out stays one sequence.
func TestRelayEngineKeys(t *testing.T) {
	const keys = "159#"
	var engines [3]*engine.Engine
	for i := range engines {
		e, err := engine.Listen("127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		engines[i] = e
	}
	event := media.TelephoneEvent(8000)
	nearA, alice := calltest.Agree(t, engines[0], engines[1], []media.Codec{pcmu, event}, nil)
	nearB, bob := calltest.Agree(t, engines[0], engines[2], []media.Codec{pcmu}, nil)
	relay, err := media.NewRelay(nearA, nearB, codec.Relay(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	ear := bob.Stream(media.Audio).Reader()
	defer ear.Close()
	deadline := time.AfterFunc(30*time.Second, func() { _ = ear.Close() }) // ends a hang
	defer deadline.Stop()

	d, _ := codec.NewDecoder(pcmu, nil)
	var heard []int16
	var seq uint16
	packets, buf := 0, make([]byte, 2048)
	until := func(tag int16) {
		for {
			var p media.Packet
			if err := ear.Read(buf, &p); err != nil {
				t.Fatal(err)
			}
			if packets++; packets > 1 && (p.Start || p.Seq != seq+1) {
				t.Errorf("packet %d is number %d after %d, Start %v", packets, p.Seq, seq, p.Start)
			}
			seq = p.Seq
			had := len(heard)
			heard, _ = d.Decode(heard, p.Payload)
			if one := heard[had:]; slices.Min(one) == slices.Max(one) && max(one[0]-tag, tag-one[0]) < 60 {
				return
			}
		}
	}
	var number uint16
	var clock uint32
	say := func(p *media.Packet) {
		p.Seq, p.Start = number, number == 0
		number++
		if err := alice.Stream(media.Audio).Write(p); err != nil {
			t.Fatal(err)
		}
	}
	for i, key := range keys {
		for range 4 {
			tag := make([]int16, 160)
			for n := range tag {
				tag[n] = int16(500 + 200*i)
			}
			p := coded(t, &pcmu, tag, 20*time.Millisecond)[0]
			p.Time = clock
			clock += 160
			say(p)
			until(tag[0])
		}
		for n, p := range pressed(&event, byte(key), 0, clock, 5) {
			say(p)
			if i%2 == 1 && n < 4 { // some devices send sound beside an event
				p := coded(t, &pcmu, make([]int16, 160), 20*time.Millisecond)[0]
				p.Time = clock + uint32(n)*160
				say(p)
			}
		}
		clock += 7 * 160
	}
	p := coded(t, &pcmu, make([]int16, 160), 20*time.Millisecond)[0]
	p.Time = clock
	say(p)
	until(0)
	detector, err := codec.NewDetector(8000)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, press := range detector.Hear(nil, append(heard, make([]int16, 8000)...)) {
		if press.Down {
			got += string(press.Key)
		}
	}
	if got != keys {
		t.Errorf("hears %q, want %q", got, keys)
	}
}
