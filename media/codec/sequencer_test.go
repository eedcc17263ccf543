package codec_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

var pcmu = media.PCMU()

// numbered is packet n of a source of 20 ms packets that says so in its payload.
func numbered(n int) *media.Packet {
	return &media.Packet{Codec: &pcmu, Seq: uint16(n), Time: uint32(160 * n), Payload: fmt.Append(nil, n)}
}

// sequenced puts a packet in and writes down what comes out: a number, with what is lost before it, and S where a source begins.
func sequenced(s *codec.Sequencer, p *media.Packet) string {
	s.Put(p)
	return drained(s.Next)
}

func drained(next func(*media.Packet) (int, bool)) (out string) {
	var p media.Packet
	for {
		lost, ok := next(&p)
		if !ok {
			return out
		}
		if lost > 0 {
			out += fmt.Sprintf("-%d ", lost)
		}
		if p.Start {
			out += "S"
		}
		if p.What == media.KeyFrame {
			out += "K "
			continue
		}
		out += string(p.Payload) + " "
	}
}

func TestSequencer(t *testing.T) {
	digit := func(n int) *media.Packet { p := numbered(n); p.What = media.Digit; return p }
	start := func(n int) *media.Packet { p := numbered(n); p.Start = true; return p }
	type step struct {
		p    *media.Packet
		want string
	}
	for why, steps := range map[string][]step{
		"in order, nothing waits":        {{numbered(1), "S1 "}, {numbered(2), "2 "}, {numbered(3), "3 "}},
		"two change places":              {{numbered(1), "S1 "}, {numbered(3), ""}, {numbered(2), "2 3 "}, {numbered(4), "4 "}},
		"one is lost":                    {{numbered(1), "S1 "}, {numbered(3), ""}, {numbered(4), "-1 3 4 "}, {numbered(5), "5 "}},
		"two gaps":                       {{numbered(1), "S1 "}, {numbered(3), ""}, {numbered(5), "-1 3 "}, {numbered(6), "-1 5 6 "}},
		"a digit is a packet like any":   {{numbered(1), "S1 "}, {digit(2), "2 "}, {digit(4), ""}, {digit(3), "3 4 "}, {numbered(5), "5 "}},
		"a digit waits for one more":     {{numbered(1), "S1 "}, {digit(3), ""}, {digit(4), "-1 3 4 "}, {digit(6), ""}, {numbered(7), "-1 6 7 "}},
		"a gap that is too wide to wait": {{numbered(1), "S1 "}, {numbered(3), ""}, {numbered(50), "-1 3 -46 50 "}},
		"one comes too late":             {{numbered(1), "S1 "}, {numbered(3), ""}, {numbered(4), "-1 3 4 "}, {numbered(2), ""}, {numbered(5), "5 "}},
		"all numbers round":              {{numbered(65534), "S65534 "}, {numbered(65536), ""}, {numbered(65535), "65535 65536 "}},
		"a new source":                   {{numbered(1), "S1 "}, {numbered(3), ""}, {start(9000), "-1 3 S9000 "}, {numbered(9001), "9001 "}},
		"a source that jumps":            {{numbered(1), "S1 "}, {numbered(9000), ""}, {numbered(9001), "S9001 "}, {numbered(9002), "9002 "}},
		"a stray":                        {{numbered(1), "S1 "}, {numbered(9000), ""}, {numbered(2), "2 "}, {numbered(9001), ""}, {numbered(3), "3 "}},
		"duplicates":                     {{numbered(1), "S1 "}, {numbered(1), ""}, {numbered(3), ""}, {numbered(3), ""}, {numbered(2), "2 3 "}, {numbered(3), ""}},
		"feedback has no number":         {{numbered(1), "S1 "}, {numbered(3), ""}, {&media.Packet{What: media.KeyFrame}, "K "}, {numbered(2), "2 3 "}},
	} {
		t.Run(why, func(t *testing.T) {
			var s codec.Sequencer
			for i, step := range steps {
				if got := sequenced(&s, step.p); got != step.want {
					t.Errorf("packet %d, number %d: %q comes out, want %q", i, step.p.Seq, got, step.want)
				}
			}
		})
	}
}

