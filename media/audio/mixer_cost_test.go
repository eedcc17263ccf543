package audio_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// room is a conference whose members' packets are ready, so that nothing but the mixer works.
type room struct {
	m       *audio.Mixer
	members []*audio.Member
	streams []*ear
	says    [][][]byte // packets of each codec
	out     media.Packet
}

const (
	talkers    = 3 // of a room speak; the rest have noise about them
	recordings = 100
)

func newRoom(tb testing.TB, n, rate int, codecs ...media.Codec) *room {
	tb.Helper()
	return newRoomOf(tb, n, &audio.MixerOptions{Rate: rate}, codecs...)
}

func newRoomOf(tb testing.TB, n int, o *audio.MixerOptions, codecs ...media.Codec) *room {
	tb.Helper()
	c := audio.NewClock(&audio.ClockOptions{Workers: 2})
	c.Close()
	m, err := audio.NewMixer(c, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { m.Close() })
	r := &room{m: m}
	for i := range n {
		s := &ear{codec: codecs[i%len(codecs)]}
		one, err := m.Join(s, nil)
		if err != nil {
			tb.Fatal(err)
		}
		r.streams, r.members = append(r.streams, s), append(r.members, one)
	}
	for _, quiet := range []bool{false, true} {
		for _, c := range codecs {
			r.says = append(r.says, recorded(tb, c, quiet))
		}
	}
	return r
}

// recorded is two seconds of packets.
func recorded(tb testing.TB, c media.Codec, quiet bool) [][]byte {
	tb.Helper()
	e, err := codec.NewEncoder(c, &codec.Options{Rate: 16000})
	if err != nil {
		tb.Fatal(err)
	}
	const lasts = recordings * audio.FrameTime
	pcm := hiss(1, e.Rate(), -60, lasts)
	if !quiet {
		pcm = sound.Mix(pcm, half(sound.Speech(1, e.Rate(), lasts)))
	}
	var all [][]byte
	for n := e.Rate() / 50; len(pcm) >= n; pcm = pcm[n:] {
		payload, err := e.Encode(nil, pcm[:n])
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, payload)
	}
	return all
}

// turn has every member say something, and the mixer work.
func (r *room) turn(n int) {
	codecs := len(r.says) / 2
	for i, s := range r.streams {
		which := i % codecs
		if i >= talkers {
			which += codecs
		}
		r.out = media.Packet{Codec: &s.codec, Seq: uint16(n), Time: uint32(n * s.codec.ClockRate / 50), Start: n == 0, Payload: r.says[which][n%recordings]}
		s.fan.Deliver(&r.out)
	}
	r.m.Turn()
}

func costCodecs() map[string][]media.Codec {
	return map[string][]media.Codec{
		"PCMU":  {media.PCMU()},
		"mixed": {media.PCMU(), media.G722(), media.PCMA(), codec.L16(16000)},
	}
}

// TestMixerCost counts the work of conferences of 3 to 200: in a crowd what is added up and what is encoded does not grow with it at all, and
// where everybody is heard it grows as their number does.
func TestMixerCost(t *testing.T) {
	const warm, turns = 60, 40
	sizes := []int{3, 10, 50, 200}
	if raced {
		sizes = sizes[:2] // what the detector could find in more, it has in TestMixerComeAndGo
	}
	for name, codecs := range costCodecs() {
		for _, n := range sizes {
			r := newRoom(t, n, 8000, codecs...)
			for i := range warm {
				r.turn(i)
			}
			before := r.m.Stats()
			for i := range turns {
				r.turn(warm + i)
			}
			after := r.m.Stats()
			mixed := float64(after.Mixed-before.Mixed) / turns / 160
			encoded := float64(after.Encoded-before.Encoded) / turns
			// A mix for each who speaks, and one for each codec.
			if most := float64(talkers + min(n, len(codecs))); mixed > talkers || encoded > most {
				t.Errorf("%s, %d members: %.1f frames mixed and %.1f encoded a turn, want %d and %.0f at most", name, n, mixed, encoded, talkers, most)
			}
			if mixed < 1 || encoded < 2 {
				t.Errorf("%s, %d members: %.1f frames mixed and %.1f encoded a turn", name, n, mixed, encoded)
			}
		}
	}
	for _, n := range sizes[1:] {
		r := newRoomOf(t, n, &audio.MixerOptions{Rate: 8000, Crowd: n}, media.PCMU())
		for i := range turns {
			r.turn(i)
		}
		s := r.m.Stats()
		if mixed := float64(s.Mixed) / 160 / turns / float64(n); mixed > 1 || mixed < 0.9 {
			t.Errorf("%d members who are all heard: %.2f frames mixed for each", n, mixed)
		}
		if encoded := float64(s.Encoded) / turns / float64(n); encoded > 1.1 || encoded < 0.9 {
			t.Errorf("%d members who are all heard: %.2f frames encoded for each", n, encoded)
		}
	}
}

// TestMixerDoesNotAllocate takes turns of conferences in which speakers change, on one core and on several.
func TestMixerDoesNotAllocate(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	for name, codecs := range costCodecs() {
		for _, n := range []int{3, 60} {
			r := newRoom(t, n, 16000, codecs...)
			tap := r.m.Reader()
			at := 0
			next := func() {
				r.turn(at)
				at++
			}
			for range 600 {
				next()
			}
			if got := testing.AllocsPerRun(200, next); got != 0 {
				t.Errorf("%s, %d members: %v allocations a turn", name, n, got)
			}
			tap.Close()
		}
	}
}

// BenchmarkMixer is a turn of 20 ms of a conference in which three speak, on one core, so that the time is the work. What each member costs
// that it has more than the one before is the same in a crowd of any size, once there is one of each codec: the cost grows as their number
// does. Of parts of 10 turns the quickest counts there, for what else the machine does makes a part slower only.
func BenchmarkMixer(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, name := range []string{"PCMU", "mixed"} {
		var smaller time.Duration // that the conference before takes
		were := 0                 // members of it
		for _, n := range []int{talkers, 10, 50, 200} {
			b.Run(fmt.Sprintf("%s/members=%d", name, n), func(b *testing.B) {
				rate := 16000
				if name == "PCMU" {
					rate = 8000
				}
				r := newRoom(b, n, rate, costCodecs()[name]...)
				at := 0
				for ; at < 200; at++ {
					r.turn(at)
				}
				b.ReportAllocs()
				const part = 10
				began, least := time.Now(), time.Hour
				for b.Loop() {
					r.turn(at)
					if at++; at%part == 0 {
						now := time.Now()
						began, least = now, min(least, now.Sub(began)/part)
					}
				}
				b.ReportMetric(float64(least)/float64(n), "ns/member")
				if were > 0 {
					b.ReportMetric(float64(least-smaller)/float64(n-were), "ns/further-member")
				}
				smaller, were = least, n
			})
		}
	}
}
