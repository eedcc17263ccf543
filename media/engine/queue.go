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
	turn  uint // counts deadlines, so that a timer knows whether it is still meant
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
	q.stop()
	left := time.Until(t)
	q.late = !t.IsZero() && left <= 0
	if left > 0 {
		turn := q.turn
		q.timer = time.AfterFunc(left, func() { q.expire(turn) })
	}
	q.wake.Broadcast()
}

// expire is called by a timer, whose deadline may have been replaced at that very moment.
func (q *queue) expire(turn uint) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.turn == turn {
		q.late, q.timer = true, nil
		q.wake.Broadcast()
	}
}

// stop takes the deadline away. q.mu is held.
func (q *queue) stop() {
	q.turn++
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
}

// close ends every get.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done, q.items = true, nil
	q.stop()
	q.wake.Broadcast()
}
