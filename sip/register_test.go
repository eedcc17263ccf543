package sip_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

func TestRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		g := w.register(background, &sip.RegisterOptions{
			AOR: gateway, Registrar: "sip:x@" + peerAddr, User: "line1", Expires: 30 * time.Minute, Credentials: []sip.Credentials{{Username: "gw", Password: "sesame"}},
		})
		first := w.peer.asks("1800")
		if first.Recipient.String() != "sip:"+peerAddr || first.To().Address.String() != gateway.URI || first.From().Address.String() != gateway.URI ||
			first.From().DisplayName != "Gateway" || first.Contact().Address.String() != "sip:line1@"+agentAddr || first.GetHeader("Supported").Value() != "path" ||
			first.GetHeader("Allow") == nil || first.To().Params.Has("tag") {
			t.Errorf("the first request:\n%s", first)
		}
		w.peer.reply(first, 401, "r1", "", `WWW-Authenticate: Digest realm="trunk", nonce="n1", qop="auth"`)
		second := w.peer.asks("1800")
		if err := proves("REGISTER", second.GetHeader("Authorization").Value()); err != nil {
			t.Error(err)
		}
		w.peer.grants(second, "1800")
		r := g.done()
		wantState(t, r, true, 0)
		last, begin := second, time.Now()
		for n := range 5 { // 1800 s: ten minutes early, and up to two more
			synctest.Wait()
			if got := goroutines(); len(got) != 1 { // the reader of the socket
				t.Errorf("a registration has goroutines: %v", got)
			}
			time.Sleep(18 * time.Minute)
			w.peer.grants(last, "1800") // a late repetition is nothing
			again := w.peer.asks("1800")
			took := time.Since(begin)
			if begin = time.Now(); took < 18*time.Minute || took > 20*time.Minute {
				t.Errorf("refreshed after %v", took)
			}
			if again.CallID().Value() != last.CallID().Value() || again.CSeq().SeqNo != last.CSeq().SeqNo+1 || again.To().Params.Has("tag") {
				t.Errorf("the refresh:\n%s", again)
			}
			if f := fields(again.GetHeader("Authorization").Value()); f["nc"] != fmt.Sprintf("%08x", n+2) || proves("REGISTER", again.GetHeader("Authorization").Value()) != nil {
				t.Errorf("the refresh has %v", f)
			}
			w.peer.grants(again, "1800")
			last = again
		}
		closed := async(r.Close)
		end := w.peer.asks("0")
		if end.Contact().Address.String() != "sip:line1@"+agentAddr {
			t.Errorf("the end:\n%s", end)
		}
		w.peer.reply(end, 200, "r1", "")
		if err := errors.Join(<-closed, r.Close()); err != nil {
			t.Error(err)
		}
		if on, err := r.State(); on || !errors.Is(err, sip.ErrClosed) {
			t.Errorf("State: %v, %v", on, err)
		}
		w.peer.silence(2 * time.Hour)
	})
}

// TestRegisterRetries lets refreshes fail: the attempts follow RFC 5626 section 4.5, and the registration stands until it expires.
func TestRegisterRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		r := w.registered(&sip.RegisterOptions{AOR: bridge.Party{URI: "sip:gw@" + peerAddr}}, "120")
		begin := time.Now()
		w.peer.reply(w.peer.asks("3600"), 503, "x", "", "Retry-After: 45")
		if took := time.Since(begin); took < 54*time.Second || took > time.Minute {
			t.Errorf("refreshed after %v", took)
		}
		synctest.Wait()
		wantState(t, r, true, 503)
		begin = time.Now()
		req := w.peer.receive(2 * time.Minute)
		if took := time.Since(begin); req == nil || took < 45*time.Second || took > time.Minute {
			t.Errorf("tried again after %v", took)
		}
		time.Sleep(32*time.Second + time.Millisecond) // nobody answers
		for w.peer.receive(time.Millisecond) != nil {
			continue
		}
		wantState(t, r, false, 408)
		for _, most := range []time.Duration{2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 30 * time.Minute, 30 * time.Minute} {
			begin = time.Now()
			req, _ := w.peer.receive(time.Hour).(*sipmsg.Request)
			if took := time.Since(begin); req == nil || took < most/2-time.Second || took > most {
				t.Fatalf("tried again after %v, want %v to %v", took, most/2, most)
			}
			w.peer.reply(req, 403, "x", "") // a refusal of one that was registered is not for ever
		}
		synctest.Wait()
		wantState(t, r, false, 403)
		req2, _ := w.peer.receive(time.Hour).(*sipmsg.Request)
		w.peer.grants(req2, "60")
		synctest.Wait()
		wantState(t, r, true, 0)
		begin = time.Now()
		w.peer.grants(w.peer.asks("3600"), "60")
		if took := time.Since(begin); took < 27*time.Second || took > 30*time.Second {
			t.Errorf("refreshed after %v", took)
		}
	})
}

