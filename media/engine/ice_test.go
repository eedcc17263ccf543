package engine_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// drain forgets what the browser has heard so far.
func (b *browser) drain() {
	for {
		select {
		case <-b.heard:
		default:
			return
		}
	}
}

// connected connects a terminal and a browser over a forwarder, until both hear each other.
func connected(t *testing.T, e *engine.Engine, offers bool, settings ...func(*webrtc.SettingEngine)) (media.Terminal, *browser, *forwarder) {
	t.Helper()
	term, _ := openFailing(t, e)
	b := newBrowser(t, settings...)
	f := through(t, e, term, b, offers)
	bothHear(t, term, b)
	return term, b, f
}

// The far side's NAT gives it another port: media follows, in either role.
func TestICEFollows(t *testing.T) {
	t.Parallel()
	often := func(s *webrtc.SettingEngine) { s.SetICETimeouts(5*time.Second, 25*time.Second, 200*time.Millisecond) }
	everyRole(t, func(t *testing.T, offers bool) {
		term, b, f := connected(t, listen(t), offers, often)
		f.move()
		moved := time.Now()
		eventually(t, "the terminal sends to the new port", func() bool { return engine.RemoteOf(term) == portOf(f.near()).String() })
		if d := time.Since(moved); d < 2*time.Second || d > 8*time.Second {
			t.Errorf("followed after %v, want about 3 s", d)
		}
		b.drain()
		bothHear(t, term, b)
	})
}

// restart lets the browser begin ICE anew, with the terminal as the one that answers.
func restart(t *testing.T, term media.Terminal, b *browser) {
	t.Helper()
	d, err := b.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	offer := b.local(d, err)
	before := ufragOf(t, offer)
	answer, err := term.Answer(offer, g711())
	if err != nil {
		t.Fatal(err)
	}
	if ufragOf(t, answer) == before {
		t.Fatal("the answer repeats the offer's credentials")
	}
	b.remote(webrtc.SDPTypeAnswer, answer)
}

func TestICERestart(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		e := listen(t)
		engine.SetMoved(e, 100*time.Millisecond)
		term, b, f := connected(t, e, offers)
		old := engine.RemoteOf(term)
		f.with(func([]byte, bool) int { return 0 }) // its old network is gone, for longer than we wait before we follow
		<-time.After(200 * time.Millisecond)
		for range 2 { // the second one over a path that works
			restart(t, term, b)
			b.drain()
			bothHear(t, term, b)
			if now := engine.RemoteOf(term); now == old {
				t.Errorf("the terminal still sends to %s", old)
			}
			old = engine.RemoteOf(term)
			eventually(t, "the browser's agent has agreed on a path", func() bool {
				state := b.pc.ICEConnectionState()
				return state == webrtc.ICEConnectionStateConnected || state == webrtc.ICEConnectionStateCompleted
			})
		}
	})
}

// A new offer without new credentials leaves the path alone.
func TestICENoRestart(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		term, b, f := connected(t, listen(t), offers)
		before := engine.RemoteOf(term)
		f.negotiate(term, b, false)
		f.negotiate(term, b, true)
		b.drain()
		bothHear(t, term, b)
		if after := engine.RemoteOf(term); after != before {
			t.Errorf("the path changed from %s to %s", before, after)
		}
	})
}

