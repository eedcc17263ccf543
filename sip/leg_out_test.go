package sip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

const bob = "sip:bob@" + peerAddr

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, &bridge.DialOptions{
			From: bridge.Party{URI: "sip:room101@hotel.example", Name: `Room "101"`}, Attr: map[string]string{"k": "v"},
		})
		invite := w.peer.request("INVITE")
		if got := invite.Recipient.String(); got != bob {
			t.Errorf("Request-URI %s", got)
		}
		if got := invite.From().Value(); !strings.HasPrefix(got, `"Room \"101\"" <sip:room101@hotel.example>;tag=`) {
			t.Errorf("From %s", got)
		}
		if got := invite.To().Value(); got != "<"+bob+">" {
			t.Errorf("To %s", got)
		}
		if got := invite.Contact().Value(); got != "<sip:room101@"+agentAddr+">" {
			t.Errorf("Contact %s", got)
		}
		if invite.GetHeader("Require") != nil {
			t.Error("an extension is required")
		}
		w.peer.reply(invite, 100, "", "")
		synctest.Wait()
		select {
		case r := <-d.result:
			t.Fatalf("Dial returned %v at a 100", r)
		default:
		}
		time.Sleep(20 * time.Second) // no repetition: a provisional response has come
		w.peer.reply(invite, 180, "b1", "")
		l := d.leg()
		if info := l.Info(); info.Phase != bridge.Alerting || info.To.URI != bob || info.From.Name != `Room "101"` || info.Attr["k"] != "v" {
			t.Errorf("ringing: %+v", info)
		}
		if err := errors.Join(l.Ring(background, nil), l.Answer(background, nil)); err != nil {
			t.Errorf("Ring and Answer of a leg that was dialled: %v", err)
		}
		if err := l.Update(background, nil); err == nil {
			t.Error("Update before the call is up says that all is well")
		}
		w.peer.reply(invite, 200, "b1", describe(1, "sendrecv", 31000, "8"))
		ack := w.peer.request("ACK")
		if ack.CSeq().SeqNo != invite.CSeq().SeqNo || ack.To().Params.GetOr("tag", "") != "b1" || ack.Recipient.String() != bob {
			t.Errorf("ACK:\n%s", w.peer.raw)
		}
		if invite.Via().Params.GetOr("branch", "") == ack.Via().Params.GetOr("branch", "") {
			t.Error("the ACK of a 2xx is a transaction of its own")
		}
		info := waitPhase(t, l, bridge.Up)
		if got := info.Far.String(); got != "audio sendrecv PCMA/8000" || info.Answered.IsZero() || info.Pending {
			t.Errorf("up: %+v", info)
		}
		w.peer.reply(invite, 200, "b1", describe(1, "sendrecv", 31000, "8")) // the ACK was lost
		if again := w.peer.request("ACK"); again.String() != ack.String() {
			t.Errorf("the repeated ACK differs:\n%s\n%s", again, ack)
		}
		hung := async(func() error { return l.Hangup(background, bridge.Normal) })
		bye := w.peer.request("BYE")
		if bye.CSeq().SeqNo != invite.CSeq().SeqNo+1 {
			t.Errorf("CSeq of BYE %d after %d", bye.CSeq().SeqNo, invite.CSeq().SeqNo)
		}
		w.peer.reply(bye, 200, "", "")
		if err := <-hung; err != nil {
			t.Error(err)
		}
		w.peer.silence(time.Minute)
		if got := w.agent.Stats(); got.Standing != 0 || got.ClientTransactions != 0 || got.Out != 1 {
			t.Errorf("stats %+v", got)
		}
	})
}

