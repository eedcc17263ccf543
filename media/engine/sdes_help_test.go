package engine_test

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"github.com/alexacall/alexacall/media"
)

// sdes returns the phone's profile with keys in the descriptions, of some suites or of all.
func sdes(suites ...media.Suite) *media.Policy {
	p := pcmu()
	p.Security, p.Suites = media.SDES, suites
	return p
}

// lockedPhone is a phone whose RTP is protected by keys that it describes.
type lockedPhone struct {
	*phone
	p       *media.Policy
	n       media.Negotiation
	local   media.Local
	in, out *srtp.Context
	suite   srtp.ProtectionProfile
}

func newLockedPhone(t testing.TB, suite media.Suite, profile srtp.ProtectionProfile) *lockedPhone {
	p := &lockedPhone{phone: newPhone(t), p: sdes(suite), suite: profile}
	p.local = media.Local{ID: 1, Addr: "127.0.0.1", Port: p.port(), RTCPPort: p.port() + 1, Keys: []media.Key{media.NewKey(suite)}}
	return p
}

// call lets term answer an offer of the phone's, and takes the keys of both.
func (p *lockedPhone) call(term media.Terminal) {
	p.t.Helper()
	n, offer, err := p.n.Offer(p.p, p.local, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := term.Answer(offer, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.n, err = n.Accept(p.p, answer); err != nil {
		p.t.Fatal(err)
	}
	s := p.n.Sections()[0]
	p.to, p.in, p.out = s.Transport.Addr, p.context(s.KeyIn), p.context(s.KeyOut)
}

func (p *lockedPhone) context(k media.Key) *srtp.Context {
	p.t.Helper()
	key, salt := k.Split()
	c, err := srtp.CreateContext(key, salt, p.suite)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// sealed returns the next packet under a context.
func (p *lockedPhone) sealed(c *srtp.Context, payload string) []byte {
	p.t.Helper()
	b := make([]byte, 12, 2048)
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.time)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
	p.seq++
	p.time += 160
	pkt, err := c.EncryptRTP(nil, append(b, payload...), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return pkt
}

func (p *lockedPhone) sendRaw(b []byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort(b, p.to); err != nil {
		p.t.Fatal(err)
	}
}

// raw waits for the next datagram.
func (p *phone) raw() []byte {
	p.t.Helper()
	b := make([]byte, 2048)
	_ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, _, err := p.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return b[:n]
}

// insist sends a datagram again and again until stop is called.
func (p *phone) insist(b []byte) (stop func()) {
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			_, _ = p.conn.WriteToUDPAddrPort(b, p.to)
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	return func() { close(done); work.Wait() }
}

// counts waits until a number of the totals of what came is reached.
func counts(t testing.TB, term media.Terminal, what string, get func(media.InStats) uint64, want uint64) {
	t.Helper()
	var got uint64
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if got = get(term.Stream(media.Audio).Stats().In); got == want {
			return
		}
	}
	t.Fatalf("%d %s, want %d", got, what, want)
}

func taken(s media.InStats) uint64 { return s.Packets }
func bad(s media.InStats) uint64   { return s.Bad }