// TestRegisterBrief is asked for more time, once and only as much as is sensible.
func TestRegisterBrief(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		o := &sip.RegisterOptions{AOR: bridge.Party{URI: "sip:gw@" + peerAddr}, Expires: time.Minute}
		g := w.register(background, o)
		w.peer.reply(w.peer.asks("60"), 423, "x", "", "Min-Expires: 600")
		w.peer.grants(w.peer.asks("600"), "600")
		r := g.done()
		w.peer.grants(w.peer.asks("600"), "600")
		closed := async(r.Close)
		w.peer.reply(w.peer.asks("0"), 423, "x", "", "Min-Expires: 900")
		if err := <-closed; !errors.Is(err, &sip.Error{Status: 423}) {
			t.Errorf("Close: %v", err)
		}
		for _, least := range []string{"Min-Expires: 10", "Min-Expires: 4294967295", "Min-Expires: x", "X: y"} {
			g = w.register(background, o)
			w.peer.reply(w.peer.asks("60"), 423, "x", "", least)
			if got := <-g.result; !errors.Is(got.err, &sip.Error{Status: 423}) {
				t.Errorf("%s: %v", least, got.err)
			}
		}
		g = w.register(background, o)
		w.peer.reply(w.peer.asks("60"), 423, "x", "", "Min-Expires: 600")
		w.peer.reply(w.peer.asks("600"), 423, "x", "", "Min-Expires: 6000")
		if got := <-g.result; !errors.Is(got.err, &sip.Error{Status: 423}) {
			t.Errorf("asked twice: %v", got.err)
		}
		w.peer.silence(time.Hour)
	})
}

