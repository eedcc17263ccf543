package audio_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media/audio"
)

// TestClockKeepsTime takes one turn every 20 ms, to the turn, for a minute, and none after stop.
func TestClockKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := audio.NewClock(nil)
		defer c.Close()
		time.Sleep(time.Hour) // without turns
		var n atomic.Int64
		stop := c.Every(func() { n.Add(1) })
		time.Sleep(time.Minute + time.Millisecond)
		if got := n.Load(); got != 3001 && got != 3000 {
			t.Errorf("%d turns in a minute", got)
		}
		stop()
		stop()
		before := n.Load()
		time.Sleep(time.Second)
		if n.Load() != before || c.Stats() != (audio.ClockStats{}) {
			t.Errorf("%d turns after stop, %+v", n.Load()-before, c.Stats())
		}
	})
}

// TestClockSpreadsTurns has a thousand turns take place in every phase of a frame, and all of them in each.
func TestClockSpreadsTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := audio.NewClock(&audio.ClockOptions{Workers: 4})
		defer c.Close()
		const all = 1000
		var when [audio.FrameTime / time.Millisecond]atomic.Int64
		var turns [all]atomic.Int64
		began := time.Now()
		for i := range all {
			c.Every(func() {
				turns[i].Add(1)
				when[time.Since(began)%audio.FrameTime/time.Millisecond].Add(1)
			})
		}
		time.Sleep(10*time.Second - time.Millisecond)
		for i := range turns {
			if n := turns[i].Load(); n != 500 && n != 501 && n != 499 {
				t.Fatalf("turn %d was taken %d times in ten seconds", i, n)
			}
		}
		for ms := 0; ms < len(when); ms += 2 {
			if n := when[ms].Load(); n < 45_000 || n > 55_000 {
				t.Errorf("%d turns %d ms into a frame", n, ms)
			}
		}
		if s := c.Stats(); s.Turns != all || s.Late != 0 || s.Skipped != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestClockMakesUp stops the world for half a second, whose turns are taken afterwards, and for a minute, whose turns are not.
func TestClockMakesUp(t *testing.T) {
	for stood, want := range map[time.Duration]struct{ turns, skipped uint64 }{
		500 * time.Millisecond: {turns: 100},
		time.Minute:            {turns: 75, skipped: 3000},
	} {
		t.Run(stood.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := audio.NewClock(nil)
				defer c.Close()
				var n uint64
				block := stood
				stop := c.Every(func() {
					n++
					time.Sleep(block)
					block = 0
				})
				time.Sleep(stood + 1500*time.Millisecond + time.Millisecond)
				stop()
				s := c.Stats()
				if n < want.turns || n > want.turns+2 || s.Late == 0 || s.Skipped+2 < want.skipped || s.Skipped > want.skipped {
					t.Errorf("%d turns, %+v, want %+v", n, s, want)
				}
			})
		})
	}
}

// TestClockStopWaits has stop return when the turn that runs is over, and Close with turns left.
func TestClockStopWaits(t *testing.T) {
	c := audio.NewClock(nil)
	began, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var over atomic.Bool
	stop := c.Every(func() {
		once.Do(func() { close(began) })
		<-release
		over.Store(true)
	})
	c.Every(func() {})
	<-began
	stopped := make(chan bool)
	go func() {
		stop()
		stopped <- over.Load()
	}()
	close(release)
	if !<-stopped {
		t.Error("stop returned while the turn was running")
	}
	c.Close()
	c.Close()
}
