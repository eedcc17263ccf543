package sip_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

func TestIncomingRingAndAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		w.peer.response(100, "INVITE")
		l := w.leg()
		info := l.Info()
		if !l.Info().Pending || info.Phase != bridge.Placed || len(info.Far) != 1 {
			t.Errorf("a call that came in with an offer: %+v", info)
		}
		if want := (bridge.Party{URI: "sip:ann@example.com", Name: `Ann "A" Lee`}); info.From != want {
			t.Errorf("from %+v, want %+v", info.From, want)
		}
		if info.To.URI != "sip:room@192.0.2.1:5060" {
			t.Errorf("to %q, want the Request-URI", info.To.URI)
		}
		if err := l.Ring(background, nil); err != nil {
			t.Fatal(err)
		}
		ringing := w.peer.response(180, "INVITE")
		if len(ringing.Body()) > 0 || ringing.Contact() == nil {
			t.Errorf("180 with a body, or without Contact:\n%s", w.peer.raw)
		}
		if l.Info().Phase != bridge.Alerting {
			t.Errorf("phase %s, want alerting", l.Info().Phase)
		}
		if err := l.Ring(background, nil); err != nil {
			t.Fatal(err)
		}
		w.peer.silence(time.Second)
		if err := l.Answer(background, pcmu(media.SendRecv)); err != nil {
			t.Fatal(err)
		}
		ok := w.peer.response(200, "INVITE")
		s.learn(ok)
		if a, b := ringing.To().Params, ok.To().Params; a.GetOr("tag", "") == "" || a.GetOr("tag", "") != b.GetOr("tag", "") {
			t.Errorf("tags %v and %v, want the same", a, b)
		}
		if body := string(ok.Body()); !strings.Contains(body, "RTP/AVP 0\r\n") {
			t.Errorf("the answer has not PCMU alone:\n%s", body)
		}
		s.ack("")
		info = waitPhase(t, l, bridge.Up)
		if info.Pending || info.Answered.IsZero() || l.Media().Plan().String() != "audio sendrecv PCMU/8000" {
			t.Errorf("up: %+v, agreed %s", info, l.Media().Plan())
		}
		w.peer.silence(time.Minute)
		if got := w.agent.Stats(); got.Standing != 1 || got.In != 1 || got.ServerTransactions != 0 {
			t.Errorf("stats %+v", got)
		}
		s.send("BYE", "", `Reason: Q.850;cause=16;text="bye now"`)
		w.peer.response(200, "BYE")
		end := endOf(t, l, bridge.Normal, true)
		if !strings.Contains(end.Error(), "bye now") {
			t.Errorf("%v does not say what the Reason header did", end)
		}
		synctest.Wait()
		if len(w.engine.Terminals()) != 0 || w.agent.Stats().Standing != 0 {
			t.Error("something of the call is left")
		}
	})
}

func TestEarlyMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.ringing(w, nil)
		if err := l.Ring(background, pcmu(media.SendRecv)); err != nil {
			t.Fatal(err)
		}
		early := string(w.peer.response(183, "INVITE").Body())
		if info := l.Info(); info.Phase != bridge.Early || info.Pending {
			t.Errorf("early media: %s, pending %v", info.Phase, info.Pending)
		}
		if err := errors.Join(l.Ring(background, nil), l.Ring(background, pcmu(media.SendRecv))); err != nil {
			t.Fatal(err)
		}
		w.peer.silence(time.Second)
		if err := l.Answer(background, pcmu(media.SendRecv)); err != nil {
			t.Fatal(err)
		}
		ok := w.peer.response(200, "INVITE")
		if got := string(ok.Body()); got != early {
			t.Errorf("the answer in 200 is not that in 183:\n%s\n%s", got, early)
		}
		s.learn(ok)
		s.ack("")
		if err := l.Update(background, pcmu(media.SendRecv)); err != nil {
			t.Errorf("nothing to change: %v", err)
		}
		w.peer.silence(time.Second)
	})
}

