package engine

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// base is an address that packets of calls leave from and come to, as RFC 8445 uses the word: the UDP port of a shard, or what stands
// beside it for far sides with ICE, such as the relay of a TURN server. What it takes in it hands to the agents that have joined it
// and, by transport.arrived, to the calls whose addresses it has learnt.
type base interface {
	writeTo(b []byte, to netip.AddrPort) error // sends a datagram; does not block, and does not keep b
	join(c *stunConn)                          // STUN with the user name fragment of c is for c
	leave(c *stunConn)
	awaits(id transactionID, c *stunConn)   // the response to a request of ours is for c
	learn(addr netip.AddrPort, c *stunConn) // what comes from there is for the call of c
	forget(tr *transport)                   // of a call that ends
}

// agents are those that have joined a base, by our ICE user name fragment.
type agents map[string]*stunConn

// leave takes one out, unless another has its name by now.
func (a agents) leave(c *stunConn) {
	if a[c.ufrag] == c {
		delete(a, c.ufrag)
	}
}

// caller returns what a request from an address is for, nil if that is nobody, or none that takes more.
func (a agents) caller(b []byte, from netip.AddrPort) *stunConn {
	if c := a[string(stunLocalUser(b))]; c != nil && c.callers.may(from) {
		return c
	}
	return nil
}

var _ base = (*shard)(nil)

func (s *shard) writeTo(b []byte, to netip.AddrPort) error { return s.rtp.writeTo(b, to) }

func (s *shard) join(c *stunConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agents[c.ufrag] = c
	c.tr.conn.Store(c)
}

func (s *shard) leave(c *stunConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agents.leave(c)
}

func (s *shard) awaits(id transactionID, c *stunConn) { s.checks.put(id, c) }

func (s *shard) learn(addr netip.AddrPort, c *stunConn) {
	s.mu.RLock()
	known := s.remotes.of(addr) == c.tr
	s.mu.RUnlock()
	if known {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evict(addr, c.tr.t)
	s.own(s.remotes, addr, c.tr)
}

// listening is a base that an agent uses, under the address that it knows it by.
type listening struct {
	addr *net.UDPAddr
	at   base
	late time.Duration // that the agent's first checks are held back
	conn *stunConn     // the agent's newest
}

// stunMux is the ice.UDPMux of one agent: its bases, preferred first.
type stunMux struct {
	tr *transport

	mu    sync.Mutex
	bases []listening
	next  []listening // to be gathered for
	all   []base      // that there have ever been
}

// use has the agent gather for other bases when it gathers next.
func (m *stunMux) use(next []listening) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next = next
}

// forget gives up the far side's addresses on all bases.
func (m *stunMux) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, at := range m.all {
		at.forget(m.tr)
	}
}

// GetListenAddresses implements ice.UDPMux: the agent gathers.
func (m *stunMux) GetListenAddresses() []net.Addr {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.next != nil {
		m.bases, m.next = m.next, nil
	}
	all := make([]net.Addr, len(m.bases))
	for i := range m.bases {
		all[i] = m.bases[i].addr
	}
	return all
}

// RemoveConnByUfrag implements ice.UDPMux. Close of the conn does it.
func (m *stunMux) RemoveConnByUfrag(string) {}

// Close implements ice.UDPMux.
func (m *stunMux) Close() error { return nil }

// GetConn gives the agent its conn, under the user name fragment that it gathers for.
func (m *stunMux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.find(addr.String())
	if l == nil {
		return nil, net.InvalidAddrError("no address of the agent's")
	}
	if !slices.Contains(m.all, l.at) {
		m.all = append(m.all, l.at)
	}
	l.conn = &stunConn{tr: m.tr, at: l.at, addr: l.addr, ufrag: ufrag, queue: newQueue(), late: l.late}
	l.at.join(l.conn)
	return l.conn, nil
}

// find returns what listens on an address. m.mu is held.
func (m *stunMux) find(addr string) *listening {
	for i := range m.bases {
		if m.bases[i].addr.String() == addr {
			return &m.bases[i]
		}
	}
	return nil
}

// conn returns the agent's conn for an address of ours, nil if there is none.
func (m *stunMux) conn(addr string) *stunConn {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.find(addr); l != nil {
		return l.conn
	}
	return nil
}

// send sends a datagram by the base that the far side is reached through. The readers send by the shard's port in batches.
func (tr *transport) send(b []byte, to netip.AddrPort) error {
	if via := tr.via.Load(); via != nil {
		return (*via).writeTo(b, to)
	}
	return tr.shard().rtp.writeTo(b, to)
}

// add is send in a reader, which sends what goes by a shard's port with the batch. What the system refuses is counted.
func (tr *transport) add(w *worker, b []byte, to netip.AddrPort, refused *atomic.Uint64) {
	if via := tr.via.Load(); via != nil {
		if (*via).writeTo(b, to) != nil {
			refused.Add(1)
		}
		return
	}
	w.to(tr.shard().rtp).add(b, to, refused)
}

// arrived takes a datagram that is not STUN from an address of the far side's, and reports whether it was meant for a call (RFC 7983).
func (tr *transport) arrived(w *worker, b []byte, from netip.AddrPort) bool {
	switch first := b[0]; {
	case first >= 20 && first < 64 && tr.t.dtls != nil:
		tr.t.dtls.arrived(b)
	case first < 128 || first >= 192:
		return false
	case isRTCP(b):
		if tr.t.reports.arrived(tr, b, w.now) {
			tr.lively(from, w.now)
		}
	default:
		tr.rtp(w, b, from)
	}
	return true
}

// arrivedBeside is arrived for what comes by another base than the shard's port, whose readers hold its lock.
func (tr *transport) arrivedBeside(w *worker, b []byte, from netip.AddrPort) bool {
	home := tr.shard()
	home.mu.RLock()
	defer home.mu.RUnlock()
	return tr.arrived(w, b, from)
}
