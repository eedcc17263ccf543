package engine

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// arrival is one packet of a made-up stream, numbered from 0 as it was sent.
type arrival struct {
	index int
	at    time.Duration
}

// spoil sends n packets, one every 20 ms, through a network that loses, repeats, delays and reorders some.
func spoil(r *rand.Rand, n int) []arrival {
	var all []arrival
	for i := range n {
		if i > 0 && i < n-1 && r.Float64() < 0.03 {
			continue
		}
		at := time.Duration(i)*20*time.Millisecond + time.Duration(r.IntN(15_000))*time.Microsecond
		if i > 0 && r.Float64() < 0.02 {
			at += time.Duration(20+r.IntN(60)) * time.Millisecond
		}
		all = append(all, arrival{i, at})
		if i > 0 && r.Float64() < 0.01 {
			all = append(all, arrival{i, at + time.Millisecond})
		}
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	return all
}

// expected is what RFC 3550 says of the arrivals, computed from what was sent.
type expected struct {
	packets, lost, late, twice uint64
	highest                    int
	jitter                     float64       // in units of the clock
	last                       time.Duration // when the last one came that was not a duplicate
}

func expect(all []arrival, rate int) (e expected) {
	e.highest = -1
	var before float64
	came := map[int]bool{}
	for i, a := range all {
		if came[a.index] {
			e.twice++
			continue
		}
		came[a.index] = true
		e.packets++
		e.last = a.at
		if a.index <= e.highest {
			e.late++
		}
		e.highest = max(e.highest, a.index)
		transit := a.at.Seconds()*float64(rate) - float64(a.index*(rate/50))
		if i > 0 {
			e.jitter += (math.Abs(transit-before) - e.jitter) / 16
		}
		before = transit
	}
	e.lost = uint64(e.highest+1) - e.packets
	return e
}

// feed hands arrivals to a receiver, which begins at some number and time.
func feed(t *testing.T, r *receiver, codec media.Codec, ssrc uint32, seq uint16, begin time.Time, all []arrival) {
	t.Helper()
	came := map[int]bool{}
	for i, a := range all {
		p := media.Packet{
			Codec: &codec, Seq: seq + uint16(a.index), Time: 1<<32 - 5000 + uint32(a.index*(codec.ClockRate/50)), Payload: make([]byte, 10),
		}
		if got := r.accept(&p, ssrc, begin.Add(a.at), true); got == came[a.index] {
			t.Fatalf("packet %d: accepted is %v", a.index, got)
		}
		came[a.index] = true
		if p.Start != (i == 0) {
			t.Fatalf("packet %d: start is %v", i, p.Start)
		}
	}
}

func TestReceiverStatistics(t *testing.T) {
	for seed := range testutil.Seeds(t, 1) {
		receiverStatistics(t, seed)
	}
}

func receiverStatistics(t *testing.T, seed uint64) {
	t.Helper()
	for _, c := range []struct {
		name  string
		codec media.Codec
		n     int
	}{
		{"short", media.PCMU(), 10},
		{"one wrap", media.PCMU(), 70_000},
		{"many wraps", media.Opus(), 300_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 2))
			all, begin := spoil(rnd, c.n), time.Unix(1_700_000_000, 0)
			want := expect(all, c.codec.ClockRate)
			seq := uint16(rnd.Uint32())
			var r receiver
			feed(t, &r, c.codec, 1, seq, begin, all)
			got := r.snapshot()
			if got.Packets != want.packets || got.Lost != want.lost || got.Late != want.late || got.Duplicate != want.twice || got.Bytes != 10*want.packets {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if j := got.Jitter.Seconds() * float64(c.codec.ClockRate); math.Abs(j-want.jitter) > 2+want.jitter/50 {
				t.Errorf("jitter: got %.1f units, want %.1f", j, want.jitter)
			}
			if first, last := begin.Add(all[0].at), begin.Add(want.last); !got.First.Equal(first) || !got.Last.Equal(last) {
				t.Errorf("first and last: got %v, %v; want %v, %v", got.First, got.Last, first, last)
			}
			reports := r.report(begin)
			if len(reports) != 1 {
				t.Fatalf("%d reports", len(reports))
			}
			all32 := (uint32(seq) + uint32(want.highest)) // RFC 3550 section 6.4.1: cycles above, highest number below
			if rr := reports[0]; rr.LastSequenceNumber != all32 || int64(rr.TotalLost) != max(0, int64(want.lost)-int64(want.twice)) {
				t.Errorf("report: got %+v, want highest %d, lost %d less %d that came twice", rr, all32, want.lost, want.twice)
			}
		})
	}
}

