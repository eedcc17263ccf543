package audio_test

import (
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// TestMixerReader reads the whole mix as every member is heard, without a gap, and its end.
func TestMixerReader(t *testing.T) {
	const rate = 16000
	tb := newTable(t, nil)
	early := tb.m.Reader()
	tb.join(codec.L16(rate), sound.Sine(rate, 500, 3277, 10*time.Second), nil)
	tb.join(media.PCMU(), sound.Sine(8000, 900, 3277, 10*time.Second), nil)
	tb.run(2 * time.Second)
	r := tb.m.Reader()
	tb.run(time.Second)
	if err := tb.m.Close(); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]*media.Reader{"early": early, "late": r} {
		d, _ := codec.NewDecoder(codec.L16(rate), nil)
		var pcm []int16
		var buf [2048]byte
		var p, before media.Packet
		var err error
		for n := 0; ; n++ {
			if err = from.Read(buf[:], &p); err != nil {
				break
			}
			if *p.Codec != codec.L16(rate) || p.Start != (n == 0) || n > 0 && (p.Seq != before.Seq+1 || p.Time != before.Time+rate/50) {
				t.Fatalf("%s: packet %d is %+v", name, n, p)
			}
			before = p
			if pcm, err = d.Decode(pcm, p.Payload); err != nil {
				t.Fatal(err)
			}
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: Read gives %v", name, err)
		}
		for _, hz := range []float64{500, 900} {
			if got := sound.Level(pcm[len(pcm)-rate/2:], rate, hz); got < -20.5 || got > -19.5 {
				t.Errorf("%s: %v Hz at %.1f dBFS", name, hz, got)
			}
		}
	}
}

// TestMixerCloses ends every member's stay, by the clock's time, and takes none after that.
func TestMixerCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := audio.NewClock(nil)
		defer c.Close()
		m, err := audio.NewMixer(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		l := &leg{codec: media.PCMA()}
		one, err := m.Join(l, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second + time.Millisecond)
		if n := len(l.sent()); n != 50 && n != 51 {
			t.Errorf("%d packets in a second", n)
		}
		for range 2 {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := one.Wait(t.Context()); !errors.Is(err, media.ErrClosed) {
			t.Errorf("Wait gives %v after Close", err)
		}
		one.Leave()
		if _, err := m.Join(l, nil); !errors.Is(err, media.ErrClosed) {
			t.Errorf("Join gives %v after Close", err)
		}
		l.sent()
		time.Sleep(time.Second)
		if n := len(l.sent()); n != 0 {
			t.Errorf("%d packets after Close", n)
		}
		if s := m.Stats(); s.Members != 0 || s.Turns < 50 || s.Turns > 52 {
			t.Errorf("%+v", s)
		}
	})
}

// TestMixerComeAndGo has goroutines join, change everything and leave while the clock runs; after Leave nothing is written to a stream.
func TestMixerComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := audio.NewClock(&audio.ClockOptions{Workers: 3})
		defer c.Close()
		m, err := audio.NewMixer(c, &audio.MixerOptions{Rate: 8000, Digits: true})
		if err != nil {
			t.Fatal(err)
		}
		r := m.Reader()
		defer r.Close()
		var guests sync.WaitGroup
		codecs := []media.Codec{media.PCMU(), media.PCMA(), codec.L16(8000), media.G722()}
		for i := range 50 {
			guests.Go(func() { visit(t, m, codecs[i%len(codecs)], i) })
		}
		guests.Wait()
		if s := m.Stats(); s.Members != 0 || s.Mixed == 0 || s.Encoded == 0 {
			t.Errorf("%+v", s)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// visit is a guest who comes three times, speaks for a while each, and whose stream ends the third time.
func visit(t *testing.T, m *audio.Mixer, c media.Codec, i int) {
	key := media.TelephoneEvent(8000)
	for stay := range 3 {
		l := &leg{codec: c}
		one, err := m.Join(l, &audio.MemberOptions{Listen: i%10 == 9})
		if err != nil {
			t.Error(err)
			return
		}
		for n := range 15 + i/2 {
			p := media.Packet{Codec: &c, Start: n == 0, Seq: uint16(n), Time: uint32(n * c.ClockRate / 50), Payload: make([]byte, 160)}
			for k := range p.Payload {
				p.Payload[k] = byte(n*31 + k*7 + i)
			}
			l.fan.Deliver(&p)
			if n%9 == 0 {
				l.fan.Deliver(&media.Packet{What: media.Digit, Codec: &key, Marker: true, Seq: uint16(n + 1), Time: p.Time, Payload: []byte{5, 10, 0, 160}})
			}
			time.Sleep(time.Duration(15+i%9) * time.Millisecond)
			one.Mute(n%7 == 0)
			one.Deafen(n%11 == 0)
			one.Gain(float64(n % 13))
			_, _ = one.Speaking(), one.Stats()
		}
		if stay == 2 {
			l.fan.Close()
			if err := one.Wait(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("Wait gives %v", err)
			}
		}
		one.Leave()
		for n, p := range l.sent() {
			if int(p.Seq) != n || p.Start != (n == 0) {
				t.Errorf("packet %d is %+v", n, p)
				break
			}
		}
		time.Sleep(40 * time.Millisecond)
		if n := len(l.sent()); n != 0 {
			t.Errorf("%d packets after the end", n)
		}
	}
}
