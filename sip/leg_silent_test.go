package sip_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// TestSilentFarSide ends a call whose far side has fallen silent, and says why: to the far side, to who watches the leg, and to the log. The
// engine is told when there is something to wait for: not while the call rings, with early media or without.
func TestSilentFarSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w := newWorld(t, &sip.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		s := w.peer.call()
		l, _ := s.ringing(w, media.Phone().Plan())
		time.Sleep(time.Minute)
		term := w.engine.Last(t)
		if term.Up() {
			t.Error("a call that rings has to send")
		}
		if err := l.Answer(background, media.Phone().Plan()); err != nil {
			t.Fatal(err)
		}
		s.learn(w.peer.response(200, "INVITE"))
		s.ack("")
		if !term.Up() {
			t.Error("a call that is up need not send")
		}
		term.Options.Failed(&media.SilentError{Kind: media.Audio, Why: media.SilentStopped, For: time.Minute})
		end := endOf(t, l, bridge.Media, false)
		if silent, ok := errors.AsType[*media.SilentError](end); !ok || silent.Why != media.SilentStopped {
			t.Errorf("%v does not say why", end)
		}
		bye := w.peer.request("BYE")
		if h := bye.GetHeader("Reason"); h == nil || h.Value() != `Q.850;cause=88;text="No media: stopped"` {
			t.Errorf("Reason of BYE: %v", h)
		}
		w.peer.reply(bye, 200, "", "")
		synctest.Wait() // until nobody writes to the log
		if got := log.String(); !strings.Contains(got, "media failed") || !strings.Contains(got, "no audio for 1m0s: stopped") {
			t.Errorf("the log says\n%s", got)
		}
	})
}

// TestMediaOfSignalling tells the engine where the far side's signalling comes from: media of a phone behind a NAT comes from there, whatever
// it describes.
func TestMediaOfSignalling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		host, _, err := net.SplitHostPort(peerAddr)
		if err != nil {
			t.Fatal(err)
		}
		s := w.peer.call()
		l := s.up(w, nil)
		if got := w.engine.Last(t).Signalled().String(); got != host {
			t.Errorf("a call that came in: %s, want %s", got, host)
		}
		go func() { _ = l.Hangup(background, bridge.Normal) }()
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 183, "b1", describe(1, "sendonly", 31000, "0"))
		d.leg()
		if got := w.engine.Last(t).Signalled().String(); got != host {
			t.Errorf("a call that we have placed: %s, want %s", got, host)
		}
		w.peer.reply(invite, 486, "b1", "")
	})
}
