package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	turnBuffer     = 2*packetSize + turnRoom // bytes of a message that is taken from a server
	turnWriteLimit = 5 * time.Second         // for a stream to take what is written
	turnQueue      = 512                     // messages that wait for a stream
)

var (
	errTURNFrame = errors.New("engine: TURN: what comes is not TURN")
	errTURNFull  = errors.New("engine: TURN: the connection is congested")
)

// turnConn carries messages to a TURN server and back.
type turnConn interface {
	send(b []byte) error // does not block, and does not keep b
	// read returns a message that holds until the next read, with room behind it. It is empty after trouble that may pass.
	read() ([]byte, error)
	close() // ends read, and waits for what the connection has running
}

// dialTURN connects to a server. ctx bounds the name's look-up, the connection and the handshake.
func dialTURN(ctx context.Context, a serverAddr, config *tls.Config) (turnConn, error) {
	var conn net.Conn
	var err error
	switch {
	case a.secure:
		config = config.Clone()
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if config.ServerName == "" {
			config.ServerName = a.host
		}
		conn, err = (&tls.Dialer{Config: config}).DialContext(ctx, a.network, a.hostPort)
	default:
		conn, err = new(net.Dialer).DialContext(ctx, a.network, a.hostPort)
	}
	if err != nil {
		return nil, err
	}
	if a.network == "tcp" {
		return newTURNStream(conn), nil
	}
	return &turnUDP{conn: conn, buf: make([]byte, turnBuffer)}, nil
}

// turnUDP is a connection over UDP.
type turnUDP struct {
	conn net.Conn
	buf  []byte
}

func (c *turnUDP) send(b []byte) error {
	_, err := c.conn.Write(b)
	return err
}

func (c *turnUDP) read() ([]byte, error) {
	n, err := c.conn.Read(c.buf)
	if errors.Is(err, net.ErrClosed) {
		return nil, err
	}
	if n > turnBuffer-turnRoom {
		n = 0
	}
	return c.buf[:n], nil // nothing after another error: a datagram is refused while the server is started anew, say
}

func (c *turnUDP) close() { _ = c.conn.Close() }

// turnStream is a connection over TCP or TLS. One goroutine writes, so that a slow server holds up nobody: what it does not take in
// time is lost, as on any network.
type turnStream struct {
	conn  net.Conn
	in    *bufio.Reader
	buf   []byte
	queue chan *turnPacket
	free  turnPackets
	done  chan struct{}
	once  sync.Once
	work  sync.WaitGroup
}

func newTURNStream(conn net.Conn) *turnStream {
	c := &turnStream{
		conn: conn, in: bufio.NewReaderSize(conn, 16<<10), buf: make([]byte, turnBuffer),
		queue: make(chan *turnPacket, turnQueue), done: make(chan struct{}),
	}
	c.work.Go(c.write)
	return c
}

func (c *turnStream) send(b []byte) error {
	p := c.free.get()
	p.b = append(p.b, b...)
	select {
	case c.queue <- p:
		return nil
	default:
		c.free.put(p)
		return errTURNFull
	}
}

func (c *turnStream) write() {
	out := bufio.NewWriterSize(c.conn, 16<<10)
	for {
		var p *turnPacket
		select {
		case <-c.done:
			return
		case p = <-c.queue:
		}
		_ = c.conn.SetWriteDeadline(time.Now().Add(turnWriteLimit))
		_, err := out.Write(p.b)
		c.free.put(p)
		if err == nil && len(c.queue) == 0 {
			err = out.Flush()
		}
		if err != nil {
			_ = c.conn.Close() // read tells of it
			<-c.done
			return
		}
	}
}

func (c *turnStream) read() ([]byte, error) {
	for {
		size, err := turnFrame(c.in)
		if err != nil {
			return nil, err
		}
		if size > turnBuffer-turnRoom { // of another's maximum: nothing that we take is as long
			if _, err := c.in.Discard(size); err != nil {
				return nil, err
			}
			continue
		}
		_, err = io.ReadFull(c.in, c.buf[:size])
		return c.buf[:size], err
	}
}

// turnFrame returns how long the next message on a stream is (RFC 8489 section 6.2.2, RFC 8656 section 12.5).
func turnFrame(in *bufio.Reader) (int, error) {
	head, err := in.Peek(channelHeaderSize)
	if err != nil {
		return 0, err
	}
	size := int(binary.BigEndian.Uint16(head[2:]))
	switch {
	case head[0] < 4 && size%4 == 0:
		return stunHeaderSize + size, nil
	case isChannelData(head):
		return channelHeaderSize + (size+3)&^3, nil
	default:
		return 0, errTURNFrame
	}
}

func (c *turnStream) close() {
	c.once.Do(func() { close(c.done) })
	_ = c.conn.Close()
	c.work.Wait()
}

// turnPacket is a buffer for one message to a server.
type turnPacket struct{ b []byte }

// turnPackets are buffers that are used again.
type turnPackets struct{ pool sync.Pool }

func (p *turnPackets) get() *turnPacket {
	if b, ok := p.pool.Get().(*turnPacket); ok {
		return b
	}
	return &turnPacket{make([]byte, 0, packetSize+turnRoom)}
}

func (p *turnPackets) put(b *turnPacket) {
	b.b = b.b[:0]
	p.pool.Put(b)
}
