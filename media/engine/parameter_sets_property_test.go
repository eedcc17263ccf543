package engine

import (
	"encoding/base64"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// Whatever is inserted, what comes of the source leaves in its order: no number twice, none out of place, and what is inserted stands right
// before the packet that it is for.
func TestInsertedKeepsTheLine(t *testing.T) {
	for seed := range testutil.Seeds(t, 50) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		var r rewriter
		r.sent.ofPictures()
		r.begin(uint16(rnd.Uint32()>>17), rnd.Uint32())
		codec, now := media.H264("42e01f", 1), time.Unix(1_700_000_000, 0)
		const from = 60000                             // so that the numbers go round
		outs, inserted := map[int]int{}, map[int]int{} // by place at the source: numbers that do not go round
		top, used, line := -1, map[int]int{}, int(r.seq)
		wide := func(seq uint16) int { return line + int(int16(seq-uint16(line))) }
		take := func(place int) {
			now = now.Add(3 * time.Millisecond)
			p := media.Packet{Codec: &codec, Seq: uint16(from + place), Time: uint32(place / 10 * 3000)}
			first := place%50 == 0
			if first {
				if seq, _, ok := r.insert(&p, 2, 90000, false, now); ok {
					inserted[place] = wide(seq)
					used[wide(seq)]++
					used[wide(seq+1)]++
					line = max(line, wide(seq+1))
				} else if place > top {
					t.Fatalf("seed %d: nothing is inserted before the newest packet, %d", seed, place)
				}
			}
			seq, ts, ok := r.next(&p, 90000, false, now)
			if !ok {
				if place > top {
					t.Fatalf("seed %d: the newest packet, %d, is dropped", seed, place)
				}
				return
			}
			outs[place] = wide(seq)
			used[wide(seq)]++
			line, top = max(line, wide(seq)), max(top, place)
			if at, ok := inserted[place]; ok && outs[place] != at+2 {
				t.Fatalf("seed %d: %d goes out as %d, what is before it as %d", seed, place, outs[place], at)
			}
			if base := ts - p.Time; outs[place] > 0 && base != r.timeOff {
				t.Fatalf("seed %d: the time of %d is moved", seed, place)
			}
		}
		for place, held := 0, []int(nil); place < 20000; place++ {
			switch rnd.IntN(12) {
			case 0: // lost
			case 1:
				held = append(held, place) // comes later, or twice
				if rnd.IntN(2) == 0 {
					take(place)
				}
			default:
				take(place)
			}
			if len(held) > 0 && rnd.IntN(30) == 0 {
				take(held[0])
				held = held[1:]
			}
		}
		places := make([]int, 0, len(outs))
		for place := range outs {
			places = append(places, place)
		}
		slices.Sort(places)
		for i := 1; i < len(places); i++ {
			if a, b := outs[places[i-1]], outs[places[i]]; b <= a || b-a < places[i]-places[i-1] || b-a > places[i]-places[i-1]+2*(1+(places[i]-places[i-1])/50) {
				t.Fatalf("seed %d: %d and %d go out as %d and %d", seed, places[i-1], places[i], a, b)
			}
		}
		for seq, n := range used {
			if n != 1 {
				t.Fatalf("seed %d: number %d is used %d times", seed, seq, n)
			}
		}
		if len(inserted) < 300 || len(outs) < 15000 {
			t.Fatalf("seed %d: %d went out, something before %d: the test does not test", seed, len(outs), len(inserted))
		}
	}
}

// TestReadSets reads what cameras write, and nothing that cannot be sent.
func TestReadSets(t *testing.T) {
	sps, pps := base64.StdEncoding.EncodeToString([]byte{0x67, 0x42, 0xe0, 0x1f}), base64.StdEncoding.EncodeToString([]byte{0x68, 0xce, 0x3c})
	for value, want := range map[string]int{
		sps + "," + pps:                          2,
		strings.TrimRight(sps, "=") + ", " + pps: 2,
		sps:                                      1,
		pps:                                      0,
		"":                                       0,
		"!":                                      0,
		sps + "," + base64.StdEncoding.EncodeToString([]byte{0x06, 1}):                                1, // what else there is, is not theirs to say
		strings.Repeat(sps+",", maxParameterSets-1) + pps:                                             maxParameterSets,
		strings.Repeat(sps+",", maxParameterSets) + pps:                                               0,
		base64.StdEncoding.EncodeToString(append([]byte{0x67}, make([]byte, maxParameterSetSize)...)): 0,
	} {
		if got := len(readSets(value)); got != want {
			t.Errorf("%q: %d units, want %d", value, got, want)
		}
	}
}

