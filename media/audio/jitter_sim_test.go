package audio_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

var pcmu = media.PCMU()

// A path is a network, and a source whose clock is not ours, both without a wall clock.
type path struct {
	chance *rand.Rand
	ppm    float64                                      // how much faster the source's clock is
	delay  func(chance *rand.Rand, n int) time.Duration // of packet n
	loss   float64                                      // of packets
	twice  float64                                      // likewise
	skip   func(n int) bool                             // packets that the source does not send: it pauses
	change func(n int, p *media.Packet)                 // what else the source does
}

// come is a packet and when it arrives.
type come struct {
	p  *media.Packet
	at time.Duration
}

// arrive returns the packets of sound coded in frames of 20 ms, by the time of their arrival on our clock.
func (l *path) arrive(t testing.TB, c *media.Codec, pcm []int16) []come {
	t.Helper()
	e, err := codec.NewEncoder(*c, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []come
	size, start := e.Rate()/codec.FramesPerSecond, uint16(l.chance.IntN(1<<16))
	begin, seq := l.chance.Uint32(), start
	for n := 0; (n+1)*size <= len(pcm); n++ {
		at := time.Duration(float64(n+1) * float64(audio.FrameTime) / (1 + l.ppm/1e6))
		payload, err := e.Encode(nil, pcm[n*size:(n+1)*size])
		if err != nil {
			t.Fatal(err)
		}
		if l.skip != nil && l.skip(n) {
			continue
		}
		p := &media.Packet{Codec: c, Seq: seq, Time: begin + uint32(n*c.ClockRate/codec.FramesPerSecond), Payload: payload, Start: len(all) == 0}
		seq++
		if l.change != nil {
			l.change(n, p)
		}
		if len(all) > 0 && l.chance.Float64() < l.loss {
			continue
		}
		for copies := 1; copies > 0; copies-- {
			all = append(all, come{p, at + l.delay(l.chance, n)})
			if l.chance.Float64() < l.twice {
				copies++
			}
		}
	}
	slices.SortStableFunc(all, func(a, b come) int { return cmp.Compare(a.at, b.at) })
	return all
}

// listen plays packets into a Jitter until so much time has passed, a frame at a time, and tells see how it stands after each.
func listen(j *audio.Jitter, rate int, all []come, until time.Duration, see func(at time.Duration, frame []int16)) (pcm []int16) {
	frame := make([]int16, rate/codec.FramesPerSecond)
	for at := time.Duration(0); at < until; at += audio.FrameTime {
		for ; len(all) > 0 && all[0].at <= at; all = all[1:] {
			j.Put(all[0].p)
		}
		j.Get(frame)
		pcm = append(pcm, frame...)
		if see != nil {
			see(at, frame)
		}
	}
	return pcm
}

// uniform is a jitter of up to most.
func uniform(most time.Duration) func(*rand.Rand, int) time.Duration {
	return func(chance *rand.Rand, _ int) time.Duration {
		return 30*time.Millisecond + time.Duration(chance.Float64()*float64(most))
	}
}

// balanced checks that each sample that was handed out is counted once.
func balanced(t testing.TB, s audio.JitterStats, out int, ready int) {
	t.Helper()
	got := int(s.Played + s.Concealed + s.Starved + s.Paused + s.Waiting + s.Inserted - s.Dropped)
	if over := got - out; over < 0 || over > ready {
		t.Errorf("%d samples were handed out, %d are counted: %+v", out, got, s)
	}
}

// TestJitterTwoClocks is half an hour of a voice whose clock is 100 ppm fast, and 10 minutes of a slow one, over a path with 40 ms of jitter and a loss of 3 %.
// A pip each second shows how late the sound is.
func TestJitterTwoClocks(t *testing.T) {
	if raced {
		t.Skip("one goroutine, which computes: not under the race detector")
	}
	const rate, settled = 8000, 20 * time.Second
	for ppm, length := range map[float64]time.Duration{100: 30 * time.Minute, -100: 10 * time.Minute} {
		source := make([]int16, 0, int(length/time.Second)*rate)
		voice := sound.Speech(1, rate, 30*time.Second)
		for len(source) < cap(source) {
			source = append(source, voice...)
		}
		for i := range source {
			source[i] /= 4
		}
		for at := 0; at+8 < len(source); at += rate {
			for i := range 8 {
				source[at+i] = 30000
			}
		}
		l := path{chance: rand.New(rand.NewPCG(1, 2)), ppm: ppm, delay: uniform(40 * time.Millisecond), loss: 0.03}
		j := audio.NewJitter(&audio.JitterOptions{Rate: rate})
		var before audio.JitterStats
		heard := listen(j, rate, l.arrive(t, &pcmu, source), length-5*time.Second, func(at time.Duration, _ []int16) {
			if at == settled {
				before = j.Stats()
			}
		})
		var late []float64 // in ms
		for k := int(settled / time.Second); k < int(length/time.Second)-10; k++ {
			due := float64(k) / (1 + ppm/1e6)
			from := int(due * rate)
			if i := slices.IndexFunc(heard[from:from+rate/2], func(x int16) bool { return x > 25000 }); i >= 0 {
				late = append(late, 1000*(float64(from+i)/rate-due))
			}
		}
		s := j.Stats()
		least, most := slices.Min(late), slices.Max(late)
		t.Logf("%+.0f ppm: %d pips, %.1f to %.1f ms late, first %.1f, last %.1f; %+v", ppm, len(late), least, most, late[0], late[len(late)-1], s)
		if most-least >= 40 {
			t.Errorf("%+.0f ppm: the sound is %.1f to %.1f ms late", ppm, least, most)
		}
		if s.Starved != before.Starved || s.Waiting > rate/10 {
			t.Errorf("%+.0f ppm: %d samples came too late", ppm, s.Starved-before.Starved)
		}
		balanced(t, s, len(heard), rate/10)
	}
}
