package media

import (
	"sync"
	"sync/atomic"
	"time"
)

// Pipe returns the two ends of an in-memory connection whose parties have agreed on p: what is written to a stream of one end arrives
// at the same stream of the other. p speaks for the far party of a; b sees it reversed. A pipe needs no Close.
func Pipe(p Plan) (a, b Endpoint) {
	near, far := newPipeEnd(p), newPipeEnd(reversed(p))
	for k := range near.streams {
		near.streams[k].peer, far.streams[k].peer = &far.streams[k], &near.streams[k]
	}
	return near, far
}

func reversed(p Plan) Plan {
	q := p.Clone()
	for i := range q {
		q[i].Dir = q[i].Dir.Reverse()
	}
	return q
}

type pipeEnd struct {
	plan    Plan
	streams [2]pipeStream
}

func newPipeEnd(p Plan) *pipeEnd {
	e := &pipeEnd{plan: p}
	for k := range e.streams {
		s := &e.streams[k]
		s.media, _ = p.Find(Kind(k))
		s.gate.Store(uint32(SendRecv))
	}
	return e
}

func (e *pipeEnd) Plan() Plan           { return e.plan }
func (e *pipeEnd) Stream(k Kind) Stream { return &e.streams[k] }

type pipeStream struct {
	media Media // of the far side
	peer  *pipeStream
	fan   Fanout
	gate  atomic.Uint32

	mu    sync.Mutex
	stats Stats
}

func (s *pipeStream) Codec() Codec {
	for _, c := range s.media.Codecs {
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
	ok, err := s.leave(p)
	if ok {
		s.peer.arrive(p)
	}
	return err
}

// passes reports whether the gate and what is agreed let media flow one way.
func (s *pipeStream) passes(gate func(Direction) bool, far func(Direction) bool) bool {
	return gate(Direction(s.gate.Load())) && far(s.media.Dir)
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
		if _, ok := findCodec(s.media.Codecs, *p.Codec); !ok {
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
