package sip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Limits of TCP connections.
const (
	maxStreams      = 4096             // at a time
	maxFromOne      = 100              // that come from one address
	wholeMessageFor = 20 * time.Second // from the first byte of a message to its last
	idleFor         = 2 * time.Minute  // without a message, while no call needs the connection
	writeFor        = 10 * time.Second // for one message to go out
	dialFor         = 5 * time.Second  // to connect
	streamBuffer    = 8 << 10          // bytes read at a time
)

var (
	errStreams   = errors.New("sip: too many TCP connections")
	errNoTCP     = errors.New("sip: TCP is not in use")
	errNoUDP     = errors.New("sip: UDP is not in use")
	errNoAddress = errors.New("sip: no address of the far side's")
)

// stream is a conn over TCP, accepted or dialled.
type stream struct {
	t        *transport
	c        net.Conn
	to       netip.AddrPort
	accepted bool
	held     atomic.Int32 // calls that need it
	dead     atomic.Bool
}

var _ conn = (*stream)(nil)

func (s *stream) network() string        { return networkTCP }
func (s *stream) remote() netip.AddrPort { return s.to }
func (s *stream) alive() bool            { return !s.dead.Load() }
func (s *stream) hold(n int)             { s.held.Add(int32(n)) }

// LocalAddr implements sipmsg.Connection.
func (s *stream) LocalAddr() net.Addr { return s.c.LocalAddr() }

// Ref implements sipmsg.Connection. A connection is closed when it is idle, not when a transaction ends.
func (s *stream) Ref(int) int { return 1 }

// TryClose implements sipmsg.Connection.
func (s *stream) TryClose() (int, error) { return 1, nil }

// Close implements sipmsg.Connection.
func (s *stream) Close() error {
	s.dead.Store(true)
	return s.c.Close()
}

// WriteMsg implements sipmsg.Connection.
func (s *stream) WriteMsg(msg sipmsg.Message) error { return s.t.writeTo(s, msg) }

// write writes one message. After a part of one nothing more can be sent, so an error closes the connection.
func (s *stream) write(b []byte) error {
	err := s.c.SetWriteDeadline(time.Now().Add(writeFor))
	if err == nil {
		_, err = s.c.Write(b)
	}
	if err != nil {
		_ = s.Close()
		return fmt.Errorf("sip: TCP: %w", err)
	}
	return nil
}

// read reads messages until the connection fails or stays idle, or what comes is no SIP.
func (s *stream) read() {
	defer s.t.drop(s)
	parser := s.t.parser.NewSIPStream()
	defer parser.Close()
	buf := make([]byte, streamBuffer)
	var begun time.Time // when the message was begun that is being read; zero between messages
	between := true     // surely no message has begun
	for {
		n, err := s.next(buf, begun)
		if err != nil {
			return
		}
		data := buf[:n]
		if between {
			if data = s.keepAlive(data); len(data) == 0 {
				continue
			}
		}
		whole := false
		err = parser.ParseSIPStream(data, func(msg sipmsg.Message) {
			whole = true
			stamp(msg, s)
			s.t.arrived(msg, s)
		})
		switch {
		case err == nil:
			begun, between = time.Time{}, true
		case !errors.Is(err, sipmsg.ErrParseSipPartial):
			s.t.count.unparsed.Add(1) // where the next message begins cannot be known
			return
		case whole:
			begun, between = time.Time{}, false // what follows may be a line break and no message
		default:
			between = false
			if begun.IsZero() && len(bytes.Trim(data, "\r\n")) > 0 {
				begun = time.Now()
			}
		}
	}
}

// next reads once, for as long as the message that has begun may take, or as an idle connection is kept.
func (s *stream) next(buf []byte, begun time.Time) (int, error) {
	for {
		deadline := time.Now().Add(idleFor)
		if !begun.IsZero() {
			deadline = begun.Add(wholeMessageFor)
		}
		if err := s.c.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
		n, err := s.c.Read(buf)
		if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() && begun.IsZero() && s.held.Load() > 0 {
			continue
		}
		return n, err
	}
}

// keepAlive takes line breaks off the beginning of what stands between messages, and answers a ping (RFC 5626 section 3.5.1).
func (s *stream) keepAlive(data []byte) []byte {
	rest := bytes.TrimLeft(data, "\r\n")
	if len(data)-len(rest) >= 4 {
		_ = s.write([]byte("\r\n"))
	}
	return rest
}

// acceptTCP takes connections until the listener is closed.
func (t *transport) acceptTCP() {
	for faults := 0; ; {
		c, err := t.tcp.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			if faults++; faults > maxReadFaults {
				t.pause(readFaultPause)
			}
			continue
		}
		faults = 0
		if _, err := t.add(c, true); err != nil {
			t.count.dropped.Add(1)
			_ = c.Close()
		}
	}
}

// add takes a connection into use.
func (t *transport) add(c net.Conn, accepted bool) (*stream, error) {
	to, ok := addrPort(c.RemoteAddr())
	if !ok {
		return nil, errNoAddress
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return nil, ErrClosed
	case len(t.streams) >= maxStreams, accepted && t.sources[to.Addr()] >= maxFromOne:
		return nil, errStreams
	}
	s := &stream{t: t, c: c, to: to, accepted: accepted}
	t.streams[to] = s
	if accepted {
		t.sources[to.Addr()]++
	}
	t.reading.Go(s.read)
	return s, nil
}

func (t *transport) drop(s *stream) {
	_ = s.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.streams[s.to] == s {
		delete(t.streams, s.to)
	}
	if !s.accepted {
		return
	}
	if t.sources[s.to.Addr()]--; t.sources[s.to.Addr()] <= 0 {
		delete(t.sources, s.to.Addr())
	}
}

// connecting is a connection that is being made; who else wants it waits for it.
type connecting struct {
	done chan struct{}
	s    *stream
	err  error
}

// connect returns a way to an address: over TCP the connection that there is, or a new one.
func (t *transport) connect(ctx context.Context, network string, to netip.AddrPort) (conn, error) {
	if network == networkUDP {
		if t.udp == nil {
			return nil, errNoUDP
		}
		return &flow{t: t, to: to}, nil
	}
	if t.tcp == nil {
		return nil, errNoTCP
	}
	t.mu.Lock()
	if s := t.streams[to]; s != nil && s.alive() {
		t.mu.Unlock()
		return s, nil
	}
	d := t.dials[to]
	if d == nil && !t.closed {
		d = &connecting{done: make(chan struct{})}
		t.dials[to] = d
		t.reading.Go(func() { t.dial(to, d) })
	}
	t.mu.Unlock()
	if d == nil {
		return nil, ErrClosed
	}
	select {
	case <-d.done:
		if d.err != nil {
			return nil, d.err
		}
		return d.s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// dial makes a connection.
func (t *transport) dial(to netip.AddrPort, d *connecting) {
	ctx, cancel := context.WithTimeout(t.ctx, dialFor)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
	if err == nil {
		d.s, err = t.add(c, false)
		if err != nil {
			_ = c.Close()
		}
	}
	if err != nil {
		d.err = fmt.Errorf("sip: TCP: %w", err)
	}
	t.mu.Lock()
	delete(t.dials, to)
	t.mu.Unlock()
	close(d.done)
}
