package media_test

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
)

// relay begins a relay that the test closes at its end.
func relay(t *testing.T, a, b media.Endpoint, o *media.RelayOptions) *media.Relay {
	t.Helper()
	r, err := media.NewRelay(a, b, o)
	if err != nil {
		t.Fatalf("NewRelay: %v", err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return r
}

// withVideo adds video to a plan.
func withVideo(p media.Plan) media.Plan {
	return append(p, media.Media{Kind: media.Video, Dir: sendRecv, Codecs: []media.Codec{{Name: "H264", ClockRate: 90000, Channels: 1}}})
}

// TestRelayCopies joins two pipes and talks through both, sound, digits and pictures, both ways at once, with a tap beside it.
func TestRelayCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const packets = 300
		p := withVideo(phonePlan(sendRecv))
		alice, nearA := media.Pipe(p)
		nearB, bob := media.Pipe(p)
		tap := nearA.Stream(media.Audio).Reader()
		defer tap.Close()
		r := relay(t, nearA, nearB, nil)
		var all sync.WaitGroup
		for _, way := range [][2]media.Endpoint{{alice, bob}, {bob, alice}} {
			for _, k := range []media.Kind{media.Audio, media.Video} {
				out, in := way[0].Stream(k), way[1].Stream(k).Reader()
				all.Go(func() { speak(t, out, k, packets) })
				all.Go(func() {
					defer in.Close()
					hear(t, in, k, packets)
				})
			}
		}
		all.Go(func() { hear(t, tap, media.Audio, packets) })
		all.Wait()
		for _, e := range []media.Endpoint{alice, nearA, nearB, bob} {
			s := e.Stream(media.Audio).Stats()
			if s.In.Packets != packets || s.Out.Packets != packets || s.In.Digits != packets/10 || s.In.Blocked+s.Out.Blocked+s.Out.Mismatched != 0 {
				t.Errorf("counted %+v", s)
			}
		}
		_ = r.Close()
		write(t, alice.Stream(media.Audio), voice(1))
		synctest.Wait()
		if got := bob.Stream(media.Audio).Stats().In.Packets; got != packets {
			t.Errorf("after Close %d packets arrive", got-packets)
		}
		if got := read(t, tap).Seq; got != 1 {
			t.Errorf("after Close the endpoint itself hears %d, want 1", got)
		}
	})
}

// speak writes packets at the pace of sound, each tenth a digit.
func speak(t *testing.T, s media.Stream, k media.Kind, packets int) {
	event, picture := media.TelephoneEvent(8000), media.Codec{Name: "H264", ClockRate: 90000, Channels: 1}
	for n := range packets {
		p := voice(n)
		switch {
		case k == media.Video:
			p.Codec = &picture
		case n%10 == 9:
			p.What, p.Codec = media.Digit, &event
		}
		write(t, s, p)
		time.Sleep(20 * time.Millisecond)
	}
}

// hear reads what speak has written: each packet once and in order.
func hear(t *testing.T, r *media.Reader, k media.Kind, packets int) {
	for n := range packets {
		p := read(t, r)
		what := media.RTP
		if k == media.Audio && n%10 == 9 {
			what = media.Digit
		}
		if int(p.Seq) != n || p.What != what || p.Payload[0] != byte(n) || len(p.Payload) != 160 || p.Start != (n == 0) {
			t.Errorf("packet %d arrives as %d, %v, Start %v, %d octets of %d", n, p.Seq, p.What, p.Start, len(p.Payload), p.Payload[0])
		}
	}
}

// TestRelayGate shuts one end of a relay and opens it again.
func TestRelayGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice, nearA := media.Pipe(phonePlan(sendRecv))
		nearB, bob := media.Pipe(phonePlan(sendRecv))
		relay(t, nearA, nearB, nil)
		ear := bob.Stream(media.Audio).Reader()
		defer ear.Close()
		for n, gate := range []media.Direction{sendRecv, recvOnly, inactive, sendOnly} {
			nearB.Stream(media.Audio).Gate(gate)
			write(t, alice.Stream(media.Audio), voice(n))
			synctest.Wait()
		}
		if x, y := read(t, ear).Seq, read(t, ear).Seq; x != 0 || y != 3 {
			t.Errorf("hears %d and %d, want 0 and 3", x, y)
		}
		if got := nearB.Stream(media.Audio).Stats().Out; got.Blocked != 2 || got.Packets != 2 {
			t.Errorf("counted %+v", got)
		}
	})
}

