package engine

import (
	"net"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
)

// Content types of DTLS records (RFC 6347 section 4.1).
const recordHandshake = 22

// packetConn is the net.PacketConn under a handshake: it reads what the reader has sorted out and writes to wherever the far side is
// now. It keeps what was written last, for the server has to repeat its last flight (RFC 6347 section 4.2.4).
type packetConn struct {
	tr    *transport
	queue *queue

	mu     sync.Mutex
	flight [][]byte // written since the last read
}

func newPacketConn(tr *transport) *packetConn { return &packetConn{tr: tr, queue: newQueue()} }

func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.queue.get(b)
	c.mu.Lock()
	c.flight = nil
	c.mu.Unlock()
	return n, net.UDPAddrFromAddrPort(from), err
}

func (c *packetConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	c.mu.Lock()
	c.flight = append(c.flight, append([]byte(nil), b...))
	c.mu.Unlock()
	return len(b), c.tr.writeTo(b)
}

func (c *packetConn) Close() error                       { c.queue.close(); return nil }
func (c *packetConn) LocalAddr() net.Addr                { return net.UDPAddrFromAddrPort(c.tr.shard.rtp.addr) }
func (c *packetConn) SetReadDeadline(t time.Time) error  { c.queue.deadline(t); return nil }
func (c *packetConn) SetDeadline(t time.Time) error      { c.queue.deadline(t); return nil }
func (c *packetConn) SetWriteDeadline(_ time.Time) error { return nil } // writes never block

// writeTo sends a datagram that is not media to the far side; before there is a path it is lost, and the handshake repeats it.
func (tr *transport) writeTo(b []byte) error {
	to := tr.far.Load()
	if to == nil {
		return nil
	}
	return tr.shard.rtp.writeTo(b, *to)
}

// parked is what is left of a connection after its handshake: a kilobyte instead of three goroutines and twenty kilobytes.
type parked struct {
	flight  [][]byte // of the server: Finished, for a client that did not get it
	state   []byte   // to say close_notify with
	resends int
}

// maxResends bounds how often a last flight is repeated: a client gives up long before.
const maxResends = 16

// park ends the connection's goroutines without a word to the far side.
func park(conn *packetConn, state *dtls.State, client bool) *parked {
	p := new(parked)
	if !client {
		conn.mu.Lock()
		p.flight = conn.flight
		conn.mu.Unlock()
	}
	p.state, _ = state.MarshalBinary()
	conn.queue.close()
	return p
}

// arrived takes a record after the handshake. A handshake record means that the far side has not got our last flight. The
// association's lock is held.
func (p *parked) arrived(tr *transport, b []byte) {
	if b[0] != recordHandshake || p.resends == maxResends {
		return
	}
	p.resends++
	for _, datagram := range p.flight {
		_ = tr.writeTo(datagram)
	}
}

// notify sends close_notify. The connection is revived for it and ends at once.
func (p *parked) notify(tr *transport, cert *certificate) {
	var state dtls.State
	to := tr.far.Load()
	if to == nil || state.UnmarshalBinary(p.state) != nil {
		return
	}
	conn := newPacketConn(tr)
	c, err := dtls.ResumeWithOptions(&state, conn, net.UDPAddrFromAddrPort(*to),
		dtls.WithCertificates(cert.tls), dtls.WithInsecureSkipVerify(true), dtls.WithLoggerFactory(silentLogs{}))
	if err != nil {
		return
	}
	_ = c.Close()
}
