package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
)

// doorPolicy is what a leg to a door phone agrees on.
func doorPolicy() *media.Policy {
	p := media.VideoPhone()
	p.Mux = true
	return p
}

// echoAnswered has term answer a peer's offer in a style, and gives the peer the answer.
func (v *viewer) echoAnswered(t *testing.T, s echoStyle, term media.Terminal, want media.Plan) string {
	t.Helper()
	answer, err := term.Answer(s.written(t, v.offer()), want)
	if err != nil {
		t.Fatal(err)
	}
	v.remote(webrtc.SDPTypeAnswer, answer)
	text, _ := answer.AppendText(nil)
	return string(text)
}

// TestDoorStylesConnect lets a WebRTC peer offer in each style of an Echo: it takes the answer and connects, and sound and pictures pass between
// it and a plain door phone, both ways.
func TestDoorStylesConnect(t *testing.T) {
	for _, s := range echoStyles() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			e := listen(t)
			echo, term, far := newEcho(t, s), open(t, e, media.AlexaDoor()), open(t, e, doorPolicy())
			fmtp := doorH264
			if s.soundAlone {
				fmtp = ""
			}
			d := newDoor(t, far, fmtp)
			relayed(t, term, far)
			text := echo.echoAnswered(t, s, term, far.Plan())
			for line := range strings.SplitSeq(text, "\r\n") {
				if f := strings.Fields(line); strings.HasPrefix(line, "a=candidate:") && (len(f) < 8 || f[1] != "1" || !strings.Contains(f[4], ".")) {
					t.Errorf("candidate %q", line)
				}
			}
			sections := 2
			if s.soundAlone {
				sections = 1
			}
			if got := strings.Count(text, "a=end-of-candidates\r\n"); got != sections {
				t.Errorf("%d ends of candidates in\n%s", got, text)
			}
			defer echo.talk("from the Echo")()
			d.sound.hearsSoon(t, "from the Echo")
			defer keeps(d.speaks)()
			echo.hears("from the door")
			if s.soundAlone {
				return
			}
			defer keeps(func() { d.video.see(d.number, "pictures of the door") })()
			select {
			case p := <-echo.seen:
				if string(p.Payload) != "pictures of the door" || p.PayloadType != uint8(s.h264) {
					t.Errorf("the Echo sees %d %q", p.PayloadType, p.Payload)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("the Echo sees nothing in 30 s")
			}
		})
	}
}

// keeps does f every few milliseconds until stop is called.
func keeps(f func()) (stop func()) {
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			f()
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-over }
}

// speaks sends 20 ms of sound.
func (d *door) speaks() {
	before := d.sound.time
	d.sound.see(0, "from the door")
	d.sound.time = before + 160
}

// hearsSoon waits for a packet of sound.
func (p *phone) hearsSoon(t *testing.T, want string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if b := p.raw(); len(b) > 12 && b[1]&0x7f < 64 && string(b[12:]) == want {
			return
		}
	}
	t.Fatalf("no %q in 30 s", want)
}
