package sip

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

func TestRefreshAfter(t *testing.T) {
	for _, c := range []struct{ lasts, least, most time.Duration }{
		{time.Second, time.Second, time.Second},
		{time.Minute, 27 * time.Second, 30 * time.Second},
		{20 * time.Minute, 9 * time.Minute, 10 * time.Minute},
		{time.Hour, 45 * time.Minute, 50 * time.Minute},
		{maxExpires, mostRefresh, mostRefresh},
	} {
		for range 1000 {
			if got := refreshAfter(c.lasts, rand.Float64()); got < c.least || got > c.most {
				t.Fatalf("%v: %v", c.lasts, got)
			}
		}
		if early, late := refreshAfter(c.lasts, 1), refreshAfter(c.lasts, 0); early != c.least || late != c.most {
			t.Errorf("%v: from %v to %v, want %v to %v", c.lasts, early, late, c.least, c.most)
		}
	}
}

func TestRetryWait(t *testing.T) {
	for failures, most := range map[int]time.Duration{
		1: time.Minute, 2: 2 * time.Minute, 3: 4 * time.Minute, 4: 8 * time.Minute, 5: 16 * time.Minute, 6: 30 * time.Minute, 7: 30 * time.Minute, 1 << 30: 30 * time.Minute,
	} {
		if short, long := retryWait(failures, 0), retryWait(failures, 1); short != most/2 || long != most {
			t.Errorf("after %d: %v to %v", failures, short, long)
		}
	}
}

func TestGranted(t *testing.T) {
	own := sipmsg.Uri{Scheme: "sip", User: "gw", Host: "192.0.2.1", Port: 5060}
	for _, c := range []struct {
		fields string
		want   time.Duration
	}{
		{"", time.Hour},
		{"Expires: 60", time.Minute},
		{"Expires: 0", 0},
		{"Contact: <sip:gw@192.0.2.1:5060>;expires=60", time.Minute},
		{"Contact: <sip:gw@192.0.2.1>;EXPIRES=60\nExpires: 7", time.Minute},
		{"Contact: <sip:gw@192.0.2.1>\nExpires: 60", time.Minute},
		{"Contact: <sip:gw@192.0.2.1>", time.Hour},
		{"Contact: <sip:gw@192.0.2.1>;expires=0", 0},
		{"Contact: <sip:gw@192.0.2.1>;expires=x", 0},
		{"Contact: <sip:gw@192.0.2.1>;expires=4294967295", maxExpires},
		{"Contact: <sip:gw@192.0.2.1>;expires=4294967296", 0},
		{"Contact: <sip:gw@192.0.2.2>;expires=9, <sip:gw@192.0.2.1;ob>;expires=60", time.Minute},
		{"Contact: <sip:gw@203.0.113.9:4711>;expires=60", time.Minute}, // where it sees us
		{"Contact: <sip:gw@203.0.113.9>;expires=60, <sip:gw@203.0.113.10>;expires=30", time.Hour},
	} {
		text := "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n"
		if c.fields != "" {
			text += strings.ReplaceAll(c.fields, "\n", "\r\n") + "\r\n"
		}
		msg, err := sipmsg.ParseMessage([]byte(text + "Content-Length: 0\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		res, _ := msg.(*sipmsg.Response)
		if got := granted(res, &own, time.Hour); got != c.want {
			t.Errorf("%s: %v, want %v", c.fields, got, c.want)
		}
	}
}

// quietListener takes nothing until it is closed.
type quietListener struct{ closed chan struct{} }

func (l *quietListener) Accept() (net.Conn, error) { <-l.closed; return nil, net.ErrClosed }
func (l *quietListener) Close() error              { close(l.closed); return nil }
func (l *quietListener) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:5060"))
}

// registrarOver is a registrar at the far end of a connection: it answers pings (RFC 5626 section 3.5.1), and REGISTER, of which it tells the
// number.
func registrarOver(t *testing.T, c net.Conn) <-chan uint32 {
	numbers := make(chan uint32, 10)
	go func() {
		buf := make([]byte, maxMessage)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			if string(buf[:n]) == "\r\n\r\n" {
				_, _ = c.Write([]byte("\r\n"))
				continue
			}
			msg, err := sipmsg.ParseMessage(buf[:n])
			req, ok := msg.(*sipmsg.Request)
			if err != nil || !ok || req.Method != sipmsg.REGISTER || req.Contact().Address.String() != "sip:gw@192.0.2.1:5060;transport=tcp" {
				t.Errorf("got %v\n%s", err, buf[:n])
				return
			}
			res := sipmsg.NewResponseFromRequest(req, 200, "OK", nil)
			res.AppendHeader(sipmsg.HeaderClone(req.Contact()))
			numbers <- req.CSeq().SeqNo
			_, _ = c.Write([]byte(res.String()))
		}
	}()
	return numbers
}

// TestRegisterLost ends the connection that a registration has: it takes a new one soon, not only when it is refreshed. A connection that has
// nothing to do with it changes nothing.
func TestRegisterLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := make(chan net.Conn, 10)
		a, err := Listen("192.0.2.1:5060", noEngine{}, &Options{
			Network: "tcp", Listen: func(string, string) (net.Listener, error) { return &quietListener{make(chan struct{})}, nil },
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				far <- theirs
				return ours, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		result := make(chan *Registration, 1)
		go func() {
			r, err := a.Register(t.Context(), &RegisterOptions{AOR: bridge.Party{URI: "sip:gw@192.0.2.2"}})
			if err != nil {
				t.Error(err)
			}
			result <- r
		}()
		first := <-far
		seq := <-registrarOver(t, first)
		r := <-result
		if _, err := a.transport.connect(t.Context(), wayKey{network: networkTCP, to: netip.MustParseAddrPort("192.0.2.3:5060")}); err != nil {
			t.Fatal(err)
		}
		_ = (<-far).Close()
		time.Sleep(10 * time.Minute) // longer than an idle connection is kept
		if len(far) != 0 {
			t.Fatal("another's connection was taken for ours")
		}
		begin := time.Now()
		_ = first.Close()
		synctest.Wait()
		if on, err := r.State(); !on || !errors.Is(err, errLost) {
			t.Errorf("State: %v, %v", on, err)
		}
		second := registrarOver(t, <-far)
		if next := <-second; next != seq+1 || time.Since(begin) < lostRetry/2 || time.Since(begin) > lostRetry {
			t.Errorf("number %d after %d, after %v", next, seq, time.Since(begin))
		}
		synctest.Wait()
		if on, err := r.State(); !on || err != nil {
			t.Errorf("State: %v, %v", on, err)
		}
		if err := r.Close(); err != nil || len(second) != 1 {
			t.Errorf("Close: %v, %d more", err, len(second))
		}
	})
}
