package engine_test

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// forwarder is the path between an engine and a peer, as a NAT is: each of them sees a port of its own instead of the other. It can
// spoil what passes, and change the port that the engine sees.
type forwarder struct {
	t      testing.TB
	engine netip.AddrPort
	toPeer *net.UDPConn // the peer sees this one
	work   sync.WaitGroup

	mu       sync.Mutex
	toEngine *net.UDPConn // the engine sees this one
	peer     netip.AddrPort
	spoil    func(b []byte, toPeer bool) (copies int)
}

func newForwarder(t testing.TB, engine netip.AddrPort) *forwarder {
	t.Helper()
	f := &forwarder{t: t, engine: engine, toPeer: loopback(t), spoil: func([]byte, bool) int { return 1 }}
	f.toEngine = loopback(t)
	f.work.Go(f.fromPeer)
	f.listen(f.toEngine)
	t.Cleanup(func() {
		_ = f.toPeer.Close()
		_ = f.near().Close()
		f.work.Wait()
	})
	return f
}

func loopback(t testing.TB) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func portOf(conn *net.UDPConn) netip.AddrPort { return conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (f *forwarder) near() *net.UDPConn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.toEngine
}

// with sets what happens to each datagram from now on: how many copies of it go on. Calls do not overlap, and when it returns
// everything has gone out that was let through before.
func (f *forwarder) with(spoil func(b []byte, toPeer bool) (copies int)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = spoil
}

// move lets the peer come from another port, as a NAT does that has forgotten it.
func (f *forwarder) move() {
	conn := loopback(f.t)
	f.mu.Lock()
	old := f.toEngine
	f.toEngine = conn
	f.mu.Unlock()
	f.listen(conn)
	_ = old.Close()
}

func (f *forwarder) fromPeer() {
	b := make([]byte, 65536)
	for {
		n, from, err := f.toPeer.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		f.mu.Lock()
		f.peer = from
		for range f.spoil(b[:n], false) {
			_, _ = f.toEngine.WriteToUDPAddrPort(b[:n], f.engine)
		}
		f.mu.Unlock()
	}
}

func (f *forwarder) listen(conn *net.UDPConn) {
	f.work.Go(func() {
		b := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			f.mu.Lock()
			copies := 0
			if from == f.engine {
				copies = f.spoil(b[:n], true)
			}
			for range copies {
				_, _ = f.toPeer.WriteToUDPAddrPort(b[:n], f.peer)
			}
			f.mu.Unlock()
		}
	})
}

// offered returns the peer's description with the forwarder in its place.
func (f *forwarder) offered(d media.Description) media.Description {
	f.t.Helper()
	peer := candidateOf(f.t, d)
	f.mu.Lock()
	f.peer = peer
	f.mu.Unlock()
	return f.replace(d, peer, portOf(f.near()))
}

// answered returns the engine's description with the forwarder in its place.
func (f *forwarder) answered(d media.Description) media.Description {
	f.t.Helper()
	return f.replace(d, f.engine, portOf(f.toPeer))
}

func (f *forwarder) replace(d media.Description, from, to netip.AddrPort) media.Description {
	f.t.Helper()
	old := " " + from.Addr().String() + " " + portText(from) + " typ host"
	changed := " " + to.Addr().String() + " " + portText(to) + " typ host"
	return edit(f.t, d, old, changed)
}

// edit replaces text of a description, which has to stand in it.
func edit(t testing.TB, d media.Description, old, changed string) media.Description {
	t.Helper()
	b, _ := d.AppendText(nil)
	if !strings.Contains(string(b), old) {
		t.Fatalf("%q does not stand in\n%s", old, b)
	}
	d, err := media.ParseDescription([]byte(strings.ReplaceAll(string(b), old, changed)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func portText(a netip.AddrPort) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}

// candidateOf returns the address of the first host candidate.
func candidateOf(t testing.TB, d media.Description) netip.AddrPort {
	t.Helper()
	b, _ := d.AppendText(nil)
	for line := range strings.SplitSeq(string(b), "\r\n") {
		if f := strings.Fields(line); len(f) > 7 && strings.HasPrefix(line, "a=candidate:") && f[7] == "host" {
			return netip.MustParseAddrPort(net.JoinHostPort(f[4], f[5]))
		}
	}
	t.Fatalf("no candidate in\n%s", b)
	return netip.AddrPort{}
}

// inject sends to the engine from where it knows the peer.
func (f *forwarder) inject(b []byte) {
	f.t.Helper()
	if _, err := f.near().WriteToUDPAddrPort(b, f.engine); err != nil {
		f.t.Fatal(err)
	}
}

// deliver sends to the peer from where it knows the engine.
func (f *forwarder) deliver(b []byte) {
	f.t.Helper()
	f.mu.Lock()
	peer := f.peer
	f.mu.Unlock()
	if _, err := f.toPeer.WriteToUDPAddrPort(b, peer); err != nil {
		f.t.Fatal(err)
	}
}
