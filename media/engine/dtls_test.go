package engine_test

import (
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// failures counts what a terminal says of its end.
type failures struct {
	n    atomic.Int32
	last atomic.Value
}

func openFailing(t testing.TB, e *engine.Engine) (media.Terminal, *failures) {
	t.Helper()
	return openWatched(t, e, media.AlexaCalling())
}

func openWatched(t testing.TB, e *engine.Engine, p *media.Policy) (media.Terminal, *failures) {
	t.Helper()
	f := new(failures)
	term, err := e.Open(p, &media.OpenOptions{Failed: func(err error) { f.last.Store(err.Error()); f.n.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	return term, f
}

func (f *failures) wait(t testing.TB, want string) {
	t.Helper()
	eventually(t, "the terminal says that it has failed", func() bool { return f.n.Load() > 0 })
	if got, _ := f.last.Load().(string); !strings.Contains(got, want) {
		t.Errorf("failed with %q, want %q", got, want)
	}
}

// isDTLS reports whether a datagram is DTLS (RFC 7983).
func isDTLS(b []byte) bool { return len(b) > 0 && b[0] >= 20 && b[0] < 64 }

// everyRole runs a test with the engine as the client of DTLS, which it is where the browser offers, and as the server.
func everyRole(t *testing.T, run func(t *testing.T, offers bool)) {
	t.Run("client", func(t *testing.T) { t.Parallel(); run(t, false) })
	t.Run("server", func(t *testing.T) { t.Parallel(); run(t, true) })
}

var fingerprintLine = regexp.MustCompile(`a=fingerprint:sha-256 ([0-9A-F]{2})`)

// forged changes the first byte of the fingerprint.
func forged(t testing.TB, d media.Description) media.Description {
	t.Helper()
	b, _ := d.AppendText(nil)
	line := fingerprintLine.FindString(string(b))
	if line == "" {
		t.Fatalf("no fingerprint in\n%s", b)
	}
	other := "00"
	if strings.HasSuffix(line, other) {
		other = "01"
	}
	return edit(t, d, line, line[:len(line)-2]+other)
}

func TestDTLSWrongFingerprint(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		e := listen(t)
		term, failed := openFailing(t, e)
		b := newBrowser(t)
		f := newForwarder(t, e.Addr())
		var sound atomic.Int32
		f.with(func(b []byte, _ bool) int {
			if isMedia(b) {
				sound.Add(1)
			}
			return 1
		})
		if offers {
			offer, err := term.Offer(g711())
			if err != nil {
				t.Fatal(err)
			}
			if err := term.Accept(forged(t, f.offered(b.answer(f.answered(offer))))); err != nil {
				t.Fatal(err)
			}
		} else {
			answer, err := term.Answer(forged(t, f.offered(b.offer())), g711())
			if err != nil {
				t.Fatal(err)
			}
			b.remote(webrtc.SDPTypeAnswer, f.answered(answer))
		}
		stop := b.talk("from the browser")
		defer stop()
		quiet := chat(t, term, "from us")
		defer quiet()
		failed.wait(t, "certificate is not the one of the description")
		before := outgoing(term).Blocked
		eventually(t, "more has been written", func() bool { return outgoing(term).Blocked > before+20 })
		if in, out := incoming(term), outgoing(term); in.Packets != 0 || out.Packets != 0 || sound.Load() != 0 {
			t.Errorf("media has passed: in %+v, out %+v, %d packets on the wire", in, out, sound.Load())
		}
		quiet()
		if err := term.Close(); err != nil {
			t.Fatal(err)
		}
		if n := failed.n.Load(); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestDTLSNoHandshake(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		e := listen(t)
		engine.SetLimits(e, 15*time.Second, 300*time.Millisecond)
		term, failed := openFailing(t, e)
		f := newForwarder(t, e.Addr())
		f.with(func(b []byte, _ bool) int {
			if isDTLS(b) {
				return 0
			}
			return 1
		})
		f.negotiate(term, newBrowser(t), offers)
		failed.wait(t, "engine: DTLS")
		if n := failed.n.Load(); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// endsHandshake reports whether a datagram carries a ChangeCipherSpec record, which comes with Finished.
func endsHandshake(b []byte) bool {
	for isDTLS(b) && len(b) >= 13 {
		if b[0] == 20 {
			return true
		}
		n := 13 + int(b[11])<<8 + int(b[12])
		if n > len(b) {
			return false
		}
		b = b[n:]
	}
	return false
}

// The last flight is lost once each way, while everything of DTLS that comes to us comes twice.
func TestDTLSLostFinalFlight(t *testing.T) {
	t.Parallel()
	quick := func(s *webrtc.SettingEngine) { s.SetDTLSRetransmissionInterval(100 * time.Millisecond) }
	for _, toPeer := range []bool{true, false} {
		for _, twice := range []bool{false, true} {
			name := map[bool]string{true: "ours", false: "the far side's"}[toPeer] + map[bool]string{true: ", others twice"}[twice]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				everyRole(t, func(t *testing.T, offers bool) {
					e := listen(t)
					term, failed := openFailing(t, e)
					b := newBrowser(t, quick)
					f := newForwarder(t, e.Addr())
					lost := false
					f.with(func(b []byte, to bool) int {
						switch {
						case to == toPeer && !lost && endsHandshake(b):
							lost = true
							return 0
						case twice && isDTLS(b):
							return 2
						}
						return 1
					})
					f.negotiate(term, b, offers)
					bothHear(t, term, b)
					if n := failed.n.Load(); n != 0 {
						t.Errorf("failed: %v", failed.last.Load())
					}
				})
			})
		}
	}
}

// After the handshake nothing that looks like DTLS does any harm, and nothing makes us send without end.
func TestDTLSAfterHandshake(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		e := listen(t)
		term, failed := openFailing(t, e)
		b := newBrowser(t)
		f := newForwarder(t, e.Addr())
		var hello []byte
		var answers atomic.Int32
		f.with(func(b []byte, toPeer bool) int {
			if isDTLS(b) && toPeer != offers && hello == nil {
				hello = append(hello, b...) // the client's first word: the browser's where we offer, ours elsewhere
			}
			if isDTLS(b) && toPeer {
				answers.Add(1)
			}
			return 1
		})
		f.negotiate(term, b, offers)
		bothHear(t, term, b)
		f.mu.Lock()
		first := hello
		f.mu.Unlock()
		if len(first) == 0 {
			t.Fatal("no ClientHello was seen")
		}
		before := answers.Load()
		for i := range 300 {
			for _, record := range [][]byte{
				{20},
				{21, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0},
				{63, 1, 2, 3},
				append([]byte{23, 254, 253, 0, 1, 0, 0, 0, 0, 0, byte(i), 0, 30}, make([]byte, 30)...),
			} {
				f.inject(record)
			}
		}
		bothHear(t, term, b)
		if n := answers.Load() - before; n != 0 {
			t.Errorf("%d datagrams in answer to what needs none", n)
		}
		for i := range 300 {
			f.inject(first)
			f.inject([]byte{22, 254, 253, byte(i)})
		}
		bothHear(t, term, b)
		if n := answers.Load() - before; n > 32 || offers && n == 0 {
			t.Errorf("%d datagrams in answer to handshakes, want a few of a server", n)
		}
		if n := failed.n.Load(); n != 0 {
			t.Errorf("failed: %v", failed.last.Load())
		}
	})
}
