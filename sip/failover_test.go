package sip_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

const secondAddr = "192.0.2.3:5080"

// names is a Resolver of what it holds.
type names struct {
	services map[string][]*net.SRV // by "_sip._udp.example.com"
	hosts    map[string]string     // addresses by name
}

func (n *names) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if found := n.services["_"+service+"._"+proto+"."+name]; found != nil {
		return name, found, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if at, err := netip.ParseAddr(n.hosts[host]); err == nil {
		return []netip.Addr{at}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// trunk has two servers.
func trunk() *names {
	return &names{
		services: map[string][]*net.SRV{"_sip._udp.trunk.example": {{Target: "gone.", Port: 1}, {Target: "one.", Port: 5070}, {Target: "two.", Port: 5080}}},
		hosts:    map[string]string{"one.": "192.0.2.2", "two.": "192.0.2.3"},
	}
}

const trunkURI = "sip:bob@trunk.example"

// twoServers returns a world with a trunk's two servers.
func twoServers(t *testing.T) (w *world, second *peer) {
	w = newWorld(t, &sip.Options{Resolver: trunk()})
	return w, w.newPeer(secondAddr)
}

// wantAnother checks that a request is not the one that another server has got.
func wantAnother(t *testing.T, first, second *sipmsg.Request) {
	t.Helper()
	a, _ := first.Via().Params.Get("branch")
	b, _ := second.Via().Params.Get("branch")
	if a == b || second.CSeq().SeqNo <= first.CSeq().SeqNo || first.CallID().Value() != second.CallID().Value() {
		t.Errorf("%s after %s, want another transaction of the same call", second.Via().Value(), first.Via().Value())
	}
}

// serve accepts a call, and ends it.
func serveCall(p *peer, invite *sipmsg.Request, d *attempt) {
	p.t.Helper()
	p.reply(invite, 180, "b1", "")
	p.reply(invite, 200, "b1", offer(1))
	p.request("ACK")
	l := d.leg()
	waitPhase(p.t, l, bridge.Up)
	go func() { _ = l.Hangup(background, bridge.Normal) }()
	p.reply(p.request("BYE"), 200, "", "")
	wantEnd(p.t, l, bridge.Normal, false)
}

// TestFailoverRefused goes on to the second server after 503 of the first, and to the second at once in the next call.
func TestFailoverRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, second := twoServers(t)
		d := w.dial(background, trunkURI, nil)
		first := w.peer.request("INVITE")
		w.peer.reply(first, 100, "", "")
		w.peer.reply(first, 503, "a1", "")
		w.peer.request("ACK")
		invite := second.request("INVITE")
		wantAnother(t, first, invite)
		serveCall(second, invite, d)
		d = w.dial(background, trunkURI, nil)
		serveCall(second, second.request("INVITE"), d)
		w.peer.silence(time.Minute)
		d = w.dial(background, trunkURI, nil)
		serveCall(w.peer, w.peer.request("INVITE"), d)
	})
}

// TestFailoverSilent goes on to the second server where the first says nothing for 4 s. When that wakes up it is told that the call went
// elsewhere.
func TestFailoverSilent(t *testing.T) {
	for _, status := range []int{180, 200} {
		synctest.Test(t, func(t *testing.T) {
			w, second := twoServers(t)
			begin := time.Now()
			d := w.dial(background, trunkURI, nil)
			first := w.peer.request("INVITE")
			invite := second.request("INVITE")
			if got := time.Since(begin); got != 4*time.Second {
				t.Errorf("the second server is asked after %v, want 4 s", got)
			}
			wantAnother(t, first, invite)
			for range 3 {
				w.peer.request("INVITE") // repetitions
			}
			if status == 180 {
				w.peer.reply(first, 180, "a1", "")
				cancel := w.peer.request("CANCEL")
				if cancel.CSeq().SeqNo != first.CSeq().SeqNo || cancel.Via().Value() != first.Via().Value() {
					t.Errorf("CANCEL %s is not for the first INVITE", cancel.Via().Value())
				}
				w.peer.reply(cancel, 200, "a1", "")
				w.peer.reply(first, 487, "a1", "")
				w.peer.request("ACK")
			} else {
				w.peer.reply(first, 200, "a1", offer(1), "Contact: <sip:bob@"+peerAddr+">")
				if ack := w.peer.request("ACK"); ack.CSeq().SeqNo != first.CSeq().SeqNo {
					t.Errorf("ACK has number %d", ack.CSeq().SeqNo)
				}
				w.peer.reply(w.peer.request("BYE"), 200, "", "")
			}
			serveCall(second, invite, d)
		})
	}
}

