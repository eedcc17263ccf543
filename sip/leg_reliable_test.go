package sip_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// rackOf returns the RAck for a reliable response, which it must be.
func rackOf(t testing.TB, res *sipmsg.Response) string {
	t.Helper()
	rseq := res.GetHeader("RSeq")
	if require := res.GetHeader("Require"); rseq == nil || require == nil || require.Value() != "100rel" {
		t.Fatalf("not reliable:\n%s", res)
	}
	return fmt.Sprintf("RAck: %s %d INVITE", rseq.Value(), res.CSeq().SeqNo)
}

// prack acknowledges a reliable response.
func (s *script) prack(res *sipmsg.Response, body string) {
	s.p.t.Helper()
	s.send("PRACK", body, rackOf(s.p.t, res))
}

// TestReliableEarlyMedia sends 183 reliably to a caller that takes that, and 200 without the answer that the caller is known to have.
func TestReliableEarlyMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1), "Supported: timer, 100REL")
		l := w.leg()
		if err := l.Ring(background, nil); err != nil {
			t.Fatal(err)
		}
		if res := w.peer.response(180, "INVITE"); res.GetHeader("RSeq") != nil {
			t.Error("a 180 without a description is reliable though nobody requires it")
		}
		if err := l.Ring(background, pcmu(media.SendRecv)); err != nil {
			t.Fatal(err)
		}
		res := w.peer.response(183, "INVITE")
		s.learn(res)
		answered := async(func() error { return l.Answer(background, pcmu(media.SendRecv)) })
		synctest.Wait()
		second := async(func() error { return l.Answer(background, pcmu(media.SendRecv)) })
		begin, wait := time.Now(), 500*time.Millisecond
		for range 4 {
			again := w.peer.response(183, "INVITE")
			if got := time.Since(begin); got != wait || rackOf(t, again) != rackOf(t, res) {
				t.Errorf("repeated after %v, want %v\n%s", got, wait, again)
			}
			begin, wait = time.Now(), 2*wait
		}
		s.send("PRACK", "", strings.Replace(rackOf(t, res), " INVITE", "0 INVITE", 1)) // for another INVITE
		w.peer.response(481, "PRACK")
		s.send("PRACK", "", "RAck: 1 INVITE")
		w.peer.response(400, "PRACK")
		s.prack(res, "")
		w.peer.response(200, "PRACK")
		ok := w.peer.response(200, "INVITE")
		for _, result := range []<-chan error{answered, second} { // each of two that wait for the PRACK
			if err := <-result; err != nil {
				t.Fatal(err)
			}
		}
		if len(ok.Body()) != 0 {
			t.Errorf("the answer comes twice:\n%s", ok)
		}
		s.ack("")
		s.prack(res, "")
		w.peer.response(481, "PRACK")
		w.peer.silence(time.Minute)
		if l.Info().Phase != bridge.Up {
			t.Error("the call is not up")
		}
	})
}

// TestReliableRinging requires 100rel: the 180 is reliable too, and what follows waits for its PRACK, but for the final response.
func TestReliableRinging(t *testing.T) {
	for _, c := range []string{"183 waits", "200 does not", "486 does not"} {
		t.Run(c, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s := w.peer.call()
				l, ringing := s.ringing(w, nil, "Require: 100rel")
				switch c {
				case "183 waits":
					if err := l.Ring(background, pcmu(media.SendRecv)); err != nil {
						t.Fatal(err)
					}
					w.peer.silence(499 * time.Millisecond)
					s.prack(ringing, "")
					w.peer.response(200, "PRACK")
					progress := w.peer.response(183, "INVITE")
					var a, b int
					_, _ = fmt.Sscanf(rackOf(t, ringing), "RAck: %d", &a)
					_, _ = fmt.Sscanf(rackOf(t, progress), "RAck: %d", &b)
					if b != a+1 {
						t.Errorf("RSeq %d after %d", b, a)
					}
					s.prack(progress, "")
					w.peer.response(200, "PRACK")
					w.peer.silence(40 * time.Second)
					return
				case "200 does not":
					if err := l.Answer(background, nil); err != nil {
						t.Fatal(err)
					}
					if ok := w.peer.response(200, "INVITE"); len(ok.Body()) == 0 {
						t.Error("no answer in the 200")
					}
					s.ack("")
				case "486 does not":
					hung := async(func() error { return l.Hangup(background, bridge.Busy) })
					w.peer.response(486, "INVITE")
					s.prack(ringing, "")
					w.peer.response(200, "PRACK")
					s.ackRefusal()
					if err := <-hung; err != nil {
						t.Error(err)
					}
					w.peer.silence(40 * time.Second)
					return
				}
				s.prack(ringing, "")
				w.peer.response(200, "PRACK")
				w.peer.silence(40 * time.Second)
			})
		})
	}
}

