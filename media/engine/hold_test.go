package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// speaker writes sound of one source through a terminal.
type speaker struct {
	t    *testing.T
	term media.Terminal
	seq  uint16
}

func (s *speaker) write(n int) {
	s.t.Helper()
	codec := media.PCMU()
	for range n {
		p := media.Packet{Codec: &codec, Start: s.seq == 0, Seq: s.seq, Time: uint32(s.seq) * 160, Payload: []byte("from us")}
		if err := s.term.Stream(media.Audio).Write(&p); err != nil {
			s.t.Fatal(err)
		}
		s.seq++
	}
}

// held closes one or both ways of a call, in whatever manner, and opens them again.
type held struct {
	name   string
	passes media.Direction // ours
	hold   func(t *testing.T, term media.Terminal, p *phone)
	resume func(t *testing.T, term media.Terminal, p *phone)
}

func byOffer(direction string) func(*testing.T, media.Terminal, *phone) {
	return func(t *testing.T, term media.Terminal, p *phone) { t.Helper(); reoffer(t, term, p, direction) }
}

func byWish(d media.Direction) func(*testing.T, media.Terminal, *phone) {
	return func(t *testing.T, term media.Terminal, p *phone) {
		t.Helper()
		want := pcmu().Plan()
		want[0].Dir = d
		p.offer(term, want)
	}
}

func byGate(d media.Direction) func(*testing.T, media.Terminal, *phone) {
	return func(_ *testing.T, term media.Terminal, _ *phone) { term.Stream(media.Audio).Gate(d) }
}

func TestHold(t *testing.T) {
	cases := []held{
		{"the phone holds", media.RecvOnly, byOffer("sendonly"), byOffer("")},
		{"the phone is mute", media.SendOnly, byOffer("recvonly"), byOffer("")},
		{"the phone wants nothing", media.Inactive, byOffer("inactive"), byOffer("")},
		{"we hold", media.SendOnly, byWish(media.SendOnly), byWish(media.SendRecv)},
		{"we are mute", media.RecvOnly, byWish(media.RecvOnly), byWish(media.SendRecv)},
		{"we want nothing", media.Inactive, byWish(media.Inactive), byWish(media.SendRecv)},
		{"gate: sending alone", media.SendOnly, byGate(media.SendOnly), byGate(media.SendRecv)},
		{"gate: receiving alone", media.RecvOnly, byGate(media.RecvOnly), byGate(media.SendRecv)},
		{"gate: nothing", media.Inactive, byGate(media.Inactive), byGate(media.SendRecv)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { testHold(t, &c) })
	}
}

func testHold(t *testing.T, c *held) {
	e := listen(t)
	term, p := open(t, e, media.Phone()), newPhone(t)
	p.offer(term, nil)
	r := term.Stream(media.Audio).Reader()
	defer r.Close()
	s := &speaker{t: t, term: term}
	s.write(3)
	p.send([]byte("before"))
	heardFirst(t, r, "before", true)
	var last uint16
	var at uint32
	for range 3 {
		last, at, _ = p.receive()
	}

	c.hold(t, term, p)
	s.write(10)
	for range 10 {
		p.send([]byte("during"))
	}
	sends, receives := c.passes.Sends(), c.passes.Receives()
	count := func(open bool) (passed, blocked uint64) {
		if open {
			return 10, 0
		}
		return 0, 10
	}
	inPassed, inBlocked := count(receives)
	eventually(t, "what comes in is counted", func() bool {
		in := incoming(term)
		return in.Packets == 1+inPassed && in.Blocked == inBlocked
	})
	outPassed, outBlocked := count(sends)
	if out := outgoing(term); out.Packets != 3+outPassed || out.Blocked != outBlocked {
		t.Errorf("out: %+v", out)
	}
	for range outPassed {
		last, at, _ = p.receive()
	}
	for range inPassed {
		heardFirst(t, r, "during", false)
	}

	c.resume(t, term, p)
	s.write(1)
	seq, ts, _ := p.receive()
	if seq != last+1 {
		t.Errorf("the stream goes on at %d after %d", seq, last)
	}
	if d := int32(ts - at); d <= 0 || d > 5*8000 {
		t.Errorf("its time goes on by %d", d)
	}
	p.send([]byte("after"))
	heardFirst(t, r, "after", !receives)
}

// heardFirst reads a packet, which has to be the first of a source or not.
func heardFirst(t *testing.T, r *media.Reader, want string, first bool) {
	t.Helper()
	timer := time.AfterFunc(5*time.Second, func() { _ = r.Close() })
	defer timer.Stop()
	var p media.Packet
	if err := r.Read(make([]byte, 2048), &p); err != nil {
		t.Fatalf("waiting for %q: %v", want, err)
	}
	if string(p.Payload) != want || p.Start != first {
		t.Errorf("heard %q, first of a source: %v; want %q, %v", p.Payload, p.Start, want, first)
	}
}