func TestSequencerDepth(t *testing.T) {
	digit := func(n int) *media.Packet { p := numbered(n); p.What, p.Time = media.Digit, 7; return p }
	s := codec.Sequencer{Depth: 2, Wait: time.Second}
	for i, want := range []string{"S0 ", "", "", "-1 2 3 4 "} {
		n := i
		if i > 0 {
			n++
		}
		if got := sequenced(&s, digit(n)); got != want {
			t.Errorf("after %d packets %q comes out, want %q", i+1, got, want)
		}
	}
	sequenced(&s, numbered(6))
	if got := drained(s.Flush); got != "-1 6 " {
		t.Errorf("Flush hands out %q", got)
	}
	if got := s.Stats(); got != (codec.SequencerStats{Lost: 2}) {
		t.Errorf("counted %+v", got)
	}
}

// TestSequencerProperty sends sources one after another over a path that loses, repeats and displaces packets. What comes out has to be in
// order, each number once, its payload whole, and what is missing told to the number; nothing waits longer than the depth.
func TestSequencerProperty(t *testing.T) {
	for seed := range uint64(60) {
		chance := rand.New(rand.NewPCG(seed, 7))
		var s codec.Sequencer
		lossy, moves := chance.Float64()*0.3, 1+chance.IntN(6)
		if seed%4 == 0 {
			lossy, moves = 0, 1
		}
		put, out, lostAll, sources := 0, 0, 0, 0
		var expect uint16
		take := func(next func(*media.Packet) (int, bool)) {
			var p media.Packet
			for {
				lost, ok := next(&p)
				if !ok {
					return
				}
				if string(p.Payload) != fmt.Sprint(sources, p.Seq) {
					t.Fatalf("seed %d: packet %d of source %d carries %q", seed, p.Seq, sources, p.Payload)
				}
				if !p.Start && p.Seq != expect+uint16(lost) || p.Start && lost > 0 {
					t.Fatalf("seed %d: %d comes with %d lost before it, want it to be %d", seed, p.Seq, lost, expect)
				}
				expect = p.Seq + 1
				out++
				lostAll += lost
			}
		}
		for range 5 {
			take(s.Flush)
			sources++
			for i, p := range path(chance, 300, lossy, moves) {
				p.Start, p.Payload = i == 0, fmt.Append(nil, sources, " ", p.Seq)
				s.Put(p)
				put++
				take(s.Next)
			}
		}
		take(s.Flush)
		got := s.Stats()
		if int(got.Late+got.Duplicate)+out != put || int(got.Lost) != lostAll {
			t.Errorf("seed %d: %d went in, %d came out, %d lost, counted %+v", seed, put, out, lostAll, got)
		}
		if lossy == 0 && moves == 1 && got.Lost > 0 {
			t.Errorf("seed %d: %d are missed and none is lost", seed, got.Lost)
		}
	}
}

// path returns the packets of a source as they come out of a network.
func path(chance *rand.Rand, n int, lossy float64, moves int) []*media.Packet {
	type timed struct {
		p  *media.Packet
		at float64
	}
	var all []timed
	first := chance.IntN(1 << 16)
	for i := range n {
		copies := 1
		switch x := chance.Float64(); {
		case i == 0: // the first stays the first
		case x < lossy:
			copies = 0
		case x > 0.95:
			copies = 2
		}
		for range copies {
			at := float64(i)
			if i > 0 {
				at += float64(moves) * chance.Float64()
			}
			all = append(all, timed{numbered(first + i), at})
		}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	out := make([]*media.Packet, len(all))
	for i := range all {
		out[i] = all[i].p
	}
	return out
}

func TestSequencerAllocs(t *testing.T) {
	var s codec.Sequencer
	a, b, c := numbered(0), numbered(0), numbered(0)
	var got media.Packet
	n := uint16(0)
	turn := func() { // three packets, of which two change places, and a lost one
		a.Seq, b.Seq, c.Seq = n, n+2, n+1
		n += 4
		for _, p := range []*media.Packet{a, b, c} {
			s.Put(p)
			for ok := true; ok; {
				_, ok = s.Next(&got)
			}
		}
	}
	for range 20 {
		turn()
	}
	if got := testing.AllocsPerRun(100, turn); got != 0 {
		t.Errorf("%v allocations a turn", got)
	}
}
