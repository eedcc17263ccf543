package engine_test

import (
	"bytes"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// header is an RTP header of PCMU: number 1, source 7.
func header(first, second byte, more ...byte) []byte {
	return append([]byte{first, second, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7}, more...)
}

// badPackets are malformed in one way each.
func badPackets() map[string][]byte {
	return map[string][]byte{
		"one byte":               {0x80},
		"half a header":          header(0x80, 0)[:6],
		"a byte too short":       header(0x80, 0)[:11],
		"15 sources, none":       header(0x8f, 0),
		"2 sources, one":         header(0x82, 0, 1, 2, 3, 4),
		"extension, none":        header(0x90, 0),
		"extension, cut":         header(0x90, 0, 0xbe, 0xde, 0),
		"extension, too long":    header(0x90, 0, 0xbe, 0xde, 0xff, 0xff, 1, 2, 3, 4),
		"element, too long":      header(0x90, 0, 0xbe, 0xde, 0, 1, 0x1f, 0, 0, 0),
		"padding, none":          header(0xa0, 0),
		"padding of nothing":     header(0xa0, 0, 1, 2, 3, 0),
		"padding, too long":      header(0xa0, 0, 1, 2, 3, 5),
		"padding into extension": header(0xb0, 0, 0xbe, 0xde, 0, 1, 0x10, 0, 0, 0, 2),
	}
}

func TestBadRTP(t *testing.T) {
	e := listen(t)
	term := open(t, e, media.Phone())
	p := newPhone(t)
	p.offer(term, nil)
	raw := func(b []byte) {
		t.Helper()
		if _, err := p.conn.WriteToUDPAddrPort(b, p.to); err != nil {
			t.Fatal(err)
		}
	}
	n := uint64(0)
	for name, b := range badPackets() {
		raw(b)
		n++
		eventually(t, name+" is counted", func() bool { return incoming(term).Bad == n })
	}
	n = 0
	for _, b := range [][]byte{header(0x80, 96), header(0x80, 127, 1, 2, 3, 4), header(0x80, 0x80|5)} {
		raw(b)
		n++
		eventually(t, "an unknown payload type is counted", func() bool { return incoming(term).Unknown == n })
	}
	n = 0
	for _, b := range [][]byte{
		header(0x00, 0), header(0x40, 0), header(0xc0, 0), {4}, {19}, {64}, {127}, {192}, {255}, {}, // no protocol of ours
		{22, 254, 253}, // DTLS, of a leg without it
		header(0x80, 0, make([]byte, 2048-12)...), header(0x80, 0, make([]byte, 3000)...), header(0x80, 0, make([]byte, 20_000)...),
	} {
		raw(b)
		n++
		eventually(t, "what is none of ours is counted", func() bool { return e.Stats().Strays == n })
	}
	if in := incoming(term); in.Packets != 0 {
		t.Errorf("something was taken: %+v", in)
	}

	// What is rare but right is taken, and its payload alone.
	r := term.Stream(media.Audio).Reader()
	defer r.Close()
	for i, c := range []struct {
		b    []byte
		want string
	}{
		{header(0x80, 0), ""},
		{header(0x82, 0, 1, 2, 3, 4, 5, 6, 7, 8, 'a'), "a"},
		{header(0x90, 0, 0xbe, 0xde, 0, 1, 0x10, 9, 0, 0, 'b'), "b"},
		{header(0x90, 0, 1, 2, 0, 0, 'c'), "c"},
		{header(0xa0, 0, 'd', 0, 0, 3), "d"},
		{header(0xb1, 0x80, 1, 2, 3, 4, 0xbe, 0xde, 0, 1, 0x10, 9, 0, 0, 'e', 1), "e"},
		{header(0x80, 0, bytes.Repeat([]byte{'f'}, 2047-12)...), string(bytes.Repeat([]byte{'f'}, 2047-12))},
	} {
		c.b[3] = byte(i + 1)
		raw(c.b)
		heardFirst(t, r, c.want, i == 0)
	}
}

// A packet that no longer fits when it has been protected is sent nevertheless, or lost, and does no harm to those behind it.
func TestLongestThroughSRTP(t *testing.T) {
	e := listen(t)
	phoneLeg, p := open(t, e, media.Phone()), newPhone(t)
	p.offer(phoneLeg, nil)
	near, far := open(t, e, media.AlexaCalling()), open(t, listen(t), media.AlexaCalling())
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
	linked(t, phoneLeg, near)
	r := far.Stream(media.Audio).Reader()
	defer r.Close()
	for n := 2000; n < 2047-12; n++ {
		p.send(bytes.Repeat([]byte{byte(n)}, n))
		if n+12+16 < 2048 {
			heardFirst(t, r, string(bytes.Repeat([]byte{byte(n)}, n)), n == 2000)
		}
	}
	p.send([]byte("short"))
	heardFirst(t, r, "short", false)
	if in := incoming(far); in.Bad != 0 {
		t.Errorf("far side: %+v", in)
	}
}

// Packets that are repeated or spoilt are counted, however many they are, and the call goes on.
func TestBadSRTP(t *testing.T) {
	t.Parallel()
	term, b, f := connected(t, listen(t), false)
	catch := make(chan []byte, 1)
	f.with(func(b []byte, toPeer bool) int {
		if !toPeer && isMedia(b) {
			select {
			case catch <- bytes.Clone(b):
			default:
			}
		}
		return 1
	})
	stop := b.talk("to be caught")
	eventually(t, "a packet is caught", func() bool { return len(catch) > 0 })
	stop()
	f.with(func(b []byte, toPeer bool) int {
		if !toPeer && isMedia(b) {
			return 0
		}
		return 1
	})
	caught := <-catch
	f.inject(caught) // comes behind all that the browser has sent
	eventually(t, "a repeated packet is counted", func() bool { return incoming(term).Bad == 1 })
	const rounds, each = 40, 250
	before := incoming(term)
	for round := range rounds {
		for i := range each {
			f.inject(caught)
			spoilt := bytes.Clone(caught)
			spoilt[2]++ // so that it is none that we know
			spoilt[12+(i%(len(spoilt)-12))] ^= byte(1 + round)
			f.inject(spoilt)
		}
		want := before.Bad + uint64(2*each*(round+1))
		eventually(t, "all of them are counted", func() bool { return incoming(term).Bad == want })
	}
	if in := incoming(term); in.Packets != before.Packets || in.Lost != before.Lost {
		t.Errorf("something was believed: %+v, before %+v", in, before)
	}
	f.with(func([]byte, bool) int { return 1 })
	b.drain()
	bothHear(t, term, b)
}
