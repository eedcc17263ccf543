package audio

import (
	"sync"
	"time"

	"github.com/alexacall/alexacall/media/codec"
)

const (
	promptAhead = 500 * time.Millisecond // how much of a source is read before it is heard
	promptReady = 60 * time.Millisecond  // with how much of it it begins to be heard
)

// promptState is what has come of a wish for samples.
type promptState uint8

const (
	promptFull promptState = iota // all are there
	promptLate                    // the source is too slow
	promptSoon                    // it has not begun
	promptOver                    // it has come to its end
)

// prompt is one Play: what has been read of the source and not been heard, and how it is heard.
type prompt struct {
	rate   int
	louder volume

	mu     sync.Mutex
	ring   []int16
	head   int // the next sample in it
	n      int
	full   bool // the feeder waits for room
	last   bool // nothing more comes
	ended  bool
	err    error         // why
	room   chan struct{} // there is room again
	over   chan struct{} // closed when it has ended
	ready  int           // samples with which it begins; 0 when it has
	refill int           // samples left when the feeder goes on

	// What follows is the turn's.
	convert *codec.Resampler // nil: the rates are the same
	to      int              // rate that it converts to
	tail    int              // samples of silence that bring the last sound out of it
	block   []int16          // what goes into it
	pcm     []int16          // what came out of it
	at      int              // of pcm, that comes next
}

func newPrompt(rate int, louder volume) *prompt {
	q := &prompt{rate: rate, louder: louder, room: make(chan struct{}, 1), over: make(chan struct{})}
	q.ring = make([]int16, max(samplesIn(promptAhead, rate), 1))
	q.ready, q.refill = int(samplesIn(promptReady, rate)), len(q.ring)/2
	return q
}

// put takes of pcm what there is room for.
func (q *prompt) put(pcm []int16) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n < len(pcm) && q.n < len(q.ring) {
		end := (q.head + q.n) % len(q.ring)
		free := q.ring[end:min(len(q.ring), end+len(q.ring)-q.n)]
		done := copy(free, pcm[n:])
		n, q.n = n+done, q.n+done
	}
	q.full = n < len(pcm)
	return n
}

// finish says that nothing more comes.
func (q *prompt) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = true
}

// end ends it; the first one counts.
func (q *prompt) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.ended {
		q.ended, q.err = true, err
		close(q.over)
	}
}

func (q *prompt) cause() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// take moves samples out of the ring. Over: these are the last.
func (q *prompt) take(pcm []int16) (n int, state promptState) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ready > 0 && q.n < q.ready && !q.last {
		return 0, promptSoon
	}
	q.ready = 0
	for n < len(pcm) && q.n > 0 {
		done := copy(pcm[n:], q.ring[q.head:min(len(q.ring), q.head+q.n)])
		q.head = (q.head + done) % len(q.ring)
		n, q.n = n+done, q.n-done
	}
	if q.full && q.n <= q.refill {
		q.full = false
		select {
		case q.room <- struct{}{}:
		default:
		}
	}
	switch {
	case q.last && q.n == 0:
		return n, promptOver
	case n == len(pcm):
		return n, promptFull
	default:
		return n, promptLate
	}
}

// read fills out, at a rate.
func (q *prompt) read(out []int16, rate int) (n int, state promptState) {
	if rate != q.to {
		if err := q.turnTo(rate); err != nil {
			q.end(err)
			return 0, promptOver
		}
	}
	if q.convert == nil {
		n, state = q.take(out)
	} else {
		n, state = q.converted(out)
	}
	q.louder.apply(out[:n])
	return n, state
}

// delay is how late sound comes out of a Resampler, in samples of the lower of its rates.
const delay = 14

// turnTo has the samples converted to another rate from here on.
func (q *prompt) turnTo(rate int) (err error) {
	q.to, q.convert, q.tail = rate, nil, 0
	q.pcm, q.at = q.pcm[:0], 0
	if rate == q.rate {
		return nil
	}
	if q.convert, err = codec.NewResampler(q.rate, rate); err != nil {
		return playError(err)
	}
	q.tail = (delay*q.rate + min(q.rate, rate) - 1) / min(q.rate, rate)
	q.block = make([]int16, max(q.rate/codec.FramesPerSecond, q.tail))
	q.pcm = make([]int16, 0, 4*max(q.rate, rate)/codec.FramesPerSecond)
	return nil
}

// converted is take through the Resampler.
func (q *prompt) converted(out []int16) (n int, state promptState) {
	for {
		done := copy(out[n:], q.pcm[q.at:])
		n, q.at = n+done, q.at+done
		if n == len(out) {
			return n, promptFull
		}
		q.pcm, q.at = q.pcm[:0], 0
		got, state := q.take(q.block[:q.rate/codec.FramesPerSecond])
		if got == 0 && state == promptOver && q.tail > 0 {
			clear(q.block[:q.tail])
			got, q.tail = q.tail, 0
		}
		if got == 0 {
			return n, state
		}
		q.pcm = q.convert.Append(q.pcm, q.block[:got])
	}
}
