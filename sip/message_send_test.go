package sip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

// sending is a Send under way.
type sending struct {
	t      testing.TB
	result chan sendResult
}

type sendResult struct {
	res *sip.Response
	err error
}

func (w *world) send(ctx context.Context, to string, m *sip.Message) *sending {
	s := &sending{w.t, make(chan sendResult, 1)}
	go func() {
		res, err := w.agent.Send(ctx, to, m)
		s.result <- sendResult{res, err}
	}()
	return s
}

// refused returns the *sip.Error of Send, which must have this status.
func (s *sending) refused(status int) *sip.Error {
	s.t.Helper()
	r := <-s.result
	e, ok := errors.AsType[*sip.Error](r.err)
	if !ok || e.Status != status || e.Method != "MESSAGE" {
		s.t.Fatalf("Send: %+v, %v, want %d", r.res, r.err, status)
	}
	return e
}

func alarm(body string) *sip.Message {
	return &sip.Message{From: bridge.Party{URI: "sip:1000123@example.net"}, ContentType: "application/scaip+xml", Body: []byte(body)}
}

func TestSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: trunkUser})
		s := w.send(background, bob, alarm("<mrq/>"))
		first := w.peer.request("MESSAGE")
		if first.ContentType().Value() != "application/scaip+xml" || string(first.Body()) != "<mrq/>" || first.GetHeader("Contact") != nil ||
			first.From().Address.User != "1000123" || first.Recipient.String() != bob || first.To().Params.Has("tag") {
			t.Errorf("sent:\n%s", first)
		}
		w.peer.reply(first, 401, "x", "", `WWW-Authenticate: Digest realm="trunk", nonce="n1", qop="auth"`)
		second := w.peer.request("MESSAGE")
		if err := proves("MESSAGE", second.GetHeader("Authorization").Value()); err != nil {
			t.Error(err)
		}
		if second.CSeq().SeqNo != first.CSeq().SeqNo+1 || second.CallID().Value() != first.CallID().Value() || string(second.Body()) != "<mrq/>" {
			t.Errorf("the second:\n%s", second)
		}
		w.peer.reply(second, 202, "x", "")
		if r := <-s.result; r.err != nil || r.res.Status != 202 || r.res.Reason != "Because" || len(r.res.Body) != 0 {
			t.Errorf("%+v, %v", r.res, r.err)
		}

		s = w.send(background, bob, nil)
		empty := w.peer.request("MESSAGE")
		if len(empty.Body()) != 0 || empty.ContentType() != nil {
			t.Errorf("sent:\n%s", empty)
		}
		w.peer.reply(empty, 200, "x", "answer")
		if r := <-s.result; r.err != nil || string(r.res.Body) != "answer" || r.res.ContentType != "application/sdp" {
			t.Errorf("%+v, %v", r.res, r.err)
		}
		s = w.send(background, bob, &sip.Message{Body: []byte("hi")})
		text := w.peer.request("MESSAGE")
		if text.ContentType().Value() != "text/plain;charset=UTF-8" {
			t.Errorf("sent:\n%s", text)
		}
		w.peer.reply(text, 200, "x", "")
		<-s.result
		synctest.Wait()
		if got, now := w.agent.Stats(), goroutines(); got.ClientTransactions != 0 || len(now) != 1 { // the reader of the socket
			t.Errorf("left: %+v, goroutines %v", got, now)
		}
	})
}

// TestSendRepeats loses the message four times: it is repeated at the intervals of RFC 3261 section 17.1.2.2.
func TestSendRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		begin := time.Now()
		s := w.send(background, bob, alarm("<mrq/>"))
		var at []time.Duration
		for range 5 {
			req := w.peer.request("MESSAGE")
			at = append(at, time.Since(begin))
			if len(at) == 5 {
				w.peer.reply(req, 200, "x", "")
			}
		}
		if r := <-s.result; r.err != nil {
			t.Error(r.err)
		}
		for i, want := range []time.Duration{0, 500, 1500, 3500, 7500} {
			if at[i] != want*time.Millisecond {
				t.Errorf("sent at %v", at)
				break
			}
		}
	})
}

func TestSendRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: trunkUser})
		for _, c := range []struct {
			status int
			header string
			after  time.Duration
		}{
			{503, "Retry-After: 30", 30 * time.Second},
			{480, "Retry-After: 18000 (at lunch);duration=3600", 5 * time.Hour},
			{480, "Retry-After: 99999999", 24 * time.Hour},
			{486, "Retry-After: soon", 0},
			{404, "X: y", 0},
			{401, `WWW-Authenticate: Digest realm="other", nonce="n"`, 0},
			{302, "Contact: <sip:x@192.0.2.66>", 0},
		} {
			s := w.send(background, bob, alarm("x"))
			w.peer.reply(w.peer.request("MESSAGE"), c.status, "x", "", c.header)
			if e := s.refused(c.status); e.RetryAfter != c.after || e.Err != nil {
				t.Errorf("%d: %+v, want to retry after %v", c.status, e, c.after)
			}
		}
		begin := time.Now()
		s := w.send(background, "sip:nobody@192.0.2.77", alarm("x"))
		if e := s.refused(408); e.Err == nil || time.Since(begin) != 32*time.Second {
			t.Errorf("%v after %v", e, time.Since(begin))
		}
		for _, m := range []*sip.Message{
			{ContentType: "text/plain\r\nX: y"}, {ContentType: "text"}, {From: bridge.Party{URI: "sip:a@b\r\nX: y"}}, {From: bridge.Party{Name: "a\nb"}},
		} {
			if _, err := w.agent.Send(background, bob, m); err == nil || !strings.HasPrefix(err.Error(), "sip: ") {
				t.Errorf("%+v: %v", m, err)
			}
		}
		if _, err := w.agent.Send(background, bob, &sip.Message{Body: make([]byte, 64<<10)}); !errors.Is(err, &sip.Error{Status: 513}) {
			t.Error(err)
		}
		if _, err := w.agent.Send(background, "tel:123", nil); err == nil {
			t.Error("sent to a tel URI")
		}
	})
}

// TestSendGivenUp ends the context while the message is on its way: no repetition follows, and no credentials go to who asks afterwards.
func TestSendGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: trunkUser})
		ctx, cancel := context.WithTimeout(background, 2*time.Second)
		defer cancel()
		s := w.send(ctx, bob, alarm("x"))
		var last *sipmsg.Request
		for range 3 {
			last = w.peer.request("MESSAGE")
		}
		if r := <-s.result; !errors.Is(r.err, context.DeadlineExceeded) {
			t.Error(r.err)
		}
		w.peer.reply(last, 401, "x", "", `WWW-Authenticate: Digest realm="trunk", nonce="n1", qop="auth"`)
		w.peer.silence(time.Minute)
		s = w.send(background, bob, alarm("x"))
		w.peer.request("MESSAGE")
		_ = w.agent.Close()
		if r := <-s.result; !errors.Is(r.err, sip.ErrClosed) {
			t.Error(r.err)
		}
		if _, err := w.agent.Send(background, bob, nil); err == nil {
			t.Error("a closed agent sends")
		}
	})
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: trunkUser})
		done := async(func() error { return w.agent.Ping(background, bob) })
		w.peer.reply(w.peer.request("OPTIONS"), 407, "x", "", `Proxy-Authenticate: Digest realm="trunk", nonce="n1", qop="auth"`)
		second := w.peer.request("OPTIONS")
		given(t, second)
		w.peer.reply(second, 200, "x", "")
		if err := <-done; err != nil {
			t.Error(err)
		}
		done = async(func() error { return w.agent.Ping(background, bob) })
		w.peer.reply(w.peer.request("OPTIONS"), 405, "x", "")
		e, ok := errors.AsType[*sip.Error](<-done)
		if !ok || e.Status != 405 || e.Err != nil {
			t.Errorf("%v", e)
		}
		done = async(func() error { return w.agent.Ping(background, "sip:192.0.2.77") })
		if e, ok = errors.AsType[*sip.Error](<-done); !ok || e.Status != 408 || e.Err == nil {
			t.Errorf("%v", e)
		}
	})
}
