package audio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

func linear() media.Codec { return codec.L16(8000) }

// TestPlayerPlays sends every sample once, in time, and silence before and after.
func TestPlayerPlays(t *testing.T) {
	onStage(t, linear(), nil, func(t *testing.T, s stage) {
		time.Sleep(time.Second)
		pcm := sound.Speech(1, 8000, 2500*time.Millisecond)
		m := &memory{rate: 8000, pcm: pcm}
		began := time.Now()
		if err := s.Play(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d < 2480*time.Millisecond || d > 2520*time.Millisecond {
			t.Errorf("2.5 s took %v", d)
		}
		time.Sleep(time.Second + time.Millisecond) // between two turns
		all := s.far.all()
		if !all[0].Start || !all[0].Marker {
			t.Errorf("the first packet: start %v, marker %v", all[0].Start, all[0].Marker)
		}
		follows(t, all)
		got := decoded(t, all)
		at := slices.IndexFunc(got, func(x int16) bool { return x != 0 })
		first := slices.IndexFunc(pcm, func(x int16) bool { return x != 0 })
		want := make([]int16, len(got))
		copy(want[at-first:], pcm)
		if !slices.Equal(got, want) {
			t.Error("what is heard is not what was played")
		}
		stats := s.Stats()
		if stats.Frames != 125 || stats.Silent != uint64(len(all)-125) || stats.Underruns != 0 || stats.Lost != 0 || stats.Waiting != 0 {
			t.Errorf("%+v", stats)
		}
		if m.closed != 1 {
			t.Errorf("the source was closed %d times", m.closed)
		}
	})
}

// TestPlayerCodecs plays through every codec of ours, from every usual rate, and compares what is heard with what was played.
func TestPlayerCodecs(t *testing.T) {
	for _, c := range []media.Codec{media.PCMU(), media.PCMA(), media.G722(), media.Opus(), codec.L16(48000), codec.L16(8000)} {
		if !codec.Encodes(c) {
			continue
		}
		for _, rate := range []int{8000, 16000, 22050, 44100, 48000} {
			t.Run(fmt.Sprint(c, " from ", rate), func(t *testing.T) {
				onStage(t, c, nil, func(t *testing.T, s stage) {
					tone := sound.Sine(rate, 1000, 8000, time.Second)
					if err := s.Play(t.Context(), &memory{rate: rate, pcm: tone}, nil); err != nil {
						t.Fatal(err)
					}
					all := s.far.all()
					follows(t, all)
					got := decoded(t, all)
					out := len(got) * 50 / len(all)
					got = got[out/10 : len(got)-out/10]
					if share := testutil.ToneShare(got, out, 1000); share < 0.995 {
						t.Errorf("%.4f of what is heard is the tone", share)
					}
					if want, level := sound.Level(tone, rate, 1000), sound.Level(got, out, 1000); math.Abs(want-level) > 0.3 {
						t.Errorf("the tone is at %.2f dB, was at %.2f", level, want)
					}
				})
			})
		}
	}
}

// TestPlayerQueue plays one after the other, without a gap between them.
func TestPlayerQueue(t *testing.T) {
	onStage(t, linear(), nil, func(t *testing.T, s stage) {
		first := s.play(t, level(8000, 100, 110*time.Millisecond), nil)
		second := s.play(t, level(16000, 200, 100*time.Millisecond), nil)
		third := s.play(t, level(8000, 300, 5*time.Millisecond), nil)
		if n := s.Stats().Waiting; n != 3 {
			t.Errorf("%d are waiting", n)
		}
		for _, done := range []<-chan error{first, second, third} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		all := s.far.all()
		follows(t, all)
		got := runs(loud(decoded(t, all)))
		if len(got) < 3 || got[0] != [2]int{100, 880} || got[len(got)-1] != [2]int{300, 40} {
			t.Errorf("heard %v", got)
		}
		if n := len(loud(decoded(t, all))); n < 1720 || n > 1760 {
			t.Errorf("%d samples were heard, want 1720 and what a filter adds", n)
		}
	})
}

// loud cuts silence off at both ends.
func loud(pcm []int16) []int16 {
	for len(pcm) > 0 && pcm[0] == 0 {
		pcm = pcm[1:]
	}
	for len(pcm) > 0 && pcm[len(pcm)-1] == 0 {
		pcm = pcm[:len(pcm)-1]
	}
	return pcm
}

// TestPlayerStop is barge-in: silence from the next frame on, and what is played later is played.
func TestPlayerStop(t *testing.T) {
	onStage(t, linear(), nil, func(t *testing.T, s stage) {
		long := level(8000, 100, time.Hour)
		first := s.play(t, long, nil)
		second := s.play(t, level(8000, 200, time.Hour), nil)
		time.Sleep(time.Second)
		s.Stop()
		s.far.all()
		for _, done := range []<-chan error{first, second} {
			if err := <-done; !errors.Is(err, audio.ErrStopped) {
				t.Errorf("%v", err)
			}
		}
		time.Sleep(time.Second)
		if got := runs(decoded(t, s.far.all())); !slices.Equal(got, [][2]int{{0, 8000}}) {
			t.Errorf("after Stop %v was heard", got)
		}
		if long.closed != 1 || long.at > 8000*2 {
			t.Errorf("closed %d times after %d samples", long.closed, long.at)
		}
		if err := s.Play(t.Context(), level(8000, 300, time.Second), nil); err != nil {
			t.Error(err)
		}
		if got := runs(loud(decoded(t, s.far.all()))); !slices.Equal(got, [][2]int{{300, 8000}}) {
			t.Errorf("after Stop %v was heard of what came later", got)
		}
	})
}

func TestPlayerContextAndClose(t *testing.T) {
	onStage(t, linear(), nil, func(t *testing.T, s stage) {
		bored := errors.New("bored")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(300*time.Millisecond, func() { cancel(bored) })
		waits := s.play(t, level(8000, 200, 40*time.Millisecond), nil)
		if err := <-waits; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Millisecond) // between two turns
		after := make(chan error, 1)
		go func() { after <- s.Play(ctx, level(8000, 100, time.Hour), nil) }()
		synctest.Wait()
		last := s.play(t, level(8000, 300, time.Hour), nil)
		if err := <-after; !errors.Is(err, bored) {
			t.Errorf("%v, want the cause", err)
		}
		s.far.all()
		time.Sleep(time.Second)
		if got := runs(decoded(t, s.far.all())); !slices.Equal(got, [][2]int{{300, 8000}}) {
			t.Errorf("after the first one's context %v was heard", got)
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := <-last; !errors.Is(err, media.ErrClosed) {
			t.Errorf("%v", err)
		}
		m := level(8000, 1, time.Second)
		if err := s.Play(t.Context(), m, nil); !errors.Is(err, media.ErrClosed) || m.closed != 1 {
			t.Errorf("after Close: %v, the source was closed %d times", err, m.closed)
		}
		time.Sleep(time.Second)
		if all := s.far.all(); len(all) != 0 {
			t.Errorf("%d packets after Close", len(all))
		}
	})
}

// TestPlayerOptions repeats with a pause, begins late, and is softer.
func TestPlayerOptions(t *testing.T) {
	steps := &memory{rate: 8000, pcm: slices.Concat(level(8000, 1000, time.Second).pcm, level(8000, 2000, time.Second).pcm)}
	for name, c := range map[string]struct {
		o    audio.PlayOptions
		want [][2]int
	}{
		"gain":        {audio.PlayOptions{Gain: -6.0206}, [][2]int{{500, 8000}, {1000, 8000}}},
		"too loud":    {audio.PlayOptions{Gain: 40}, [][2]int{{32767, 16000}}},
		"from":        {audio.PlayOptions{From: 1500 * time.Millisecond}, [][2]int{{2000, 4000}}},
		"loop":        {audio.PlayOptions{Loop: 1}, [][2]int{{1000, 8000}, {2000, 8000}, {1000, 8000}, {2000, 8000}}},
		"from, twice": {audio.PlayOptions{Loop: 2, From: 1999 * time.Millisecond, Pause: 250 * time.Millisecond}, [][2]int{{2000, 8}, {0, 2000}, {1000, 8000}, {2000, 8000}, {0, 2000}, {1000, 8000}, {2000, 8000}}},
		"from beyond": {audio.PlayOptions{From: time.Hour}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, linear(), nil, func(t *testing.T, s stage) {
				if err := s.Play(t.Context(), &memory{rate: 8000, pcm: steps.pcm}, &c.o); err != nil {
					t.Fatal(err)
				}
				if got := runs(loud(decoded(t, s.far.all()))); !slices.Equal(got, c.want) {
					t.Errorf("heard %v, want %v", got, c.want)
				}
			})
		})
	}
}

// once is a source that cannot be sought in.
type once struct{ m *memory }

func (o once) Rate() int                     { return o.m.Rate() }
func (o once) Read(pcm []int16) (int, error) { return o.m.Read(pcm) }
func (o once) Close() error                  { return o.m.Close() }

func TestPlayerLoops(t *testing.T) {
	onStage(t, linear(), nil, func(t *testing.T, s stage) {
		if err := s.Play(t.Context(), once{level(8000, 7, time.Second)}, &audio.PlayOptions{Loop: 1}); !errors.Is(err, audio.ErrSeek) {
			t.Errorf("a source that cannot be repeated: %v", err)
		}
		if err := s.Play(t.Context(), once{level(8000, 7, time.Second)}, &audio.PlayOptions{From: 900 * time.Millisecond}); err != nil {
			t.Error(err)
		}
		if got := runs(loud(decoded(t, s.far.all()))); !slices.Equal(got, [][2]int{{7, 800}}) {
			t.Errorf("from 900 ms of a second: %v", got)
		}
		if err := s.Play(t.Context(), &memory{rate: 8000}, &audio.PlayOptions{Loop: -1}); err != nil {
			t.Errorf("nothing, for ever: %v", err)
		}
		forEver := s.play(t, level(8000, 9, 333*time.Millisecond), &audio.PlayOptions{Loop: -1})
		time.Sleep(2 * time.Minute)
		s.Stop()
		if err := <-forEver; !errors.Is(err, audio.ErrStopped) {
			t.Error(err)
		}
		if got := runs(loud(decoded(t, s.far.all()))); len(got) != 1 || got[0][1] < 119*8000 || got[0][1] > 120*8000 {
			t.Errorf("for two minutes %v was heard", got)
		}
	})
}

// TestPlayerQuiet sends nothing between prompts: each begins with a marker, at the time that has passed, and with the next number.
func TestPlayerQuiet(t *testing.T) {
	onStage(t, linear(), &audio.PlayerOptions{Quiet: true}, func(t *testing.T, s stage) {
		time.Sleep(time.Second)
		var all []heard
		for range 2 {
			if err := s.Play(t.Context(), level(8000, 5, 100*time.Millisecond), nil); err != nil {
				t.Fatal(err)
			}
			all = append(all, s.far.all()...)
			time.Sleep(time.Second)
		}
		if len(all) != 10 || len(s.far.all()) != 0 {
			t.Fatalf("%d packets", len(all))
		}
		follows(t, all[:5])
		follows(t, all[5:])
		gap := all[5].at - all[4].at
		if p := all[5]; !p.Marker || p.Start || p.Seq != all[4].Seq+1 || p.Time-all[4].Time != uint32(gap/(time.Second/8000)) {
			t.Errorf("after %v of nothing: %+v after %+v", gap, p.Packet, all[4].Packet)
		}
		if !all[0].Start || !all[0].Marker || s.Stats().Silent != 0 {
			t.Errorf("%+v, %+v", all[0].Packet, s.Stats())
		}
	})
}

// TestPlayerFollowsCodec changes the codec in mid-sound, to another rate and back, and to one that nobody encodes.
func TestPlayerFollowsCodec(t *testing.T) {
	onStage(t, media.Codec{}, nil, func(t *testing.T, s stage) {
		done := s.play(t, level(16000, 1000, time.Minute), nil)
		time.Sleep(time.Second)
		if len(s.far.all()) != 0 {
			t.Error("sent something before a codec was agreed on")
		}
		for _, c := range []media.Codec{linear(), codec.L16(48000), media.PCMU(), linear()} {
			s.far.change(c)
			time.Sleep(time.Second)
			all := s.far.all()
			if len(all) != 50 || !all[0].Start || !all[0].Marker || all[0].codec != c {
				t.Fatalf("%v: %d packets, the first %+v", c, len(all), all[0])
			}
			follows(t, all)
			if pcm := decoded(t, all); len(loud(pcm)) < len(pcm)-100 { // a filter has to fill
				t.Errorf("%v: %d of %d samples are sound", c, len(loud(pcm)), len(pcm))
			}
		}
		s.far.change(media.Codec{})
		time.Sleep(time.Second)
		if len(s.far.all()) != 0 {
			t.Error("sent something with no codec agreed on")
		}
		s.far.change(media.Codec{Name: "GSM", ClockRate: 8000, Channels: 1})
		if err := <-done; !errors.Is(err, codec.ErrUnknown) {
			t.Errorf("%v", err)
		}
		if err := s.Play(t.Context(), level(8000, 1, time.Second), nil); !errors.Is(err, codec.ErrUnknown) {
			t.Errorf("%v", err)
		}
		if all := s.far.all(); len(all) != 0 {
			t.Errorf("%d packets of a codec that nobody encodes", len(all))
		}
		if s.far.change(media.Opus()); !codec.Encodes(media.Opus()) {
			err := s.Play(t.Context(), level(8000, 1, time.Second), nil)
			if e, ok := errors.AsType[*codec.Error](err); !ok || !errors.Is(err, codec.ErrNoEncoder) && !errors.Is(err, codec.ErrUnknown) || e.Codec != media.Opus() {
				t.Errorf("%v", err)
			}
		}
		s.far.change(linear())
		if err := s.Play(t.Context(), level(8000, 1, time.Second), nil); err != nil {
			t.Errorf("%v", err)
		}
	})
}

