package engine_test

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

var sdesSuites = []struct {
	suite   media.Suite
	profile srtp.ProtectionProfile
	tag     int
}{
	{media.AES256GCM, srtp.ProtectionProfileAeadAes256Gcm, 16},
	{media.AES128GCM, srtp.ProtectionProfileAeadAes128Gcm, 16},
	{media.AESCM80, srtp.ProtectionProfileAes128CmHmacSha1_80, 10},
	{media.AESCM32, srtp.ProtectionProfileAes128CmHmacSha1_32, 4},
}

// TestSDES carries sound between a plain phone and a protected one, under each suite. Nothing plain is sent to the protected one, and
// nothing plain is taken from it.
func TestSDES(t *testing.T) {
	for _, c := range sdesSuites {
		t.Run(string(c.suite), func(t *testing.T) {
			e := listen(t)
			open1, locked := newPhone(t), newLockedPhone(t, c.suite, c.profile)
			plain, secure := open(t, e, media.Phone()), open(t, e, sdes())
			open1.offer(plain, nil)
			locked.call(secure)
			relayed(t, plain, secure)
			for i := range 20 {
				payload := bytes.Repeat([]byte{byte(i)}, 160)
				open1.send(payload)
				pkt := locked.raw()
				if len(pkt) != 12+160+c.tag || bytes.Contains(pkt, payload[:8]) {
					t.Fatalf("a packet of %d bytes, want %d and nothing plain in them", len(pkt), 12+160+c.tag)
				}
				got, err := locked.in.DecryptRTP(nil, pkt, nil)
				if err != nil || !bytes.Equal(got[12:], payload) {
					t.Fatalf("packet %d: %v", i, err)
				}
				locked.sendRaw(locked.sealed(locked.out, string(payload)))
				if _, _, back := open1.receive(); !bytes.Equal(back, payload) {
					t.Fatalf("packet %d comes back as %.20q", i, back)
				}
			}
			locked.send([]byte("in the clear, of the right address and source"))
			counts(t, secure, "bad packets", bad, 1)
			again := locked.sealed(locked.out, "once")
			locked.sendRaw(again)
			locked.sendRaw(again)
			counts(t, secure, "bad packets", bad, 2)
			counts(t, secure, "packets", taken, 21)
		})
	}
}

// TestSDESNewKeys renews the keys of a call by re-offers: what is on its way under the key before is still taken, until something has
// come under the new one, and a key that comes back goes on where it was.
func TestSDESNewKeys(t *testing.T) {
	e := listen(t)
	p := newLockedPhone(t, media.AES128GCM, srtp.ProtectionProfileAeadAes128Gcm)
	term := open(t, e, sdes())
	p.call(term)
	oldKey, ours, old := p.local.Keys[0], p.n.Sections()[0].KeyIn, p.out
	p.sendRaw(p.sealed(old, "under the first key"))
	counts(t, term, "packets", taken, 1)
	p.local.Keys = []media.Key{media.NewKey(media.AES128GCM)}
	p.call(term)
	if p.n.Sections()[0].KeyIn != ours {
		t.Error("our key changes with the far side's")
	}
	p.sendRaw(p.sealed(old, "on its way"))
	counts(t, term, "packets", taken, 2)
	renewed := p.out
	late := p.sealed(old, "late")
	p.sendRaw(p.sealed(renewed, "under the second key"))
	counts(t, term, "packets", taken, 3)
	p.sendRaw(late)
	counts(t, term, "bad packets", bad, 1)
	first := p.sealed(renewed, "first of all")
	p.local.Keys = []media.Key{oldKey}
	p.call(term)
	p.sendRaw(p.sealed(old, "under the first key again, which goes on"))
	counts(t, term, "packets", taken, 4)
	p.sendRaw(first)
	counts(t, term, "bad packets", bad, 2)
}

// TestSDESOurKeyStream sends under our key through a change of the suite and back: no two packets are encrypted with the same octets.
func TestSDESOurKeyStream(t *testing.T) {
	e := listen(t)
	p := newLockedPhone(t, media.AES128GCM, srtp.ProtectionProfileAeadAes128Gcm)
	term := open(t, e, sdes())
	silence := make([]byte, 160)
	codec := media.PCMU()
	seen := map[string]bool{}
	for i, suite := range []media.Suite{media.AES128GCM, media.AESCM80, media.AES128GCM} {
		p.p, p.local.Keys = sdes(suite), []media.Key{media.NewKey(suite)}
		p.suite = map[media.Suite]srtp.ProtectionProfile{media.AES128GCM: srtp.ProtectionProfileAeadAes128Gcm, media.AESCM80: srtp.ProtectionProfileAes128CmHmacSha1_80}[suite]
		p.n = media.Negotiation{}
		p.call(term)
		for seq := range uint16(50) {
			if err := term.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Start: seq == 0, Seq: seq, Time: uint32(seq) * 160, Payload: silence}); err != nil {
				t.Fatal(err)
			}
			pkt := p.raw()
			if key := string(pkt[12 : 12+160]); seen[key] {
				t.Fatalf("packet %d of round %d is encrypted as one before", seq, i)
			} else {
				seen[key] = true
			}
			if _, err := p.in.DecryptRTP(nil, pkt, nil); err != nil {
				t.Fatalf("packet %d of round %d: %v", seq, i, err)
			}
		}
	}
}

