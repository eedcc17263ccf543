package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/internal/testutil"
)

// told is what the reports of a recorder say, read by pion/rtcp: the arrival of each number, in units of 250 us.
type told struct {
	t     *testing.T
	at    map[int64]int64
	gone  map[int64]bool // reported as not come, and not as come since
	end   int64
	count uint8
}

func (d *told) read(p rtcp.Packet) {
	d.t.Helper()
	b, err := p.Marshal()
	if err != nil {
		d.t.Fatal(err)
	}
	if len(b) > 1200 || len(b)%4 != 0 {
		d.t.Fatalf("a report of %d bytes", len(b))
	}
	var cc rtcp.TransportLayerCC
	if err := cc.Unmarshal(b); err != nil {
		d.t.Fatalf("%v in % x", err, b)
	}
	if cc.SenderSSRC != 1 || cc.MediaSSRC != 2 || cc.FbPktCount != d.count {
		d.t.Fatalf("report %+v", cc)
	}
	d.count++
	var symbols []uint16
	for _, chunk := range cc.PacketChunks {
		switch c := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				symbols = append(symbols, c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			symbols = append(symbols, c.SymbolList...)
		}
	}
	at, deltas := int64(cc.ReferenceTime)*256, cc.RecvDeltas
	for i := range int64(cc.PacketStatusCount) {
		n := d.end + int64(int16(cc.BaseSequenceNumber-uint16(d.end))) + i
		if symbols[i] == 0 {
			d.gone[n] = true
			continue
		}
		at += deltas[0].Delta / rtcp.TypeTCCDeltaScaleFactor
		deltas = deltas[1:]
		d.at[n] = at
		delete(d.gone, n)
	}
	d.end += int64(int16(cc.BaseSequenceNumber-uint16(d.end))) + int64(cc.PacketStatusCount)
	if len(deltas) != 0 {
		d.t.Fatalf("%d times too many", len(deltas))
	}
}

// TestRecorder reports packets that come through a bad network: each that came, at its time, and each that did not.
func TestRecorder(t *testing.T) {
	for seed := range testutil.Seeds(t, 4) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		now, r := time.Unix(1_700_000_000, 0), new(recorder)
		first := int64(rnd.IntN(1 << 16))
		d := &told{t: t, at: map[int64]int64{}, gone: map[int64]bool{}, end: first}
		type late struct {
			n  int64
			in int
		}
		var held []late
		came, begin := map[int64]time.Time{first: now}, now
		r.note(uint16(first), now)
		arrive := func(n int64) {
			if _, twice := came[n]; !twice {
				came[n] = now
			}
			r.note(uint16(n), now)
		}
		for n := first + 1; n < first+20_000; n++ {
			now = now.Add(time.Duration(rnd.IntN(4000)) * time.Microsecond)
			if rnd.IntN(2000) == 0 {
				now = now.Add(time.Duration(rnd.IntN(20)) * time.Second) // nothing for a while
			}
			switch x := rnd.Float64(); {
			case x < 0.05: // lost
			case x < 0.1:
				held = append(held, late{n, 1 + rnd.IntN(20)})
			default:
				arrive(n)
				if x > 0.95 {
					arrive(n)
				}
			}
			for i := 0; i < len(held); i++ {
				if held[i].in--; held[i].in == 0 {
					arrive(held[i].n)
				}
			}
			if n%37 == 0 {
				for p := r.report(1, 2, now); p != nil; p = r.report(1, 2, now) {
					d.read(p)
				}
			}
		}
		now = now.Add(recorderEvery)
		for p := r.report(1, 2, now); p != nil; p = r.report(1, 2, now) {
			d.read(p)
		}
		if len(d.at) != len(came) {
			t.Errorf("seed %d: %d packets reported, %d came", seed, len(d.at), len(came))
		}
		off := d.at[first]
		for n, at := range came {
			got, ok := d.at[n]
			if !ok {
				t.Fatalf("seed %d: %d is not reported", seed, n)
			}
			if want := at.Sub(begin).Microseconds() / 250; got-off-want > 1 || got-off-want < -1 {
				t.Fatalf("seed %d: %d came at %d, reported at %d", seed, n, want, got-off)
			}
			if d.gone[n] {
				t.Errorf("seed %d: %d is reported as lost", seed, n)
			}
		}
	}
}

// TestRecorderJumps lets numbers jump ahead and back: the recorder goes on, and speaks of no more than it knows.
func TestRecorderJumps(t *testing.T) {
	now, r := time.Unix(1_700_000_000, 0), new(recorder)
	for _, seq := range []uint16{5, 4000, 36_000, 35_999, 10, 9, 11, 65_000, 64_000, 65_001} {
		now = now.Add(recorderEvery)
		r.note(seq, now)
		n := 0
		for p := r.report(1, 2, now); p != nil; p = r.report(1, 2, now) {
			if n++; n > recorderSize/100 {
				t.Fatalf("after %d there is no end of reports", seq)
			}
			b, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if err := new(rtcp.TransportLayerCC).Unmarshal(b); err != nil {
				t.Errorf("after %d: %v", seq, err)
			}
		}
		if n == 0 {
			t.Errorf("%d is not reported", seq)
		}
	}
	if testing.AllocsPerRun(1000, func() { r.note(65_002, now) }) != 0 {
		t.Error("a note allocates")
	}
}
