package engine_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// naming is an offer of a far side at an address that names the source of its sound.
func naming(t testing.TB, at netip.AddrPort, ssrc uint32) media.Description {
	t.Helper()
	text, err := offerOf(t, pcmu(), at).AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := media.ParseDescription(fmt.Appendf(text, "a=ssrc:%d cname:one\r\n", ssrc))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// report sends a receiver report of a source to an address.
func (p *phone) report(ssrc uint32, to netip.AddrPort) {
	p.t.Helper()
	b := []byte{0x80, 201, 0, 1, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(b[4:], ssrc)
	if _, err := p.conn.WriteToUDPAddrPort(b, to); err != nil {
		p.t.Fatal(err)
	}
}

// Without ports to give, plain calls on one address are told apart by the sources that their descriptions name. What nobody has named is
// nobody's, also when one call is left.
func TestSharedAddressBySource(t *testing.T) {
	e := listen(t)
	far := newPhone(t)
	far.to = e.Addr()
	at := far.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	answer := func(offer media.Description) (media.Terminal, error) {
		t.Helper()
		term := open(t, e, media.Phone())
		_, err := term.Answer(offer, nil)
		if err != nil {
			_ = term.Close()
		}
		return term, err
	}
	say := func(ssrc uint32) {
		far.ssrc = ssrc
		far.send([]byte("x"))
	}
	first, err := answer(naming(t, at, 111))
	if err != nil {
		t.Fatal(err)
	}
	for what, offer := range map[string]media.Description{"no source": offerOf(t, pcmu(), at), "another's source": naming(t, at, 111)} {
		if _, err := answer(offer); err == nil || !strings.Contains(err.Error(), "another call") {
			t.Errorf("%s: %v, want a refusal", what, err)
		}
	}
	second, err := answer(naming(t, at, 222))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := answer(offerOf(t, pcmu(), at)); err == nil {
		t.Error("a call that cannot be told from the two is taken")
	}
	for range 3 {
		say(111)
		say(222)
	}
	say(222)
	say(333)
	far.report(222, e.Addr()) // as if it were multiplexed
	far.report(333, e.Addr())
	eventually(t, "all has come", func() bool {
		return incoming(first).Packets == 3 && incoming(second).Packets == 4 && e.Stats().Strays == 2
	})
	_ = first.Close()
	say(111)
	eventually(t, "what is left of a call is nobody's", func() bool { return e.Stats().Strays == 3 })
	say(222)
	eventually(t, "the other call goes on", func() bool { return incoming(second).Packets == 5 })
	third, err := answer(naming(t, at, 111))
	if err != nil {
		t.Fatalf("the source of a call that is over: %v", err)
	}
	if _, err := second.Answer(naming(t, at, 444), nil); err != nil {
		t.Fatal(err)
	}
	say(444)
	say(111)
	eventually(t, "each has its own", func() bool { return incoming(second).Packets == 6 && incoming(third).Packets == 1 })
	_ = second.Close()
	_ = third.Close()
	if _, err := answer(offerOf(t, pcmu(), at)); err != nil {
		t.Errorf("an address that all have left: %v", err)
	}
}

// RTCP that comes to a port of its own is told apart likewise.
func TestSharedAddressReports(t *testing.T) {
	e := listen(t)
	sound, reports := newPhone(t), newPhone(t)
	at := sound.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	to := netip.AddrPortFrom(e.Addr().Addr(), e.Addr().Port()+1)
	for _, ssrc := range []uint32{111, 222} {
		text, _ := naming(t, at, ssrc).AppendText(nil)
		offer, err := media.ParseDescription(fmt.Appendf(text, "a=rtcp:%d\r\n", reports.port()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, e, media.Phone()).Answer(offer, nil); err != nil {
			t.Fatal(err)
		}
	}
	reports.report(111, to)
	reports.report(222, to)
	reports.report(333, to)
	reports.report(333, to)
	eventually(t, "reports of strangers are nobody's", func() bool { return e.Stats().Strays == 2 })
}

// A refused description leaves the call as it was, also where it names an address that is free beside one that is taken.
func TestSharedAddressRefused(t *testing.T) {
	e := listen(t)
	a, b := newPhone(t), newPhone(t)
	first, second := open(t, e, media.Phone()), open(t, e, media.VideoPhone())
	a.offer(first, nil)
	b.offer(second, nil)
	free := newPhone(t)
	p := media.VideoPhone()
	p.Audio = pcmu().Audio
	_, d, err := media.Negotiation{}.Offer(p, media.Local{ID: 1, Addr: "127.0.0.1", Port: free.port(), RTCPPort: free.port() + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := d.AppendText(nil)
	twice := strings.Replace(string(text), fmt.Sprintf("m=video %d ", free.port()), fmt.Sprintf("m=video %d ", a.port()), 1)
	offer, err := media.ParseDescription([]byte(twice))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Answer(offer, nil); err == nil {
		t.Fatal("pictures at another call's address are taken")
	}
	third := open(t, e, media.Phone())
	free.offer(third, nil)
	free.send([]byte("mine"))
	eventually(t, "the address is not the refused one's", func() bool { return incoming(third).Packets == 1 })
	b.send([]byte("as before"))
	eventually(t, "and that goes on", func() bool { return incoming(second).Packets == 1 })
}

// Two engines without ports to give carry calls between them whose keys tell them apart, with ICE and without.
func TestTwoEnginesByKeys(t *testing.T) {
	withICE := sdes()
	withICE.ICE, withICE.Mux = true, true
	for name, p := range map[string]*media.Policy{"SDES": sdes(), "ICE and SDES": withICE} {
		engines := [2]*engine.Engine{listen(t), listen(t)}
		var all []*party
		for i := range 8 {
			here, there := fmt.Sprint(name, i, " here"), fmt.Sprint(name, i, " there")
			a, b := newParty(t, engines[i%2], p, here, there), newParty(t, engines[(i+1)%2], p, there, here)
			if err := a.call(b); err != nil {
				t.Fatalf("%s call %d: %v", name, i, err)
			}
			all = append(all, a, b)
		}
		everybodyTalks(t, all)
	}
}

// A second handshake on one pair of addresses is refused where there is no other: it could not be told from the first.
func TestSharedAddressDTLS(t *testing.T) {
	engines := [2]*engine.Engine{listen(t), listen(t)}
	p := pcmu()
	p.Security, p.Mux = media.DTLS, true
	a, b := newParty(t, engines[0], p, "here", "there"), newParty(t, engines[1], p, "there", "here")
	if err := a.call(b); err != nil {
		t.Fatal(err)
	}
	c, d := newParty(t, engines[0], p, "here too", "there too"), newParty(t, engines[1], p, "there too", "here too")
	if err := c.call(d); err == nil || !strings.Contains(err.Error(), "another call") {
		t.Errorf("got %v, want a refusal", err)
	}
	everybodyTalks(t, []*party{a, b})
}
