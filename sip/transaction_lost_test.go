package sip_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/sip"
)

// TestLostAgainAndAgain calls by way of a far side that takes every connection and ends it once the request has come, as a load balancer does
// that has nobody behind it. The call fails, and does not go round and round.
func TestLostAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		far := net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 5060}
		w := &wires{arrivals: make(chan net.Conn), done: make(chan struct{})}
		a, err := sip.Listen(agentAddr, &calltest.Engine{}, &sip.Options{
			Network: "tcp",
			Listen:  func(string, string) (net.Listener, error) { return w, nil },
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				if dials.Add(1) > 20 {
					return nil, io.ErrClosedPipe
				}
				near, end := net.Pipe()
				go func() {
					_, _ = end.Read(make([]byte, 64<<10))
					_ = end.Close()
				}()
				return &wire{near, &far}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Close() }()
		_, err = a.Dial(background, "sip:bob@192.0.2.9", nil)
		wantDialError(t, err, bridge.Unreachable, 503)
		if n := dials.Load(); n != 2 {
			t.Errorf("%d connections were made, want 2", n)
		}
	})
}
