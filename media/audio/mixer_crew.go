package audio

import (
	"sync"
	"sync/atomic"
)

// fewMembers are served by one goroutine: to share them would cost more.
const fewMembers = 24

// crew does things that do not depend on one another on several cores. It does not allocate.
type crew struct {
	workers int
	share   func() // what each of them runs

	do   func(i int)
	n    int64
	next atomic.Int64
	work sync.WaitGroup
}

func (c *crew) init(workers int) {
	c.workers = workers
	c.share = func() {
		c.take()
		c.work.Done()
	}
}

// each calls do for 0 to n-1 and returns when all is done.
func (c *crew) each(n int, do func(i int)) {
	c.do, c.n = do, int64(n)
	c.next.Store(0)
	helpers := min(c.workers, n/fewMembers) - 1
	for range helpers {
		c.work.Add(1)
		go c.share()
	}
	c.take()
	c.work.Wait()
}

func (c *crew) take() {
	for i := c.next.Add(1) - 1; i < c.n; i = c.next.Add(1) - 1 {
		c.do(int(i))
	}
}