// FuzzParameterSets reads descriptions' parameter sets and looks into payloads.
func FuzzParameterSets(f *testing.F) {
	f.Add("Z0LgHw==,aM48", []byte{nalAll, 0, 2, 0x67, 1, 0, 2, 0x65, 1})
	f.Add("", []byte{nalCut, 0x85, 1})
	f.Fuzz(func(t *testing.T, value string, payload []byte) {
		for _, unit := range readSets(value) {
			if len(unit) < 2 || len(unit) > maxParameterSetSize || unit[0]&0x1f != nalSPS && unit[0]&0x1f != nalPPS {
				t.Errorf("unit % x", unit)
			}
		}
		looksInto(payload)
	})
}

// TestLooksInto finds key pictures and parameter sets in packets of every form.
func TestLooksInto(t *testing.T) {
	for _, c := range []struct {
		why       string
		payload   []byte
		sets, key bool
	}{
		{"a key slice", []byte{0x65, 1}, false, true},
		{"another slice", []byte{0x41, 1}, false, false},
		{"a sequence parameter set", []byte{0x67, 1}, true, false},
		{"a picture parameter set", []byte{0x68, 1}, false, false},
		{"the beginning of a key slice", []byte{0x7c, 0x85}, false, true},
		{"the middle of one", []byte{0x7c, 0x05}, false, false},
		{"the beginning of another", []byte{0x7c, 0x81}, false, false},
		{"several, with both", []byte{0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1, 0, 2, 0x65, 1}, true, true},
		{"several, with a key slice", []byte{0x78, 0, 2, 0x06, 1, 0, 2, 0x65, 1}, false, true},
		{"cut off", []byte{0x78, 0, 9, 0x65}, false, false},
		{"empty", nil, false, false},
	} {
		if sets, key := looksInto(c.payload); sets != c.sets || key != c.key {
			t.Errorf("%s: sets %v, key %v", c.why, sets, key)
		}
	}
}

// TestSetsAreLimited has a camera send nothing but small key pictures, each a source or a codec of its own even: what is told before them does not
// become many times what it sends. One picture in 40 ms has it before each.
func TestSetsAreLimited(t *testing.T) {
	sets := ";sprop-parameter-sets=" + base64.StdEncoding.EncodeToString([]byte("\x67\x42\xe0\x1f")) + "," + base64.StdEncoding.EncodeToString([]byte("\x68\xce"))
	codecs := [2]media.Codec{media.H264("42e01f", 1), media.H264("42e01f", 0)}
	out := &outbound{most: len(codecs)}
	for i := range codecs {
		codecs[i].Params += sets
		out.all = append(out.all, format{codec: &codecs[i], number: uint8(97 + i)})
	}
	from := new(stream)
	from.out.formats.Store(out)
	run := func(pause time.Duration, pictures int, flip bool) (told int) {
		var h parameterSets
		now := time.Unix(1_700_000_000, 0)
		for i := range pictures {
			p := media.Packet{Codec: &codecs[0], Time: uint32(i * 90), Payload: []byte{0x65, 1}}
			if flip {
				p.Codec, p.Start = &codecs[i%2], true
			}
			if h.before(from, &p, now) != nil {
				told++
			}
			now = now.Add(pause)
		}
		return told
	}
	for _, flip := range []bool{false, true} {
		if told := run(40*time.Millisecond, 500, flip); told != 500 {
			t.Errorf("25 pictures a second: told before %d of 500", told)
		}
		if told := run(100*time.Microsecond, 100_000, flip); told < 250 || told > 300 {
			t.Errorf("10,000 pictures a second for 10 s: told %d times, want 25 a second and a second's worth at once", told)
		}
	}
}
