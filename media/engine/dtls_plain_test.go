package engine_test

import (
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
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
	f := new(failures)
	near, err := listen(t).Open(lockedByDTLS(true), &media.OpenOptions{Failed: func(err error) { f.last.Store(err.Error()); f.n.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
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
