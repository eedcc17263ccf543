package sip_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
)

// FuzzMessage sends anything to a live agent: nothing breaks, and the next good call works.
func FuzzMessage(f *testing.F) {
	p := &peer{addr: peerAddr}
	s := p.call()
	for _, method := range []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "REGISTER", "MESSAGE"} {
		f.Add([]byte(s.text(method, 1, "z9hG4bKx", offer(1))))
		s.agentTag = "tag"
	}
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"))
	if root := os.Getenv(testutil.CorporaEnv); root != "" {
		for _, set := range []string{"rfc4475", "rfc5118"} {
			files, _ := filepath.Glob(filepath.Join(root, "sip", set, "*"))
			for _, name := range files {
				if text, err := os.ReadFile(name); err == nil {
					f.Add(text)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 60_000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, &sip.Options{Bridge: bridge.Func(answerAll), Message: func(context.Context, *sip.Message) error { return nil }})
			w.peer.send(string(text))
			synctest.Wait()
			goodCall(t, w)
		})
	})
}

// FuzzSDP gives an agent offers and answers of any kind: in an INVITE, in a re-INVITE, in an ACK, and in the 200 to its own INVITE. Each call
// ends as it should, with nothing left of it.
func FuzzSDP(f *testing.F) {
	for _, text := range []string{offer(1), hold(1), describe(1, "inactive", 0, "0"), "v=0\r\n", "v=0\r\nm=audio 1 RTP/AVP 0\r\n", describe(1, "sendrecv", 9, "18 101"), ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 30_000 || strings.TrimSpace(text) == "" {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, &sip.Options{Bridge: bridge.Func(answerAll)})
			for _, bodies := range [][2]string{{text, ""}, {offer(1), text}, {"", text}} {
				s := w.peer.call()
				s.send("INVITE", bodies[0])
				if res := final(w.peer); res == nil || res.StatusCode >= 300 {
					if res == nil || res.StatusCode >= 500 || bodies[0] != text {
						t.Fatalf("%s to\n%s", head(res), bodies[0])
					}
					s.ackRefusal()
					continue
				} else {
					s.learn(res)
				}
				if bodies[0] == "" {
					s.ack(text)
					finishCall(t, w.peer)
					continue
				}
				s.ack("")
				if bodies[1] != "" {
					s.send("INVITE", bodies[1])
					res := final(w.peer)
					if res == nil || res.StatusCode >= 500 {
						t.Fatalf("%s to\n%s", head(res), bodies[1])
					}
					if res.StatusCode < 300 {
						s.ack("")
					} else {
						s.ackRefusal()
					}
				}
				s.send("BYE", "")
				w.peer.response(200, "BYE")
			}
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			w.peer.reply(invite, 200, "b1", text)
			w.peer.request("ACK")
			if r := d.wait(); r.err == nil {
				go func() { _ = r.leg.Hangup(background, bridge.Normal) }()
			}
			w.peer.reply(w.peer.request("BYE"), 200, "", "")
			time.Sleep(40 * time.Second)
			synctest.Wait()
			if len(w.engine.Terminals()) != 0 && w.agent.Stats().Standing == 0 {
				t.Fatal("media are left")
			}
		})
	})
}

// final returns the next final response to an INVITE, or nil.
func final(p *peer) *sipmsg.Response {
	for {
		res, ok := p.receive(10 * time.Second).(*sipmsg.Response)
		if !ok || res.StatusCode >= 200 {
			return res
		}
	}
}

// finishCall answers what the agent sends until there is no more: BYE, if it ends the call.
func finishCall(t testing.TB, p *peer) {
	t.Helper()
	for {
		req, ok := p.receive(time.Second).(*sipmsg.Request)
		if !ok {
			return
		}
		p.reply(req, 200, "", "")
	}
}
