package audio_test

import (
	"context"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// wantTones checks the levels, in dBFS, of tones in the last second of what a phone heard; -100 is none.
func wantTones(t *testing.T, why string, p *phone, hz, want []float64) {
	t.Helper()
	rate := p.decoder.Rate()
	last := p.heard[len(p.heard)-rate:]
	for i, f := range hz {
		got := sound.Level(last, rate, f)
		if want[i] == -100 && got > -60 || want[i] != -100 && math.Abs(got-want[i]) > 0.3 {
			t.Errorf("%s: %v Hz at %.1f dBFS, want %.1f", why, f, got, want[i])
		}
	}
}

// TestMember has four members sound a tone each, and tells from the tones that each hears who it is to hear, how loud and nothing else.
func TestMember(t *testing.T) {
	const rate = 8000
	tb := newTable(t, &audio.MixerOptions{Rate: rate})
	hz := []float64{500, 900, 1300, 1700}
	c := codec.L16(rate)
	for _, f := range hz {
		tb.join(c, sound.Sine(rate, f, 3277, 30*time.Second), nil) // -20 dBFS
	}
	monitor := tb.join(c, sound.Sine(rate, 2500, 3277, 30*time.Second), &audio.MemberOptions{Listen: true})
	a, b := tb.phones[0], tb.phones[1]
	hears := func(why string, p *phone, want ...float64) {
		t.Helper()
		wantTones(t, why, p, hz, want)
		wantTones(t, why+", the monitor", p, []float64{2500}, []float64{-100})
	}
	const no = -100
	tb.run(2 * time.Second)
	hears("all are heard", a, no, -20, -20, -20)
	hears("all are heard", b, -20, no, -20, -20)
	hears("a monitor hears all", monitor, -20, -20, -20, -20)

	a.Mute(true)
	tb.run(2 * time.Second)
	hears("who is muted hears on", a, no, -20, -20, -20)
	hears("one is muted", b, no, no, -20, -20)
	if a.Speaking() {
		t.Error("who is muted speaks")
	}
	a.Mute(false)
	a.Deafen(true)
	tb.run(2 * time.Second)
	hears("who is deaf hears nothing", a, no, no, no, no)
	hears("who is deaf is heard", b, -20, no, -20, -20)
	a.Deafen(false)
	a.Gain(-12)
	b.Gain(6)
	tb.run(2 * time.Second)
	hears("one is louder", a, no, -14, -20, -20)
	hears("one is softer", b, -32, no, -20, -20)
	hears("all are heard as they are", monitor, -32, -14, -20, -20)
	a.Gain(math.NaN())
	b.Leave()
	b.Leave()
	n := len(b.got)
	tb.run(2 * time.Second)
	hears("one has left", a, no, no, -20, -20)
	if len(b.got) != n {
		t.Errorf("%d packets after Leave", len(b.got)-n)
	}
	if err := b.Wait(t.Context()); err != nil {
		t.Errorf("Wait gives %v after Leave", err)
	}
	if got := len(tb.m.Members()); got != 4 {
		t.Errorf("%d members", got)
	}
}

// TestMemberFades has a member be muted, deafened and made louder in the middle of a tone, and no click come of it.
func TestMemberFades(t *testing.T) {
	const rate = 16000
	tb := newTable(t, nil)
	a := tb.join(codec.L16(rate), sound.Sine(rate, 263, 8000, 20*time.Second), nil)
	b := tb.join(codec.L16(rate), nil, nil)
	tb.run(time.Second)
	for _, change := range []func(){
		func() { a.Mute(true) }, func() { a.Mute(false) }, func() { a.Gain(6) }, func() { a.Gain(0) }, func() { b.Deafen(true) },
		func() { b.Deafen(false) }, func() { a.Leave() },
	} {
		from := len(b.heard)
		change()
		tb.run(400 * time.Millisecond)
		for at := from - 640; at < from+2560; at += 64 {
			if got := sound.Level(b.heard[at:at+256], rate, 5000); got > -72 {
				t.Errorf("a click of %.1f dBFS at 5 kHz, %d samples after the change %v into the test", got, at-from+128, tb.now)
			}
		}
	}
}

// TestMemberPackets has everything that is sent be one source: numbers and times without a gap, whether there is something to hear or not.
func TestMemberPackets(t *testing.T) {
	tb := newTable(t, nil)
	speaker := tb.join(media.PCMU(), append(make([]int16, 8000), sound.Speech(1, 8000, time.Second)...), nil)
	listener := tb.join(media.PCMU(), nil, nil)
	tb.run(4 * time.Second)
	for name, p := range map[string]*phone{"speaker": speaker, "listener": listener} {
		if len(p.got) != 200 {
			t.Errorf("%s: %d packets in 4 s", name, len(p.got))
		}
		for i, q := range p.got {
			first := i == 0
			if q.Start != first || q.Marker != first || q.Seq != p.got[0].Seq+uint16(i) || q.Time != p.got[0].Time+uint32(i)*160 || len(q.Payload) != 160 {
				t.Fatalf("%s: packet %d is %+v", name, i, q)
			}
		}
	}
	s := speaker.Stats()
	if s.Sent != 200 || s.Failed != 0 || s.Own == 0 || s.Own > 150 || s.Jitter.Packets < 195 {
		t.Errorf("%+v", s)
	}
}

// TestMemberEnds has a member leave when its stream does.
func TestMemberEnds(t *testing.T) {
	tb := newTable(t, nil)
	l := &leg{codec: media.PCMU()}
	one, err := tb.m.Join(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	tb.run(100 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := one.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait gives %v while there is a member", err)
	}
	l.fan.Close()
	tb.run(20 * time.Millisecond)
	if err := one.Wait(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("Wait gives %v when the stream has ended", err)
	}
	if n := tb.m.Stats().Members; n != 0 {
		t.Errorf("%d members", n)
	}
	l.sent()
	tb.run(100 * time.Millisecond)
	if n := len(l.sent()); n != 0 {
		t.Errorf("%d packets after the end", n)
	}
}

// TestMemberChangesCodec has a member be told in another codec in mid-call, in none for a while, and leave for one that is not encoded here.
func TestMemberChangesCodec(t *testing.T) {
	tb := newTable(t, &audio.MixerOptions{Rate: 8000})
	tb.join(codec.L16(8000), sound.Sine(8000, 440, 8000, 20*time.Second), nil)
	l := &leg{}
	one, err := tb.m.Join(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	tb.run(time.Second)
	if n := len(l.sent()); n != 0 {
		t.Errorf("%d packets before anything was agreed", n)
	}
	for _, c := range []media.Codec{media.PCMU(), media.PCMA(), codec.L16(16000), media.PCMU()} {
		l.takes(c)
		tb.run(time.Second)
		sent := l.sent()
		d, err := codec.NewDecoder(c, nil)
		if err != nil || len(sent) != 50 {
			t.Fatalf("%v: %d packets, %v", c, len(sent), err)
		}
		var heard []int16
		for i, q := range sent {
			if *q.Codec != c || q.Start != (i == 0) || q.Marker != (i == 0) || q.Seq != sent[0].Seq+uint16(i) || q.Time != sent[0].Time+uint32(i*c.ClockRate/50) {
				t.Fatalf("%v: packet %d is %+v", c, i, q)
			}
			heard, _ = d.Decode(heard, q.Payload)
		}
		if got, want := sound.Level(heard[len(heard)/2:], d.Rate(), 440), -12.25; math.Abs(got-want) > 0.3 {
			t.Errorf("%v: the tone is at %.1f dBFS, want %.1f", c, got, want)
		}
	}
	l.takes(media.Codec{})
	tb.run(time.Second)
	if n := len(l.sent()); n != 0 {
		t.Errorf("%d packets while nothing is agreed", n)
	}
	l.takes(media.Codec{Name: "G729", ClockRate: 8000, Channels: 1})
	tb.run(20 * time.Millisecond)
	var of *codec.Error
	if err := one.Wait(t.Context()); !errors.As(err, &of) || of.Codec.Name != "G729" {
		t.Errorf("Wait gives %v", err)
	}
}

// TestMemberRefusesPackets counts what a stream does not take, and leaves no gap in the numbers.
func TestMemberRefusesPackets(t *testing.T) {
	tb := newTable(t, nil)
	l := &leg{codec: media.PCMU()}
	one, err := tb.m.Join(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	tb.run(100 * time.Millisecond)
	l.mu.Lock()
	l.refuses = media.ErrNoCommonCodec
	l.mu.Unlock()
	tb.run(100 * time.Millisecond)
	l.mu.Lock()
	l.refuses = nil
	l.mu.Unlock()
	tb.run(100 * time.Millisecond)
	sent := l.sent()
	if s := one.Stats(); s.Sent != 10 || s.Failed != 5 || len(sent) != 10 || sent[5].Seq != sent[4].Seq+1 || sent[5].Time != sent[4].Time+6*160 {
		t.Errorf("%+v, %d packets, %+v and %+v", s, len(sent), sent[4], sent[5])
	}
}
