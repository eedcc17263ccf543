package engine_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// turnServer is a TURN server of pion's in the test's own process.
type turnServer struct {
	t             testing.TB
	udp, tcp, tls netip.AddrPort
	made, deleted atomic.Int32
	once          sync.Once
	server        *turn.Server
}

// newTURNServer starts a server on free ports or, for UDP, at the port of one before.
func newTURNServer(t testing.TB, cert *tls.Certificate, at netip.AddrPort) *turnServer {
	t.Helper()
	s := &turnServer{t: t}
	logs := logging.NewDefaultLoggerFactory()
	logs.Writer = io.Discard
	relays := &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	if !at.IsValid() {
		at = netip.MustParseAddrPort("127.0.0.1:0")
	}
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	s.udp = portOf(udp)
	c := turn.ServerConfig{
		Realm: "test.invalid", LoggerFactory: logs,
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: relays}},
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(turnUser, a.Realm, turnPassword), a.Username == turnUser
		},
		EventHandler: turn.EventHandler{
			OnAllocationCreated: func(_, _ net.Addr, _, _, _ string, _ net.Addr, _ int) { s.made.Add(1) },
			OnAllocationDeleted: func(_, _ net.Addr, _, _, _ string) { s.deleted.Add(1) },
		},
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.tcp = tcp.Addr().(*net.TCPAddr).AddrPort()
	c.ListenerConfigs = append(c.ListenerConfigs, turn.ListenerConfig{Listener: tcp, RelayAddressGenerator: relays})
	if cert != nil {
		l, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*cert}})
		if err != nil {
			t.Fatal(err)
		}
		s.tls = l.Addr().(*net.TCPAddr).AddrPort()
		c.ListenerConfigs = append(c.ListenerConfigs, turn.ListenerConfig{Listener: l, RelayAddressGenerator: relays})
	}
	if s.server, err = turn.NewServer(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func (s *turnServer) close() { s.once.Do(func() { _ = s.server.Close() }) }

// at returns how an engine reaches a server over UDP.
func turnAt(a netip.AddrPort) engine.TURNServer {
	return engine.TURNServer{URL: "turn:" + a.String(), Username: turnUser, Password: turnPassword}
}

// diary is a log that can be read while it is written.
type diary struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (d *diary) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.Write(b)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.String()
}

// listenTo opens an engine that asks its servers again soon, and returns what it logs.
func listenTo(t testing.TB, o engine.Options) (*engine.Engine, *diary) {
	t.Helper()
	d := new(diary)
	o.Logger = slog.New(slog.NewTextHandler(d, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e, err := engine.ListenSoon("127.0.0.1:0", &o, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = e.Close()
		if text := d.String(); strings.Contains(text, turnPassword) {
			t.Errorf("the password is in the log:\n%s", text)
		}
	})
	return e, d
}

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
				e, _ := listenTo(t, engine.Options{TURN: []engine.TURNServer{
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
	e, _ := listenTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(s.udp)}})
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
		e, _ := listenTo(t, engine.Options{STUN: []string{"stun:" + portOf(f.toPeer).String()}, TURN: []engine.TURNServer{turnAt(s.udp)}})
		term := open(t, e, media.AlexaCalling())
		sdp := call(t, term, newBrowser(t), offers)
		if by := engine.RelayOf(term); by != "" {
			t.Errorf("sound goes by %s", by)
		}
		var kinds []string
		last := 1 << 32
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
		if want := "host srflx relay"; strings.Join(kinds, " ") != want {
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
			e, log := listenTo(t, engine.Options{TURN: []engine.TURNServer{c.server}})
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
	e, log := listenTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(s.udp)}})
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
	e, _ := listenTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(portOf(f.toPeer))}})
	before := engine.RelaysOf(e)
	if len(before) != 1 {
		t.Fatalf("relays %q", before)
	}
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

