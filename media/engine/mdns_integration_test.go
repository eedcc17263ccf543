package engine_test

import (
	"net"
	"strings"
	"testing"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	"golang.org/x/net/ipv4"
)

// A browser that shows a name in place of its address is found, where the machine has multicast.
func TestBrowserWithName(t *testing.T) {
	t.Parallel()
	sock, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(224, 0, 0, 0), Port: 5353})
	if err != nil {
		t.Skipf("no multicast: %v", err)
	}
	lo, err := net.InterfaceByName("lo")
	if err == nil {
		err = ipv4.NewPacketConn(sock).JoinGroup(lo, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251)})
	}
	_ = sock.Close()
	if err != nil {
		t.Skipf("no multicast on loopback: %v", err)
	}
	term, failed := openFailing(t, listen(t))
	b := newBrowser(t, func(s *webrtc.SettingEngine) { s.SetICEMulticastDNSMode(ice.MulticastDNSModeQueryAndGather) })
	offer := b.offer()
	if text, _ := offer.AppendText(nil); !strings.Contains(string(text), ".local ") || strings.Contains(string(text), " 127.0.0.1 ") {
		t.Skipf("the browser shows no name:\n%s", text)
	}
	answer, err := term.Answer(offer, g711())
	if err != nil {
		t.Fatal(err)
	}
	b.remote(webrtc.SDPTypeAnswer, answer)
	bothHear(t, term, b)
	if failed.n.Load() != 0 {
		t.Errorf("failed: %v", failed.last.Load())
	}
}
