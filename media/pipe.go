package media

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Pipe returns the two ends of an in-memory connection whose parties have agreed on p: what is written to a stream of one end arrives
// at the same stream of the other. p speaks for the far party of a; b sees it reversed. A pipe needs no Close, but for who reads to its end.
func Pipe(p Plan) (a, b *PipeEnd) {
	near, far := newPipeEnd(p), newPipeEnd(reversed(p))
	near.peer, far.peer = far, near
	return near, far
}

func reversed(p Plan) Plan {
	q := p.Clone()
	for i := range q {
		q[i].Dir = q[i].Dir.Reverse()
	}
	return q
}

// A PipeEnd is one end of a Pipe: an Endpoint whose far side is the other end. Its methods are safe for concurrent use.
type PipeEnd struct {
	peer    *PipeEnd
	plan    atomic.Pointer[Plan]
	over    atomic.Bool
	streams [2]pipeStream
}

var _ Endpoint = (*PipeEnd)(nil)

func newPipeEnd(p Plan) *PipeEnd {
	e := &PipeEnd{}
	e.plan.Store(&p)
	for k := range e.streams {
		s := &e.streams[k]
		s.end, s.kind = e, Kind(k)
		s.gate.Store(uint32(SendRecv))
	}
	return e
}

// Plan implements Endpoint.
func (e *PipeEnd) Plan() Plan { return *e.plan.Load() }

// Stream implements Endpoint.
func (e *PipeEnd) Stream(k Kind) Stream { return &e.streams[k] }

// Agree changes what has been agreed on: p speaks for the far party of e, and is not told to the other end. Readers get ErrChanged where the
// codecs are others.
func (e *PipeEnd) Agree(p Plan) {
	old := *e.plan.Swap(&p)
	for k := range e.streams {
		was, _ := old.Find(Kind(k))
		is, _ := p.Find(Kind(k))
		if !slices.Equal(was.Codecs, is.Codecs) {
			e.streams[k].fan.Change()
		}
	}
}

// Close ends the media of both ends: readers get io.EOF, after what they still hold, and Write returns ErrClosed. It is idempotent.
func (e *PipeEnd) Close() error {
	for _, end := range [...]*PipeEnd{e, e.peer} {
		end.over.Store(true)
		for k := range end.streams {
			end.streams[k].fan.Close()
		}
	}
	return nil
}

type pipeStream struct {
	end  *PipeEnd
	kind Kind
	fan  Fanout
	gate atomic.Uint32

	mu    sync.Mutex
	stats Stats
}

// far returns what is agreed on with the far side.
func (s *pipeStream) far() Media {
	m, _ := s.end.Plan().Find(s.kind)
	return m
}

func (s *pipeStream) Codec() Codec {
	for _, c := range s.far().Codecs {
		if !c.IsDigits() {
			return c
		}
	}
	return Codec{}
}

func (s *pipeStream) Reader() *Reader  { return s.fan.Open() }
func (s *pipeStream) Gate(d Direction) { s.gate.Store(uint32(d)) }

func (s *pipeStream) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

func (s *pipeStream) Write(p *Packet) error {
	if s.end.over.Load() {
		return ErrClosed
	}
	ok, err := s.leave(p)
	if ok {
		s.end.peer.streams[s.kind].arrive(p)
	}
	return err
}

// passes reports whether the gate and what is agreed let media flow one way.
func (s *pipeStream) passes(gate func(Direction) bool, far func(Direction) bool) bool {
	return gate(Direction(s.gate.Load())) && far(s.far().Dir)
}

// leave counts p and reports whether it goes out.
func (s *pipeStream) leave(p *Packet) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &s.stats.Out
	if !s.passes(Direction.Sends, Direction.Receives) {
		out.Blocked++
		return false, nil
	}
	if p.What == RTP && p.Codec != nil {
		if _, ok := findCodec(s.far().Codecs, *p.Codec); !ok {
			out.Mismatched++
			return false, ErrNoCommonCodec
		}
	}
	out.Packets++
	out.Bytes += uint64(len(p.Payload))
	out.Last = time.Now()
	if out.First.IsZero() {
		out.First = out.Last
	}
	return true, nil
}

func (s *pipeStream) arrive(p *Packet) {
	if s.enter(p) {
		s.fan.Deliver(p)
	}
}

// enter counts p and reports whether it comes in.
func (s *pipeStream) enter(p *Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := &s.stats.In
	if !s.passes(Direction.Receives, Direction.Sends) {
		in.Blocked++
		return false
	}
	in.Packets++
	in.Bytes += uint64(len(p.Payload))
	if p.What == Digit {
		in.Digits++
	}
	in.Last = time.Now()
	if in.First.IsZero() {
		in.First = in.Last
	}
	return true
}
