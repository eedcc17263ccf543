package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
)

var errNoCertificate = errors.New("TLS is to be served, and Options.TLS has no certificate")

// serves reports whether a configuration has what a TLS server needs.
func serves(c *tls.Config) bool {
	return c != nil && (len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil)
}

// tlsServer returns the TLS side of a connection that came in.
func (t *transport) tlsServer(raw net.Conn) net.Conn { return tls.Server(raw, t.secure) }

// tlsClient returns the TLS side of a connection that we made. The far side must be who the URI named (RFC 5922 section 7.1), not who
// the SRV record or the address behind it did: those are as sure as DNS is.
func (t *transport) tlsClient(raw net.Conn, name string) *tls.Conn {
	c := t.secure
	if c.ServerName == "" {
		c = c.Clone()
		c.ServerName = name
	}
	return tls.Client(raw, c)
}

// greet makes the TLS handshake of a connection that came in. One that we made has it behind it, and TCP has none.
func (s *stream) greet() bool {
	c, ok := s.c.(*tls.Conn)
	if !ok {
		return true
	}
	ctx, cancel := context.WithTimeout(s.t.ctx, handshakeFor)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		s.t.count.handshakes.Add(1)
		_ = s.Close()
		return false
	}
	return true
}
