package engine_test

import (
	"crypto/tls"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// TestTURN has sound go by a relay of ours to a far side that has none, and gives the relay back at the end.
func TestTURN(t *testing.T) {
	t.Parallel()
	cert, pool := authority(t)
	for name, url := range map[string]func(*turnServer) string{
		"UDP": func(s *turnServer) string { return "turn:" + s.udp.String() },
		"TCP": func(s *turnServer) string { return "turn:" + s.tcp.String() + "?transport=tcp" },
		"TLS": func(s *turnServer) string { return "turns:" + s.tls.String() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyRole(t, func(t *testing.T, offers bool) {
				s := newTURNServer(t, &cert, netip.AddrPort{})
				e, _ := relayedTo(t, engine.Options{TURN: []engine.TURNServer{
					{URL: url(s), Username: turnUser, Password: turnPassword, TLS: &tls.Config{RootCAs: pool}},
				}})
				term := open(t, e, relayOnly())
				call(t, term, newBrowser(t, impatient), offers)
				if all := engine.RelaysOf(e); len(all) != 1 || engine.RelayOf(term) != all[0] {
					t.Errorf("sound goes by %q, the relays are %q", engine.RelayOf(term), all)
				}
				_ = e.Close()
				eventually(t, "the server has its relay back", func() bool { return s.deleted.Load() == s.made.Load() })
				if n := s.made.Load(); n != 1 {
					t.Errorf("%d allocations were made, want one", n)
				}
			})
		})
	}
}

// One allocation serves all calls.
func TestTURNShared(t *testing.T) {
	t.Parallel()
	s := newTURNServer(t, nil, netip.AddrPort{})
	e, _ := relayedTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(s.udp)}})
	var terms []media.Terminal
	for range 4 {
		term := open(t, e, relayOnly())
		call(t, term, newBrowser(t, impatient), true)
		terms = append(terms, term)
	}
	for _, term := range terms[:3] {
		_ = term.Close()
	}
	if n := s.made.Load(); n != 1 {
		t.Errorf("%d allocations were made, want one", n)
	}
}

// A path without the relay is preferred, and the relay is told last.
func TestTURNLast(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		s := newTURNServer(t, nil, netip.AddrPort{})
		f := newForwarder(t, s.udp)
		e, _ := relayedTo(t, engine.Options{STUN: []string{"stun:" + portOf(f.toPeer).String()}, TURN: []engine.TURNServer{turnAt(s.udp)}})
		eventually(t, "the mapping is known", func() bool { return len(engine.MappedOf(e)) == 1 })
		term := open(t, e, media.AlexaCalling())
		sdp := call(t, term, newBrowser(t), offers)
		if by := engine.RelayOf(term); by != "" {
			t.Errorf("sound goes by %s", by)
		}
		var kinds []string
		last := math.MaxInt
		for line := range strings.SplitSeq(sdp, "\r\n") {
			var foundation, component, priority, port int
			var network, addr, kind string
			if n, _ := fmt.Sscanf(line, "a=candidate:%d %d %s %d %s %d typ %s", &foundation, &component, &network, &priority, &addr, &port, &kind); n == 7 {
				kinds = append(kinds, kind)
				if priority >= last {
					t.Errorf("%q is not below the one before", line)
				}
				last = priority
			}
		}
		// the second host is our TCP
		if want := "host srflx host relay"; strings.Join(kinds, " ") != want {
			t.Errorf("candidates %q, want %s", kinds, want)
		}
		if want := fmt.Sprintf(" %s typ srflx raddr 127.0.0.1 rport %s", portText(portOf(f.near())), portText(e.Addr())); !strings.Contains(sdp, want) {
			t.Errorf("no %q in\n%s", want, sdp)
		}
	})
}

