package engine

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
)

const (
	maxLinks  = 8               // connections of one call
	maxDials  = 4               // of one description's candidates
	dialAfter = time.Second     // UDP is preferred: connections are made where it has found no path by then
	linkLimit = 5 * time.Second // for one connection
)

// tcpLinks are the TCP connections of one call. To the agent, which knows UDP alone, each is a far side with a name of ours, an address
// that nobody can have: so it costs no goroutine of the agent's. It is the base of what goes by them.
type tcpLinks struct {
	tr    *transport
	pwd   atomic.Pointer[string] // ours, of ICE
	ufrag string                 // likewise; guarded by the lock of the engine's tcpSide
	ctx   context.Context        // ends with the call
	end   context.CancelFunc

	mu     sync.Mutex
	conns  []*tcpConn
	names  uint16 // given
	closed bool
	work   sync.WaitGroup // of connections, and of those being made
}

var _ base = (*tcpLinks)(nil)

func newTCPLinks(tr *transport, pwd string) *tcpLinks {
	l := &tcpLinks{tr: tr}
	l.pwd.Store(&pwd)
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// tcpName returns the address that stands for a connection: of a block that is reserved (RFC 1112 section 4), or discarded (RFC 6666).
func tcpName(six bool, n uint16) netip.AddrPort {
	if six {
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0: 1, 15: 1}), n)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{240, 0, 0, 1}), n)
}

func isTCPName(a netip.Addr) bool {
	return a == tcpName(false, 0).Addr() || a == tcpName(true, 0).Addr()
}

// add gives a connection to the call, unless that has too many or has ended.
func (l *tcpLinks) add(c *tcpConn, first []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.conns) == maxLinks {
		return false
	}
	l.names++
	c.links, c.name = l, tcpName(l.tr.t.engine.local.Is6(), l.names)
	l.conns = append(l.conns, c)
	c.start(first)
	return true
}

func (l *tcpLinks) drop(c *tcpConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = slices.DeleteFunc(l.conns, func(one *tcpConn) bool { return one == c })
}

func (l *tcpLinks) find(name netip.AddrPort) *tcpConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		if c.name == name {
			return c
		}
	}
	return nil
}

// writeTo implements base.
func (l *tcpLinks) writeTo(b []byte, to netip.AddrPort) error {
	if c := l.find(to); c != nil {
		return c.send(b)
	}
	return net.ErrClosed
}

// respond sends what the agent says to one of the connections.
func (l *tcpLinks) respond(b []byte, to netip.AddrPort) error {
	if c := l.find(to); c != nil {
		return c.respond(b)
	}
	return net.ErrClosed
}

// learn implements base: the agent has chosen the connection.
func (l *tcpLinks) learn(name netip.AddrPort, _ *stunConn) {
	if c := l.find(name); c != nil {
		c.prove()
	}
}

// What the agent needs of a base is done by the shard's port, whose address it knows.
func (l *tcpLinks) join(*stunConn)                  {}
func (l *tcpLinks) leave(*stunConn)                 {}
func (l *tcpLinks) awaits(transactionID, *stunConn) {}
func (l *tcpLinks) forget(*transport)               {}

// close ends all connections and waits for their goroutines.
func (l *tcpLinks) close() {
	if l == nil {
		return
	}
	l.end()
	l.tr.t.engine.tcp.expect(l, "")
	l.mu.Lock()
	l.closed = true
	conns := slices.Clone(l.conns)
	l.mu.Unlock()
	for _, c := range conns {
		c.close()
	}
	l.work.Wait()
}

// reach connects to where the far side waits for connections, if there is no path by then. The agent's lock is held.
func (a *agent) reach(texts []string) {
	l := a.t.transport.tcp
	if l == nil || a.t.policy.Lite {
		return // a lite agent only waits itself
	}
	var waits []ice.Candidate
	for _, text := range texts {
		c, err := ice.UnmarshalCandidate(text)
		if err == nil && c.TCPType() == ice.TCPTypePassive && c.Component() == ice.ComponentRTP && len(waits) < maxDials {
			waits = append(waits, c)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range waits {
		ip, err := netip.ParseAddr(c.Address())
		if err == nil && !l.closed && a.t.engine.reaches(ip.Unmap()) && (ip.Unmap().Is4() || !a.t.policy.IPv4Only) {
			l.work.Go(func() { a.dial(netip.AddrPortFrom(ip.Unmap(), uint16(c.Port())), c.Priority()) })
		}
	}
}

// dial makes one connection and tells the agent of it.
func (a *agent) dial(to netip.AddrPort, priority uint32) {
	l := a.t.transport.tcp
	timer := time.NewTimer(a.t.engine.limits.dial)
	defer timer.Stop()
	select {
	case <-l.ctx.Done():
		return
	case <-timer.C:
	}
	if a.selected.Load() != nil || l.connected(to) {
		return
	}
	ctx, cancel := context.WithTimeout(l.ctx, linkLimit)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return
	}
	c := newTCPConn(conn)
	c.await(a.t.engine.limits.connect)
	if !l.add(c, nil) {
		c.close()
		return
	}
	remote, err := ice.NewCandidateHost(&ice.CandidateHostConfig{
		Network: "udp", Address: c.name.Addr().String(), Port: int(c.name.Port()), Component: ice.ComponentRTP, Priority: priority,
	})
	if err == nil {
		_ = a.ice.AddRemoteCandidate(remote)
	}
}

// connected reports whether there is a connection to an address.
func (l *tcpLinks) connected(to netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.conns, func(c *tcpConn) bool { return c.far == to })
}
