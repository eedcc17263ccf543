package engine_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// TestICEBreak cuts the path for longer than an agent takes to call it disconnected: it is a gap and nothing more.
func TestICEBreak(t *testing.T) {
	t.Parallel()
	e := listen(t)
	term, failed := openFailing(t, e)
	b := newBrowser(t)
	f := newForwarder(t, e.Addr())
	f.negotiate(term, b, true)
	bothHear(t, term, b)
	f.with(func([]byte, bool) int { return 0 })
	time.Sleep(6500 * time.Millisecond) // real time, as the peer's agent measures it
	f.with(func([]byte, bool) int { return 1 })
	b.drain()
	bothHear(t, term, b)
	if failed.n.Load() != 0 {
		t.Errorf("failed: %v", failed.last.Load())
	}
}

// TestICERoleConflict has both sides want to control (RFC 8445 section 7.3.1.1).
func TestICERoleConflict(t *testing.T) {
	t.Parallel()
	term, p := open(t, listen(t), media.AlexaCalling()), newBare(t)
	offer, err := term.Offer(g711())
	if err != nil {
		t.Fatal(err)
	}
	_, answer, err := media.Negotiation{}.Answer(media.AlexaCalling(), p.gather(), nil, offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := term.Accept(answer); err != nil {
		t.Fatal(err)
	}
	p.dial(offer) // as one that controls, which the engine does too
	eventually(t, "the engine has a path", func() bool { return !strings.HasPrefix(engine.RemoteOf(term), "invalid") })
}

// TestDTLSExpiredCertificate shows a certificate that is out of date: its fingerprint says whom we talk to, not its dates (RFC 8122 section 6).
func TestDTLSExpiredCertificate(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	term, failed := openFailing(t, listen(t))
	conn := newBareWith(t, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}).call(term)
	defer conn.Close()
	eventually(t, "there are keys", func() bool {
		write(t, term, 1)
		return outgoing(term).Packets > 0
	})
	if failed.n.Load() != 0 {
		t.Errorf("failed: %v", failed.last.Load())
	}
}

// TestDTLSHostilePeer sends hellos that lead to nothing, from the address that ICE has proved: the leg ends in time, without keys.
func TestDTLSHostilePeer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		send func(write func([]byte))
	}{
		{"a version of before", func(write func([]byte)) {
			old := hello(1)
			old[25], old[26] = 254, 255 // DTLS 1.0
			write(old)
		}},
		{"nothing in common", func(write func([]byte)) { write(hello(1)) }},
		{"in fragments of one byte", func(write func([]byte)) {
			for n, whole := 0, hello(1); n < 20_000; n++ {
				at := n % 42
				b := append([]byte{22, 254, 255, 0, 0, 0, 0, 0, 0, byte(n >> 8), byte(n), 0, 13}, whole[13:25]...)
				b[21], b[24] = byte(at), 1
				write(append(b, whole[25+at]))
			}
		}},
		{"fragments of what never ends", func(write func([]byte)) {
			for n := range 20_000 {
				b := append([]byte{22, 254, 255, 0, 0, 0, 0, 0, 0, byte(n >> 8), byte(n), 0, 13}, 1, 0xff, 0xff, 0xff, 0, 0, byte(n>>16), byte(n>>8), byte(n), 0, 0, 1)
				write(append(b, 0))
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := listen(t)
			engine.SetLimits(e, 15*time.Second, time.Second)
			term, failed := openFailing(t, e)
			path := newBare(t).path(term)
			c.send(func(b []byte) { _, _ = path.Write(b) })
			failed.wait(t, "engine: DTLS")
			write(t, term, 3)
			if n := outgoing(term).Packets; n != 0 {
				t.Errorf("%d packets went out without keys", n)
			}
		})
	}
}

// TestSRTPTurns loses packets about the turn of the sequence number, and joins late: the far side's count of turns is found again
// (RFC 3711 section 3.3.1).
func TestSRTPTurns(t *testing.T) {
	for _, c := range []struct {
		name  string
		first uint16
		lost  func(seq uint16) bool
	}{
		{"nothing is lost", 65_500, func(uint16) bool { return false }},
		{"the turn is lost", 65_500, func(seq uint16) bool { return seq > 65_530 || seq < 5 }},
		{"the beginning is lost", 65_500, func(seq uint16) bool { return seq > 65_000 && seq < 65_530 }},
		{"every other one is lost", 65_501, func(seq uint16) bool { return seq%2 == 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			term := open(t, listen(t), sdes())
			p := newLockedPhone(t, media.AESCM80, srtp.ProtectionProfileAes128CmHmacSha1_80)
			p.call(term)
			p.seq = c.first
			sent := uint64(0)
			for range 100 {
				lost := c.lost(p.seq)
				if b := p.sealed(p.out, "hello"); !lost {
					p.sendRaw(b)
					sent++
				}
			}
			counts(t, term, "packets", taken, sent)
			if in := incoming(term); in.Bad != 0 {
				t.Errorf("%d bad packets", in.Bad)
			}
		})
	}
}

// TestPayloadTypesDiffer gives one codec a number in each direction, and another one later (RFC 3264 section 5.1).
func TestPayloadTypesDiffer(t *testing.T) {
	policy := media.Phone()
	policy.Audio = []media.Codec{media.Opus()}
	term, p := open(t, listen(t), policy), newPhone(t)
	theirs := func(d media.Description, number string) media.Description {
		text, _ := d.AppendText(nil)
		ours := strings.Fields(soundLine(string(text)))[3]
		return edit(t, edit(t, edit(t, d, "RTP/AVP "+ours, "RTP/AVP "+number), "rtpmap:"+ours, "rtpmap:"+number), "fmtp:"+ours, "fmtp:"+number)
	}
	for _, number := range []string{"107", "111"} {
		offer, err := term.Offer(nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := offer.AppendText(nil)
		ours := strings.Fields(soundLine(string(text)))[3]
		_, answer, err := media.Negotiation{}.Answer(policy, media.Local{ID: 1, Addr: "127.0.0.1", Port: p.port(), RTCPPort: p.port() + 1}, nil, offer)
		if err != nil {
			t.Fatal(err)
		}
		if err := term.Accept(theirs(answer, number)); err != nil {
			t.Fatal(err)
		}
		p.to = netip.MustParseAddrPort("127.0.0.1:" + soundPort(t, offer))
		n := incoming(term).Packets
		b := clearRTP(7, p.seq)
		p.seq++
		b[1] = numberOf(t, ours)
		sendFrom(t, p.conn, p.to, append(b, "opus"...))
		counts(t, term, "packets", taken, n+1)
		codec := media.Opus()
		if err := term.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Start: true, Payload: []byte("opus")}); err != nil {
			t.Fatal(err)
		}
		if got := p.raw()[1] & 0x7f; got != numberOf(t, number) {
			t.Errorf("sent as %d, want %s", got, number)
		}
	}
}

// soundLine returns the m-line of a description's sound.
func soundLine(text string) string {
	_, rest, _ := strings.Cut(text, "m=audio ")
	line, _, _ := strings.Cut(rest, "\r\n")
	return "m=audio " + line
}

func numberOf(t testing.TB, text string) byte {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 7)
	if err != nil {
		t.Fatal(err)
	}
	return byte(n)
}