func TestOfferless(t *testing.T) {
	for _, c := range []struct {
		name, ack string
		cause     bridge.Cause
	}{
		{"answered", describe(1, "sendrecv", 31000, "8"), bridge.Normal},
		{"no answer", "", bridge.Media},
		{"malformed", "v=0\r\nm=audio x\r\n", bridge.Media},
		{"nothing of it", describe(1, "sendrecv", 31000, "18"), bridge.Media},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s := w.peer.call()
				s.send("INVITE", "")
				l := w.leg()
				if info := l.Info(); info.Pending || info.Far != nil {
					t.Errorf("offerless: %+v", info)
				}
				if err := l.Ring(background, pcmu(media.SendRecv)); err != nil {
					t.Fatal(err)
				}
				w.peer.response(180, "INVITE") // no early media without an offer
				answered := async(func() error { return l.Answer(background, nil) })
				ok := w.peer.response(200, "INVITE")
				if !strings.Contains(string(ok.Body()), "PCMA/8000") {
					t.Errorf("no offer of ours in the 200:\n%s", ok.Body())
				}
				waitPhase(t, l, bridge.Up)
				s.learn(ok)
				s.ack(c.ack)
				err := <-answered
				if c.cause == bridge.Normal {
					if err != nil || l.Media().Plan().String() != "audio sendrecv PCMA/8000" || l.Info().Far == nil {
						t.Errorf("answered with %v: agreed %s, far %s", err, l.Media().Plan(), l.Info().Far)
					}
					return
				}
				wantEnd(t, l, c.cause, false)
				if err == nil {
					t.Error("Answer says that all is well")
				}
				w.peer.reply(w.peer.request("BYE"), 200, "", "")
			})
		})
	}
}

// TestLostACK repeats the 200 as RFC 3261 section 13.3.1.4 says, and gives up after 64 times T1.
func TestLostACK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		l := w.leg()
		begin := time.Now()
		if err := l.Answer(background, nil); err != nil {
			t.Fatal(err)
		}
		var at []time.Duration
		for range 11 {
			w.peer.response(200, "INVITE")
			at = append(at, time.Since(begin).Round(time.Millisecond))
		}
		want := []time.Duration{0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500}
		for i := range want {
			if at[i] != want[i]*time.Millisecond {
				t.Fatalf("200 sent at %v, want %v ms", at, want)
			}
		}
		bye := w.peer.request("BYE")
		if d := time.Since(begin); d != 32*time.Second {
			t.Errorf("BYE after %v, want 32 s", d)
		}
		wantEnd(t, l, bridge.Unreachable, false)
		w.peer.reply(bye, 200, "", "")
		w.peer.silence(time.Minute)
	})
}

func TestACKStopsRepetition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.accepted(w, nil)
		w.peer.response(200, "INVITE")
		s.p.send(s.text("ACK", s.inviteSeq, s.branch, "")) // with the branch of the INVITE, as RFC 2543 had it
		w.peer.silence(2 * time.Minute)
		if l.Info().Phase != bridge.Up {
			t.Errorf("phase %s", l.Info().Phase)
		}
	})
}

func TestRefusedBeforeTheBridge(t *testing.T) {
	for _, c := range []struct {
		name, body string
		extra      []string
		status     int
		warning    string
	}{
		{"malformed", "v=0\r\nm=audio\r\n", nil, 400, "399"},
		{"no common codec", describe(1, "sendrecv", 30000, "18"), nil, 488, "305"},
		{"not plain RTP", strings.Replace(offer(1), "RTP/AVP", "RTP/SAVP", 1), nil, 488, "399"},
		{"no SDP but text", "hello", []string{"Content-Type: text/plain"}, 415, ""},
		{"compressed", "hello", []string{"Content-Type: application/sdp", "Content-Encoding: gzip"}, 415, ""},
		{"extension", offer(1), []string{"Require: 100rel, precondition"}, 420, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s := w.peer.call()
				s.send("INVITE", c.body, c.extra...)
				res := w.peer.response(c.status, "INVITE")
				if h := res.GetHeader("Warning"); c.warning != "" && (h == nil || !strings.HasPrefix(h.Value(), c.warning)) {
					t.Errorf("Warning %v, want %s", h, c.warning)
				}
				s.ackRefusal()
				w.peer.silence(time.Minute)
				if got := w.agent.Stats(); got.In != 0 || got.Standing != 0 || len(w.engine.Terminals()) != 0 {
					t.Errorf("the Bridge has seen it, or something is left: %+v", got)
				}
			})
		})
	}
}

