package engine_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// listenTCP opens an engine that takes connections.
func listenTCP(t testing.TB) *engine.Engine {
	t.Helper()
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{TCP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// overTCP keeps the browser from UDP: it connects to others.
func overTCP(s *webrtc.SettingEngine) {
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
}

// waiting lets the browser wait for connections too.
func waiting(t testing.TB, networks ...webrtc.NetworkType) func(*webrtc.SettingEngine) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := webrtc.NewICETCPMux(nil, ln, 32)
	t.Cleanup(func() { _ = mux.Close() })
	return func(s *webrtc.SettingEngine) {
		s.SetNetworkTypes(networks)
		s.SetICETCPMux(mux)
		s.DisableActiveTCP(true)
	}
}

func join(t *testing.T, term media.Terminal, b *browser, offers bool) {
	t.Helper()
	if offers {
		offer, err := term.Offer(g711())
		if err != nil {
			t.Fatal(err)
		}
		if err := term.Accept(b.answer(offer)); err != nil {
			t.Fatal(err)
		}
		return
	}
	answer, err := term.Answer(b.offer(), g711())
	if err != nil {
		t.Fatal(err)
	}
	b.remote(webrtc.SDPTypeAnswer, answer)
}

func byTCP(term media.Terminal) bool { return strings.HasPrefix(engine.RemoteOf(term), "240.") }

// Where UDP does not pass, the far side connects to us, or we to it, whoever offers, and media goes that way.
func TestTCPWithoutUDP(t *testing.T) {
	t.Parallel()
	t.Run("far side connects", func(t *testing.T) {
		t.Parallel()
		everyRole(t, func(t *testing.T, offers bool) {
			term, failed := openFailing(t, listenTCP(t))
			b := newBrowser(t, overTCP)
			join(t, term, b, offers)
			bothHear(t, term, b)
			if !byTCP(term) || failed.n.Load() != 0 {
				t.Errorf("media goes to %s; %v", engine.RemoteOf(term), failed.last.Load())
			}
		})
	})
	t.Run("we connect", func(t *testing.T) {
		t.Parallel()
		everyRole(t, func(t *testing.T, offers bool) {
			term, failed := openFailing(t, listen(t))
			b := newBrowser(t, waiting(t, webrtc.NetworkTypeTCP4))
			join(t, term, b, offers)
			bothHear(t, term, b)
			if !byTCP(term) || failed.n.Load() != 0 {
				t.Errorf("media goes to %s; %v", engine.RemoteOf(term), failed.last.Load())
			}
		})
	})
}

// Where both pass, it is UDP.
func TestTCPAfterUDP(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		term, _ := openFailing(t, listenTCP(t))
		b := newBrowser(t, waiting(t, webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4))
		join(t, term, b, offers)
		bothHear(t, term, b)
		if byTCP(term) {
			t.Errorf("media goes to %s", engine.RemoteOf(term))
		}
	})
}

// UDP that passes at first and then no more is no reason to change: TCP is there for a restart, over which media goes on.
func TestTCPRestart(t *testing.T) {
	t.Parallel()
	e := listenTCP(t)
	term, failed := openFailing(t, e)
	b := newBrowser(t, overTCP)
	join(t, term, b, false)
	bothHear(t, term, b)
	for range 2 {
		restart(t, term, b)
		b.drain()
		bothHear(t, term, b)
		eventually(t, "the browser's agent has agreed on a path", func() bool {
			state := b.pc.ICEConnectionState()
			return state == webrtc.ICEConnectionStateConnected || state == webrtc.ICEConnectionStateCompleted
		})
	}
	if !byTCP(term) || failed.n.Load() != 0 {
		t.Errorf("media goes to %s; %v", engine.RemoteOf(term), failed.last.Load())
	}
}

// Two calls over TCP through one engine hear each other, and a lite one takes connections and makes none.
func TestTCPRelay(t *testing.T) {
	t.Parallel()
	e := listenTCP(t)
	one, _ := openFailing(t, e)
	other, _ := openPolicy(t, e, litePolicy())
	a, b := newBrowser(t, overTCP), newBrowser(t, overTCP)
	join(t, one, a, true)
	join(t, other, b, false)
	bothHear(t, one, a)
	bothHear(t, other, b)
	relayed(t, one, other)
	stop := a.talk("from a")
	b.hearsAtLast("from a")
	stop()
	stop = b.talk("from b")
	a.hearsAtLast("from b")
	stop()
	offer, err := open(t, e, litePolicy()).Offer(g711())
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := offer.AppendText(nil); strings.Contains(string(text), "tcptype active") || !strings.Contains(string(text), "tcptype passive") {
		t.Errorf("a lite agent offers\n%s", text)
	}
}

// A call that ends says goodbye over TCP too, and takes its connections with it.
func TestTCPClose(t *testing.T) {
	t.Parallel()
	e := listenTCP(t)
	term, _ := openFailing(t, e)
	b := newBrowser(t, overTCP)
	join(t, term, b, false)
	bothHear(t, term, b)
	began := time.Now()
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
	eventually(t, "the browser hears the end", func() bool { return b.pc.ConnectionState() == webrtc.PeerConnectionStateClosed })
}