// A far side that moves is followed over the relay as over the shared port.
func TestTURNFollows(t *testing.T) {
	t.Parallel()
	often := func(s *webrtc.SettingEngine) {
		impatient(s)
		s.SetICETimeouts(5*time.Second, 25*time.Second, 200*time.Millisecond)
	}
	everyRole(t, func(t *testing.T, offers bool) {
		s := newTURNServer(t, nil, netip.AddrPort{})
		e, _ := listenTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(s.udp)}})
		engine.SetMoved(e, 500*time.Millisecond)
		term, b := open(t, e, relayOnly()), newBrowser(t, often)
		f := newForwarder(t, netip.MustParseAddrPort(engine.RelaysOf(e)[0]))
		ours := func(d media.Description) media.Description {
			return edit(t, d, " "+portText(f.engine)+" typ relay", " "+portText(portOf(f.toPeer))+" typ relay")
		}
		if offers {
			answer, err := term.Answer(f.offered(b.offer()), g711())
			if err != nil {
				t.Fatal(err)
			}
			b.remote(webrtc.SDPTypeAnswer, ours(answer))
		} else {
			offer, err := term.Offer(g711())
			if err != nil {
				t.Fatal(err)
			}
			if err := term.Accept(f.offered(b.answer(ours(offer)))); err != nil {
				t.Fatal(err)
			}
		}
		bothHear(t, term, b)
		f.move()
		eventually(t, "the terminal sends to the new port", func() bool { return engine.RemoteOf(term) == portOf(f.near()).String() })
		b.drain()
		bothHear(t, term, b)
	})
}

// What a NAT makes of the shared port is told, and the other port after it has changed.
func TestSTUNMapping(t *testing.T) {
	t.Parallel()
	s := newTURNServer(t, nil, netip.AddrPort{})
	f := newForwarder(t, s.udp)
	e, log := listenTo(t, engine.Options{STUN: []string{"stun:" + portOf(f.toPeer).String()}})
	for range 2 {
		want := portOf(f.near())
		eventually(t, "the mapping is known", func() bool {
			all := engine.MappedOf(e)
			return len(all) == 1 && all[0] == want
		})
		offer, err := open(t, e, media.AlexaCalling()).Offer(g711())
		if err != nil {
			t.Fatal(err)
		}
		if text := described(offer); !strings.Contains(text, " 127.0.0.1 "+portText(want)+" typ srflx") {
			t.Errorf("no candidate with port %s in\n%s", portText(want), text)
		}
		if !strings.Contains(log.String(), "addr="+want.String()) {
			t.Errorf("the log does not have the address:\n%s", log)
		}
		f.move()
	}
	f.with(func([]byte, bool) int { return 0 })
	eventually(t, "the mapping of a server that is silent is told no more", func() bool { return len(engine.MappedOf(e)) == 0 })
	f.with(func([]byte, bool) int { return 1 })
	eventually(t, "the mapping is known again", func() bool { return len(engine.MappedOf(e)) == 1 })
}

func TestServerURLs(t *testing.T) {
	for _, o := range []engine.Options{
		{STUN: []string{"stun:"}},
		{STUN: []string{"turn:127.0.0.1"}},
		{STUN: []string{"stun:127.0.0.1:99999"}},
		{TURN: []engine.TURNServer{{URL: "stun:127.0.0.1"}}},
		{TURN: []engine.TURNServer{{URL: "turn:127.0.0.1?transport=sctp"}}},
		{TURN: []engine.TURNServer{{URL: "turns:127.0.0.1?transport=udp"}}},
		{TURN: []engine.TURNServer{{URL: "turn:127.0.0.1", Username: strings.Repeat("x", 509)}}},
	} {
		if e, err := engine.Listen("127.0.0.1:0", &o); err == nil || !strings.HasPrefix(err.Error(), "engine: ") {
			t.Errorf("%+v is taken, %v", o, err)
			_ = e.Close()
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", turnAt(netip.AddrPort{}), turnAt(netip.AddrPort{}), turnAt(netip.AddrPort{}), turnAt(netip.AddrPort{}).LogValue()); strings.Contains(text, turnPassword) {
		t.Errorf("the password is printed: %s", text)
	}
	p := media.Phone()
	p.RelayOnly = true
	if _, err := open(t, listen(t), p).Offer(nil); err == nil {
		t.Error("a leg without ICE may want relays")
	}
}
