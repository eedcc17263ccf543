package engine

import (
	"fmt"
	"time"

	"github.com/alexacall/alexacall/media"
)

// ErrFull means that the engine takes no further call, for one of its Options' limits is reached, which the error's text names. Calls that
// stand are not affected. It is a media.ErrFull.
var ErrFull = fmt.Errorf("engine: %w", media.ErrFull)

// admit reports whether another terminal may be opened; e.mu is held.
func (e *Engine) admit() error {
	switch rate := e.rate.last; {
	case e.closed:
		return media.ErrClosed
	case len(e.terminals)+e.opening >= e.o.maxTerminals():
		return fmt.Errorf("%w: %d terminals are open (Options.MaxTerminals)", ErrFull, e.o.maxTerminals())
	case e.o.maxPacketRate() > 0 && rate >= e.o.maxPacketRate():
		return fmt.Errorf("%w: %d packets a second arrive, of %d (Options.MaxPacketRate)", ErrFull, rate, e.o.maxPacketRate())
	}
	return nil
}

// rateMarks is how many marks a rate is measured over: those of a second.
const rateMarks = int(time.Second / reportTick)

// rate measures packets a second over the last second, from a count that is read now and then.
type rate struct {
	marks [rateMarks]mark
	at    int // of the newest
	last  int // packets a second; 0 before there are marks of a second
}

type mark struct {
	count uint64
	when  time.Time
}

// note takes the count of now.
func (r *rate) note(count uint64, now time.Time) {
	r.at = (r.at + 1) % rateMarks
	oldest := r.marks[r.at]
	r.marks[r.at] = mark{count, now}
	if since := now.Sub(oldest.when); !oldest.when.IsZero() && since > 0 {
		r.last = int(float64(count-oldest.count) / since.Seconds())
	}
}

// measure reads the shards' counters.
func (e *Engine) measure(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rate.note(e.packets(), now)
}

// Stats are the totals of an Engine.
type Stats struct {
	Terminals   int    // open now
	Strays      uint64 // datagrams that belonged to no call
	KernelDrops uint64 // datagrams that the system had no room for, on Linux for amd64 and arm64; elsewhere 0
	ReadBuffer  int    // bytes of a shard's receive buffer, as the system granted them, the smallest where they differ; likewise
}

// Stats returns the totals.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, sum := Stats{Terminals: len(e.terminals), ReadBuffer: e.shards[0].rtp.readBuffer()}, e.gone
	for _, shard := range e.shards {
		sum.add(shard)
		s.ReadBuffer = min(s.ReadBuffer, shard.rtp.readBuffer())
	}
	for pair := range e.pairs {
		sum.add(pair)
	}
	s.Strays, s.KernelDrops = sum.strays, sum.drops
	return s
}

// drops returns how many datagrams the system had no room for.
func (s *shard) drops() uint64 { return s.rtp.drops() + s.rtcp.drops() }

// checkBuffers warns of receive buffers far smaller than what a burst of a full shard needs: what comes while its reader waits for a
// processor is lost then.
func (e *Engine) checkBuffers() {
	if got := e.Stats().ReadBuffer; got > 0 && got < socketRoom/4 {
		e.log.Warn("the system grants the media sockets little room: on Linux raise net.core.rmem_max", "bytes", got, "asked", socketRoom)
	}
}

// packets returns how many datagrams have come; e.mu is held.
func (e *Engine) packets() uint64 {
	n := e.gone.packets
	for s := range e.pairs {
		n += s.packets.Load()
	}
	for _, s := range e.shards {
		n += s.packets.Load()
	}
	return n
}
