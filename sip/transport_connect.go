package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

var (
	errStreams   = errors.New("sip: too many connections")
	errNoTCP     = errors.New("sip: TCP is not in use")
	errNoTLS     = errors.New("sip: TLS is not in use")
	errNoUDP     = errors.New("sip: UDP is not in use")
	errBarred    = errors.New("sip: a source that is not admitted")
	errNoAddress = errors.New("sip: no address of the far side's")
)

// wayKey is what a connection is found by: where it leads and, over TLS, whom the far side has shown to be. That is empty for a
// connection that came in: who has not been asked for a name is not taken for its owner.
type wayKey struct {
	network string
	to      netip.AddrPort
	name    string
}

// accept takes connections until the listener is closed.
func (t *transport) accept(l net.Listener, network string) {
	for faults := 0; ; {
		c, err := l.Accept()
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
		if err := t.take(c, network); err != nil {
			if errors.Is(err, errBarred) {
				t.count.barred.Add(1)
			} else {
				t.count.dropped.Add(1)
			}
			_ = c.Close()
		}
	}
}

// take takes a connection into use that came in. Its TLS handshake is left to its reader, so that others need not wait for it.
func (t *transport) take(raw net.Conn, network string) error {
	to, ok := addrPort(raw.RemoteAddr())
	if !ok {
		return errNoAddress
	}
	if !t.guard.admits(to.Addr(), time.Now()) {
		return errBarred
	}
	s := &stream{t: t, c: raw, raw: raw, key: wayKey{network: network, to: to}, accepted: true}
	if network == networkTLS {
		s.c = t.tlsServer(raw)
	}
	return t.add(s)
}

// add begins to read from a connection.
func (t *transport) add(s *stream) error {
	from := s.key.to.Addr()
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return ErrClosed
	case len(t.all) >= maxStreams, s.accepted && t.sources[from] >= maxFromOne:
		return errStreams
	}
	t.all[s], t.streams[s.key] = struct{}{}, s
	if s.accepted {
		t.sources[from]++
	}
	t.reading.Go(s.read)
	return nil
}

func (t *transport) drop(s *stream) {
	s.leave()
	defer t.lost(s)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, s)
	if t.streams[s.key] == s {
		delete(t.streams, s.key)
	}
	if !s.accepted {
		return
	}
	from := s.key.to.Addr()
	if t.sources[from]--; t.sources[from] <= 0 {
		delete(t.sources, from)
	}
}

// connecting is a connection that is being made; who else wants it waits for it.
type connecting struct {
	done chan struct{}
	s    *stream
	err  error
}

// connect returns a way to an address: UDP, the connection that there is, or a new one.
func (t *transport) connect(ctx context.Context, key wayKey) (conn, error) {
	switch {
	case key.network == networkUDP && t.udp == nil:
		return nil, errNoUDP
	case key.network == networkUDP:
		return &flow{t: t, to: key.to}, nil
	case key.network == networkTCP && t.tcp == nil:
		return nil, errNoTCP
	case key.network == networkTLS && t.secure == nil:
		return nil, errNoTLS
	}
	t.mu.Lock()
	if s := t.streams[key]; s != nil && s.alive() {
		t.mu.Unlock()
		return s, nil
	}
	d := t.dials[key]
	if d == nil && !t.closed {
		d = &connecting{done: make(chan struct{})}
		t.dials[key] = d
		t.reading.Go(func() { t.dial(key, d) })
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
func (t *transport) dial(key wayKey, d *connecting) {
	ctx, cancel := context.WithTimeout(t.ctx, dialFor)
	defer cancel()
	s, err := t.open(ctx, key)
	if err == nil {
		if err = t.add(s); err != nil {
			_ = s.Close()
		}
	}
	if d.s = s; err != nil {
		d.err = fmt.Errorf("sip: %s: %w", key.network, err)
	}
	t.mu.Lock()
	delete(t.dials, key)
	t.mu.Unlock()
	close(d.done)
}

// open connects, and over TLS makes sure of whom to.
func (t *transport) open(ctx context.Context, key wayKey) (*stream, error) {
	raw, err := t.dialContext(ctx, "tcp", key.to.String())
	if err != nil {
		return nil, err
	}
	s := &stream{t: t, c: raw, raw: raw, key: key}
	if key.network != networkTLS {
		return s, nil
	}
	c := t.tlsClient(raw, key.name)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	s.c = c
	return s, nil
}

// renew returns the way itself or, for a connection that is gone, a new one to where it led.
func (t *transport) renew(ctx context.Context, way conn) (conn, error) {
	s, ok := way.(*stream)
	if !ok || s.alive() {
		return way, nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialFor)
	defer cancel()
	return t.connect(ctx, s.key)
}
