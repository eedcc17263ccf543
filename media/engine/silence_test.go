package engine_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// rather waits until a call is silent for a cause in both directions, as it shows some time from now.
func rather(t testing.TB, term media.Terminal, after time.Duration, in, out media.Silence) {
	t.Helper()
	var gotIn, gotOut media.Silence
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if gotIn, gotOut = engine.SilenceAt(term, media.Audio, time.Now().Add(after)); gotIn == in && gotOut == out {
			return
		}
	}
	t.Errorf("in: %v, out: %v; want %v and %v", gotIn, gotOut, in, out)
}

const (
	soon = time.Duration(0)
	late = 5 * time.Second
)

// talks has both sides of a plain call say something, n packets each.
func talks(t testing.TB, term media.Terminal, p *phone, n int) {
	t.Helper()
	before := incoming(term).Packets
	for i := range n {
		p.send([]byte{byte(i), 1, 2, 3})
	}
	write(t, term, 1)
	counts(t, term, "packets", taken, before+uint64(n))
}

// TestSilenceFromTheBeginning names what keeps a call silent from its beginning.
func TestSilenceFromTheBeginning(t *testing.T) {
	e := listen(t)
	t.Run("no description", func(t *testing.T) {
		rather(t, open(t, e, media.Phone()), soon, media.SilentUnused, media.SilentUnused)
	})
	t.Run("nothing yet", func(t *testing.T) {
		term, p := open(t, e, media.Phone()), newPhone(t)
		p.offer(term, nil)
		rather(t, term, soon, media.SilentNothing, media.SilentNothing)
		if in, _ := engine.SilenceAt(term, media.Video, time.Now()); in != media.SilentUnused {
			t.Errorf("pictures: %v", in)
		}
	})
	t.Run("no address", func(t *testing.T) {
		term, p := open(t, e, media.Phone()), newPhone(t)
		_, d, err := media.Negotiation{}.Offer(pcmu(), media.Local{ID: 1, Addr: "127.0.0.1", Port: p.port(), RTCPPort: p.port() + 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := term.Answer(edit(t, d, "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"), nil); err != nil {
			t.Fatal(err)
		}
		in, out := engine.SilenceAt(term, media.Audio, time.Now())
		if in != media.SilentNothing && in != media.SilentHeld || out != media.SilentHeld && out != media.SilentNoAddress {
			t.Errorf("in: %v, out: %v", in, out)
		}
	})
	t.Run("no path", func(t *testing.T) {
		term, far := open(t, e, media.AlexaCalling()), open(t, listen(t), media.AlexaCalling())
		offer, err := far.Offer(g711())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := term.Answer(offer, g711()); err != nil { // of which the far side never hears
			t.Fatal(err)
		}
		rather(t, term, soon, media.SilentNoPath, media.SilentNoPath)
		rather(t, far, soon, media.SilentUnused, media.SilentUnused)
	})
	t.Run("no keys", func(t *testing.T) {
		term, p := open(t, e, lockedByDTLS(true)), newPhone(t)
		offer, err := open(t, listen(t), lockedByDTLS(true)).Offer(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := term.Answer(edit(t, offer, "m=audio "+soundPort(t, offer), "m=audio "+portText(portOf(p.conn))), nil); err != nil {
			t.Fatal(err)
		}
		rather(t, term, soon, media.SilentNoKeys, media.SilentNoKeys)
	})
	t.Run("from elsewhere", func(t *testing.T) { // while two calls wait, nobody can tell whose it is
		one, other, p, q, nat := open(t, e, media.Phone()), open(t, e, media.Phone()), newPhone(t), newPhone(t), loopback(t)
		p.offer(one, nil)
		q.offer(other, nil)
		p.from(nat, 77, "hello")
		rather(t, one, soon, media.SilentElsewhere, media.SilentNothing)
	})
	t.Run("lost", func(t *testing.T) {
		term := open(t, listen(t), media.Phone())
		p := newReporter(t, term, true)
		for _, sent := range []uint32{100, 350} {
			p.report(&rtcp.SenderReport{SSRC: 7, PacketCount: sent})
		}
		rather(t, term, soon, media.SilentLost, media.SilentNothing)
		p.report(&rtcp.SenderReport{SSRC: 7, PacketCount: 350})
		rather(t, term, soon, media.SilentNothing, media.SilentNothing)
	})
}

// TestSilenceOfACall names what makes a call silent that was not.
func TestSilenceOfACall(t *testing.T) {
	codec, other := media.PCMU(), media.PCMA()
	for _, c := range []struct {
		name    string
		spoil   func(t *testing.T, term media.Terminal, p *phone)
		after   time.Duration
		in, out media.Silence
	}{
		{"all is well", func(*testing.T, media.Terminal, *phone) {}, soon, media.NotSilent, media.NotSilent},
		{"both have stopped", func(*testing.T, media.Terminal, *phone) {}, late, media.SilentStopped, media.SilentStopped},
		{"the phone holds", func(t *testing.T, term media.Terminal, p *phone) { reoffer(t, term, p, "sendonly") }, soon, media.NotSilent, media.SilentHeld},
		{"the phone wants nothing", func(t *testing.T, term media.Terminal, p *phone) { reoffer(t, term, p, "inactive") }, soon, media.SilentHeld, media.SilentHeld},
		{"gates", func(_ *testing.T, term media.Terminal, _ *phone) { term.Stream(media.Audio).Gate(media.Inactive) }, soon, media.SilentGated, media.SilentGated},
		{"an unknown type", func(_ *testing.T, _ media.Terminal, p *phone) {
			_, _ = p.conn.WriteToUDPAddrPort(header(0x80, 97, 1, 2, 3), p.to)
		}, late, media.SilentUnknown, media.SilentStopped},
		{"malformed", func(_ *testing.T, _ media.Terminal, p *phone) {
			_, _ = p.conn.WriteToUDPAddrPort(header(0xa0, 0), p.to)
		}, late, media.SilentBad, media.SilentStopped},
		{"more of this than of that", func(_ *testing.T, _ media.Terminal, p *phone) {
			for range 3 {
				_, _ = p.conn.WriteToUDPAddrPort(header(0x80, 97, 1, 2, 3), p.to)
				_, _ = p.conn.WriteToUDPAddrPort(header(0xa0, 0), p.to)
			}
			_, _ = p.conn.WriteToUDPAddrPort(header(0x80, 97, 1, 2, 3), p.to)
		}, late, media.SilentUnknown, media.SilentStopped},
		{"another codec", func(t *testing.T, term media.Terminal, _ *phone) {
			if err := term.Stream(media.Audio).Write(&media.Packet{Codec: &other, Payload: []byte("x")}); err == nil {
				t.Error("sent")
			}
		}, late, media.SilentStopped, media.SilentMismatch},
		{"another codec, and the right one again", func(t *testing.T, term media.Terminal, _ *phone) {
			_ = term.Stream(media.Audio).Write(&media.Packet{Codec: &other, Payload: []byte("x")})
			_ = term.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Start: true, Payload: []byte("x")})
		}, late, media.SilentStopped, media.SilentStopped},
	} {
		t.Run(c.name, func(t *testing.T) {
			term, p := open(t, listen(t), media.Phone()), newPhone(t)
			p.offer(term, nil)
			talks(t, term, p, 3)
			c.spoil(t, term, p)
			rather(t, term, c.after, c.in, c.out)
			stats := term.Stream(media.Audio).Stats()
			if c.after == soon && (stats.In.Silence != c.in || stats.Out.Silence != c.out) {
				t.Errorf("Stats: %v, %v", stats.In.Silence, stats.Out.Silence)
			}
		})
	}
}

// TestSilenceProtected tells replayed packets from those that the keys do not prove.
func TestSilenceProtected(t *testing.T) {
	for _, c := range sdesSuites {
		p, term := newLockedPhone(t, c.suite, c.profile), open(t, listen(t), sdes())
		p.call(term)
		first := p.sealed(p.out, "hello")
		for range 3 {
			p.sendRaw(first)
		}
		counts(t, term, "bad packets", bad, 2)
		rather(t, term, late, media.SilentReplayed, media.SilentNothing)
		if n := incoming(term).Replayed; n != 2 {
			t.Errorf("%s: %d replayed", c.suite, n)
		}
		for range 3 {
			p.send([]byte("in the clear"))
		}
		rather(t, term, late, media.SilentBad, media.SilentNothing)
		p.sendRaw(p.sealed(p.out, "again"))
		rather(t, term, soon, media.NotSilent, media.SilentNothing)
		rather(t, term, late, media.SilentStopped, media.SilentNothing)
	}
}

// TestSilenceConstant finds a far side that sends the same bytes over and over, and believes it when it sends others.
func TestSilenceConstant(t *testing.T) {
	for _, c := range []struct {
		name    string
		payload func(i int) []byte
		want    media.Silence
	}{
		{"nothing but 0xff", func(int) []byte { return bytes.Repeat([]byte{0xff}, 160) }, media.SilentConstant},
		{"alike in pairs", func(i int) []byte { return bytes.Repeat([]byte{byte((i + 1) / 2)}, 160) }, media.NotSilent},
		{"every 32nd alike", func(i int) []byte { return bytes.Repeat([]byte{byte(i % 32)}, 160) }, media.NotSilent},
		{"a click a second", func(i int) []byte {
			b := bytes.Repeat([]byte{0xff}, 160)
			if i%48 < 3 {
				b[7] = byte(i)
			}
			return b
		}, media.NotSilent},
	} {
		t.Run(c.name, func(t *testing.T) {
			term, p := open(t, listen(t), media.Phone()), newPhone(t)
			p.offer(term, nil)
			for i := range 200 {
				p.send(c.payload(i))
				if i%20 == 19 {
					counts(t, term, "packets", taken, uint64(i+1)) // no more at a time than the socket has room for
				}
			}
			rather(t, term, soon, c.want, media.SilentNothing)
			for i := range 64 {
				p.send([]byte{byte(i), 1})
			}
			counts(t, term, "packets", taken, 264)
			rather(t, term, soon, media.NotSilent, media.SilentNothing)
		})
	}
}

// TestSilenceAtTheFarSide believes a far side that nothing arrives, if its reports can mean nothing else.
func TestSilenceAtTheFarSide(t *testing.T) {
	term := open(t, listen(t), media.Phone())
	p := newReporter(t, term, true)
	lost := uint32(0)
	report := func(highest uint32) {
		t.Helper()
		lost++
		p.report(&rtcp.ReceiverReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: engine.SSRC(term), LastSequenceNumber: highest, TotalLost: lost}}})
		eventually(t, "the report is read", func() bool { return outgoing(term).RemoteLost == lost })
	}
	want := func(why string, silence media.Silence) {
		t.Helper()
		if got := outgoing(term).Silence; got != silence {
			t.Errorf("%s: %v, want %v", why, got, silence)
		}
	}
	s := &speaker{t: t, term: term}
	s.write(60)
	report(60)
	want("one report", media.NotSilent)
	s.write(10)
	report(60)
	want("too few to tell", media.NotSilent)
	s.write(60)
	report(60)
	want("none of 70", media.SilentLost)
	report(60)
	want("the same again", media.SilentLost)
	s.write(1)
	report(120)
	want("most of them", media.NotSilent)
}