// TestRegisterRefused gets refusals at once, and tries again where that may help.
func TestRegisterRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: trunkUser})
		o := &sip.RegisterOptions{AOR: bridge.Party{URI: "sip:gw@" + peerAddr}}
		for _, c := range []struct {
			status int
			header string
		}{
			{403, "X: y"},
			{404, "X: y"},
			{302, "Contact: <sip:192.0.2.66>"},
			{604, "X: y"},
			{420, "Unsupported: path"},
			{401, `WWW-Authenticate: Digest realm="other", nonce="n1"`},
		} {
			g := w.register(background, o)
			w.peer.reply(w.peer.request("REGISTER"), c.status, "x", "", c.header)
			if got := <-g.result; !errors.Is(got.err, &sip.Error{Status: c.status}) || got.r != nil {
				t.Errorf("%d: %v", c.status, got.err)
			}
		}
		w.peer.silence(time.Hour)
		g := w.register(background, o)
		w.peer.reply(w.peer.request("REGISTER"), 500, "x", "")
		w.peer.reply(w.peer.asks("3600"), 200, "x", "", "Contact: <sip:gw@192.0.2.1:5060>;expires=0") // not kept
		again, _ := w.peer.receive(3 * time.Minute).(*sipmsg.Request)
		w.peer.grants(again, "60")
		_ = g.done()
		for _, bad := range []*sip.RegisterOptions{
			nil,
			{},
			{AOR: bridge.Party{URI: "tel:100"}},
			{AOR: bridge.Party{URI: "sip:a@b\r\nX: y"}},
			{AOR: gateway, Registrar: "x"},
			{AOR: gateway, Proxy: "sip:"},
			{AOR: gateway, User: "a b"},
			{AOR: gateway, Expires: -time.Second},
			{AOR: gateway, Expires: time.Millisecond},
			{AOR: gateway, Expires: 1000 * time.Hour},
			{AOR: bridge.Party{URI: gateway.URI, Name: "a\nb"}},
			{AOR: gateway, Registrar: "sips:192.0.2.2"},
		} {
			if _, err := w.agent.Register(background, bad); err == nil || !strings.HasPrefix(err.Error(), "sip: ") || strings.Contains(err.Error(), "100") {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}

// TestRegisterGivenUp ends the context of Register: what may have been registered meanwhile is ended again.
func TestRegisterGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ctx, cancel := context.WithTimeout(background, 100*time.Second)
		defer cancel()
		o := &sip.RegisterOptions{AOR: bridge.Party{URI: "sip:gw@" + peerAddr}}
		g := w.register(ctx, o)
		w.peer.reply(w.peer.asks("3600"), 503, "x", "")
		held, _ := w.peer.receive(time.Minute).(*sipmsg.Request)
		w.peer.reply(held, 100, "", "")
		got := <-g.result
		if !errors.Is(got.err, context.DeadlineExceeded) || !errors.Is(got.err, &sip.Error{Status: 408}) {
			t.Errorf("Register: %v", got.err)
		}
		for req, ok := w.peer.receive(time.Minute).(*sipmsg.Request); ; req, ok = w.peer.receive(time.Minute).(*sipmsg.Request) {
			if !ok {
				t.Fatal("what may stand is not ended")
			}
			if req.GetHeader("Expires").Value() == "0" {
				w.peer.reply(req, 200, "x", "")
				break
			}
		}
		w.peer.silence(time.Hour)
		if _, err := w.agent.Register(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestRegisterClose closes registrations of registrars that say nothing, and the agent.
func TestRegisterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		o := &sip.RegisterOptions{AOR: bridge.Party{URI: "sip:gw@" + peerAddr}}
		r := w.registered(o, "3600")
		begin := time.Now()
		err := r.Close()
		if on, _ := r.State(); err == nil || time.Since(begin) != 5*time.Second || on || errors.Is(err, sip.ErrClosed) || !errors.Is(r.Close(), err) {
			t.Errorf("Close: %v after %v", err, time.Since(begin))
		}
		for w.peer.receive(time.Millisecond) != nil {
			continue
		}
		w.peer.silence(time.Hour)

		r = w.registered(o, "60") // and one whose refresh is under way
		refresh := w.peer.asks("3600")
		closed := async(r.Close)
		synctest.Wait()
		w.peer.grants(refresh, "60")
		w.peer.reply(w.peer.asks("0"), 200, "x", "")
		if err := <-closed; err != nil {
			t.Error(err)
		}

		two := []*sip.Registration{w.registered(o, "3600"), w.registered(o, "3600")}
		begin = time.Now()
		closed = async(w.agent.Close)
		w.peer.reply(w.peer.asks("0"), 200, "x", "")
		w.peer.asks("0") // is not answered
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 2*time.Second || len(goroutines()) != 0 {
			t.Errorf("the agent closed after %v; left %v", took, goroutines())
		}
		confirmed := 0
		for _, r := range two {
			if on, err := r.State(); on || err == nil {
				t.Errorf("State: %v, %v", on, err)
			}
			if r.Close() == nil {
				confirmed++
			}
		}
		if confirmed != 1 {
			t.Errorf("%d were confirmed", confirmed)
		}
		if _, err := w.agent.Register(background, o); !errors.Is(err, sip.ErrClosed) {
			t.Error(err)
		}
	})
}