// TestDialRefused checks every final response: the cause, and that the refusal is acknowledged once for each time it comes.
func TestDialRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for status := 300; status <= 699; status++ {
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			w.peer.reply(invite, status, "b", "")
			w.peer.request("ACK")
			r := d.wait()
			end, ok := errors.AsType[*bridge.EndError](r.err)
			if !ok || !end.Remote || !errors.Is(r.err, &sip.Error{Status: status}) || r.leg != nil {
				t.Fatalf("%d: %v", status, r.err)
			}
		}
		synctest.Wait()
		if len(w.engine.Terminals()) != 0 || w.agent.Stats().Standing != 0 {
			t.Error("something is left of refused calls")
		}
	})
}

func TestDialNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		begin := time.Now()
		d := w.dial(background, "sip:nobody@192.0.2.77", nil)
		wantDialError(t, d.wait().err, bridge.Unreachable, 408)
		if took := time.Since(begin); took != 32*time.Second {
			t.Errorf("took %v, want 64 times T1", took)
		}
	})
}

func TestDialBadly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for _, c := range []struct {
			to    string
			from  bridge.Party
			plan  media.Plan
			cause bridge.Cause
		}{
			{"", bridge.Party{}, nil, bridge.NotFound},
			{"bob", bridge.Party{}, nil, bridge.NotFound},
			{"tel:+15550100", bridge.Party{}, nil, bridge.NotFound},
			{"sip:bob@192.0.2.2\r\nX: y", bridge.Party{}, nil, bridge.NotFound},
			{"sip:b\r\nX: y@192.0.2.2", bridge.Party{}, nil, bridge.NotFound},
			{"sip:bob@192.0.2.2;x=\r\nX:y", bridge.Party{}, nil, bridge.NotFound},
			{"sip:bob@192.0.2.2?Subject=x", bridge.Party{}, nil, bridge.NotFound},
			{"sip:bob@192.0.2.2>;x", bridge.Party{}, nil, bridge.NotFound},
			{"sip:bob@192.0.2.2:99999", bridge.Party{}, nil, bridge.NotFound},
			{"sips:bob@192.0.2.2", bridge.Party{}, nil, bridge.Unreachable},
			{"sip:bob@192.0.2.2;transport=tls", bridge.Party{}, nil, bridge.Unreachable},
			{"sip:bob@192.0.2.2;transport=tcp", bridge.Party{}, nil, bridge.Unreachable}, // the agent has UDP alone
			{bob, bridge.Party{Name: "Eve\r\nX: y"}, nil, bridge.Internal},
			{bob, bridge.Party{URI: "sip:e\nve@example.com"}, nil, bridge.Internal},
			{bob, bridge.Party{URI: "amzn1\r\nX: y"}, nil, bridge.Internal},
			{bob, bridge.Party{}, media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{{Name: "G729", ClockRate: 8000, Channels: 1}}}}, bridge.Media},
		} {
			_, err := w.agent.Dial(background, c.to, &bridge.DialOptions{From: c.from, Plan: c.plan})
			end, ok := errors.AsType[*bridge.EndError](err)
			if !ok || end.Cause != c.cause {
				t.Errorf("Dial(%q) from %+v: %v, want %s", c.to, c.from, err, c.cause)
			}
		}
		w.peer.silence(time.Minute)
		if len(w.engine.Terminals()) != 0 || w.agent.Stats().Standing != 0 {
			t.Errorf("something is left: %+v", w.agent.Stats())
		}
	})
}