// TestReliableNoPRACK gives a call up whose caller never acknowledges: 504 after 64 times T1. An answer that waits is told.
func TestReliableNoPRACK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		begin := time.Now()
		s.send("INVITE", offer(1), "Supported: 100rel")
		l := w.leg()
		_ = l.Ring(background, pcmu(media.SendRecv))
		answered := async(func() error { return l.Answer(background, nil) })
		n := 0
		for ; ; n++ {
			res, _ := w.peer.receive(patience).(*sipmsg.Response)
			if res.StatusCode == 100 {
				n--
				continue
			}
			if res.StatusCode != 183 {
				if res.StatusCode != 504 || time.Since(begin) != 32*time.Second {
					t.Errorf("%d after %v", res.StatusCode, time.Since(begin))
				}
				break
			}
		}
		if n != 7 {
			t.Errorf("183 was sent %d times, want 7", n)
		}
		s.ackRefusal()
		if err := <-answered; bridge.CauseOf(err) != bridge.Unreachable {
			t.Errorf("Answer: %v", err)
		}
		wantEnd(t, l, bridge.Unreachable, false)
	})
}

// TestReliableOfferless makes our offer in a reliable response; PRACK brings the answer.
func TestReliableOfferless(t *testing.T) {
	for _, c := range []struct {
		name, extra string
		early       media.Plan
		status      int
	}{
		{"early media", "Supported: 100rel", pcmu(media.SendRecv), 183},
		{"required while ringing", "Require: 100rel", nil, 180},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s := w.peer.call()
				s.send("INVITE", "", c.extra)
				l := w.leg()
				if err := l.Ring(background, c.early); err != nil {
					t.Fatal(err)
				}
				res := w.peer.response(c.status, "INVITE")
				if !strings.Contains(string(res.Body()), "m=audio") {
					t.Fatalf("no offer:\n%s", res)
				}
				s.learn(res)
				s.prack(res, describe(1, "sendrecv", 30500, "0"))
				w.peer.response(200, "PRACK")
				if info := waitPhase(t, l, bridge.Early); info.Far.String() != "audio sendrecv PCMU/8000" || info.Pending {
					t.Errorf("early: %v, pending %v", info.Far, info.Pending)
				}
				if err := l.Answer(background, pcmu(media.SendRecv)); err != nil {
					t.Fatal(err)
				}
				if ok := w.peer.response(200, "INVITE"); len(ok.Body()) != 0 {
					t.Errorf("a second offer:\n%s", ok)
				}
				s.ack("")
				w.peer.silence(time.Minute)
				if w.engine.Last(t).Port(t) != 30500 {
					t.Error("media go elsewhere")
				}
			})
		})
	}
}

