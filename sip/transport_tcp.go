package sip

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Limits of connections, with TLS and without.
const (
	maxStreams      = 4096             // at a time
	maxFromOne      = 100              // that come from one address
	handshakeFor    = 10 * time.Second // from the beginning of a connection to the end of the TLS handshake
	wholeMessageFor = 20 * time.Second // from the first byte of a message to its last
	idleFor         = 2 * time.Minute  // without a message, while no call needs the connection
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
}

var _ conn = (*stream)(nil)

func (s *stream) network() string        { return s.key.network }
func (s *stream) remote() netip.AddrPort { return s.key.to }
func (s *stream) alive() bool            { return !s.dead.Load() }
func (s *stream) hold(n int)             { s.held.Add(int32(n)) }

// LocalAddr implements sipmsg.Connection.
func (s *stream) LocalAddr() net.Addr { return s.c.LocalAddr() }

// Ref implements sipmsg.Connection. A connection is closed when it is idle, not when a transaction ends.
func (s *stream) Ref(int) int { return 1 }

// TryClose implements sipmsg.Connection.
func (s *stream) TryClose() (int, error) { return 1, nil }

// Close implements sipmsg.Connection. The far side is told nothing, so that nobody waits for it: see leave.
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