// pair connects two terminals of two engines over DTLS-SRTP, until both hear each other.
func pair(t *testing.T) (near, far media.Terminal) {
	t.Helper()
	near, far = open(t, listen(t), media.AlexaCalling()), open(t, listen(t), media.AlexaCalling())
	offer, err := near.Offer(g711())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := far.Answer(offer, g711())
	if err != nil {
		t.Fatal(err)
	}
	if err := near.Accept(answer); err != nil {
		t.Fatal(err)
	}
	say(t, near, far)
	say(t, far, near)
	return near, far
}

// However long a stream is held, the far side can decrypt what comes after: SRTP counts the turns of the sequence number on its own
// (RFC 3711 section 3.3.1), and would be lost by a jump of more than half of one.
func TestHoldLongSRTP(t *testing.T) {
	near, far := pair(t)
	for _, n := range []int{100, 33_000, 70_000} {
		before := incoming(far)
		s := &speaker{t: t, term: near}
		s.write(1)
		near.Stream(media.Audio).Gate(media.RecvOnly)
		s.write(n)
		near.Stream(media.Audio).Gate(media.SendRecv)
		s.write(3)
		eventually(t, "the far side hears what comes after", func() bool { return incoming(far).Packets == before.Packets+4 })
		if in := incoming(far); in.Bad != before.Bad || in.Lost != before.Lost {
			t.Errorf("after %d held packets: %+v", n, in)
		}
	}
}

// A source that runs for hours in a codec that the far side does not take leaves no gap either.
func TestMismatchLong(t *testing.T) {
	near, far := pair(t)
	before := incoming(far)
	codec, other := media.PCMU(), media.PCMA()
	for seq := range uint32(80_000) {
		p := media.Packet{Codec: &codec, Start: seq == 0, Seq: uint16(seq), Payload: []byte("sound")}
		if seq > 0 && seq < 79_997 {
			p.Codec = &other
		}
		err := near.Stream(media.Audio).Write(&p)
		if (p.Codec == &other) != errors.Is(err, media.ErrNoCommonCodec) {
			t.Fatalf("packet %d: %v", seq, err)
		}
	}
	if got := outgoing(near).Mismatched; got != 79_996 {
		t.Errorf("%d mismatched", got)
	}
	eventually(t, "the far side hears what it can", func() bool { return incoming(far).Packets == before.Packets+4 })
	if in := incoming(far); in.Bad != 0 || in.Lost != before.Lost {
		t.Errorf("far side: %+v", in)
	}
}

// What nobody can send is an error, and nothing worse.
func TestWriteNonsense(t *testing.T) {
	term, p := open(t, listen(t), media.Phone()), newPhone(t)
	p.offer(term, nil)
	audio, codec, digits := term.Stream(media.Audio), media.PCMU(), media.TelephoneEvent(8000)
	if err := audio.Write(&media.Packet{Payload: []byte("x")}); !errors.Is(err, media.ErrNoCommonCodec) {
		t.Errorf("no codec: %v", err)
	}
	if err := audio.Write(&media.Packet{What: media.Digit, Payload: []byte("x")}); !errors.Is(err, media.ErrNoCommonCodec) {
		t.Errorf("a digit without a codec: %v", err)
	}
	if err := audio.Write(&media.Packet{What: media.Digit, Codec: &media.Codec{}, Payload: []byte("abcd")}); err != nil {
		t.Errorf("a digit without a clock: %v", err)
	}
	if err := audio.Write(&media.Packet{What: media.Digit, Codec: &digits}); err != nil {
		t.Errorf("a digit without an event: %v", err)
	}
	if err := audio.Write(&media.Packet{Codec: &codec, Payload: make([]byte, 3000)}); err == nil {
		t.Error("a packet that is longer than a datagram may be was taken")
	}
	if err := audio.Write(&media.Packet{What: media.KeyFrame}); err != nil {
		t.Errorf("feedback: %v", err)
	}
	video := term.Stream(media.Video)
	if err := video.Write(&media.Packet{Codec: &codec, Payload: []byte("x")}); err != nil || video.Stats().Out.Blocked != 1 {
		t.Errorf("pictures that are not agreed: %v, %+v", err, video.Stats().Out)
	}
	if err := audio.Write(&media.Packet{Codec: &codec, Payload: make([]byte, 2048-12-16)}); err != nil {
		t.Errorf("the longest packet: %v", err)
	}
}
