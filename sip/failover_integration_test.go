package sip_test

import (
	"context"
	"net"
	"net/netip"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

// TestFailoverConnect goes on to the second server where the first takes no connections. The SRV records are those of TCP alone.
func TestFailoverConnect(t *testing.T) {
	closed, far := listenFar(t), listenFar(t)
	_ = closed.Close()
	dns := &names{hosts: map[string]string{"one.": "127.0.0.1"}, services: map[string][]*net.SRV{"_sip._tcp.trunk.example": {
		{Target: "one.", Port: portOf(closed.Addr())}, {Target: "one.", Port: portOf(far.Addr())},
	}}}
	a := listen(t, &sip.Options{Resolver: dns})
	for range 2 {
		dialled := async(func() error {
			_, err := a.Dial(t.Context(), trunkURI, nil)
			return err
		})
		p, _ := overStream(t, far.next(), "TCP")
		invite := p.request("INVITE")
		if via := invite.Via(); via.Transport != "TCP" {
			t.Errorf("Via is %s", via.Value())
		}
		p.reply(invite, 486, "b1", "")
		p.request("ACK")
		wantDialError(t, <-dialled, bridge.Busy, 486)
		a.DropConnections()
	}
}

func portOf(a net.Addr) uint16 {
	if a, ok := a.(*net.TCPAddr); ok {
		return a.AddrPort().Port()
	}
	return 0
}

// TestFailoverMeanwhile refuses the call while the connection to the second server is being made, because of the silence before.
func TestFailoverMeanwhile(t *testing.T) {
	t.Parallel()
	first, far := newSocket(t), listenFar(t)
	dialling, release := make(chan struct{}), make(chan struct{})
	dns := &names{hosts: map[string]string{"one.": "127.0.0.1"}, services: map[string][]*net.SRV{
		"_sip._udp.trunk.example": {{Target: "one.", Port: netip.MustParseAddrPort(first.LocalAddr().String()).Port()}},
		"_sip._tcp.trunk.example": {{Target: "one.", Port: portOf(far.Addr())}},
	}}
	a := listen(t, &sip.Options{Resolver: dns, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		close(dialling)
		<-release
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}})
	udp := &peer{t: t, addr: first.LocalAddr().String(), conn: first, to: net.UDPAddrFromAddrPort(a.Addr())}
	dialled := async(func() error {
		_, err := a.Dial(t.Context(), trunkURI, nil)
		return err
	})
	invite := udp.request("INVITE")
	<-dialling
	udp.reply(invite, 503, "a1", "")
	for req, ok := udp.receive(patience).(*sipmsg.Request); ok && req.Method != sipmsg.ACK; req, ok = udp.receive(patience).(*sipmsg.Request) {
	}
	close(release)
	tcp, _ := overStream(t, far.next(), "TCP")
	again := tcp.request("INVITE")
	wantAnother(t, invite, again)
	tcp.reply(again, 486, "b1", "")
	tcp.request("ACK")
	wantDialError(t, <-dialled, bridge.Busy, 486)
}

func newSocket(t testing.TB) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
