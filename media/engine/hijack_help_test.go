package engine_test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// victim is a call that somebody attacks, of one kind of protection. What the far side says begins with "far ".
type victim struct {
	t      testing.TB
	e      *engine.Engine
	term   media.Terminal
	failed *failures
	secure bool
	said   int
	heard  *ledger

	say   func(text string)   // the far side says something
	next  func() string       // what it hears next
	wire  func() []byte       // what it sent last, as the engine sees it
	spoof func(b []byte)      // comes to the engine from the far side's own address
	move  func()              // its NAT gives it another port
	at    func() *net.UDPConn // what stands at the far side's address
}

// ledger is what has been heard of a far side, and how often.
type ledger struct {
	mu    sync.Mutex
	texts map[string]int
}

func (l *ledger) all() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.texts)
}

// noteOf notes all that is heard, until the terminal is closed.
func noteOf(term media.Terminal) *ledger {
	l, r := &ledger{texts: map[string]int{}}, term.Stream(media.Audio).Reader()
	go func() {
		defer r.Close()
		buf := make([]byte, 2048)
		for {
			var p media.Packet
			err := r.Read(buf, &p)
			if errors.Is(err, media.ErrChanged) {
				continue
			}
			if err != nil {
				return
			}
			l.mu.Lock()
			l.texts[string(p.Payload)]++
			l.mu.Unlock()
		}
	}()
	return l
}

// openVictim opens a leg of a policy.
func openVictim(t testing.TB, e *engine.Engine, p *media.Policy) *victim {
	t.Helper()
	v := &victim{t: t, e: e, failed: new(failures), secure: p.Security != media.Plain}
	term, err := e.Open(p, &media.OpenOptions{Failed: func(err error) { v.failed.last.Store(err.Error()); v.failed.n.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	v.term, v.heard = term, noteOf(term)
	return v
}

// victimTable makes a call of each kind.
var victimTable = []struct {
	name  string
	alone bool // the far side is an engine, whose port nobody else can have
	open  func(t testing.TB, e *engine.Engine) *victim
}{
	{"plain", false, plainVictim},
	{"SDES", false, sdesVictim},
	{"DTLS", false, dtlsVictim},
	{"DTLS without ICE", true, dtlsAloneVictim},
}

func plainVictim(t testing.TB, e *engine.Engine) *victim {
	v, p := openVictim(t, e, media.Phone()), newPhone(t)
	p.offer(v.term, nil)
	p.ssrc = 0x5eed
	var last []byte
	v.say = func(text string) {
		last = append(clearRTP(p.ssrc, p.seq), text...)
		p.seq++
		v.spoof(last)
	}
	v.next = func() string { _, _, b := p.receive(); return string(b) }
	v.wire = func() []byte { return last }
	v.move = func() { p.conn = loopback(t) }
	v.spoof = func(b []byte) { sendFrom(t, p.conn, p.to, b) }
	v.at = func() *net.UDPConn { return p.conn }
	return v
}

func sdesVictim(t testing.TB, e *engine.Engine) *victim {
	v, p := openVictim(t, e, sdes()), newLockedPhone(t, media.AES128GCM, srtp.ProtectionProfileAeadAes128Gcm)
	p.call(v.term)
	p.ssrc = 0x5eed
	var last []byte
	v.say = func(text string) { last = p.sealed(p.out, text); v.spoof(last) }
	v.next = func() string {
		plain, err := p.in.DecryptRTP(nil, p.raw(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(plain[12:])
	}
	v.wire = func() []byte { return last }
	v.move = func() { p.conn = loopback(t) }
	v.spoof = func(b []byte) { sendFrom(t, p.conn, p.to, b) }
	v.at = func() *net.UDPConn { return p.conn }
	return v
}

func dtlsVictim(t testing.TB, e *engine.Engine) *victim {
	v := openVictim(t, e, media.AlexaCalling())
	b := newBrowser(t, func(s *webrtc.SettingEngine) { s.SetICETimeouts(5*time.Second, 25*time.Second, 100*time.Millisecond) })
	f := newForwarder(t, e.Addr())
	var mu sync.Mutex
	var last []byte
	f.with(func(b []byte, toPeer bool) int {
		if !toPeer && isMedia(b) {
			mu.Lock()
			last = append([]byte(nil), b...)
			mu.Unlock()
		}
		return 1
	})
	f.negotiate(v.term, b, false)
	v.say = func(text string) {
		_ = b.track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: b.seq, Timestamp: uint32(b.seq) * 160}, Payload: []byte(text)})
		b.seq++
	}
	v.next = func() string {
		select {
		case p := <-b.heard:
			return string(p.Payload)
		case <-time.After(10 * time.Second):
			return "nothing"
		}
	}
	v.wire = func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return append([]byte(nil), last...)
	}
	v.move, v.spoof, v.at = f.move, f.inject, f.near
	return v
}

func dtlsAloneVictim(t testing.TB, e *engine.Engine) *victim {
	v, far := openVictim(t, e, lockedByDTLS(true)), open(t, listen(t), lockedByDTLS(true))
	offer, err := far.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := v.term.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := far.Accept(answer); err != nil {
		t.Fatal(err)
	}
	there, codec, seq := noteOf(far), media.PCMU(), uint16(0)
	v.say = func(text string) {
		_ = far.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Start: seq == 0, Seq: seq, Time: uint32(seq) * 160, Payload: []byte(text)})
		seq++
	}
	told := map[string]int{}
	v.next = func() string {
		var fresh string
		eventually(t, "the far side hears something", func() bool {
			for text, n := range there.all() {
				if n > told[text] {
					fresh = text
					told[text]++
					return true
				}
			}
			return false
		})
		return fresh
	}
	return v
}

