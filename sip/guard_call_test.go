package sip_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

const otherAddr = "198.51.100.9:5090"

// answers counts what comes to a peer until nothing more does.
func answers(p *peer) int {
	n := 0
	for buf := make([]byte, 64<<10); ; n++ {
		_ = p.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, _, err := p.conn.ReadFrom(buf); errors.Is(err, os.ErrDeadlineExceeded) {
			return n
		}
	}
}

// TestPeers takes calls from those that are listed alone. A far side that is not may take part in a call of ours, and begin none.
func TestPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Bridge: bridge.Func(answerAll), Peers: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
		goodCall(t, w)
		other := w.newPeer(otherAddr)
		for _, method := range []string{"INVITE", "OPTIONS", "BYE"} {
			other.call().send(method, "")
		}
		other.send("no SIP")
		synctest.Wait()
		if s := w.agent.Stats(); s.Barred != 4 || s.Unparsed != 0 || answers(other) != 0 {
			t.Errorf("%+v, want 4 messages barred unread, and no answer", s)
		}
		d := w.dial(background, "sip:bob@"+otherAddr, nil)
		invite := other.request("INVITE")
		other.reply(invite, 200, "b1", offer(1))
		other.request("ACK")
		l := d.leg()
		other.call().send("INVITE", offer(1))
		other.silence(time.Second)
		s := other.inCall(invite)
		s.send("BYE", "")
		other.response(200, "BYE")
		wantEnd(t, l, bridge.Normal, true)
		if n := w.agent.Stats().Barred; n != 5 {
			t.Errorf("%d barred, want 5", n)
		}
	})
}

// TestScanner floods the agent with what is no SIP, and with requests for calls that there are not: little of it is answered, the calls of
// others go on, and the scanner may come back when it has calmed down.
func TestScanner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			name, addr string
			want       int
		}{{"no SIP", "198.51.100.1:5060", 64}, {"unknown calls", "198.51.100.2:5060", 253}} {
			w := newWorld(t, &sip.Options{Bridge: bridge.Func(answerAll)})
			from := w.newPeer(c.addr)
			got := 0
			for range 1000 {
				s := from.call()
				s.agentTag = "guess"
				text := s.text("BYE", 1, "z9hG4bKa", "")
				if c.want == 64 {
					text = strings.Replace(text, "BYE sip:", "BYE  sip:", 1)
				}
				from.send(text)
				synctest.Wait()
				_ = from.conn.SetReadDeadline(time.Now().Add(time.Nanosecond))
				if _, _, err := from.conn.ReadFrom(make([]byte, 4096)); err == nil {
					got++
				}
			}
			if got != c.want {
				t.Errorf("%s: %d answers, want %d", c.name, got, c.want)
			}
			goodCall(t, w)
			time.Sleep(2 * time.Second)
			from.call().send("OPTIONS", "")
			from.response(200, "OPTIONS")
			_ = w.agent.Close()
		}
	})
}

// TestScannerOverTCP ends the connection of a scanner and takes no other for a while.
func TestScannerOverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := listenWires(t, nil)
		far := w.connect(t, 5070)
		go func() { _, _ = io.Copy(io.Discard, far) }()
		sent := 0
		for ; sent < 1000; sent++ {
			if _, err := fmt.Fprintf(far, "OPTIONS  sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK%d\r\nContent-Length: 0\r\n\r\n", sent); err != nil {
				break
			}
		}
		if sent < 64 || sent > 66 {
			t.Errorf("the connection ended after %d messages, want 64", sent)
		}
		if got := lives(w.connect(t, 5071)); got != 0 {
			t.Errorf("the next connection lived for %v", got)
		}
		other := &wire{nil, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 3), Port: 5070}}
		near, calm := net.Pipe()
		other.Conn = near
		w.arrivals <- other
		p, _ := overStream(t, calm, "TCP")
		p.addr = "192.0.2.3:5070"
		p.call().send("OPTIONS", "")
		p.response(200, "OPTIONS")
		_ = calm.Close()
	})
}

// TestHonestRefusals asks for what we do not have, again and again: that breaks no rule, and bars nobody.
func TestHonestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Bridge: bridge.Func(answerAll)})
		for range 200 {
			w.peer.call().send("OPTIONS", "", "Require: precondition")
			w.peer.response(420, "OPTIONS")
		}
		w.peer.call().send("OPTIONS", "")
		w.peer.response(200, "OPTIONS")
	})
}
