package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// pressed returns the packet of a telephone event. units is its duration so far, end whether the key was let go.
func pressed(event byte, at uint32, units uint16, end bool, rate int) media.Packet {
	codec := media.TelephoneEvent(rate)
	payload := []byte{event, 10, byte(units >> 8), byte(units)}
	if end {
		payload[1] |= 0x80
	}
	return media.Packet{What: media.Digit, Codec: &codec, Time: at, Payload: payload}
}

func TestDigitsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.up(w, nil)
		put := w.engine.Last(t).Options.Digits
		want := func(body string) {
			t.Helper()
			req := w.peer.request("INFO")
			if got := string(req.Body()); got != body || req.ContentType().Value() != "application/dtmf-relay" {
				t.Errorf("%s %q, want %q", req.ContentType().Value(), got, body)
			}
			w.peer.reply(req, 200, "", "")
		}
		for n := range 4 { // 5, as a phone sends it: its end three times
			put(pressed(5, 1000, uint16(160*(n+1)), false, 8000))
		}
		for range 3 {
			put(pressed(5, 1000, 800, true, 8000))
		}
		want("Signal=5\r\nDuration=100\r\n")
		put(pressed(5, 3000, 160, false, 8000)) // the same key again; then another, so that its end was lost
		put(pressed(11, 5000, 9600, true, 48000))
		first := w.peer.request("INFO")
		w.peer.silence(100 * time.Millisecond) // one at a time, so that they arrive in order
		w.peer.reply(first, 200, "", "")
		if got := string(first.Body()); got != "Signal=5\r\nDuration=20\r\n" {
			t.Errorf("got %q", got)
		}
		want("Signal=#\r\nDuration=200\r\n")
		begin := time.Now()
		put(pressed(10, 9000, 320, false, 8000)) // nothing more comes of it
		want("Signal=*\r\nDuration=40\r\n")
		if d := time.Since(begin); d != 250*time.Millisecond {
			t.Errorf("the end was waited for %v", d)
		}
		put(pressed(16, 12000, 320, true, 8000))
		want("Signal=hf\r\nDuration=40\r\n")
		put(pressed(36, 13000, 320, true, 8000)) // a fax tone is no key
		put(media.Packet{What: media.Digit, Payload: []byte{1}})
		w.peer.silence(time.Minute)
		if got := w.agent.Stats().DigitsLost; got != 1 {
			t.Errorf("%d digits lost, want 1", got)
		}
	})
}

// TestDigitsLong holds a key for longer than a segment of its event lasts, which at 48 kHz is 1.4 s: it is one key.
func TestDigitsLong(t *testing.T) {
	for _, lost := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			s.up(w, nil)
			put := w.engine.Last(t).Options.Digits
			for n := uint32(960); n <= 144_000; n += 960 { // 3 s
				if segment, so := n/0xffff*0xffff, n%0xffff; !lost || so < 64_000 { // the last packets of a segment
					put(pressed(7, 1000+segment, uint16(so), n == 144_000, 48000))
				}
				if n%0xffff > 0xffff-960 && !lost {
					put(pressed(7, 1000+n/0xffff*0xffff, 0xffff, false, 48000))
				}
			}
			req := w.peer.request("INFO")
			if got := string(req.Body()); got != "Signal=7\r\nDuration=3000\r\n" {
				t.Errorf("packets lost %v: got %q", lost, got)
			}
			w.peer.reply(req, 200, "", "")
			w.peer.silence(time.Minute)
		})
	}
}

// TestDigitsLost presses more keys than can wait, and keys that nobody takes.
func TestDigitsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		put := w.engine.Last(t).Options.Digits
		put(pressed(1, 0, 160, true, 8000))
		first := w.peer.request("INFO")
		for n := range 100 {
			put(pressed(2, uint32(1000*(n+1)), 160, true, 8000))
		}
		if got := w.agent.Stats().DigitsLost; got != 36 {
			t.Errorf("%d digits lost, want 36", got)
		}
		w.peer.reply(first, 415, "", "")
		w.peer.reply(w.peer.request("INFO"), 200, "", "")
		w.peer.request("INFO")
		if got := w.agent.Stats().DigitsLost; got != 37 {
			t.Errorf("%d digits lost, want 37", got)
		}
		go func() { _ = l.Hangup(background, bridge.Normal) }()
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		put(pressed(3, 500000, 160, true, 8000))
		for {
			msg := w.peer.receive(time.Minute)
			if msg == nil {
				break
			}
			if !strings.HasPrefix(head(msg), "INFO") || !strings.Contains(string(w.peer.raw), "Signal=2") {
				t.Fatalf("%s after the end", head(msg))
			}
		}
	})
}

func TestDigitsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.up(w, nil)
		for _, c := range []struct {
			kind, body string
			status     int
			event      byte
			units      int
		}{
			{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", 200, 5, 1280},
			{"application/dtmf-relay", "Signal= *\nDuration= 100\n", 200, 10, 800},
			{"Application/DTMF-Relay; charset=x", "signal=#", 200, 11, 1280},
			{"application/dtmf-relay", "Signal=d\r\nDuration=0", 200, 15, 1280},
			{"application/dtmf-relay", "Signal=11\r\nDuration=x", 200, 11, 1280},
			{"application/dtmf-relay", "Signal=hf\r\nDuration=60000", 200, 16, 48000},
			{"application/dtmf", "7", 200, 7, 1280},
			{"application/dtmf", " !\r\n", 200, 16, 1280},
			{"application/dtmf-relay", "Duration=160\r\n", 400, 0, 0},
			{"application/dtmf-relay", "Signal=E\r\n", 400, 0, 0},
			{"application/dtmf", "", 400, 0, 0},
			{"application/dtmf", "99", 400, 0, 0},
			{"application/media_control+xml", "<x/>", 400, 0, 0},
			{"application/sdp", "v=0", 415, 0, 0},
		} {
			before := len(w.engine.Last(t).Injected())
			s.send("INFO", c.body, "Content-Type: "+c.kind)
			w.peer.response(c.status, "INFO")
			synctest.Wait()
			got := w.engine.Last(t).Injected()[before:]
			if c.status != 200 {
				if len(got) != 0 {
					t.Errorf("%q: %d packets", c.body, len(got))
				}
				continue
			}
			if len(got) != 4 {
				t.Fatalf("%q: %d packets, want a beginning and three ends", c.body, len(got))
			}
			for i, p := range got {
				end := p.Payload[1]&0x80 != 0
				if p.What != media.Digit || p.Payload[0] != c.event || int(p.Payload[2])<<8|int(p.Payload[3]) != c.units || end != (i > 0) ||
					p.Marker != (i == 0) || p.Time != got[0].Time || p.Seq != got[0].Seq+uint16(i) || !p.Codec.IsDigits() {
					t.Errorf("%q: packet %d is %+v", c.body, i, p)
				}
			}
			time.Sleep(time.Second)
		}
		s.send("INFO", "")
		w.peer.response(200, "INFO")
		s.agentTag = "other"
		s.send("INFO", "")
		w.peer.response(481, "INFO")
	})
}
