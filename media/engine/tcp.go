package engine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits of connections that have not shown yet which call they are of.
const (
	maxStrangers   = 256
	maxFromAddress = 16
)

// tcpSide is what the engine has of TCP: the listener, if there is one, and what comes by any connection.
type tcpSide struct {
	e    *Engine
	ln   *net.TCPListener // nil: connections are made, not taken
	addr netip.AddrPort

	mu        sync.Mutex
	strangers map[*tcpConn]struct{}
	from      map[netip.Addr]int   // how many of them
	calls     map[string]*tcpLinks // by our ICE user name fragment
	closed    bool
	work      sync.WaitGroup

	workMu sync.Mutex // guards w: connections are few, and share it
	w      *worker    // nil before anything has come
}

func (o *Options) tcp() string {
	if o == nil {
		return ""
	}
	return o.TCP
}

// listen opens the listener. The address is one such as "192.0.2.1:40000".
func (s *tcpSide) listen(e *Engine, addr string) error {
	s.e, s.strangers, s.from, s.calls = e, map[*tcpConn]struct{}{}, map[netip.Addr]int{}, map[string]*tcpLinks{}
	if addr == "" {
		return nil
	}
	at, err := resolve(addr)
	if err != nil {
		return err
	}
	network := "tcp4"
	if at.Addr().Is6() {
		network = "tcp6"
	}
	if s.ln, err = net.ListenTCP(network, net.TCPAddrFromAddrPort(at)); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	bound := s.ln.Addr().(*net.TCPAddr).AddrPort()
	s.addr = netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port())
	s.work.Go(s.accept)
	return nil
}

// accept takes connections until the listener is closed.
func (s *tcpSide) accept() {
	for {
		conn, err := s.ln.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.e.log.Error("taking a connection", "err", err)
			s.e.shards[0].pause() // the system's trouble of a moment
			continue
		}
		c := newTCPConn(conn)
		if !s.admit(c) {
			c.close()
		}
	}
}

// admit lets a connection show whose it is, unless there are too many that have not.
func (s *tcpSide) admit(c *tcpConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ip := c.far.Addr(); s.closed || len(s.strangers) >= maxStrangers || s.from[ip] >= maxFromAddress {
		return false
	}
	s.strangers[c] = struct{}{}
	s.from[c.far.Addr()]++
	c.ended = func() { s.leave(c) }
	c.await(s.e.limits.proof)
	s.work.Go(func() { s.greet(c) })
	return true
}

func (s *tcpSide) leave(c *tcpConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.strangers, c)
	if ip := c.far.Addr(); s.from[ip] > 1 {
		s.from[ip]--
	} else {
		delete(s.from, ip)
	}
}

// greet reads the first frame, which has to be a check for an agent of ours, and gives the connection to its call.
func (s *tcpSide) greet(c *tcpConn) {
	buf := make([]byte, packetSize)
	n, err := readFrame(c.in, buf)
	if err == nil {
		if class, _, ok := stunMessage(buf[:n]); ok && class == stunRequest {
			if l := s.linksOf(string(stunLocalUser(buf[:n]))); l != nil && l.add(c, buf[:n]) {
				return
			}
		}
	}
	c.close()
}

// expect lets connections with a user name fragment, instead of the one before, come to a call; an empty one lets none.
func (s *tcpSide) expect(l *tcpLinks, ufrag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, l.ufrag)
	if l.ufrag = ufrag; ufrag != "" && s.ln != nil {
		s.calls[ufrag] = l
	}
}

func (s *tcpSide) linksOf(ufrag string) *tcpLinks {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[ufrag]
}

// arrived hands what came by a connection to its call.
func (s *tcpSide) arrived(tr *transport, b []byte, from netip.AddrPort) {
	s.workMu.Lock()
	defer s.workMu.Unlock()
	if s.w == nil {
		s.w = new(worker)
	}
	s.w.now = time.Now()
	if !tr.arrivedBeside(s.w, b, from) {
		tr.shard().strays.Add(1)
	}
	s.w.flush()
	s.w.latch = s.w.latch[:0] // an address in a description is never the name of a connection
}

// close ends the listener and the connections that are of no call. The others have ended with their calls.
func (s *tcpSide) close() {
	if s.ln == nil {
		return
	}
	_ = s.ln.Close()
	s.mu.Lock()
	s.closed = true
	var open []*tcpConn
	for c := range s.strangers {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		c.close()
	}
	s.work.Wait()
}

// candidates returns the values of a=candidate for connections: those that we make, from any port (RFC 6544 section 4.5), and those that
// we take. TCP comes after UDP, also after that of server-reflexive candidates.
func (s *tcpSide) candidates(lite bool) []string {
	const prefer, active, passive = 90, 6 << 13, 4 << 13 // RFC 6544 section 4.2
	var list []string
	local := s.e.local
	if !lite {
		list = append(list, fmt.Sprintf("9001 1 tcp %d %s 9 typ host tcptype active", prefer<<24|(active+8191)<<8|255, local))
	}
	if s.ln == nil {
		return list
	}
	hosts := []netip.Addr{local}
	if bound := s.addr.Addr(); bound != local && !bound.IsUnspecified() {
		hosts = append(hosts, bound)
	}
	for i, ip := range hosts {
		list = append(list, fmt.Sprintf("%d 1 tcp %d %s %d typ host tcptype passive", 9002+i, prefer<<24|(passive+8191-i)<<8|255, ip, s.addr.Port()))
	}
	return list
}