// TestUnacceptableAnswer has the Bridge want a codec that the caller does not offer.
func TestUnacceptableAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		l := w.leg()
		opus := media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.Opus()}}}
		if err := l.Ring(background, opus); !errors.Is(err, media.ErrNoCommonCodec) {
			t.Errorf("Ring: %v", err)
		}
		if l.Info().Phase == bridge.Over {
			t.Fatal("the call ended with the early media")
		}
		if err := l.Answer(background, opus); !errors.Is(err, media.ErrNoCommonCodec) {
			t.Errorf("Answer: %v", err)
		}
		if h := w.peer.response(488, "INVITE").GetHeader("Warning"); h == nil || !strings.HasPrefix(h.Value(), "305 ") {
			t.Errorf("Warning: %v", h)
		}
		s.ackRefusal()
		wantEnd(t, l, bridge.Media, false)
	})
}

func TestMultipartOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		body := "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\nContent-Type: application/sdp\r\n\r\n" + offer(1) + "\r\n--x--\r\n"
		s.send("INVITE", body, `Content-Type: multipart/mixed;boundary="x"`)
		l := w.leg()
		if !l.Info().Pending {
			t.Error("the offer was not found")
		}
		if err := l.Answer(background, nil); err != nil {
			t.Error(err)
		}
		s.learn(w.peer.response(200, "INVITE"))
		s.ack("")
	})
}

// TestMergedRequest forks one call to us twice: the second copy is refused (RFC 3261 section 8.2.2.2).
func TestMergedRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		l := w.leg()
		w.peer.send(s.text("INVITE", s.seq, "z9hG4bKother", offer(1)))
		w.peer.response(482, "INVITE")
		w.peer.send(s.text("ACK", s.seq, "z9hG4bKother", ""))
		if l.Info().Phase != bridge.Placed || w.agent.Stats().In != 1 {
			t.Error("the second copy was taken for a call")
		}
	})
}

// TestRepeatedInvite gives a repeated INVITE the last response again, and no second leg.
func TestRepeatedInvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		text := s.send("INVITE", offer(1))
		l := w.leg()
		w.peer.send(text)
		w.peer.response(100, "INVITE")
		if err := l.Ring(background, nil); err != nil {
			t.Fatal(err)
		}
		w.peer.response(180, "INVITE")
		w.peer.send(text)
		w.peer.response(180, "INVITE")
		if w.agent.Stats().In != 1 {
			t.Error("a repetition was taken for a call")
		}
	})
}

// TestIncomingWithKeys takes a call whose sound is protected by keys in the offer (RFC 4568), and refuses one that has none.
func TestIncomingWithKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := media.Phone()
		policy.Security = media.SDES
		w := newWorld(t, &sip.Options{Policy: policy})
		s := w.peer.call()
		s.send("INVITE", offer(1))
		w.peer.response(488, "INVITE")
		s.ackRefusal()
		s = w.peer.call()
		secured := strings.Replace(offer(1), "RTP/AVP", "RTP/SAVP", 1)
		s.send("INVITE", secured+"a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:"+strings.Repeat("AbCd", 10)+"\r\n")
		l := w.leg()
		if err := l.Answer(background, nil); err != nil {
			t.Fatal(err)
		}
		if got := string(w.peer.response(200, "INVITE").Body()); !strings.Contains(got, " RTP/SAVP ") || !strings.Contains(got, "a=crypto:3 AES_CM_128_HMAC_SHA1_80 ") {
			t.Errorf("answered\n%s", got)
		}
		s.ack("")
	})
}