// TestPlayerUnderrun has a source that stands still: silence meanwhile, each frame counted, and then the rest.
func TestPlayerUnderrun(t *testing.T) {
	onStage(t, linear(), nil, func(t *testing.T, s stage) {
		m := level(8000, 100, 2*time.Second)
		m.before = func(read int) error {
			if read == 5 {
				time.Sleep(900 * time.Millisecond)
			}
			return nil
		}
		if err := s.Play(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
		all := s.far.all()
		follows(t, all)
		got := runs(loud(decoded(t, all)))
		if len(got) != 3 || got[0] != [2]int{100, 4000} || got[1][0] != 0 || got[2] != [2]int{100, 12000} {
			t.Fatalf("heard %v", got)
		}
		if n := s.Stats().Underruns; n != uint64(got[1][1]/160) || n < 18 || n > 22 {
			t.Errorf("%d underruns, and %d samples of silence", n, got[1][1])
		}
	})
}

// TestPlayerSourceFails plays what there was before the source failed.
func TestPlayerSourceFails(t *testing.T) {
	onStage(t, linear(), nil, func(t *testing.T, s stage) {
		m := level(8000, 100, time.Second)
		m.fails = errTest
		began := time.Now()
		if err := s.Play(t.Context(), m, nil); !errors.Is(err, errTest) || time.Since(began) < 980*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if got := runs(loud(decoded(t, s.far.all()))); !slices.Equal(got, [][2]int{{100, 8000}}) {
			t.Errorf("heard %v", got)
		}
		blocked := s.play(t, level(8000, 1, time.Hour), nil)
		if err := s.Play(t.Context(), &memory{rate: 8000, fails: errTest}, nil); !errors.Is(err, errTest) {
			t.Errorf("a source without a sample: %v", err)
		}
		if err := s.Play(t.Context(), idle{}, nil); err == nil {
			t.Error("a source that gives nothing and does not end")
		}
		s.Stop()
		if err := <-blocked; !errors.Is(err, audio.ErrStopped) {
			t.Error(err)
		}
	})
}

type idle struct{}

func (idle) Rate() int                 { return 8000 }
func (idle) Read([]int16) (int, error) { return 0, nil }
func (idle) Close() error              { return nil }

// TestPlayerLosesWrites counts what the stream refuses, and goes on.
func TestPlayerLosesWrites(t *testing.T) {
	onStage(t, linear(), nil, func(t *testing.T, s stage) {
		done := s.play(t, level(8000, 100, time.Second), nil)
		time.Sleep(200 * time.Millisecond)
		s.far.refuse(media.ErrNoCommonCodec)
		time.Sleep(400 * time.Millisecond)
		s.far.refuse(nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
		all := s.far.all()
		gap := slices.IndexFunc(all[1:], func(p heard) bool { return p.Marker }) + 1
		follows(t, all[:gap])
		follows(t, all[gap:])
		if p, before := all[gap], all[gap-1]; p.Seq != before.Seq+1 || p.Time != before.Time+160*21 || s.Stats().Lost != 20 {
			t.Errorf("%d lost, %+v after %+v", s.Stats().Lost, p.Packet, before.Packet)
		}
	})
}

// TestPlayerCrowd plays, stops and gives up from many goroutines at once. Whatever comes out is one source, and nobody waits for ever.
func TestPlayerCrowd(t *testing.T) {
	onStage(t, media.PCMU(), nil, func(t *testing.T, s stage) {
		var work sync.WaitGroup
		for i := range 8 {
			work.Go(func() {
				for j := range 20 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+(i*7+j*13)%90)*10*time.Millisecond)
					err := s.Play(ctx, level(8000+8000*(i%2), int16(1000*i+1000), time.Duration(10+(i*31+j*17)%300)*time.Millisecond), nil)
					cancel()
					if err != nil && !errors.Is(err, audio.ErrStopped) && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
					if (i+j)%9 == 0 {
						s.Stop()
					}
				}
			})
		}
		work.Wait()
		if s.Stats().Waiting != 0 {
			t.Errorf("%+v", s.Stats())
		}
		follows(t, s.far.all())
	})
}

