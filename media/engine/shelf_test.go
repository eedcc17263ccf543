package engine

import (
	"fmt"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// TestShelf gives what is equal out once, and holds no more than it may.
func TestShelf(t *testing.T) {
	var s shelf[*string]
	equal := func(a, b *string) bool { return *a == *b }
	first := new("one")
	if got := s.like(first, equal); got != first {
		t.Error("what comes first is not itself")
	}
	if got := s.like(new("one"), equal); got != first {
		t.Error("what is equal is there twice")
	}
	for i := range shelfSize {
		one := new(fmt.Sprint(i))
		if s.like(one, equal) != one || s.like(new(fmt.Sprint(i)), equal) != one {
			t.Errorf("%s is taken for another one", *one)
		}
	}
	if got := s.like(new("one"), equal); got == first {
		t.Error("the oldest is still there, beyond the size of the shelf")
	}
}

// TestShelfOfLegs has legs that agree on the same share their tables, though each has its own stream, and others not.
func TestShelfOfLegs(t *testing.T) {
	e, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	policy := media.Phone()
	passing := media.Phone()
	passing.Pass = []string{"iLBC"}
	leg := func(p *media.Policy, rtpmap string) *terminal {
		t.Helper()
		m, err := e.Open(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		offer, err := media.ParseDescription([]byte("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n" +
			"m=audio " + fmt.Sprint(5000+2*e.ids.Load()) + " RTP/AVP 0 97 101\r\na=rtpmap:97 " + rtpmap + "\r\na=rtpmap:101 telephone-event/8000\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		want := p.Plan()
		want[0].Codecs = append(want[0].Codecs, media.Codec{Name: "iLBC", ClockRate: 8000, Channels: 1})
		if _, err := m.Answer(offer, want); err != nil {
			t.Fatal(err)
		}
		return m.(*terminal)
	}
	shared := func(a, b *terminal) (in, out bool) {
		one, other := a.transport.payloads.Load(), b.transport.payloads.Load()
		if one.main() != a.sound || other.main() != b.sound {
			t.Error("a leg has the other's stream")
		}
		return &one.rest[0] == &other.rest[0], a.sound.out.formats.Load() == b.sound.out.formats.Load()
	}
	const opus, passed = "opus/48000/2", "iLBC/8000"
	one := leg(policy, opus)
	for _, c := range []struct {
		name    string
		a, b    *terminal
		in, out bool
	}{
		{"the same", one, leg(policy, opus), true, true},
		{"another policy", one, leg(media.Phone(), opus), false, false},
		{"another codec", one, leg(policy, "PCMA/8000"), false, false},
		{"a codec that is passed on", leg(passing, passed), leg(passing, passed), true, true},
	} {
		if codec := c.b.transport.payloads.Load().rest[0].codec.Name; codec == "telephone-event" {
			t.Errorf("%s: 97 was not agreed on", c.name)
		}
		if in, out := shared(c.a, c.b); in != c.in || out != c.out {
			t.Errorf("%s: what comes in is shared %v, what goes out %v; want %v and %v", c.name, in, out, c.in, c.out)
		}
	}
}
