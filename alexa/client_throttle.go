package alexa

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	leastRate = 4    // messages per second, however many are refused
	firstRate = 20   // the least at the first 429
	rateRise  = 100  // messages per second that the rate rises by in a second
	freeRate  = 1000 // from which on there is no limit
	leastFall = 0.02 // share that the rate falls by after a 429 among many that were taken
	mostFall  = 0.5  // and among few
	memory    = 0.1  // weight of the last answer in the share of refusals
)

// errPaused is in the Error of a message that was not tried.
var errPaused = errors.New("not tried: Alexa has asked all calls to wait longer than there is time")

// rank says which messages go first when they have to wait. CallEnded makes room for others.
type rank uint8

const (
	rankEnd   rank = iota // CallEnded
	rankCall              // messages of calls that stand
	rankBegin             // InitiateInboundCall
)

func rankOf(t MessageType) rank {
	switch t {
	case CallEnded:
		return rankEnd
	case InitiateInboundCall:
		return rankBegin
	default:
		return rankCall
	}
}

// A throttle slows all messages of a client down when Alexa has answered one with 429, for the limit that it speaks of is not one
// call's. A 429 that says how long to wait is heeded by all of them. Every 429 lowers the rate at which they go, by the share of
// refusals among the last answers; then it rises again. CallEnded waits for other CallEndeds only. The zero value
// is free.
type throttle struct {
	mu    sync.Mutex
	until [2]time.Time // when a pause ends, for CallEnded and for the rest
	queue []*ticket    // by rank, then in the order of coming

	rate  float64   // messages per second at since; 0: no limit
	since time.Time // when it was set
	next  time.Time // when the next message may go, for the rate
	epoch int       // grows when the rate falls
	share float64   // of refusals among the last answers

	second time.Time // in which the last message went
	count  [2]int    // of messages that went in it, and in the one before
}

// A ticket is a message that waits.
type ticket struct {
	rank rank
	head chan struct{} // has a value when the ticket is, or may be, at the head of the queue
}

// admit waits until a message may go, and returns the epoch that it goes in. It fails at once when ctx leaves no time for it.
func (q *throttle) admit(ctx context.Context, r rank) (int, error) {
	q.mu.Lock()
	now := time.Now()
	at := q.ready(r)
	if !at.After(now) && (len(q.queue) == 0 || q.queue[0].rank > r) {
		defer q.mu.Unlock()
		return q.leave(now), nil
	}
	t := &ticket{rank: r, head: make(chan struct{}, 1)}
	i := len(q.queue)
	for i > 0 && q.queue[i-1].rank > r {
		i--
	}
	if deadline, ok := ctx.Deadline(); ok && at.After(deadline) {
		q.mu.Unlock()
		return 0, errPaused
	}
	q.queue = slices.Insert(q.queue, i, t)
	q.mu.Unlock()
	return q.wait(ctx, t)
}

// wait waits for the ticket's turn.
func (q *throttle) wait(ctx context.Context, t *ticket) (int, error) {
	for {
		q.mu.Lock()
		pause := time.Duration(-1)
		if q.queue[0] == t {
			now := time.Now()
			if pause = q.ready(t.rank).Sub(now); pause <= 0 {
				defer q.mu.Unlock()
				q.remove(t)
				return q.leave(now), nil
			}
		}
		q.mu.Unlock()
		if err := sleepOr(ctx, pause, t.head); err != nil {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.remove(t)
			return 0, err
		}
	}
}

// sleepOr waits for d, or without limit if it is negative, for wake, or for ctx, whose cause it returns.
func sleepOr(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	var over <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
	case <-wake:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// ready returns when the next message of a rank may go. q.mu is held.
func (q *throttle) ready(r rank) time.Time {
	if r == rankEnd {
		return q.until[0]
	}
	if q.rate > 0 && q.next.After(q.until[1]) {
		return q.next
	}
	return q.until[1]
}

// rateAt returns the rate at now; 0: no limit. q.mu is held.
func (q *throttle) rateAt(now time.Time) float64 {
	if q.rate > 0 {
		if r := q.rate + rateRise*now.Sub(q.since).Seconds(); r < freeRate {
			return r
		}
		q.rate = 0
	}
	return 0
}

// leave lets a message go at now. q.mu is held.
func (q *throttle) leave(now time.Time) int {
	if r := q.rateAt(now); r > 0 {
		q.next = now.Add(time.Duration(float64(time.Second) / r))
	}
	if second := now.Truncate(time.Second); !second.Equal(q.second) {
		q.count[1], q.count[0] = q.count[0], 0
		if second.Sub(q.second) > time.Second {
			q.count[1] = 0
		}
		q.second = second
	}
	q.count[0]++
	return q.epoch
}

// remove takes a ticket out of the queue and wakes who is at its head then. q.mu is held.
func (q *throttle) remove(t *ticket) {
	i := slices.Index(q.queue, t)
	q.queue = slices.Delete(q.queue, i, i+1)
	if len(q.queue) > 0 {
		select {
		case q.queue[0].head <- struct{}{}:
		default: // it has been woken already
		}
	}
}

// refused takes the news of a 429 to a message of a rank that went in an epoch.
func (q *throttle) refused(r rank, epoch int, retryAfter time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.share += memory * (1 - q.share)
	until := now.Add(min(retryAfter, maxRetryAfter))
	if until.After(q.until[1]) {
		q.until[1] = until
	}
	if r == rankEnd && until.After(q.until[0]) {
		q.until[0] = until
	}
	if epoch != q.epoch {
		return // it went at a rate that has fallen since
	}
	was := q.rateAt(now)
	if was == 0 {
		was = max(firstRate, float64(max(q.count[0], q.count[1])))
	}
	q.rate, q.since = max(leastRate, was*(1-min(max(q.share, leastFall), mostFall))), now
	q.next = now.Add(time.Duration(float64(time.Second) / q.rate))
	q.epoch++
}

// taken takes the news that a message was not answered so.
func (q *throttle) taken() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.share -= memory * q.share
}