// TestCallers checks who a call is from, by the protocol that the caller's URI is of.
func TestCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{From: bridge.Party{URI: "sip:desk@hotel.example", Name: "Hotel"}})
		for _, c := range []struct {
			from bridge.Party
			want string
		}{
			{bridge.Party{}, `"Hotel" <sip:desk@hotel.example>`},
			{bridge.Party{URI: "amzn1.alexa.user.x", Name: "Room 7"}, `"Room 7" <sip:desk@hotel.example>`},
			{bridge.Party{URI: "pipe:far"}, `<sip:desk@hotel.example>`},
			{bridge.Party{URI: "tel:+15550100;ext=3"}, "<sip:+15550100@192.0.2.1;user=phone>"},
			{bridge.Party{URI: "sip:ann@example.com:5090;x=y", Name: `Ann\"`}, `"Ann\\\"" <sip:ann@example.com:5090>`},
			{bridge.Party{Name: "Zoë"}, `"Zoë" <sip:desk@hotel.example>`},
			{bridge.Party{URI: "sip:+1 555@example.com", Name: "Odd"}, `"Odd" <sip:desk@hotel.example>`},
		} {
			d := w.dial(background, bob, &bridge.DialOptions{From: c.from})
			invite := w.peer.request("INVITE")
			if got, _, _ := strings.Cut(invite.From().Value(), ";tag="); got != c.want {
				t.Errorf("%+v: From %s, want %s", c.from, got, c.want)
			}
			w.peer.reply(invite, 404, "b", "")
			w.peer.request("ACK")
			wantDialError(t, d.wait().err, bridge.NotFound, 404)
		}
	})
}

// TestDialCancelled ends the context at each stage of an attempt.
func TestDialCancelled(t *testing.T) {
	for _, c := range []struct {
		name  string
		stage int // 0: before any response, 1: after 100
		late  int // final response after CANCEL: 487, or 200 that crosses it; 0: none
	}{
		{"before a response, then 180, 487", 0, 487},
		{"before a response, then 200", 0, 200},
		{"after 100, 487", 1, 487},
		{"after 100, 200 crosses", 1, 200},
		{"after 100, nothing", 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				ctx, cancel := context.WithCancelCause(background)
				d := w.dial(ctx, bob, nil)
				invite := w.peer.request("INVITE")
				if c.stage == 1 {
					w.peer.reply(invite, 100, "", "")
					synctest.Wait()
				}
				cancel(&bridge.EndError{Cause: bridge.NoAnswer})
				wantDialError(t, d.wait().err, bridge.NoAnswer, 0)
				synctest.Wait()
				if len(w.engine.Terminals()) != 0 {
					t.Error("media go on")
				}
				if c.stage == 0 && c.late != 200 {
					w.peer.reply(invite, 180, "b1", "")
				}
				if c.stage == 1 || c.late != 200 {
					canceling := w.peer.request("CANCEL")
					if canceling.Via().Value() != invite.Via().Value() || canceling.CSeq().SeqNo != invite.CSeq().SeqNo ||
						canceling.Recipient.String() != invite.Recipient.String() || !strings.Contains(canceling.GetHeader("Reason").Value(), "cause=19") {
						t.Errorf("CANCEL does not match its INVITE:\n%s", canceling)
					}
					w.peer.reply(canceling, 200, "b1", "")
				}
				switch c.late {
				case 487:
					w.peer.reply(invite, 487, "b1", "")
					w.peer.request("ACK")
				case 200:
					w.peer.reply(invite, 200, "b1", offer(1))
					w.peer.request("ACK")
					w.peer.reply(w.peer.request("BYE"), 200, "", "")
				}
				w.peer.silence(2 * time.Minute)
				if got := w.agent.Stats(); got.Standing != 0 || got.ClientTransactions != 0 {
					t.Errorf("stats %+v", got)
				}
			})
		})
	}
}

func TestHangupRinging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 180, "b1", "")
		l := d.leg()
		hung := async(func() error { return l.Hangup(background, bridge.Elsewhere) })
		canceling := w.peer.request("CANCEL")
		if !strings.HasPrefix(canceling.GetHeader("Reason").Value(), `SIP;cause=200;text="Call completed elsewhere"`) {
			t.Errorf("Reason %s", canceling.GetHeader("Reason").Value())
		}
		w.peer.reply(canceling, 200, "b1", "")
		w.peer.reply(invite, 487, "b1", "")
		w.peer.request("ACK")
		if err := <-hung; err != nil {
			t.Error(err)
		}
		wantEnd(t, l, bridge.Elsewhere, false)
	})
}
