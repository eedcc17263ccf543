package engine_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// lockedByDTLS is the profile of phones that agree on their keys by DTLS, without ICE.
func lockedByDTLS(mux bool) *media.Policy {
	p := pcmu()
	p.Security, p.Mux = media.DTLS, mux
	return p
}

// TestDTLSWithoutICE has two engines agree on keys where their descriptions say, one as the client of DTLS and one as the server, and talk.
func TestDTLSWithoutICE(t *testing.T) {
	t.Parallel()
	for _, mux := range []bool{false, true} {
		near, far := open(t, listen(t), lockedByDTLS(mux)), open(t, listen(t), lockedByDTLS(mux))
		offer, err := near.Offer(nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := far.Answer(offer, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := near.Accept(answer); err != nil {
			t.Fatal(err)
		}
		for _, d := range []media.Description{offer, answer} {
			text, _ := d.AppendText(nil)
			if s := string(text); !strings.Contains(s, "UDP/TLS/RTP/SAVP") || !strings.Contains(s, "a=fingerprint:sha-256 ") || strings.Contains(s, "ice-") {
				t.Errorf("described as\n%s", s)
			}
		}
		say(t, near, far)
		say(t, far, near)
	}
}

// TestDTLSWithoutICEWrongFingerprint has the far side show another certificate than its description names.
func TestDTLSWithoutICEWrongFingerprint(t *testing.T) {
	t.Parallel()
	near, f := openWatched(t, listen(t), lockedByDTLS(true))
	far := open(t, listen(t), lockedByDTLS(true))
	offer, err := near.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := far.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := near.Accept(forged(t, answer)); err != nil {
		t.Fatal(err)
	}
	f.wait(t, "DTLS")
	codec := media.PCMU()
	for range 10 {
		_ = near.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Payload: []byte("hello")})
	}
	if n := near.Stream(media.Audio).Stats().Out.Packets; n != 0 {
		t.Errorf("%d packets went to somebody else", n)
	}
}

// offerLocked lets term answer an offer of a phone that says how it would do DTLS, and does not.
func (p *phone) offerLocked(term media.Terminal, setup string) {
	p.t.Helper()
	sum := "sha-256 " + strings.Repeat("AB:", 31) + fmt.Sprintf("%02X", p.port()%256)
	local := media.Local{ID: 1, Addr: "127.0.0.1", Port: p.port(), Fingerprint: sum, SSRC: 7, CNAME: "x"}
	_, offer, err := media.Negotiation{}.Offer(lockedByDTLS(true), local, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := term.Answer(edit(p.t, offer, "a=setup:actpass", "a=setup:"+setup), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.to = addrOf(p.t, edit(p.t, answer, "UDP/TLS/RTP/SAVPF", "RTP/AVP"))
}

// TestDTLSWithoutICESilence has a far side that never says a word of DTLS, but talks in the clear.
func TestDTLSWithoutICESilence(t *testing.T) {
	t.Parallel()
	for _, setup := range []string{"active", "passive"} {
		e := listen(t)
		engine.SetLimits(e, 15*time.Second, 300*time.Millisecond)
		term, f := openWatched(t, e, lockedByDTLS(true))
		p := newPhone(t)
		p.offerLocked(term, setup)
		for range 5 {
			p.send([]byte("in the clear"))
			write(t, term, 1)
		}
		f.wait(t, "engine: DTLS")
		if in, out := incoming(term), outgoing(term); in.Packets != 0 || in.Bad != 0 || out.Packets != 0 {
			t.Errorf("%s: before the keys: in %+v, out %+v", setup, in, out)
		}
	}
}

// TestDTLSWithoutICEClosedEarly hangs up in the midst of a handshake: nothing of it is left, and nobody is told of a failure.
func TestDTLSWithoutICEClosedEarly(t *testing.T) {
	for _, setup := range []string{"active", "passive"} {
		term, f := openWatched(t, listen(t), lockedByDTLS(true))
		p := newPhone(t)
		p.offerLocked(term, setup)
		buf := make([]byte, 1<<20)
		left := func() bool { return strings.Contains(string(buf[:runtime.Stack(buf, true)]), "pion/dtls") }
		if setup == "passive" && !isDTLS(p.raw()) {
			t.Error("we are the client, and do not begin")
		}
		eventually(t, "the handshake runs", left)
		if err := term.Close(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "no goroutine of DTLS is left", func() bool { return !left() })
		if f.n.Load() != 0 {
			t.Errorf("%s: failed: %v", setup, f.last.Load())
		}
	}
}

// TestDTLSWithoutICEAnotherPeer has the call go on with somebody else elsewhere: the first peer hears nothing of that handshake.
func TestDTLSWithoutICEAnotherPeer(t *testing.T) {
	t.Parallel()
	term := open(t, listen(t), lockedByDTLS(true))
	first, second, end := newPhone(t), newPhone(t), []byte("the end")
	for second.port()%256 == first.port()%256 {
		second = newPhone(t) // each has a certificate of its own
	}
	random := func(hello []byte) []byte { // after the headers of record and message, and the version (RFC 6347 section 4.2.2)
		return hello[min(27, len(hello)):min(59, len(hello))]
	}
	first.offerLocked(term, "passive")
	began := random(first.raw())
	second.offerLocked(term, "passive")
	if bytes.Equal(random(second.raw()), began) {
		t.Error("the second peer is in the handshake with the first")
	}
	if _, err := loopback(t).WriteToUDPAddrPort(end, portOf(first.conn)); err != nil {
		t.Fatal(err)
	}
	for b := first.raw(); !bytes.Equal(b, end); b = first.raw() {
		if isDTLS(b) && !bytes.Equal(random(b), began) {
			t.Errorf("the first peer hears of the handshake with the second: %x", b)
		}
	}
}

// TestDTLSWithoutICEPictures refuses pictures that the far side wants elsewhere: there is one association.
func TestDTLSWithoutICEPictures(t *testing.T) {
	t.Parallel()
	p := lockedByDTLS(true)
	p.Video = []media.Codec{media.VP8()}
	near, far := open(t, listen(t), p), open(t, listen(t), p)
	offer, err := near.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		offer media.Description
		want  int
	}{
		{"one port", offer, 2},
		{"two ports", edit(t, offer, "m=video "+soundPort(t, offer), "m=video 9999"), 1},
	} {
		if _, err := far.Answer(c.offer, nil); err != nil {
			t.Fatal(err)
		}
		if got := far.Plan(); len(got) != c.want {
			t.Errorf("%s: agreed %s", c.name, got)
		}
	}
}

// soundPort returns the port of a description's sound.
func soundPort(t testing.TB, d media.Description) string {
	t.Helper()
	text, _ := d.AppendText(nil)
	_, rest, _ := strings.Cut(string(text), "m=audio ")
	port, _, _ := strings.Cut(rest, " ")
	return port
}
