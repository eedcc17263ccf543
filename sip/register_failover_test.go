package sip_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

var trunkLine = &sip.RegisterOptions{
	AOR: bridge.Party{URI: "sip:gw@trunk.example"}, User: "line1", Credentials: []sip.Credentials{{Username: "gw", Password: "sesame"}},
}

// wantBinding checks that a REGISTER to another server binds what the first one was to bind.
func wantBinding(t *testing.T, first, second *sipmsg.Request) {
	t.Helper()
	wantAnother(t, first, second)
	if a, b := first.Contact().Value(), second.Contact().Value(); a != b || !strings.HasPrefix(b, "<sip:line1@"+agentAddr) {
		t.Errorf("the other server is asked for %s, the first for %s", b, a)
	}
}

// TestRegisterFailover goes on to the registrar's second server where the first refuses, asks for a password and refuses then, or says nothing.
// It is told the end too.
func TestRegisterFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, second := twoServers(t)
		g := w.register(background, trunkLine)
		first := w.peer.asks("3600")
		w.peer.reply(first, 401, "r1", "", `WWW-Authenticate: Digest realm="trunk", nonce="n1", qop="auth"`)
		first = w.peer.asks("3600")
		w.peer.reply(first, 503, "r1", "")
		req := second.asks("3600")
		wantBinding(t, first, req)
		if req.GetHeader("Authorization") != nil {
			t.Error("the second server is given the answer to what the first has asked")
		}
		second.reply(req, 401, "r2", "", `WWW-Authenticate: Digest realm="trunk", nonce="n2", qop="auth"`)
		req = second.asks("3600")
		if err := proves("REGISTER", req.GetHeader("Authorization").Value()); err != nil {
			t.Error(err)
		}
		second.grants(req, "3600")
		r := g.done()
		wantState(t, r, true, 0)

		first = w.peer.asks("3600") // it has long been forgotten that it has failed
		begin := time.Now()
		req = second.asks("3600")
		if got := time.Since(begin); got != 4*time.Second {
			t.Errorf("the second server is asked after %v, want 4 s", got)
		}
		wantBinding(t, first, req)
		second.grants(req, "3600")
		synctest.Wait()
		wantState(t, r, true, 0)
		for range 3 {
			w.peer.asks("3600") // repetitions, before the second was asked
		}

		closed := async(r.Close)
		second.grants(second.asks("0"), "0")
		if err := <-closed; err != nil {
			t.Error(err)
		}
		w.peer.silence(time.Hour)
	})
}

// TestRegisterFailoverEnds tells the failure of the last server, and begins anew later.
func TestRegisterFailoverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, second := twoServers(t)
		g := w.register(background, trunkLine)
		w.peer.grants(w.peer.asks("3600"), "120")
		r := g.done()
		w.peer.reply(w.peer.asks("3600"), 503, "r1", "")
		second.reply(second.asks("3600"), 500, "r2", "")
		synctest.Wait()
		wantState(t, r, true, 500)
		begin := time.Now()
		second.grants(second.asks("3600"), "3600") // within a minute: the first has failed
		if took := time.Since(begin); took < 30*time.Second || took > time.Minute {
			t.Errorf("the next attempt is made after %v", took)
		}
		synctest.Wait()
		wantState(t, r, true, 0)
	})
}

// changing is a Resolver whose names change.
type changing struct{ now atomic.Pointer[names] }

func (c *changing) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	return c.now.Load().LookupSRV(ctx, service, proto, name)
}

func (c *changing) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return c.now.Load().LookupNetIP(ctx, network, host)
}

// TestRegisterMoved has the outbound proxy move: it asks for the password, and gets it, where its name leads now.
func TestRegisterMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &changing{}
		dns.now.Store(trunk())
		w := newWorld(t, &sip.Options{Resolver: dns})
		second := w.newPeer(secondAddr)
		o := *trunkLine
		o.AOR, o.Proxy = gateway, "sip:trunk.example"
		g := w.register(background, &o)
		w.peer.grants(w.peer.asks("3600"), "3600")
		r := g.done()
		synctest.Wait()
		left := trunk()
		delete(left.hosts, "one.")
		dns.now.Store(left)
		second.reply(second.asks("3600"), 401, "r2", "", `WWW-Authenticate: Digest realm="trunk", nonce="n2", qop="auth"`)
		req := second.asks("3600")
		if err := proves("REGISTER", req.GetHeader("Authorization").Value()); err != nil {
			t.Error(err)
		}
		second.grants(req, "3600")
		synctest.Wait()
		wantState(t, r, true, 0)
	})
}