func TestICEUnreachable(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		e := listen(t)
		engine.SetLimits(e, 300*time.Millisecond, 10*time.Second)
		term, failed := openFailing(t, e)
		f := newForwarder(t, e.Addr())
		f.with(func([]byte, bool) int { return 0 })
		f.negotiate(term, newBrowser(t), offers)
		failed.wait(t, "engine: no connectivity")
		if err := term.Close(); err != nil {
			t.Fatal(err)
		}
		if n := failed.n.Load(); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// Without consent nothing is sent any more, not even a goodbye (RFC 7675 section 5.1), until a restart has found a path.
func TestICEConsentLost(t *testing.T) {
	t.Parallel()
	e := listen(t)
	term, failed := openFailing(t, e)
	b := newBrowser(t)
	f := through(t, e, term, b, false)
	bothHear(t, term, b)
	for range 2 {
		engine.Fail(term, errors.New("no consent"))
	}
	failed.wait(t, "no consent")
	before := outgoing(term)
	write(t, term, 5)
	if out := outgoing(term); out.Packets != before.Packets || out.Blocked != before.Blocked+5 {
		t.Errorf("out: %+v", out)
	}

	d, err := b.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	answer, err := term.Answer(f.offered(b.local(d, err)), g711())
	if err != nil {
		t.Fatal(err)
	}
	b.remote(webrtc.SDPTypeAnswer, f.answered(answer))
	b.drain()
	bothHear(t, term, b)

	engine.Fail(term, errors.New("no consent"))
	var said atomic.Int32
	f.with(func(b []byte, toPeer bool) int {
		if toPeer && (isDTLS(b) || b[0] >= 128 && !isMedia(b)) { // sound may still be on its way
			said.Add(1)
		}
		return 1
	})
	before = outgoing(term)
	write(t, term, 5)
	if out := outgoing(term); out.Packets != before.Packets {
		t.Errorf("out: %+v", out)
	}
	engine.Report(term)
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	<-time.After(20 * time.Millisecond)
	if n := said.Load(); n != 0 {
		t.Errorf("%d reports and goodbyes were sent without consent", n)
	}
	if n := failed.n.Load(); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// After Close nobody is told of a failure.
func TestICEClosedBeforeLimit(t *testing.T) {
	t.Parallel()
	e := listen(t)
	engine.SetLimits(e, 20*time.Millisecond, 10*time.Second)
	term, failed := openFailing(t, e)
	f := newForwarder(t, e.Addr())
	f.with(func([]byte, bool) int { return 0 })
	f.negotiate(term, newBrowser(t), false)
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	n := failed.n.Load()
	<-time.After(50 * time.Millisecond)
	if after := failed.n.Load(); after != n {
		t.Errorf("told after Close")
	}
}

// A lite agent sends no checks: all is ours to do, whoever offers.
func TestICELite(t *testing.T) {
	t.Parallel()
	lite := func(s *webrtc.SettingEngine) { s.SetLite(true) }
	everyRole(t, func(t *testing.T, offers bool) {
		connected(t, listen(t), offers, lite)
	})
}

// Of a long list of candidates those are taken that can be used, and nothing goes to the others.
func TestICECandidates(t *testing.T) {
	t.Parallel()
	term, failed := openFailing(t, listen(t))
	b, second, tcp, six := newBrowser(t), loopback(t), loopback(t), loopback(t)
	useless := []string{
		"1 2 udp 2130706431 127.0.0.1 " + portText(portOf(second)) + " typ host",
		"2 1 tcp 2130706431 127.0.0.1 " + portText(portOf(tcp)) + " typ host tcptype passive",
		"3 1 udp 2130706431 ::1 " + portText(portOf(six)) + " typ host",
		"4 1 udp 2130706431 3b2e1d0c-1111-4222-8333-444455556666.local 50000 typ host",
		"5 1 udp 2130706431 127.0.0.1 99999 typ host",
		"6 1 udp",
		"",
		"7 1 udp 99999999999999999999 127.0.0.1 50000 typ nonsense",
		"8 1 udp 2130706431 host.example.com 50000 typ host",
	}
	for n := len(useless); n < 62; n++ { // two are the browser's own
		dead := loopback(t)
		useless = append(useless, fmt.Sprintf("%d 1 udp %d 127.0.0.1 %s typ host", n, 2130706431-n, portText(portOf(dead))))
	}
	offer := b.offer()
	text, _ := offer.AppendText(nil)
	at := strings.Index(string(text), "a=candidate:")
	crowded, err := media.ParseDescription([]byte(string(text[:at]) + "a=candidate:" + strings.Join(useless, "\r\na=candidate:") + "\r\n" + string(text[at:])))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text[at:]), "a=candidate:") + len(useless); n > 64 {
		t.Fatalf("%d candidates: the test is wrong", n)
	}
	answer, err := term.Answer(crowded, g711())
	if err != nil {
		t.Fatal(err)
	}
	b.remote(webrtc.SDPTypeAnswer, answer)
	bothHear(t, term, b)
	for name, conn := range map[string]*net.UDPConn{"component 2": second, "TCP": tcp, "IPv6": six} {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) // a deadline that has passed reads nothing
		if n, from, err := conn.ReadFromUDPAddrPort(make([]byte, 1500)); !os.IsTimeout(err) {
			t.Errorf("%s was tried: %d bytes from %v, %v", name, n, from, err)
		}
	}
	if failed.n.Load() != 0 {
		t.Errorf("failed: %v", failed.last.Load())
	}
}

// The addresses of a description are those that the far side can reach.
func TestICEAddresses(t *testing.T) {
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{PublicIP: netip.MustParseAddr("192.0.2.33")})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	offer, err := open(t, e, media.AlexaCalling()).Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := offer.AppendText(nil)
	port := portText(e.Addr())
	for _, want := range []string{" 192.0.2.33 " + port + " typ host", " 127.0.0.1 " + port + " typ host", "c=IN IP4 192.0.2.33"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}

	six, err := engine.Listen("[::1]:0", nil)
	if err != nil {
		t.Skipf("no IPv6: %v", err)
	}
	defer six.Close()
	if _, err := open(t, six, media.AlexaCalling()).Offer(nil); err == nil || !strings.Contains(err.Error(), "IPv4") {
		t.Errorf("an engine without IPv4 offers it: %v", err)
	}
}
