package alexatest

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// DialChain connects to the server of the signing chain, whatever the address: the DialContext of a skill under test, in place of dialling
// s3.amazonaws.com:443. Without sockets the connection is in memory, and can be used inside a testing/synctest bubble. It is TLS, with a
// certificate for that name under [Cloud.Roots].
func (c *Cloud) DialChain(ctx context.Context, _, _ string) (net.Conn, error) {
	if c.chain != nil {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", c.ChainAddr())
	}
	near, far := net.Pipe()
	l := &oneConn{conn: far, closed: make(chan struct{})}
	over := make(chan struct{}) // the goroutine of the connection is done
	s := &http.Server{
		Handler: http.HandlerFunc(c.serveChain), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				l.end()
				close(over)
			}
		},
	}
	if !c.run(func() {
		defer context.AfterFunc(c.ctx, func() { _ = s.Close() })()
		_ = s.Serve(tls.NewListener(l, c.signer.serverConfig()))
		<-over
	}) {
		near.Close()
		return nil, ErrClosed
	}
	return near, nil
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn   net.Conn
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

// Close implements net.Listener.
func (l *oneConn) Close() error {
	l.end()
	return nil
}

func (l *oneConn) end() { l.once.Do(func() { close(l.closed) }) }

// Addr implements net.Listener.
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }
