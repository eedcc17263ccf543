package audio_test

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// still is a path that has no jitter.
func still(*rand.Rand, int) time.Duration { return 5 * time.Millisecond }

// TestJitterWhole hears a voice over a good path to the bit, once it has begun.
func TestJitterWhole(t *testing.T) {
	voice := sound.Speech(2, 8000, 3*time.Second)
	l := path{chance: rand.New(rand.NewPCG(1, 1)), delay: still}
	all := l.arrive(t, &pcmu, voice)
	j := audio.NewJitter(&audio.JitterOptions{Rate: 8000})
	heard := listen(j, 8000, all, 3*time.Second, nil)
	want := make([]int16, 0, len(voice))
	d, _ := codec.NewDecoder(pcmu, nil)
	for n := range voice[:len(voice)-800] {
		if n%160 == 0 {
			e, _ := codec.NewEncoder(pcmu, nil)
			b, _ := e.Encode(nil, voice[n:n+160])
			want, _ = d.Decode(want, b)
		}
	}
	late := sound.Align(want[:16000], heard[:16000], 1600)
	if !slices.Equal(heard[late+20:len(heard)-160], want[20:len(heard)-late-160]) {
		t.Errorf("what is heard is not what was said; %d samples late", late)
	}
	if late < 320 || late > 640 {
		t.Errorf("%d samples late", late)
	}
	s := j.Stats()
	if s.Concealed+s.Starved+s.Inserted+s.Dropped+s.Lost > 0 {
		t.Errorf("%+v", s)
	}
	balanced(t, s, len(heard), 800)
}

// TestJitterPauses: a source that pauses has lost nothing, however long its pause, whether it counts time meanwhile or not, and whether it
// is full of digits.
func TestJitterPauses(t *testing.T) {
	tone := sound.Sine(8000, 500, 8000, 12*time.Second)
	pauses := func(n int) bool { return n%100 >= 50 }
	event := media.TelephoneEvent(8000)
	for why, l := range map[string]path{
		"nothing is sent":   {skip: pauses},
		"time stands still": {skip: pauses, change: func(n int, p *media.Packet) { p.Time -= uint32(n / 100 * 50 * 160) }},
		"digits are pressed": {change: func(n int, p *media.Packet) {
			if pauses(n) {
				p.What, p.Codec, p.Time, p.Payload = media.Digit, &event, p.Time-uint32(n%50*160), []byte{5, 10, byte(n % 50 >> 3), byte(n % 50 << 5)}
			}
		}},
		"what is heard is described": {change: func(n int, p *media.Packet) {
			if pauses(n) {
				p.Codec, p.Payload = &media.Codec{Name: "CN", ClockRate: 8000, Channels: 1}, []byte{40}
			}
		}},
	} {
		t.Run(why, func(t *testing.T) {
			l.chance, l.delay = rand.New(rand.NewPCG(3, 1)), uniform(20*time.Millisecond)
			j := audio.NewJitter(&audio.JitterOptions{Rate: 8000})
			heard := listen(j, 8000, l.arrive(t, &pcmu, tone), 12*time.Second, nil)
			s := j.Stats()
			if s.Lost+s.Concealed+s.Bad+s.Unknown > 0 || s.Packets < 290 {
				t.Errorf("%+v", s)
			}
			if why != "time stands still" && s.Starved > 0 {
				t.Errorf("%d samples late", s.Starved)
			}
			balanced(t, s, len(heard), 800)
			for second := range 11 {
				at := second*8000 + 2400 // long after the beginning of a phrase or a pause
				if got := sound.Level(heard[at:at+4000], 8000, 500); second%2 == 0 && got < -13 || second%2 == 1 && got > -40 {
					t.Errorf("second %d: the tone is at %.0f dB", second, got)
				}
			}
		})
	}
}

// TestJitterStall: what a path has held back is heard, later, and the delay goes away again; what is more than the bound is discarded.
func TestJitterStall(t *testing.T) {
	voice := sound.Speech(4, 8000, 30*time.Second)
	for _, held := range []time.Duration{300 * time.Millisecond, 2 * time.Second} {
		l := path{chance: rand.New(rand.NewPCG(3, 1)), delay: func(_ *rand.Rand, n int) time.Duration {
			return 10*time.Millisecond + max(0, held-max(0, time.Duration(n-250)*audio.FrameTime))*time.Duration(min(1, n/250))
		}}
		j := audio.NewJitter(&audio.JitterOptions{Rate: 8000})
		var most, last time.Duration
		heard := listen(j, 8000, l.arrive(t, &pcmu, voice), 30*time.Second, func(at time.Duration, _ []int16) {
			last = j.Stats().Delay
			most = max(most, last)
		})
		s := j.Stats()
		t.Logf("%v held back: %v at most, %v at last, %+v", held, most, last, s)
		if most > 420*time.Millisecond || most < 200*time.Millisecond || last > 100*time.Millisecond {
			t.Errorf("%v held back: %v are in hand at most, %v at last", held, most, last)
		}
		if s.Lost > 0 || held < 400*time.Millisecond && s.Discarded > 0 || held > time.Second && s.Discarded < 8000 {
			t.Errorf("%v held back: %+v", held, s)
		}
		balanced(t, s, len(heard), 800)
	}
}

// TestJitterMistimed hears devices that count time wrongly.
func TestJitterMistimed(t *testing.T) {
	tone := sound.Sine(8000, 500, 8000, 10*time.Second)
	for why, change := range map[string]func(n int, p *media.Packet){
		"twice as fast": func(n int, p *media.Packet) { p.Time += uint32(n * 160) },
		"half as fast":  func(n int, p *media.Packet) { p.Time -= uint32(n * 80) },
		"not at all":    func(n int, p *media.Packet) { p.Time -= uint32(n * 160) },
		"a jump ahead":  func(n int, p *media.Packet) { p.Time += uint32(n / 100 * 1e6) },
		"a jump back":   func(n int, p *media.Packet) { p.Time -= uint32(n / 100 * 1e6) },
		"anew": func(n int, p *media.Packet) {
			p.Time += uint32(n / 100 * 1e6)
			p.Seq += uint16(n / 100 * 20000)
			p.Start = n%100 == 0
		},
		"new numbers": func(n int, p *media.Packet) { p.Seq += uint16(n / 100 * 20000) },
	} {
		l := path{chance: rand.New(rand.NewPCG(5, 1)), delay: uniform(15 * time.Millisecond), change: change}
		j := audio.NewJitter(&audio.JitterOptions{Rate: 8000})
		heard := listen(j, 8000, l.arrive(t, &pcmu, tone), 10*time.Second, nil)
		s := j.Stats()
		t.Logf("%s: %+v", why, s)
		if got := sound.Level(heard[8000:], 8000, 500); got < -13.5 {
			t.Errorf("%s: the tone is at %.1f dB, %+v", why, got, s)
		}
		if s.Paused+s.Concealed+s.Starved > 3200 || s.Delay > 150*time.Millisecond {
			t.Errorf("%s: %+v", why, s)
		}
		balanced(t, s, len(heard), 800)
	}
}

// TestJitterCodecs has a source change its codec each second, and hears it at several rates.
func TestJitterCodecs(t *testing.T) {
	codecs := []media.Codec{pcmu, codec.L16(16000), media.PCMA(), codec.L16(48000), {Name: "none", ClockRate: 8000, Channels: 1}}
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		chance := rand.New(rand.NewPCG(6, 1))
		var all []come
		seq := uint16(65000)
		for i := range 10 {
			l := path{chance: chance, delay: uniform(30 * time.Millisecond)}
			c := &codecs[i%len(codecs)]
			of := *c
			if c.Name == "none" {
				of = pcmu
			}
			for _, a := range l.arrive(t, &of, sound.Sine(of.ClockRate, 500, 8000, time.Second)) {
				a.p.Codec = c
				a.p.Start = i == 0 && a.p.Start
				all = append(all, come{a.p, a.at + time.Duration(i)*time.Second})
			}
			slices.SortFunc(all[i*50:], func(a, b come) int { return int(int16(a.p.Seq - b.p.Seq)) })
			for n := range 50 {
				all[i*50+n].p.Seq = seq
				seq++
			}
			slices.SortFunc(all[i*50:], func(a, b come) int { return cmp.Compare(a.at, b.at) })
		}
		j := audio.NewJitter(&audio.JitterOptions{Rate: rate})
		heard := listen(j, rate, all, 10*time.Second, nil)
		s := j.Stats()
		if s.Unknown < 49 || s.Bad+s.Lost+s.Discarded > 0 || s.Packets < 390 {
			t.Errorf("%d Hz: %+v", rate, s)
		}
		for second := range 9 {
			at := second*rate + rate/3
			if got := sound.Level(heard[at:at+rate/2], rate, 500); second%5 == 4 && got > -40 || second%5 != 4 && got < -13.5 {
				t.Errorf("%d Hz, second %d: the tone is at %.1f dB", rate, second, got)
			}
		}
		balanced(t, s, len(heard), rate/10)
	}
}

// TestJitterProperty plays random sources over random paths to random listeners: every sample is counted, and what is in hand is bounded.
func TestJitterProperty(t *testing.T) {
	seeds := uint64(25)
	if raced {
		seeds = 5
	}
	for seed := range seeds {
		chance := rand.New(rand.NewPCG(seed, 9))
		rate := []int{8000, 16000, 44100, 48000}[chance.IntN(4)]
		c := []media.Codec{pcmu, codec.L16(16000), codec.L16(8000)}[chance.IntN(3)]
		most := time.Duration(100+chance.IntN(500)) * time.Millisecond
		jitter, holds := time.Duration(chance.IntN(200))*time.Millisecond, chance.IntN(2) == 0
		var held time.Duration
		l := path{
			chance: chance, ppm: float64(chance.IntN(2000) - 1000), loss: chance.Float64() * 0.4, twice: chance.Float64() * 0.2,
			delay: func(chance *rand.Rand, n int) time.Duration {
				if held -= audio.FrameTime; holds && held < 0 && chance.IntN(100) == 0 {
					held = time.Duration(chance.IntN(1000)) * time.Millisecond
				}
				return max(0, held) + time.Duration(chance.Float64()*float64(jitter))
			},
			skip: func(n int) bool { return n/50%3 == 2 },
		}
		var seq uint16
		var time0 uint32
		l.change = func(n int, p *media.Packet) {
			if chance.IntN(100) == 0 {
				seq, p.Start = uint16(chance.IntN(1<<16)), chance.IntN(2) == 0
			}
			if chance.IntN(100) == 0 {
				time0 = chance.Uint32()
			}
			p.Seq += seq
			p.Time += time0
			if chance.IntN(50) == 0 {
				p.Payload = p.Payload[:chance.IntN(len(p.Payload))]
			}
		}
		all := l.arrive(t, &c, sound.Speech(seed, c.ClockRate, 8*time.Second))
		j := audio.NewJitter(&audio.JitterOptions{Rate: rate, Max: most})
		heard := listen(j, rate, all, 9*time.Second, func(at time.Duration, _ []int16) {
			if d := j.Stats().Delay; d > most+2*audio.FrameTime {
				t.Errorf("seed %d: %v are in hand after %v, want %v at most", seed, d, at, most)
			}
		})
		s := j.Stats()
		balanced(t, s, len(heard), rate)
		if s.Packets+s.Late+s.Duplicate+s.Bad > uint64(len(all)) {
			t.Errorf("seed %d: %d packets came, %+v", seed, len(all), s)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestJitterAllocs(t *testing.T) {
	for _, rate := range []int{8000, 48000} {
		j := audio.NewJitter(&audio.JitterOptions{Rate: rate})
		chance := rand.New(rand.NewPCG(1, 1))
		frame, payload := make([]int16, rate/codec.FramesPerSecond), make([]byte, 160)
		n := uint16(0)
		turn := func() {
			for range 2 {
				n++
				if chance.IntN(20) > 0 {
					j.Put(&media.Packet{Codec: &pcmu, Seq: n ^ 1, Time: uint32(n^1) * 160, Payload: payload})
				}
			}
			j.Get(frame)
			j.Get(frame)
		}
		for range 300 {
			turn()
		}
		if got := testing.AllocsPerRun(300, turn); got != 0 {
			t.Errorf("%d Hz: %v allocations a turn", rate, got)
		}
	}
}

// FuzzJitter lets a source do what it likes.
func FuzzJitter(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 160, 9, 8, 1, 0, 2, 1, 64, 9, 8})
	f.Add([]byte{1, 1, 255, 255, 160, 9, 8, 3, 255, 0, 1, 64, 9, 8, 9, 8, 9, 8})
	f.Fuzz(func(t *testing.T, script []byte) {
		j := audio.NewJitter(&audio.JitterOptions{Rate: 8000})
		codecs := []media.Codec{pcmu, codec.L16(16000), media.TelephoneEvent(8000), {Name: "CN", ClockRate: 8000}, {Name: "PCMU"}, {Name: "x", ClockRate: -5}}
		frame, out, now := make([]int16, 480), 0, uint32(0)
		for len(script) >= 7 && out < 8000*60 {
			op := script[:7]
			script = script[7:]
			now += uint32(binary.BigEndian.Uint16(op[3:])) << (op[0] >> 4)
			j.Put(&media.Packet{
				Seq: binary.BigEndian.Uint16(op[1:]), Time: now, Codec: &codecs[int(op[0]&7)%len(codecs)], Start: op[0]&8 != 0,
				What: media.What(op[5] & 1), Payload: make([]byte, op[6]),
			})
			n := int(op[5]>>1) % len(frame)
			j.Get(frame[:n])
			out += n
			balanced(t, j.Stats(), out, 8000)
			if j.Stats().Delay > time.Second {
				t.Fatalf("%v are in hand", j.Stats().Delay)
			}
		}
	})
}
