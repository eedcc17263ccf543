package siptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	dialTimeout = 5 * time.Second
	// writeTimeout is how long a TCP peer may take to make room for a message.
	writeTimeout = 5 * time.Second
	// bindTries is how many ports are tried for one that is free for both UDP and TCP.
	bindTries = 20
)

// sockets are what a phone listens on.
type sockets struct {
	udp  net.PacketConn // nil without UDP
	tcp  *net.TCPListener
	addr netip.AddrPort
}

// listen opens the sockets that s asks for, on one port.
func listen(s *settings) (sockets, error) {
	if s.PacketConn != nil {
		addr, err := listenAddr(s.PacketConn.LocalAddr())
		return sockets{udp: s.PacketConn, addr: addr}, err
	}
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	var last error
	for range bindTries {
		k := sockets{addr: netip.AddrPortFrom(loopback, 0)}
		if s.Network != "tcp" {
			udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(k.addr))
			if err != nil {
				return sockets{}, fmt.Errorf("siptest: %w", err)
			}
			k.udp = udp
			k.addr, err = listenAddr(udp.LocalAddr())
			if err != nil {
				return sockets{}, errors.Join(err, udp.Close())
			}
		}
		if s.Network == "udp" {
			return k, nil
		}
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(k.addr))
		if err == nil {
			k.tcp = tcp
			k.addr, err = listenAddr(tcp.Addr())
			return k, err
		}
		last = err
		if k.udp != nil {
			_ = k.udp.Close()
		}
	}
	return sockets{}, fmt.Errorf("siptest: no port free for both UDP and TCP: %w", last)
}

// close frees the sockets.
func (k sockets) close() error {
	var errs []error
	if k.udp != nil {
		errs = append(errs, k.udp.Close())
	}
	if k.tcp != nil {
		errs = append(errs, k.tcp.Close())
	}
	for i, err := range errs {
		if errors.Is(err, net.ErrClosed) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// datagrams shows the phone what sipgo sends over UDP, and says when sipgo has begun to read: only then does it find the socket for
// what it is asked to send.
type datagrams struct {
	net.PacketConn
	sent  func([]byte)
	begin sync.Once
	ready chan struct{}
}

// ReadFrom implements net.PacketConn.
func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	d.begin.Do(func() { close(d.ready) })
	return d.PacketConn.ReadFrom(b)
}

// WriteTo implements net.PacketConn.
func (d *datagrams) WriteTo(b []byte, to net.Addr) (int, error) {
	d.sent(b)
	return d.PacketConn.WriteTo(b, to)
}

// stream shows the phone what sipgo sends over one TCP connection.
type stream struct {
	net.Conn
	gate *gate
	mine atomic.Value // sipgo's sipmsg.Connection around the stream, once it is known
}

// Write implements net.Conn. sipgo writes a message with one call.
func (s *stream) Write(b []byte) (int, error) {
	s.gate.sent(b)
	if err := s.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return s.Conn.Write(b)
}

// Close implements net.Conn.
func (s *stream) Close() error {
	s.gate.mu.Lock()
	delete(s.gate.conns, s.Conn)
	s.gate.mu.Unlock()
	if c, ok := s.mine.Load().(sipmsg.Connection); ok {
		// sipgo has just set its count of users to zero, and complains on the default logger of the process about each that leaves now.
		c.Ref(manyUsers)
	}
	return s.Conn.Close()
}

// manyUsers is more than the users that a connection can have.
const manyUsers = 1 << 24

// gate is the listener that sipgo takes all TCP connections from: those that were accepted and those that the phone dialled, so that
// both are seen and closed in one place.
type gate struct {
	listener *net.TCPListener
	sent     func([]byte)
	find     func(network, addr string) (sipmsg.Connection, error)
	arrivals chan arrival
	done     chan struct{}
	last     chan struct{} // of the connection that Accept returned last

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	shut  bool
}

// arrival is a connection for sipgo, and a channel that is closed when sipgo has it.
type arrival struct {
	conn  *stream
	taken chan struct{}
}

// newGate returns a gate for l. It tells sent of what is sent, and finds with find what sipgo has made of a connection.
func newGate(l *net.TCPListener, sent func([]byte), find func(network, addr string) (sipmsg.Connection, error)) *gate {
	return &gate{listener: l, sent: sent, find: find, arrivals: make(chan arrival), done: make(chan struct{}), conns: make(map[net.Conn]struct{})}
}

// Accept implements net.Listener. Only sipgo's one goroutine calls it, and calls again when it has registered what it got.
func (g *gate) Accept() (net.Conn, error) {
	if g.last != nil {
		close(g.last)
		g.last = nil
	}
	select {
	case a := <-g.arrivals:
		g.last = a.taken
		return a.conn, nil
	case <-g.done:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (g *gate) Addr() net.Addr { return g.listener.Addr() }

// Close implements net.Listener. It closes all connections too.
func (g *gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return nil
	}
	g.shut = true
	close(g.done)
	for c := range g.conns {
		_ = c.Close()
	}
	if err := g.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("siptest: %w", err)
	}
	return nil
}

// accept hands what arrives to sipgo until the gate is closed.
func (g *gate) accept() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return
		}
		_ = g.add(context.Background(), c)
	}
}

// add hands c to sipgo and waits until it has it.
func (g *gate) add(ctx context.Context, c net.Conn) error {
	g.mu.Lock()
	if g.shut {
		g.mu.Unlock()
		_ = c.Close()
		return errClosed
	}
	g.conns[c] = struct{}{}
	g.mu.Unlock()
	a := arrival{conn: &stream{Conn: c, gate: g}, taken: make(chan struct{})}
	select {
	case g.arrivals <- a:
	case <-g.done:
		return errClosed
	case <-ctx.Done():
		_ = c.Close()
		return ctx.Err()
	}
	select {
	case <-a.taken:
		if mine, err := g.find("tcp", c.RemoteAddr().String()); err == nil {
			a.conn.mine.Store(mine)
		}
		return nil
	case <-g.done:
		return errClosed
	}
}

// dial opens a connection to addr for sipgo.
func (g *gate) dial(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("siptest: %w", err)
	}
	return g.add(ctx, c)
}