// TestSilenceRefused sends where the system does not let us.
func TestSilenceRefused(t *testing.T) {
	e := listen(t)
	term := open(t, e, media.Phone())
	p := newPhone(t)
	_, d, err := media.Negotiation{}.Offer(pcmu(), media.Local{ID: 1, Addr: "192.0.2.1", Port: p.port(), RTCPPort: p.port() + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := term.Answer(d, nil); err != nil {
		t.Skipf("such an address is not taken: %v", err)
	}
	write(t, term, 3)
	if out := outgoing(term); out.Silence != media.SilentRefused || out.Failed != 3 {
		t.Errorf("%v, %d failed", out.Silence, out.Failed)
	}
	from := open(t, e, media.Phone())
	q := newPhone(t)
	q.offer(from, nil)
	linked(t, from, term)
	q.send([]byte("in a batch"))
	eventually(t, "what a link sends is counted too", func() bool { return outgoing(term).Failed == 4 })
	if out := outgoing(term); out.Silence != media.SilentRefused {
		t.Errorf("a link: %v", out.Silence)
	}
}

// TestReplayIsTold holds the engine against pion/srtp, whose errors of a replay have no name.
func TestReplayIsTold(t *testing.T) {
	if err := engine.Replayed(listen(t)); err == nil || err.Error() != "duplicated packet" {
		t.Errorf("a replay is %v", err)
	}
}
