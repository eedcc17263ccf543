package engine

import (
	"net"
	"slices"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
)

// Content types of DTLS records (RFC 6347 section 4.1).
const (
	recordAlert     = 21
	recordHandshake = 22
)

// packetConn is the net.PacketConn under a handshake: it reads what the reader has sorted out and writes to wherever the far side is
// now. It keeps what was written last, for the server has to repeat its last flight (RFC 6347 section 4.2.4).
type packetConn struct {
	tr    *transport
	queue *queue

	mu     sync.Mutex
	flight [][]byte // written last, without a read between
	turned bool     // something has been read since
	kept   bool     // what is written is kept and not sent
}

func newPacketConn(tr *transport) *packetConn { return &packetConn{tr: tr, queue: newQueue()} }

func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.queue.get(b)
	c.mu.Lock()
	c.turned = true
	c.mu.Unlock()
	return n, net.UDPAddrFromAddrPort(from), err
}

func (c *packetConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turned {
		c.flight, c.turned = nil, false
	}
	c.flight = append(c.flight, append([]byte(nil), b...))
	if c.kept {
		return len(b), nil
	}
	return len(b), c.tr.writeTo(b)
}

// keep returns the last flight. From now on nothing is sent any more.
func (c *packetConn) keep() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	flight := c.flight
	c.flight, c.kept = nil, true
	return flight
}

// stop ends a handshake that is not wanted any more. Nothing of it is sent after this: it would come to the far side of another one.
func (c *packetConn) stop() {
	c.keep()
	c.queue.close()
}

// alert returns the alert that was written last.
func (c *packetConn) alert() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, record := range slices.Backward(c.flight) {
		if record[0] == recordAlert {
			return record
		}
	}
	return nil
}

func (c *packetConn) Close() error                       { c.queue.close(); return nil }
func (c *packetConn) LocalAddr() net.Addr                { return net.UDPAddrFromAddrPort(c.tr.shard().rtp.addr) }
func (c *packetConn) SetReadDeadline(t time.Time) error  { c.queue.deadline(t); return nil }
func (c *packetConn) SetDeadline(t time.Time) error      { c.queue.deadline(t); return nil }
func (c *packetConn) SetWriteDeadline(_ time.Time) error { return nil } // writes never block

// writeTo sends a datagram that is not media to the far side; before there is a path it is lost, and the handshake repeats it.
func (tr *transport) writeTo(b []byte) error {
	to := tr.far.Load()
	if to == nil {
		return nil
	}
	return tr.send(b, *to)
}

// parked is what is left of a connection after its handshake: some records instead of three goroutines and twenty kilobytes.
type parked struct {
	flight  [][]byte // of the server: Finished, for a client that did not get it
	goodbye []byte   // close_notify
	resends int
}

// maxResends bounds how often a last flight is repeated: a client gives up long before.
const maxResends = 16

// park ends the connection without a word to the far side: what it says at its end is kept for ours.
func park(conn *packetConn, c *dtls.Conn, client bool) *parked {
	p := &parked{flight: conn.keep()}
	if client {
		p.flight = nil
	}
	_ = c.Close()
	p.goodbye = conn.alert()
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
