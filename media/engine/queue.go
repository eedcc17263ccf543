package engine

import (
	"io"
	"net/netip"
	"os"
	"sync"
	"time"
)

// queueDepth is how many datagrams wait for an agent or a handshake. What is more is lost; both protocols repeat themselves.
const queueDepth = 32

// queue holds the datagrams that a reader has for a slower goroutine. put never blocks.
type queue struct {
	mu    sync.Mutex
	wake  sync.Cond
	items []queued
	late  bool // the read deadline has passed
	done  bool
	timer *time.Timer
}

type queued struct {
	data []byte
	from netip.AddrPort
}

func newQueue() *queue {
	q := new(queue)
	q.wake.L = &q.mu
	return q
}

// put adds a copy of b.
func (q *queue) put(b []byte, from netip.AddrPort) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.done || len(q.items) == queueDepth {
		return
	}
	q.items = append(q.items, queued{append([]byte(nil), b...), from})
	q.wake.Signal()
}

// get waits for a datagram and copies it to b. The error is io.EOF after close, and os.ErrDeadlineExceeded.
func (q *queue) get(b []byte) (int, netip.AddrPort, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.done && !q.late {
		q.wake.Wait()
	}
	switch {
	case q.done:
		return 0, netip.AddrPort{}, io.EOF
	case q.late:
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
	item := q.items[0]
	q.items = append(q.items[:0], q.items[1:]...)
	return copy(b, item.data), item.from, nil
}

// deadline is SetReadDeadline of a net.PacketConn.
func (q *queue) deadline(t time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	q.late = !t.IsZero() && !time.Now().Before(t)
	if !t.IsZero() && !q.late {
		q.timer = time.AfterFunc(time.Until(t), func() { q.deadline(t) })
	}
	q.wake.Broadcast()
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

// close ends every get.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done, q.items = true, nil
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	q.wake.Broadcast()
}