// TestPRACKWithout brings no answer to our offer, or one to nothing of it: the call is refused.
func TestPRACKWithout(t *testing.T) {
	for name, body := range map[string]string{"no answer": "", "nothing taken": describe(1, "sendrecv", 30500, "18")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s := w.peer.call()
				s.send("INVITE", "", "Supported: 100rel")
				l := w.leg()
				_ = l.Ring(background, pcmu(media.SendRecv))
				res := w.peer.response(183, "INVITE")
				s.learn(res)
				s.prack(res, body)
				w.peer.response(200, "PRACK")
				w.peer.response(488, "INVITE")
				s.ackRefusal()
				wantEnd(t, l, bridge.Media, false)
			})
		})
	}
}

// TestPRACKOffers has the caller make another offer with PRACK: its answer comes in the 200 to that.
func TestPRACKOffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, res := s.ringing(w, pcmu(media.SendRecv), "Supported: 100rel")
		s.prack(res, describe(2, "sendrecv", 30700, "0"))
		if ok := w.peer.response(200, "PRACK"); !strings.Contains(string(ok.Body()), "m=audio 40000 RTP/AVP 0") {
			t.Errorf("no answer:\n%s", ok)
		}
		if w.engine.Last(t).Port(t) != 30700 {
			t.Error("media do not follow")
		}
		_ = l.Answer(background, pcmu(media.SendRecv))
		if ok := w.peer.response(200, "INVITE"); len(ok.Body()) != 0 {
			t.Errorf("an answer to nothing:\n%s", ok)
		}
		s.ack("")
		if info := l.Info(); info.Phase != bridge.Up {
			t.Errorf("%s", info.Phase)
		}
	})
}

// TestEarlyAnswerOtherwise answers otherwise than was said early: the rest is offered once the call is up.
func TestEarlyAnswerOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.ringing(w, pcmu(media.SendOnly))
		if err := l.Answer(background, pcmu(media.SendRecv)); err != nil {
			t.Fatal(err)
		}
		s.learn(w.peer.response(200, "INVITE"))
		s.ack("")
		again := w.peer.request("INVITE")
		if !strings.Contains(string(again.Body()), "a=sendrecv") {
			t.Errorf("offered:\n%s", again.Body())
		}
		w.peer.reply(again, 200, "", offer(2))
		w.peer.request("ACK")
		w.peer.silence(time.Minute)
	})
}

// TestReliableOptions holds what each setting makes of what callers say.
func TestReliableOptions(t *testing.T) {
	for _, c := range []struct {
		reliable sip.Reliability
		extra    string
		status   int
		header   string
	}{
		{sip.ReliableSupported, "Supported: precondition", 180, ""},
		{sip.ReliableSupported, "Require: 100rel", 180, "RSeq"},
		{sip.ReliableSupported, "Require: 100rel, precondition, sec-agree", 420, "Unsupported: precondition, sec-agree"},
		{sip.ReliableRequired, "Supported: 100rel", 180, "RSeq"},
		{sip.ReliableRequired, "Supported: timer", 421, "Require: 100rel"},
		{sip.ReliableOff, "Supported: 100rel", 180, ""},
		{sip.ReliableOff, "Require: 100rel", 420, "Unsupported: 100rel"},
	} {
		t.Run(fmt.Sprint(c.reliable, c.extra), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &sip.Options{Reliable: c.reliable})
				s := w.peer.call()
				s.send("INVITE", offer(1), c.extra)
				if c.status == 180 {
					l := w.leg()
					if err := l.Ring(background, nil); err != nil {
						t.Fatal(err)
					}
				}
				res := w.peer.response(c.status, "INVITE")
				name, value, _ := strings.Cut(c.header, ": ")
				switch h := res.GetHeader(name); {
				case name == "" && res.GetHeader("RSeq") != nil:
					t.Errorf("reliable:\n%s", res)
				case name != "" && (h == nil || value != "" && h.Value() != value):
					t.Errorf("%s, want %s", name, c.header)
				}
				if got := res.GetHeader("Supported"); c.status == 180 && (got != nil && strings.Contains(got.Value(), "100rel")) != (c.reliable != sip.ReliableOff) {
					t.Errorf("Supported: %v", got)
				}
			})
		})
	}
}
