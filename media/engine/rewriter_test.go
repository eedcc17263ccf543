package engine

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// rewriting is a rewriter with a clock.
type rewriting struct {
	t   *testing.T
	out rewriter
	now time.Time
}

func newRewriting(t *testing.T) *rewriting {
	r := &rewriting{t: t, now: time.Unix(1_700_000_000, 0)}
	r.out.begin(65_000, 1<<32-500)
	return r
}

// pass sends a packet 20 ms after the last one, in its own codec's clock.
func (r *rewriting) pass(p media.Packet) (seq uint16, ts uint32, ok bool) {
	r.now = r.now.Add(20 * time.Millisecond)
	return r.out.next(&p, p.Codec.ClockRate, p.Start, r.now)
}

// must is pass for a packet that has to go out.
func (r *rewriting) must(p media.Packet) (seq uint16, ts uint32) {
	r.t.Helper()
	seq, ts, ok := r.pass(p)
	if !ok {
		r.t.Fatalf("packet %d was dropped", p.Seq)
	}
	return seq, ts
}

func TestRewriterLongSource(t *testing.T) {
	r, codec := newRewriting(t), media.PCMU()
	first, at := r.must(media.Packet{Codec: &codec, Seq: 40_000, Start: true})
	for i := range uint32(200_000) { // more than an hour, and three times round
		seq, ts := r.must(media.Packet{Codec: &codec, Seq: 40_001 + uint16(i), Time: (i + 1) * 160})
		if want := first + 1 + uint16(i); seq != want || ts != at+(i+1)*160 {
			t.Fatalf("packet %d: number %d, time %d; want %d, %d", i, seq, ts, want, at+(i+1)*160)
		}
	}
	last := uint16(40_000 + 200_000%65_536)
	r.must(media.Packet{Codec: &codec, Seq: last + 51, Time: 200_051 * 160})
	if seq, _ := r.must(media.Packet{Codec: &codec, Seq: last + 1, Time: 200_001 * 160}); seq != first+uint16(200_001%65_536) {
		t.Errorf("one that is 50 late has number %d", seq)
	}
	if _, _, ok := r.pass(media.Packet{Codec: &codec, Seq: last - sourceReach - 100}); ok {
		t.Error("one that is minutes late is taken")
	}
}

// Two packets under one number would be encrypted with one key stream.
func TestRewriterUsesNoNumberTwice(t *testing.T) {
	r, codec := newRewriting(t), media.PCMU()
	packet := func(seq uint16) media.Packet { return media.Packet{Codec: &codec, Seq: seq, Time: uint32(seq) * 160} }
	const newest = 110 + numbersOfSound - 1
	for _, seq := range []uint16{100, 102, 101, newest, 110} {
		r.must(packet(seq))
	}
	for _, seq := range []uint16{100, 101, 102, newest, 110} {
		if n, _, ok := r.pass(packet(seq)); ok {
			t.Errorf("packet %d goes out twice, now as %d", seq, n)
		}
	}
	if n, _, ok := r.pass(packet(106)); ok {
		t.Errorf("packet 106, too late to tell, goes out as %d", n)
	}
}

func TestRewriterLateEvent(t *testing.T) {
	r, sound, events := newRewriting(t), media.Opus(), media.TelephoneEvent(8000)
	digit := func(seq uint16, at uint32) media.Packet {
		return media.Packet{What: media.Digit, Codec: &events, Seq: seq, Time: at, Payload: make([]byte, eventSize)}
	}
	r.must(media.Packet{Codec: &sound, Seq: 1, Start: true})
	_, first := r.must(digit(2, 1000))
	_, again := r.must(digit(3, 1000))
	_, second := r.must(digit(5, 3000))
	if first != again || int32(second-first) <= 0 {
		t.Errorf("events at %d, %d and %d", first, again, second)
	}
	if _, ts, ok := r.pass(digit(4, 1000)); ok {
		t.Errorf("the end of an event came late, and was sent as a new one at %d", ts)
	}
	if _, ts := r.must(digit(6, 3000)); ts != second {
		t.Errorf("the second event goes on at %d, it began at %d", ts, second)
	}
}

// Digits that come by signalling have numbers of their own, and sound goes on between them.
func TestRewriterTwoSourcesAtOnce(t *testing.T) {
	r, sound, events := newRewriting(t), media.PCMU(), media.TelephoneEvent(8000)
	seq, ts := r.must(media.Packet{Codec: &sound, Seq: 500, Time: 80_000, Start: true})
	for key := range 3 {
		var at uint32
		for i := range 4 {
			n, when := r.must(media.Packet{
				What: media.Digit, Codec: &events, Start: true, Marker: i == 0, Seq: uint16(i), Time: 0, Payload: make([]byte, eventSize),
			})
			if i == 0 {
				if at = when; int32(at-ts) <= 0 {
					t.Errorf("event %d is at %d, after sound at %d", key, at, ts)
				}
			}
			if n != seq+1 || when != at {
				t.Errorf("event %d, packet %d: number %d after %d, time %d, want %d", key, i, n, seq, when, at)
			}
			k := uint32(key*4 + i + 1)
			seq, ts = r.must(media.Packet{Codec: &sound, Start: true, Seq: 500 + uint16(k), Time: 80_000 + k*160})
			if seq != n+1 || int32(ts-at) <= 0 {
				t.Errorf("sound after event %d: number %d after %d, time %d after %d", key, seq, n, ts, at)
			}
		}
	}
}
