package sip

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// noEngine has no media for anybody.
type noEngine struct{}

func (noEngine) Open(*media.Policy, *media.OpenOptions) (media.Terminal, error) {
	return nil, errors.New("none")
}

func bareAgent(t *testing.T) (*Agent, net.PacketConn) {
	t.Helper()
	network := testutil.NewPacketNet()
	a, err := Listen("192.0.2.1:5060", noEngine{}, &Options{Network: "udp", ListenPacket: network.ListenPacket})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a, network.Listen(t, "192.0.2.2:5060")
}

func optionsText(callID string) []byte {
	return fmt.Appendf(nil, "OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK%s\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@y>\r\n"+
		"Call-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", callID, callID)
}

// answered sends a message and returns the first line of what comes back.
func answered(t *testing.T, a *Agent, c net.PacketConn, text []byte) string {
	t.Helper()
	if _, err := c.WriteTo(text, net.UDPAddrFromAddrPort(a.Addr())); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	buf := make([]byte, maxMessage)
	n, _, err := c.ReadFrom(buf)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(buf[:n]), "\r\n")
	return line
}

func TestTransactionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, c := bareAgent(t)
		if got := answered(t, a, c, optionsText("first")); got != "SIP/2.0 200 OK" {
			t.Fatalf("got %q", got)
		}
		filler := new(serverTx)
		a.txs.mu.Lock()
		for n := range maxTransactions {
			a.txs.server[fmt.Sprint(n)] = filler
		}
		a.txs.mu.Unlock()
		if got := answered(t, a, c, optionsText("second")); got != "SIP/2.0 503 Service Unavailable" {
			t.Errorf("beyond the limit: %q", got)
		}
		if got := answered(t, a, c, optionsText("first")); got != "SIP/2.0 200 OK" {
			t.Errorf("the repetition of what was taken: %q", got)
		}
		if got := a.Stats().Dropped; got != 1 {
			t.Errorf("%d dropped", got)
		}
		bye := strings.NewReplacer("OPTIONS", "BYE", "To: <sip:x@y>", "To: <sip:x@y>;tag=ours").Replace(string(optionsText("call")))
		if got := answered(t, a, c, []byte(bye)); got != "SIP/2.0 503 Service Unavailable" {
			t.Errorf("BYE of no call: %q", got)
		}
		a.mu.Lock()
		a.legs[legKey{"call", "ours"}] = &Leg{dialog: &dialog{remoteTag: "another"}}
		a.mu.Unlock()
		bye = strings.Replace(bye, "z9hG4bK", "z9hG4bKagain", 1)
		if got := answered(t, a, c, []byte(bye)); got != "SIP/2.0 481 Call/Transaction Does Not Exist" { // its far side has another tag
			t.Errorf("BYE of a call that stands: %q, want it to be looked at", got)
		}
		a.mu.Lock()
		delete(a.legs, legKey{"call", "ours"})
		a.mu.Unlock()
		a.txs.mu.Lock()
		for n := range maxTransactions {
			delete(a.txs.server, fmt.Sprint(n))
		}
		a.txs.mu.Unlock()
	})
}

// TestInboxLimits keeps one call busy while messages for it come, and then very many calls.
func TestInboxLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, c := bareAgent(t)
		to := net.UDPAddrFromAddrPort(a.Addr())
		release := make(chan struct{})
		a.post("busy", func() { <-release })
		synctest.Wait()
		for range maxWaiting + 40 {
			if _, err := c.WriteTo(optionsText("busy"), to); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := a.Stats().Dropped; got != 40 {
			t.Errorf("%d messages of one call dropped, want 40", got)
		}
		if got := answered(t, a, c, optionsText("other")); got != "SIP/2.0 200 OK" {
			t.Errorf("another call: %q", got)
		}
		for n := range maxInboxes - 1 {
			a.post(fmt.Sprint("busy", n), func() { <-release })
		}
		if got := answered(t, a, c, optionsText("one more")); got != "" {
			t.Errorf("beyond the limit: %q", got)
		}
		done := make(chan struct{})
		if !a.post("our own", func() { close(done) }) {
			t.Error("what is our own is refused")
		}
		<-done
		close(release)
		synctest.Wait()
		a.mu.Lock()
		left := len(a.inboxes)
		a.mu.Unlock()
		if left != 0 {
			t.Errorf("%d inboxes left", left)
		}
	})
}

// TestReadFaults lets reads fail now and then, as ICMP makes them on some systems: the agent goes on.
func TestReadFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := testutil.NewPacketNet()
		a, err := Listen("192.0.2.1:5060", noEngine{}, &Options{Network: "udp", ListenPacket: func(n, addr string) (net.PacketConn, error) {
			c, err := network.ListenPacket(n, addr)
			return &faulty{PacketConn: c, left: 100}, err
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		c := network.Listen(t, "192.0.2.2:5060")
		if _, err := c.WriteTo(optionsText("x"), net.UDPAddrFromAddrPort(a.Addr())); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		buf := make([]byte, maxMessage)
		if _, _, err := c.ReadFrom(buf); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d == 0 {
			t.Error("a socket whose reads fail is asked in a tight loop")
		}
	})
}

type faulty struct {
	net.PacketConn
	left int
}

func (f *faulty) ReadFrom(b []byte) (int, net.Addr, error) {
	if f.left--; f.left > 0 {
		return 0, nil, errors.New("connection refused")
	}
	return f.PacketConn.ReadFrom(b)
}