// TestPlayerOnAPipe plays from one end of a pipe to the other, and gives the stream back.
func TestPlayerOnAPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := audio.NewClock(nil)
		defer clock.Close()
		a, b := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMA()}}})
		r := b.Stream(media.Audio).Reader()
		defer r.Close()
		p := audio.NewPlayer(clock, a.Stream(media.Audio), nil)
		if err := p.Play(t.Context(), level(8000, 8000, time.Second), nil); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		buf, n := make([]byte, 2048), 0
		var packet media.Packet
		for ok, err := r.TryRead(buf, &packet); ok; ok, err = r.TryRead(buf, &packet) {
			if err != nil || len(packet.Payload) != 160 {
				t.Fatal(err, len(packet.Payload))
			}
			n++
		}
		if n < 50 || n > 52 {
			t.Errorf("%d packets in a second", n)
		}
		c := media.PCMA()
		if err := a.Stream(media.Audio).Write(&media.Packet{Codec: &c, Payload: []byte{0xD5}}); err != nil {
			t.Errorf("the next writer: %v", err)
		}
	})
}

// TestPlayerEndsWithItsStream has a leg end while it is played to without end: whoever plays is told, and so is who plays later.
func TestPlayerEndsWithItsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := audio.NewClock(nil)
		defer clock.Close()
		a, _ := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU()}}})
		p := audio.NewPlayer(clock, a.Stream(media.Audio), nil)
		defer closed(t, p)
		began := time.Now()
		time.AfterFunc(time.Second, func() { _ = a.Close() })
		music := level(8000, 8000, time.Second)
		if err := p.Play(t.Context(), music, &audio.PlayOptions{Loop: -1}); !errors.Is(err, io.EOF) || music.closed != 1 {
			t.Errorf("%v, want io.EOF; the source was closed %d times", err, music.closed)
		}
		if took := time.Since(began); took < time.Second || took > time.Second+2*audio.FrameTime {
			t.Errorf("it ended after %v", took)
		}
		if err := p.Play(t.Context(), level(8000, 8000, time.Second), nil); !errors.Is(err, io.EOF) {
			t.Errorf("afterwards: %v, want io.EOF", err)
		}
		if err := audio.Dial(t.Context(), clock, a.Stream(media.Audio), "1", nil); !errors.Is(err, media.ErrClosed) {
			t.Errorf("a key afterwards: %v, want ErrClosed", err)
		}

		never, _ := media.Pipe(nil)
		waits := audio.NewPlayer(clock, never.Stream(media.Audio), nil)
		defer closed(t, waits)
		began = time.Now()
		time.AfterFunc(time.Second, func() { _ = never.Close() })
		if err := waits.Play(t.Context(), level(8000, 8000, time.Second), nil); !errors.Is(err, io.EOF) || time.Since(began) > 2*time.Second {
			t.Errorf("on a leg that was never answered: %v after %v", err, time.Since(began))
		}
	})
}

// TestPlayerOneAfterTheOther has what is played as soon as Play has returned follow without a gap.
func TestPlayerOneAfterTheOther(t *testing.T) {
	onStage(t, linear(), nil, func(t *testing.T, s stage) {
		for i := range 3 {
			if err := s.Play(t.Context(), level(8000, int16(100*(i+1)), 200*time.Millisecond), nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := runs(loud(decoded(t, s.far.all()))); !slices.Equal(got, [][2]int{{100, 1600}, {200, 1600}, {300, 1600}}) {
			t.Errorf("heard %v", got)
		}
	})
}