// TestFailoverNot stays with a server that has said something, whatever it says later, and with one that says no.
func TestFailoverNot(t *testing.T) {
	for _, c := range []struct {
		before, status int
		want           bridge.Cause
	}{{0, 486, bridge.Busy}, {180, 503, bridge.Overload}, {100, 500, bridge.Internal}} {
		synctest.Test(t, func(t *testing.T) {
			w, second := twoServers(t)
			d := w.dial(background, trunkURI, nil)
			invite := w.peer.request("INVITE")
			if c.before != 0 {
				w.peer.reply(invite, c.before, "a1", "")
				time.Sleep(20 * time.Second)
			}
			w.peer.reply(invite, c.status, "a1", "")
			w.peer.request("ACK")
			r := d.wait()
			if r.err == nil {
				wantEnd(t, r.leg, c.want, true)
			} else if bridge.CauseOf(r.err) != c.want {
				t.Errorf("Dial: %v, want %s", r.err, c.want)
			}
			second.silence(time.Minute)
		})
	}
}

// TestFailoverEnd tells of the last refusal, and of the silence of all.
func TestFailoverEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, second := twoServers(t)
		d := w.dial(background, trunkURI, nil)
		for _, p := range []*peer{w.peer, second} {
			p.reply(p.request("INVITE"), 503, "a1", "")
			p.request("ACK")
		}
		wantDialError(t, d.wait().err, bridge.Overload, 503)
		begin := time.Now()
		d = w.dial(background, trunkURI, nil)
		wantDialError(t, d.wait().err, bridge.Unreachable, 408)
		if got := time.Since(begin); got != 36*time.Second {
			t.Errorf("given up after %v, want 36 s", got)
		}
	})
}

// TestFailoverWithdrawn asks nobody else for a call that is withdrawn in the silence of the first.
func TestFailoverWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, second := twoServers(t)
		ctx, cancel := context.WithTimeout(background, 2*time.Second)
		defer cancel()
		d := w.dial(ctx, trunkURI, nil)
		invite := w.peer.request("INVITE")
		wantDialError(t, d.wait().err, bridge.Cancelled, 0)
		second.silence(3 * time.Second)
		for range 3 {
			w.peer.request("INVITE") // repetitions
		}
		w.peer.reply(invite, 100, "", "")
		w.peer.reply(w.peer.request("CANCEL"), 200, "a1", "")
		w.peer.reply(invite, 487, "a1", "")
		w.peer.request("ACK")
		synctest.Wait()
		if n := w.agent.Stats().Standing; n != 0 {
			t.Errorf("%d calls stand", n)
		}
	})
}

// TestFailoverOutside has requests outside calls go on likewise.
func TestFailoverOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, second := twoServers(t)
		done := async(func() error { return w.agent.Ping(background, trunkURI) })
		w.peer.reply(w.peer.request("OPTIONS"), 503, "a1", "")
		second.reply(second.request("OPTIONS"), 200, "b1", "")
		if err := <-done; err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Minute)
		done = async(func() error { return w.agent.Ping(background, trunkURI) })
		first := w.peer.request("OPTIONS")
		second.reply(second.request("OPTIONS"), 200, "b1", "")
		if err := <-done; err != nil {
			t.Error(err)
		}
		w.peer.reply(first, 200, "a1", "")
		synctest.Wait()
	})
}

// TestProxyConnection sends the requests within a call over the connection by which a proxy has brought it, though that names another port.
func TestProxyConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialled := errors.New("dialled")
		in := newIncoming()
		w := listenWiresWith(t, &sip.Options{Network: "tcp", Bridge: in, DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
			t.Errorf("the agent connects to %s", addr)
			return nil, dialled
		}})
		p, _ := overStream(t, w.connect(t, 43210), "TCP")
		p.addr = peerAddr
		s := p.call()
		s.routes = []string{"Via: SIP/2.0/TCP 198.51.100.1:5060;branch=z9hG4bKphone", "Record-Route: <sip:192.0.2.2:5060;transport=tcp;lr>"}
		s.send("INVITE", offer(1))
		p.response(100, "INVITE")
		l := <-in.legs
		go func() { _ = l.Answer(background, nil) }()
		s.learn(p.response(200, "INVITE"))
		s.ack("")
		waitPhase(t, l, bridge.Up)
		ended := async(func() error { return l.Hangup(background, bridge.Normal) })
		p.reply(p.request("BYE"), 200, "", "")
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
