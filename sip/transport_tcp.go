package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// Limits of connections, with TLS and without.
const (
	maxStreams      = 4096             // at a time
	maxFromOne      = 100              // that come from one address
	handshakeFor    = 10 * time.Second // from the beginning of a connection to the end of the TLS handshake
	wholeMessageFor = 20 * time.Second // from the first byte of a message to its last
	idleFor         = 2 * time.Minute  // of silence, while no call needs the connection
	writeFor        = 10 * time.Second // for one message to go out
	dialFor         = 5 * time.Second  // to connect, the TLS handshake included
	farewellFor     = time.Second      // for the far side's system to take the end of a TLS connection
	streamBuffer    = 8 << 10          // bytes read at a time
)

// stream is a conn over TCP or TLS, accepted or dialled.
type stream struct {
	t        *transport
	c        net.Conn // that messages are read from and written to: raw, or TLS over it
	raw      net.Conn
	key      wayKey
	accepted bool
	held     atomic.Int32 // calls and transactions that need it
	dead     atomic.Bool
	pulse    pulse // its reader's
}

var _ conn = (*stream)(nil)

func (s *stream) network() string        { return s.key.network }
func (s *stream) remote() netip.AddrPort { return s.key.to }
func (s *stream) alive() bool            { return !s.dead.Load() }
func (s *stream) hold(n int)             { s.held.Add(int32(n)) }

// Close closes a connection at once. The far side is told nothing, so that nobody waits for it: see leave.
func (s *stream) Close() error {
	s.dead.Store(true)
	return s.raw.Close()
}

// leave closes a connection in good order: over TLS the far side learns that nothing was cut off.
func (s *stream) leave() {
	if s.dead.Swap(true) || s.c == s.raw {
		_ = s.raw.Close()
		return
	}
	late := time.AfterFunc(farewellFor, func() { _ = s.raw.Close() })
	defer late.Stop()
	_ = s.c.Close()
}

// write writes one message. After a part of one nothing more can be sent, so an error closes the connection.
func (s *stream) write(b []byte) error {
	err := s.c.SetWriteDeadline(time.Now().Add(writeFor))
	if err == nil {
		_, err = s.c.Write(b)
	}
	if err != nil {
		_ = s.Close()
		return fmt.Errorf("sip: %s: %w", s.key.network, err)
	}
	return nil
}

// read reads messages until the connection fails or stays idle, or what comes is no SIP.
func (s *stream) read() {
	defer s.t.drop(s)
	if !s.greet() {
		return
	}
	var f framer
	buf := make([]byte, streamBuffer)
	var begun time.Time // when the message was begun that is being read; zero between messages
	s.pulse.came(time.Now())
	for {
		n, err := s.next(buf, begun)
		if err != nil {
			return
		}
		f.add(buf[:n])
		whole, err := s.take(&f)
		switch {
		case errors.Is(err, errBarred):
			s.t.count.barred.Add(1)
			return
		case err != nil:
			s.t.unparsed(s)
			return
		case !f.begun():
			begun = time.Time{}
		case whole || begun.IsZero():
			begun = time.Now()
		}
	}
}

// take takes the messages that are here whole, and reports whether there were any.
func (s *stream) take(f *framer) (whole bool, err error) {
	for {
		msg, breaks, err := f.next()
		if s.pulse.lineBreaks(breaks, time.Now()) > 0 {
			_ = s.write([]byte("\r\n")) // RFC 5626 section 4.4.1
		}
		switch {
		case errors.Is(err, errBadLength):
			s.t.broken(f.header(), s)
			return whole, err
		case err != nil, msg == nil:
			return whole, err
		}
		if !s.t.guard.admits(s.key.to.Addr(), time.Now()) {
			return whole, errBarred
		}
		whole, s.pulse.breaks = true, 0
		s.t.message(msg, s, time.Now())
	}
}