// Without the relay that a policy wants there is no description; other legs do without.
func TestTURNMissing(t *testing.T) {
	t.Parallel()
	silent := loopback(t)
	s := newTURNServer(t, nil, netip.AddrPort{})
	wrong := turnAt(s.udp)
	wrong.Password = "not-" + turnPassword[:5]
	for name, c := range map[string]struct {
		server engine.TURNServer
		says   string
	}{
		"silent":         {turnAt(portOf(silent)), "does not answer"},
		"wrong password": {wrong, "refuses with 400"},
		"refused":        {engine.TURNServer{URL: "turn:" + s.udp.String() + "?transport=tcp"}, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, log := listenTo(t, engine.Options{TURN: []engine.TURNServer{c.server}}, impatience)
			if _, err := open(t, e, relayOnly()).Offer(g711()); err == nil || !strings.Contains(err.Error(), "relay") {
				t.Errorf("a leg that wants a relay has the error %v", err)
			}
			if sdp := call(t, open(t, e, media.AlexaCalling()), newBrowser(t), true); strings.Contains(sdp, "relay") {
				t.Errorf("a relay is told in\n%s", sdp)
			}
			eventually(t, "the log says why", func() bool { return strings.Contains(log.String(), c.says) })
		})
	}
}

// A server that has forgotten us, as one does that was started anew, gives another relay: legs take it with their next restart.
func TestTURNRestarted(t *testing.T) {
	t.Parallel()
	s := newTURNServer(t, nil, netip.AddrPort{})
	e, log := relayedTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(s.udp)}})
	term, b := open(t, e, relayOnly()), newBrowser(t, impatient)
	call(t, term, b, true)
	before := engine.RelayOf(term)
	s.close()
	newTURNServer(t, nil, s.udp)
	eventually(t, "there is another relay", func() bool {
		all := engine.RelaysOf(e)
		return len(all) == 1 && all[0] != before
	})
	if text := log.String(); strings.Count(text, "there is a TURN relay") != 2 || !strings.Contains(text, "there is no TURN relay") {
		t.Errorf("the log does not say so:\n%s", text)
	}
	restart(t, term, b)
	b.drain()
	bothHear(t, term, b)
	if now := engine.RelayOf(term); now == before || now != engine.RelaysOf(e)[0] {
		t.Errorf("sound goes by %s after a restart, it went by %s", now, before)
	}
}

// A NAT that has forgotten us gives the connection to the server another address: that has no allocation there.
func TestTURNAddressLost(t *testing.T) {
	t.Parallel()
	s := newTURNServer(t, nil, netip.AddrPort{})
	f := newForwarder(t, s.udp)
	e, _ := listenTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(portOf(f.toPeer))}}, impatience)
	var before []string
	eventually(t, "there is a relay", func() bool {
		before = engine.RelaysOf(e)
		return len(before) == 1
	})
	f.move()
	eventually(t, "there is another relay", func() bool {
		all := engine.RelaysOf(e)
		return len(all) == 1 && all[0] != before[0]
	})
	f.with(func([]byte, bool) int { return 0 })
	eventually(t, "the relay of a server that is silent is told no more", func() bool { return len(engine.RelaysOf(e)) == 0 })
	f.move() // for the server has not forgotten the relay of the old address
	f.with(func([]byte, bool) int { return 1 })
	eventually(t, "there is a relay again", func() bool { return len(engine.RelaysOf(e)) == 1 })
}

// An engine that is closed has no socket left.
func TestTURNClosesSockets(t *testing.T) {
	cert, pool := authority(t)
	s := newTURNServer(t, &cert, netip.AddrPort{})
	before := testutil.OpenFDs(t)
	with := engine.TURNServer{Username: turnUser, Password: turnPassword, TLS: &tls.Config{RootCAs: pool}}
	tcp, secure := with, with
	tcp.URL, secure.URL = "turn:"+s.tcp.String()+"?transport=tcp", "turns:"+s.tls.String()
	e, _ := relayedTo(t, engine.Options{STUN: []string{"stun:" + s.udp.String()}, TURN: []engine.TURNServer{turnAt(s.udp), tcp, secure}})
	if n := testutil.OpenFDs(t) - before; n < 2+3 {
		t.Fatalf("%d sockets are open: the test is wrong", n)
	}
	_ = e.Close()
	eventually(t, "the sockets are closed, the server's too", func() bool { return testutil.OpenFDs(t) <= before })
}
