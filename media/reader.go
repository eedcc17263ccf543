package media

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// ErrChanged is returned by Reader.Read once after the stream's codecs have changed.
var ErrChanged = errors.New("media: codec changed")

// ErrFull means that an Engine takes no further call: a limit of its own is reached.
var ErrFull = errors.New("media: no room for another call")

// ErrClosed is returned by what is used after Close.
var ErrClosed = errors.New("media: closed")

// readerDepth is how many packets a Reader holds: 2.5 s of audio in 20 ms packets.
const readerDepth = 128

// A Fanout feeds the readers of a stream. It is what an implementation of Stream is built on. The zero value is ready for use and
// its methods are safe for concurrent use.
type Fanout struct {
	open atomic.Int32 // number of readers, so that Deliver costs nothing when there are none

	mu     sync.Mutex
	rs     []*Reader
	closed bool
}

// Open returns a new reader of what is delivered from now on.
func (f *Fanout) Open() *Reader {
	r := &Reader{from: f, fresh: true}
	r.wake.L = &r.mu
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		r.ended = true
		return r
	}
	f.rs = append(f.rs, r)
	f.open.Store(int32(len(f.rs)))
	return r
}

// Active reports whether anybody reads.
func (f *Fanout) Active() bool { return f.open.Load() > 0 }

// Deliver hands a copy of p to every reader. It never blocks: a reader that is full loses its oldest packet.
func (f *Fanout) Deliver(p *Packet) {
	if !f.Active() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rs {
		r.put(p)
	}
}

// Change makes every reader's next Read return ErrChanged, after what it still holds.
func (f *Fanout) Change() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rs {
		r.mark(&r.changed)
	}
}

// Close ends every reader, after what it still holds, with io.EOF. Readers opened later end at once.
func (f *Fanout) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, r := range f.rs {
		r.mark(&r.ended)
	}
	f.rs = nil // nothing comes after the end
	f.open.Store(0)
}

func (f *Fanout) drop(r *Reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.rs {
		if f.rs[i] == r {
			f.rs = append(f.rs[:i:i], f.rs[i+1:]...)
			break
		}
	}
	f.open.Store(int32(len(f.rs)))
}

// A Reader reads what arrives on a stream. It is bounded: a slow one loses packets, which are counted, and holds up nobody.
// One goroutine reads; Close may be called by any.
type Reader struct {
	from *Fanout

	mu      sync.Mutex
	wake    sync.Cond
	ring    []Packet // payloads are the ring's own and are used again
	head    int      // oldest
	n       int
	lost    uint64
	fresh   bool // the next packet is the first of this reader
	changed bool
	ended   bool
	closed  bool
}

// Read waits for the next packet and stores it in p, its payload in buf. It returns ErrChanged once after the stream's codecs have
// changed, io.EOF when the stream has ended, ErrClosed after Close, and io.ErrShortBuffer, with the packet lost, if buf is too small.
func (r *Reader) Read(buf []byte, p *Packet) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.n == 0 && !r.changed && !r.ended && !r.closed {
		r.wake.Wait()
	}
	return r.get(buf, p)
}

// TryRead is Read for who takes turns: it does not wait, and ok is false where Read would. Read and TryRead are not called at once.
func (r *Reader) TryRead(buf []byte, p *Packet) (ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 && !r.changed && !r.ended && !r.closed {
		return false, nil
	}
	return true, r.get(buf, p)
}

func (r *Reader) get(buf []byte, p *Packet) error {
	switch {
	case r.closed:
		return ErrClosed
	case r.n > 0:
		return r.take(buf, p)
	case r.changed:
		r.changed = false
		return ErrChanged
	default:
		return io.EOF
	}
}

// Lost returns how many packets this reader was too slow for.
func (r *Reader) Lost() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}

// Close ends the reader and unblocks Read. It is idempotent.
func (r *Reader) Close() error {
	r.from.drop(r)
	r.mark(&r.closed)
	return nil
}

func (r *Reader) mark(flag *bool) {
	r.mu.Lock()
	*flag = true
	r.mu.Unlock()
	r.wake.Broadcast()
}

func (r *Reader) put(p *Packet) {
	r.mu.Lock()
	if r.ring == nil {
		r.ring = make([]Packet, readerDepth)
	}
	start := p.Start
	if p.What == RTP || p.What == Digit { // feedback begins nothing
		start, r.fresh = start || r.fresh, false
	}
	if r.n == len(r.ring) {
		start0 := r.ring[r.head].Start // a lost packet must not hide the beginning of a source
		r.head = (r.head + 1) % len(r.ring)
		r.ring[r.head].Start = r.ring[r.head].Start || start0
		r.n--
		r.lost++
	}
	slot := &r.ring[(r.head+r.n)%len(r.ring)]
	buf := append(slot.Payload[:0], p.Payload...)
	*slot = *p
	slot.Payload, slot.Start = buf, start
	r.n++
	r.mu.Unlock()
	r.wake.Signal()
}

func (r *Reader) take(buf []byte, p *Packet) error {
	slot := &r.ring[r.head]
	r.head = (r.head + 1) % len(r.ring)
	r.n--
	if len(slot.Payload) > len(buf) {
		r.lost++
		if r.n > 0 {
			r.ring[r.head].Start = r.ring[r.head].Start || slot.Start
		} else {
			r.fresh = r.fresh || slot.Start
		}
		return io.ErrShortBuffer
	}
	*p = *slot
	p.Payload = buf[:copy(buf, slot.Payload)]
	return nil
}
