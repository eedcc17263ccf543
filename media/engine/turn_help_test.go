package engine_test

import (
	"crypto/tls"
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

	"github.com/alexacall/alexacall/internal/testutil"
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

// Times that a server has to answer: where one is silent, and elsewhere, for the machine may be busy.
const (
	patience   = 500 * time.Millisecond
	impatience = 50 * time.Millisecond
)

// relayedTo opens an engine that has a relay on each of its servers.
func relayedTo(t testing.TB, o engine.Options) (*engine.Engine, *testutil.Output) {
	t.Helper()
	e, d := listenTo(t, o, patience)
	eventually(t, "there are relays", func() bool { return len(engine.RelaysOf(e)) == len(o.TURN) })
	return e, d
}

// listenTo opens an engine that asks its servers again soon, and returns what it logs.
func listenTo(t testing.TB, o engine.Options, patience time.Duration) (*engine.Engine, *testutil.Output) {
	t.Helper()
	d := new(testutil.Output)
	o.Logger = slog.New(slog.NewTextHandler(d, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e, err := engine.ListenSoon("127.0.0.1:0", &o, 100*time.Millisecond, patience)
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