// A report speaks of the time since the one before it.
func TestReceiverFraction(t *testing.T) {
	var r receiver
	codec, now := media.PCMU(), time.Unix(1_700_000_000, 0)
	seq := uint16(65_500)
	pass := func(n, every int) { // loses one of every so many
		for i := range n {
			seq++
			if every > 0 && i%every == 1 {
				continue
			}
			now = now.Add(20 * time.Millisecond)
			r.accept(&media.Packet{Codec: &codec, Seq: seq}, 1, now, true)
		}
	}
	fraction := func() int {
		got := r.report(now)
		if len(got) != 1 {
			t.Fatalf("%d reports", len(got))
		}
		return int(got[0].FractionLost)
	}
	pass(101, 0)
	if f := fraction(); f != 0 {
		t.Errorf("nothing lost: fraction %d", f)
	}
	pass(100, 4)
	if f := fraction(); f != 64 {
		t.Errorf("a quarter lost: fraction %d of 256", f)
	}
	if r.report(now) != nil {
		t.Error("a report of nothing new")
	}
	pass(100, 0)
	if f := fraction(); f != 0 {
		t.Errorf("nothing lost since: fraction %d", f)
	}
}

// What was lost stays counted when a source ends, is held, or begins anew under its old SSRC.
func TestReceiverSources(t *testing.T) {
	var r receiver
	codec, now := media.PCMU(), time.Unix(1_700_000_000, 0)
	pass := func(ssrc uint32, seq uint16, open bool) (taken, start bool) {
		now = now.Add(20 * time.Millisecond)
		p := media.Packet{Codec: &codec, Seq: seq}
		taken = r.accept(&p, ssrc, now, open)
		return taken, p.Start
	}
	check := func(what string, taken, start, wantTaken, wantStart bool, lost uint64) {
		t.Helper()
		if taken != wantTaken || start != wantStart {
			t.Errorf("%s: taken %v, start %v", what, taken, start)
		}
		if got := r.snapshot().Lost; got != lost {
			t.Errorf("%s: %d lost, want %d", what, got, lost)
		}
	}
	taken, start := pass(1, 10, true)
	check("the first", taken, start, true, true, 0)
	taken, start = pass(1, 14, true)
	check("after a gap", taken, start, true, false, 3)
	r.sent(&rtcp.SenderReport{SSRC: 1, NTPTime: 7 << 16}, now)
	if rr := r.report(now)[0]; rr.LastSenderReport != 7 {
		t.Errorf("report: %+v, want the sender report named", rr)
	}

	taken, start = pass(1, 15, false)
	check("held", taken, start, false, false, 3)
	taken, start = pass(1, 400, true)
	check("resumed", taken, start, true, true, 3)

	taken, start = pass(2, 60_000, true)
	check("another source", taken, start, true, true, 3)
	r.sent(&rtcp.SenderReport{SSRC: 1, NTPTime: 9 << 16}, now)
	if rr := r.report(now)[0]; rr.SSRC != 2 || rr.LastSenderReport != 0 || rr.LastSequenceNumber != 60_000 {
		t.Errorf("report: %+v, want one of source 2 alone", rr)
	}
	taken, start = pass(2, 60_004, true)
	check("a gap of the second", taken, start, true, false, 6)

	taken, start = pass(2, 20_000, true)
	check("one stray number", taken, start, false, false, 6)
	taken, start = pass(2, 60_005, true)
	check("on as before", taken, start, true, false, 6)
	pass(2, 20_000, true)
	taken, start = pass(2, 20_001, true)
	check("two in a row: it has begun anew", taken, start, true, true, 6)

	if got := r.snapshot(); got.Blocked != 1 || got.Late != 2 || got.Packets != 7 {
		t.Errorf("got %+v", got)
	}
	r.rejoin()
	if _, start = pass(2, 20_002, true); !start {
		t.Error("after something else came in between: not marked")
	}
}

// A source that plays its few packets again is heard again, and not taken for a network that repeats them.
func TestReceiverRepeats(t *testing.T) {
	var r receiver
	codec, now := media.PCMU(), time.Unix(1_700_000_000, 0)
	const n = 30
	for round := range 3 {
		taken := 0
		for i := range uint16(n) {
			now = now.Add(20 * time.Millisecond)
			if r.accept(&media.Packet{Codec: &codec, Seq: 100 + i}, 1, now, true) {
				taken++
			}
		}
		want := n
		if round > 0 {
			want -= maxRepeat
		}
		if taken != want {
			t.Errorf("round %d: %d packets taken, want %d", round, taken, want)
		}
	}
	if in := r.snapshot(); in.Lost != 0 {
		t.Errorf("%d lost, want none", in.Lost)
	}
	before := r.snapshot()
	for i := range uint16(100) { // every packet comes twice
		now = now.Add(20 * time.Millisecond)
		r.accept(&media.Packet{Codec: &codec, Seq: 130 + i}, 1, now, true)
		if i >= 5 {
			r.accept(&media.Packet{Codec: &codec, Seq: 125 + i}, 1, now, true)
		}
	}
	if in := r.snapshot(); in.Packets-before.Packets != 100 || in.Duplicate-before.Duplicate != 95 {
		t.Errorf("of 100 packets, 95 of them twice: %+v before, now %+v", before, in)
	}
}