// TestSDESStaysLocked offers a protected leg everything that would make it plain.
func TestSDESStaysLocked(t *testing.T) {
	e := listen(t)
	optional := sdes()
	optional.Security = media.SDESOptional
	p := newLockedPhone(t, media.AESCM80, srtp.ProtectionProfileAes128CmHmacSha1_80)
	p.p.Security = media.SDESOptional
	term := open(t, e, optional)
	p.call(term)
	stolen := newPhone(t)
	_, offer, err := media.Negotiation{}.Offer(pcmu(), media.Local{ID: 1, Addr: "127.0.0.1", Port: stolen.port()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := term.Answer(offer, nil); !errors.Is(err, media.ErrRefused) {
		t.Fatalf("an offer without keys: %v, want ErrRefused", err)
	}
	if _, err := term.Offer(nil); err != nil {
		t.Fatal(err)
	}
	_, answer, err := media.Negotiation{}.Answer(pcmu(), media.Local{ID: 1, Addr: "127.0.0.1", Port: stolen.port()}, nil, offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := term.Accept(answer); !errors.Is(err, media.ErrRefused) {
		t.Fatalf("an answer without keys: %v, want ErrRefused", err)
	}
	codec := media.PCMU()
	if err := term.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Payload: []byte("still protected")}); err != nil {
		t.Fatal(err)
	}
	if got, err := p.in.DecryptRTP(nil, p.raw(), nil); err != nil || string(got[12:]) != "still protected" {
		t.Errorf("%v", err)
	}
}

// TestSDESMoves follows a protected far side to another port only for packets that its keys prove.
func TestSDESMoves(t *testing.T) {
	e := listen(t)
	p := newLockedPhone(t, media.AES128GCM, srtp.ProtectionProfileAeadAes128Gcm)
	term := open(t, e, sdes())
	p.call(term)
	home := p.conn
	p.conn = newPhone(t).conn
	for range 20 {
		p.send([]byte("in the clear, from elsewhere"))
	}
	forged := p.context(media.NewKey(media.AES128GCM))
	for range 20 {
		p.sendRaw(p.sealed(forged, "under another key"))
	}
	for range 10 {
		p.sendRaw(p.sealed(p.out, "from behind a NAT"))
	}
	codec := media.PCMU()
	deadline := time.Now().Add(10 * time.Second)
	for term.Stream(media.Audio).Stats().In.Packets == 0 {
		if time.Now().After(deadline) {
			t.Fatal("what the keys prove is not taken from another port")
		}
		p.sendRaw(p.sealed(p.out, "again"))
		time.Sleep(time.Millisecond)
	}
	if err := term.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Payload: []byte("follows")}); err != nil {
		t.Fatal(err)
	}
	if got, err := p.in.DecryptRTP(nil, p.raw(), nil); err != nil || string(got[12:]) != "follows" {
		t.Errorf("%q, %v", got, err)
	}
	_ = home.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, _, err := home.ReadFromUDPAddrPort(make([]byte, 10)); !errors.Is(err, net.ErrClosed) && err == nil {
		t.Error("the address before still gets packets")
	}
}

// TestSDESReports exchanges RTCP under the keys of the descriptions, on a port of its own.
func TestSDESReports(t *testing.T) {
	e1, e2 := listen(t), listen(t)
	up, down := open(t, e1, sdes()), open(t, e2, sdes())
	offer, err := up.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := down.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := up.Accept(answer); err != nil {
		t.Fatal(err)
	}
	defer chat(t, up, "up")()
	defer chat(t, down, "down")()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		one, two := up.Stream(media.Audio).Stats(), down.Stream(media.Audio).Stats()
		if one.In.Bad+two.In.Bad > 0 {
			t.Fatalf("%d and %d bad packets", one.In.Bad, two.In.Bad)
		}
		engine.Report(up)
		engine.Report(down)
		if one.Out.RoundTrip > 0 && two.Out.RoundTrip > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no reports: %+v and %+v", one.Out, two.Out)
		}
	}
}

// TestSDESDoesNotAllocate relays between a plain and a protected leg, and back to a plain one, under each suite.
func TestSDESDoesNotAllocate(t *testing.T) {
	for _, c := range sdesSuites {
		t.Run(string(c.suite), func(t *testing.T) {
			if raced && strings.HasPrefix(string(c.suite), "AES_CM") {
				t.Skip("the counter mode of pion/srtp takes its buffers from a pool, which the race detector empties")
			}
			a, b := lineThrough(t, func() *media.Policy { return sdes(c.suite) })
			allocs(t, a, b)
		})
	}
}

// TestEverySuiteIsTested holds the table of suites against what a policy offers.
func TestEverySuiteIsTested(t *testing.T) {
	keys := sdes().NewKeys()
	if len(keys) != len(sdesSuites) {
		t.Errorf("%d suites are offered, %d tested", len(keys), len(sdesSuites))
	}
	for i, k := range keys {
		if k.Suite != sdesSuites[i].suite {
			t.Errorf("suite %d is %v, tested is %v", i, k.Suite, sdesSuites[i].suite)
		}
	}
}