// clearRTP returns the header of a packet of PCMU.
func clearRTP(ssrc uint32, seq uint16) []byte {
	b := header(0x80, 0)
	b[2], b[3] = byte(seq>>8), byte(seq)
	b[8], b[9], b[10], b[11] = byte(ssrc>>24), byte(ssrc>>16), byte(ssrc>>8), byte(ssrc)
	return b
}

func sendFrom(t testing.TB, conn *net.UDPConn, to netip.AddrPort, b []byte) {
	t.Helper()
	if _, err := conn.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatal(err)
	}
}

// stands checks that sound passes both ways, and that nothing was heard but what the far side has said, each once.
func (v *victim) stands() {
	v.t.Helper()
	v.said++
	round := fmt.Sprintf("far %d: ", v.said)
	n := 0
	eventually(v.t, "the far side is heard", func() bool {
		n++
		v.say(fmt.Sprint(round, n))
		for text := range v.heard.all() {
			if strings.HasPrefix(text, round) {
				return true
			}
		}
		return false
	})
	for text, n := range v.heard.all() {
		if !strings.HasPrefix(text, "far ") {
			v.t.Errorf("somebody else was heard: %q", text)
		}
		if n != 1 {
			v.t.Errorf("%q was heard %d times", text, n)
		}
	}
	us := "us " + round
	stop := chat(v.t, v.term, us)
	for got := v.next(); got != us; got = v.next() {
		if !strings.HasPrefix(got, "us ") {
			v.t.Errorf("the far side has heard %q", got)
			break
		}
	}
	stop()
	if v.failed.n.Load() != 0 {
		v.t.Errorf("failed: %v", v.failed.last.Load())
	}
}

// stranger is a socket of somebody who has nothing to do with the call.
type stranger struct {
	t    testing.TB
	conn *net.UDPConn
	to   netip.AddrPort
}

// strangers returns one at another port of the far side's address and, where there is such a one, one at another address.
func strangers(t testing.TB, e *engine.Engine) []*stranger {
	t.Helper()
	all := []*stranger{{t, loopback(t), e.Addr()}}
	if conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}); err == nil {
		t.Cleanup(func() { _ = conn.Close() })
		all = append(all, &stranger{t, conn, e.Addr()})
	}
	return all
}

func (s *stranger) send(b []byte) { sendFrom(s.t, s.conn, s.to, b) }

// gotNothing checks that the engine has sent nothing there but STUN. What it has sent lies in the socket already, before a last word of ours.
func (s *stranger) gotNothing() {
	s.t.Helper()
	for _, b := range received(s.t, s.conn) {
		if len(b) > 0 && b[0] > 3 {
			s.t.Errorf("a stranger got %d bytes that begin with %d", len(b), b[0])
		}
	}
}