// TestRelayWithoutCommonCodec refuses what could only be silence, and leaves nothing behind.
func TestRelayWithoutCommonCodec(t *testing.T) {
	ulaw, alaw := phonePlan(sendRecv), audio(sendRecv, media.PCMA(), media.TelephoneEvent(8000))
	for _, c := range []struct {
		why  string
		a, b media.Plan
		o    *media.RelayOptions
		err  error
	}{
		{"digits are not sound", ulaw, alaw, nil, media.ErrNoCommonCodec},
		{"no transcoding in the options", ulaw, alaw, &media.RelayOptions{}, media.ErrNoCommonCodec},
		{"no sound on one side", ulaw, media.Plan{}, nil, media.ErrNoCommonCodec},
		{"transcoding", ulaw, alaw, (&exchangeTable{}).options(), nil},
		{"one side has not agreed yet", nil, alaw, nil, nil},
		{"one codec of several", audio(sendRecv, media.Opus(), media.PCMA()), alaw, nil, nil},
	} {
		before := runtime.NumGoroutine()
		board := newSwitchboard(t)
		a, b := board.branch(c.a), board.branch(c.b)
		r, err := media.NewRelay(a, b, c.o)
		if !errors.Is(err, c.err) || (r == nil) != (c.err != nil) {
			t.Errorf("%s: error %v, want %v", c.why, err, c.err)
		}
		if r != nil {
			_ = r.Close()
		}
		if stand, _, _ := board.counts(); stand != 0 || a.lines[0].fan.Active() || b.lines[0].fan.Active() || runtime.NumGoroutine() > before {
			t.Errorf("%s: links, readers or goroutines are left", c.why)
		}
	}
}

// TestRelayTranscodes joins PCMU and PCMA by a transcoder each way; digits go round it.
func TestRelayTranscodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const packets = 100
		var table exchangeTable
		alice, nearA := media.Pipe(phonePlan(sendRecv))
		nearB, bob := media.Pipe(audio(sendRecv, media.PCMA(), media.TelephoneEvent(8000)))
		r := relay(t, nearA, nearB, table.options())
		for from, to := range map[media.Endpoint]media.Endpoint{alice: bob, bob: alice} {
			out, ear := from.Stream(media.Audio), to.Stream(media.Audio).Reader()
			source, target := out.Codec(), to.Stream(media.Audio).Codec()
			for n := range packets {
				p := voice(n)
				p.Codec = &source
				if n%10 == 9 {
					p.What = media.Digit
				}
				write(t, out, p)
			}
			for n := range packets {
				p := read(t, ear)
				want, codec := exchanged(byte(n), target), target
				if n%10 == 9 {
					want, codec = byte(n), source
				}
				if int(p.Seq) != n || p.Payload[0] != want || p.Payload[159] != want || *p.Codec != codec || p.Start != (n == 0) {
					t.Errorf("packet %d arrives as %d of %d in %v, Start %v; want %d in %v", n, p.Seq, p.Payload[0], p.Codec, p.Start, want, codec)
				}
			}
			_ = ear.Close()
		}
		_ = r.Close()
		made, closed := table.counts()
		slices.Sort(made)
		if want := []string{"PCMA/8000 to PCMU/8000", "PCMU/8000 to PCMA/8000"}; !slices.Equal(made, want) || closed != 2 {
			t.Errorf("transcoders %v, %d closed; want %v, both closed", made, closed, want)
		}
	})
}

// TestRelayTranscoderFails goes on without sound, counted, and takes up a transcoder once there is one.
func TestRelayTranscoderFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := exchangeTable{fails: errors.New("no such codec here")}
		alice, nearA := media.Pipe(phonePlan(sendRecv))
		nearB, bob := media.Pipe(audio(sendRecv, media.PCMA()))
		relay(t, nearA, nearB, table.options())
		ear := bob.Stream(media.Audio).Reader()
		defer ear.Close()
		write(t, alice.Stream(media.Audio), voice(1))
		write(t, alice.Stream(media.Audio), &media.Packet{Seq: 2, Payload: []byte("a packet of no codec")})
		synctest.Wait()
		if got := nearB.Stream(media.Audio).Stats().Out; got.Mismatched != 1 || got.Packets != 1 {
			t.Errorf("counted %+v", got)
		}
		table.mu.Lock()
		table.fails = nil
		table.mu.Unlock()
		write(t, alice.Stream(media.Audio), voice(3))
		write(t, alice.Stream(media.Audio), &media.Packet{Seq: 4, Payload: []byte("another packet of no codec")})
		for _, want := range []uint16{2, 3, 4} {
			if got := read(t, ear).Seq; got != want {
				t.Errorf("hears %d, want %d", got, want)
			}
		}
	})
}

// TestRelayCloses closes relays in the middle of traffic and from several sides: everything is joined, whoever closes first.
func TestRelayCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice, nearA := media.Pipe(phonePlan(sendRecv))
		nearB, bob := media.Pipe(phonePlan(sendRecv))
		ear := bob.Stream(media.Audio).Reader()
		defer ear.Close()
		for range 20 {
			r := relay(t, nearA, nearB, nil)
			var all sync.WaitGroup
			all.Go(func() { speak(t, alice.Stream(media.Audio), media.Audio, 10) })
			for range 3 {
				all.Go(func() {
					time.Sleep(100 * time.Millisecond)
					_ = r.Close()
				})
			}
			all.Wait()
		}
		// The tenth packet of each round is written 180 ms into it, when its relay is closed.
		if in := nearA.Stream(media.Audio).Stats().In.Packets; in != 200 {
			t.Errorf("%d packets have come to the relays, want 200", in)
		}
		if got := bob.Stream(media.Audio).Stats().In.Packets; got < 5*20 || got > 6*20 {
			t.Errorf("%d packets went through, want 5 or 6 of each 10", got)
		}
	})
}
