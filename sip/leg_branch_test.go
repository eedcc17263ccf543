package sip_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// wantPRACK returns the next message, which must be the PRACK of a branch for a response.
func (p *peer) wantPRACK(tag, rack string) *sipmsg.Request {
	p.t.Helper()
	req := p.request("PRACK")
	if got := req.GetHeader("RAck"); got == nil || got.Value() != rack || req.To().Params.GetOr("tag", "") != tag {
		p.t.Errorf("PRACK for %v of %s, want %s of %s", got, req.To().Value(), rack, tag)
	}
	return req
}

func seqOf(invite *sipmsg.Request) string {
	return " " + statusText(int(invite.CSeq().SeqNo)) + " INVITE"
}

// TestPRACK acknowledges reliable responses in their order, each once.
func TestPRACK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		if got := invite.GetHeader("Supported"); got == nil || !strings.Contains(got.Value(), "100rel") || invite.GetHeader("Require") != nil {
			t.Errorf("Supported %v", got)
		}
		ringing := func(rseq string, status int, body string) {
			w.peer.reply(invite, status, "b1", body, "Require: 100rel", "RSeq: "+rseq)
		}
		ringing("7", 180, "")
		first := w.peer.wantPRACK("b1", "7"+seqOf(invite))
		l := d.leg()
		ringing("7", 180, "") // repeated before it has the PRACK, which is repeated by itself
		ringing("9", 183, offer(3))
		w.peer.silence(400 * time.Millisecond)
		if l.Info().Phase != bridge.Alerting {
			t.Errorf("one that came out of order is taken: %s", l.Info().Phase)
		}
		w.peer.reply(first, 200, "", "")
		ringing("7", 180, "")
		w.peer.silence(time.Second)
		ringing("8", 183, describe(1, "sendrecv", 31000, "0"))
		second := w.peer.wantPRACK("b1", "8"+seqOf(invite))
		if second.CSeq().SeqNo != first.CSeq().SeqNo+1 || second.Recipient.String() != "sip:bob@"+peerAddr {
			t.Errorf("PRACK:\n%s", second)
		}
		w.peer.reply(second, 481, "", "")
		waitPhase(t, l, bridge.Early)
		ringing("8", 183, describe(1, "sendrecv", 31000, "0"))
		w.peer.reply(w.peer.wantPRACK("b1", "8"+seqOf(invite)), 200, "", "") // the one before was not taken
		w.peer.reply(invite, 200, "b1", "")
		w.peer.request("ACK")
		waitPhase(t, l, bridge.Up)
		hung := async(func() error { return l.Hangup(background, bridge.Normal) })
		bye := w.peer.request("BYE")
		if bye.CSeq().SeqNo != second.CSeq().SeqNo+2 {
			t.Errorf("BYE is number %d after PRACK %d", bye.CSeq().SeqNo, second.CSeq().SeqNo+1)
		}
		w.peer.reply(bye, 200, "", "")
		if err := <-hung; err != nil {
			t.Error(err)
		}
	})
}

// TestPRACKLost has the far side not hear the first PRACK: its transaction repeats it.
func TestPRACKLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 183, "b1", offer(1), "Require: 100rel", "RSeq: 1")
		first := w.peer.request("PRACK")
		begin := time.Now()
		again := w.peer.request("PRACK")
		if time.Since(begin) != 500*time.Millisecond || again.CSeq().SeqNo != first.CSeq().SeqNo {
			t.Errorf("again after %v", time.Since(begin))
		}
		w.peer.reply(again, 200, "", "")
		w.peer.reply(invite, 486, "b1", "")
		w.peer.request("ACK")
		wantEnd(t, d.leg(), bridge.Busy, true)
	})
}

// TestPRACKOptions holds what each setting makes of an INVITE and of reliable responses.
func TestPRACKOptions(t *testing.T) {
	for _, reliable := range []sip.Reliability{sip.ReliableRequired, sip.ReliableOff} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, &sip.Options{Reliable: reliable})
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			supported := invite.GetHeader("Supported") != nil && strings.Contains(invite.GetHeader("Supported").Value(), "100rel")
			if required := invite.GetHeader("Require") != nil; required != (reliable == sip.ReliableRequired) || supported != required {
				t.Errorf("required %v, supported %v", required, supported)
			}
			w.peer.reply(invite, 180, "b1", "", "Require: 100rel", "RSeq: 1")
			l := d.leg()
			if reliable == sip.ReliableRequired {
				w.peer.reply(w.peer.request("PRACK"), 200, "", "")
			} else {
				w.peer.silence(time.Second)
			}
			w.peer.reply(invite, 420, "b1", "")
			w.peer.request("ACK")
			wantEnd(t, l, bridge.Internal, true)
		})
	}
}

