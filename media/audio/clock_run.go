package audio

import (
	"sync"
	"sync/atomic"
	"time"
)

// lostTime is how late a clock may be and still make up for it: the host stood still.
const lostTime = time.Second

// run keeps the time. While there is no turn it waits to be woken and costs nothing.
func (c *Clock) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	due, g := time.Now(), 0
	for {
		turns, any, closed := c.look(g)
		switch {
		case closed:
			return
		case !any:
			<-c.wake
			due = time.Now()
			continue
		}
		c.takeAll(turns)
		g = (g + 1) % phases
		due = c.after(due)
		timer.Reset(time.Until(due))
		if !c.rest(timer) {
			return
		}
	}
}

// after returns when the next group is due, in whole frames later if there is too much to make up for.
func (c *Clock) after(due time.Time) time.Time {
	due = due.Add(FrameTime / phases)
	behind := time.Since(due)
	if behind > FrameTime {
		c.late.Add(1)
	}
	if behind > lostTime {
		frames := behind / FrameTime
		c.skipped.Add(uint64(frames))
		due = due.Add(frames * FrameTime)
	}
	return due
}

// rest waits for the timer, and returns false if the clock is closed meanwhile.
func (c *Clock) rest(timer *time.Timer) bool {
	for {
		select {
		case <-timer.C:
			return true
		case <-c.wake:
			if _, _, closed := c.look(0); closed {
				return false
			}
		}
	}
}

// fewTurns are taken by the goroutine that keeps the time: to share them would cost more.
const fewTurns = 8

// takeAll takes a group's turns, on several cores if they are many, and returns when all have been taken.
func (c *Clock) takeAll(turns []*turn) {
	workers := min(c.workers, len(turns)/fewTurns)
	if workers <= 1 {
		for _, t := range turns {
			t.take()
		}
		return
	}
	var next atomic.Int64
	var work sync.WaitGroup
	share := func() {
		for i := next.Add(1) - 1; i < int64(len(turns)); i = next.Add(1) - 1 {
			turns[i].take()
		}
	}
	for range workers - 1 {
		work.Go(share)
	}
	share()
	work.Wait()
}
