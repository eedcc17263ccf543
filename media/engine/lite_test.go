package engine_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// lively lets the peer check its path often.
func lively(s *webrtc.SettingEngine) {
	s.SetICETimeouts(time.Minute, time.Minute, 200*time.Millisecond)
}

func isSTUN(b []byte) bool { return len(b) > 0 && b[0] < 4 }

func openPolicy(t testing.TB, e *engine.Engine, p *media.Policy) (media.Terminal, *failures) {
	t.Helper()
	f := new(failures)
	term, err := e.Open(p, &media.OpenOptions{Failed: func(err error) { f.last.Store(err.Error()); f.n.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	return term, f
}

func litePolicy() *media.Policy {
	p := media.AlexaCalling()
	p.Lite = true
	return p
}

// A lite agent answers checks and sends none, whoever offers, and follows its far side to another port.
func TestLiteAgent(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		e := listen(t)
		term, failed := openPolicy(t, e, litePolicy())
		b := newBrowser(t, lively)
		f := newForwarder(t, e.Addr())
		var requests, responses atomic.Int32
		f.with(func(b []byte, toPeer bool) int {
			if toPeer && isSTUN(b) && b[0] == 0 {
				requests.Add(1)
			} else if toPeer && isSTUN(b) {
				responses.Add(1)
			}
			return 1
		})
		f.negotiate(term, b, offers)
		bothHear(t, term, b)
		f.move()
		eventually(t, "the terminal sends to the new port", func() bool { return engine.RemoteOf(term) == portOf(f.near()).String() })
		b.drain()
		bothHear(t, term, b)
		if requests.Load() != 0 || responses.Load() == 0 {
			t.Errorf("%d checks of our own, want none, and %d responses", requests.Load(), responses.Load())
		}
		if failed.n.Load() != 0 {
			t.Errorf("failed: %v", failed.last.Load())
		}
	})
}

// A far side that checks the path no more and sends media is there, as far as a lite agent can know. Without media it is gone.
func TestLiteAgentHearsMediaAlone(t *testing.T) {
	t.Parallel()
	const consent = 3 * time.Second
	e := listen(t)
	engine.SetConsent(e, consent)
	term, failed := openPolicy(t, e, litePolicy())
	b := newBrowser(t, lively)
	f := through(t, e, term, b, false)
	bothHear(t, term, b)
	f.with(func(b []byte, _ bool) int {
		if isSTUN(b) {
			return 0
		}
		return 1
	})
	before := incoming(term).Packets
	stop := b.talk("from the browser")
	<-time.After(2 * consent)
	if n := failed.n.Load(); n != 0 {
		t.Errorf("failed while media came: %v", failed.last.Load())
	}
	stop()
	if incoming(term).Packets == before {
		t.Error("no media has come: the test is wrong")
	}
	f.with(func([]byte, bool) int { return 0 })
	failed.wait(t, "engine: no connectivity")
}

// Where no check is answered any more, media goes on for the time of consent and not longer, though media still arrives (RFC 7675 section
// 5.1). Indications, which anybody can send, count for nothing.
func TestConsentExpires(t *testing.T) {
	t.Parallel()
	const consent = 3 * time.Second
	everyRole(t, func(t *testing.T, offers bool) {
		e := listen(t)
		engine.SetConsent(e, consent)
		term, failed := openPolicy(t, e, media.AlexaCalling())
		b := newBrowser(t, lively)
		f := through(t, e, term, b, offers)
		bothHear(t, term, b)
		f.with(func(b []byte, _ bool) int {
			if isSTUN(b) {
				return 0
			}
			return 1
		})
		stop := b.talk("from the browser")
		defer stop()
		indication := []byte{0, 0x11, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
		for deadline := time.Now().Add(20 * time.Second); failed.n.Load() == 0 && time.Now().Before(deadline); {
			f.inject(indication)
			write(t, term, 1)
			<-time.After(20 * time.Millisecond)
		}
		failed.wait(t, "engine: no connectivity")
		sent := outgoing(term)
		write(t, term, 5)
		if now := outgoing(term); now.Packets != sent.Packets || sent.Packets == 0 {
			t.Errorf("sent %d packets, then %d without consent", sent.Packets, now.Packets)
		}
	})
}

// Of two lite agents none would check the path.
func TestLiteAgentsRefuseEachOther(t *testing.T) {
	e1, e2 := listen(t), listen(t)
	one, other := open(t, e1, litePolicy()), open(t, e2, litePolicy())
	offer, err := one.Offer(g711())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Answer(offer, g711()); !errors.Is(err, media.ErrRefused) {
		t.Errorf("a lite offer is answered with %v", err)
	}
	full := open(t, e2, media.AlexaCalling())
	answer, err := full.Answer(offer, g711())
	if err != nil {
		t.Fatal(err)
	}
	if err := one.Accept(edit(t, answer, "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n")); !errors.Is(err, media.ErrRefused) {
		t.Errorf("a lite answer is taken: %v", err)
	}
	if err := one.Accept(answer); err != nil {
		t.Error(err)
	}
}