// TestPRACKAnswers answers, with PRACK, the offer in a reliable response to an INVITE that had none: as its owner says, or by itself.
func TestPRACKAnswers(t *testing.T) {
	for _, owner := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			d := w.dial(background, bob, &bridge.DialOptions{Plan: media.Plan{}})
			invite := w.peer.request("INVITE")
			w.peer.reply(invite, 183, "b1", offer(1), "Require: 100rel", "RSeq: 4")
			l := d.leg()
			if info := l.Info(); !info.Pending || info.Phase != bridge.Alerting || info.Far == nil {
				t.Errorf("the offer does not wait: %+v", info)
			}
			w.peer.silence(900 * time.Millisecond)
			want := "RTP/AVP 0 8"
			if owner {
				want = "RTP/AVP 0\r"
				if err := l.Answer(background, pcmu(media.SendRecv)); err != nil {
					t.Fatal(err)
				}
			}
			prack := w.peer.request("PRACK")
			if !strings.Contains(string(prack.Body()), want) {
				t.Errorf("answer:\n%s", prack.Body())
			}
			w.peer.reply(prack, 200, "", "")
			if info := waitPhase(t, l, bridge.Early); info.Pending {
				t.Error("it still waits")
			}
			w.peer.reply(invite, 200, "b1", "")
			if ack := w.peer.request("ACK"); len(ack.Body()) != 0 {
				t.Errorf("a second answer:\n%s", ack)
			}
			waitPhase(t, l, bridge.Up)
			w.peer.silence(time.Minute)
		})
	}
}

// TestForksReliable has two branches give reliable early answers. Each has its own numbers; the media follow the later one, and in the
// end the one that accepts, which gives no answer any more.
func TestForksReliable(t *testing.T) {
	for _, offerless := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			o := &bridge.DialOptions{}
			if offerless {
				o.Plan = media.Plan{}
			}
			d := w.dial(background, bob, o)
			invite := w.peer.request("INVITE")
			second := w.newPeer("192.0.2.3:5060")
			early := func(tag, rseq, body string, extra ...string) {
				w.peer.reply(invite, 183, tag, body, append(extra, "Require: 100rel", "RSeq: "+rseq)...)
			}
			answered := func(tag, rack string, p *peer) {
				p.reply(p.wantPRACK(tag, rack+seqOf(invite)), 200, "", "")
				synctest.Wait()
			}
			early("b1", "5", describe(1, "sendrecv", 31000, "0"))
			answered("b1", "5", w.peer)
			early("b2", "70", describe(1, "sendrecv", 32000, "8"), "Contact: <sip:carol@192.0.2.3:5060>")
			answered("b2", "70", second)
			l := d.leg()
			if got := w.engine.Last(t).Port(t); got != 32000 {
				t.Errorf("media to port %d, want that of the later branch", got)
			}
			early("b1", "6", "")
			answered("b1", "6", w.peer)
			w.peer.reply(invite, 200, "b1", "")
			if ack := w.peer.request("ACK"); ack.To().Params.GetOr("tag", "") != "b1" {
				t.Errorf("ACK of %s", ack.To().Value())
			}
			info := waitPhase(t, l, bridge.Up)
			if got := w.engine.Last(t).Port(t); got != 31000 || info.Far.String() != "audio sendrecv PCMU/8000" {
				t.Errorf("media to port %d, %s, want those of the branch that accepted", got, info.Far)
			}
			w.peer.reply(invite, 200, "b2", "", "Contact: <sip:carol@192.0.2.3:5060>")
			second.request("ACK")
			second.reply(second.request("BYE"), 200, "", "")
			if l.Info().Phase != bridge.Up {
				t.Error("the call has suffered")
			}
		})
	}
}

// TestManyForks has more branches ring than are told apart: the one that accepts is known all the same.
func TestManyForks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		for n := range 40 {
			w.peer.reply(invite, 183, "b"+statusText(n), describe(1, "sendrecv", 31000+n, "0"))
		}
		l := d.leg()
		synctest.Wait()
		if got := w.engine.Last(t).Port(t); got != 31015 {
			t.Errorf("media to port %d, want that of the last branch that there was room for", got)
		}
		w.peer.reply(invite, 200, "b39", describe(1, "sendrecv", 31039, "0"))
		if ack := w.peer.request("ACK"); ack.To().Params.GetOr("tag", "") != "b39" {
			t.Errorf("ACK of %s", ack.To().Value())
		}
		waitPhase(t, l, bridge.Up)
		if got := w.engine.Last(t).Port(t); got != 31039 {
			t.Errorf("media to port %d", got)
		}
	})
}

// TestCancelUnacknowledged ends a call whose reliable response nobody has acknowledged: it is not repeated any more.
func TestCancelUnacknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1), "Supported: 100rel")
		l := w.leg()
		_ = l.Ring(background, pcmu(media.SendRecv))
		w.peer.response(183, "INVITE")
		answered := async(func() error { return l.Answer(background, nil) })
		synctest.Wait()
		s.cancel()
		w.peer.response(200, "CANCEL")
		w.peer.response(487, "INVITE")
		s.ackRefusal()
		if end, ok := errors.AsType[*bridge.EndError](<-answered); !ok || end.Cause != bridge.Cancelled {
			t.Errorf("Answer: %v", end)
		}
		w.peer.silence(time.Minute)
	})
}
