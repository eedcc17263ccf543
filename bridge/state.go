package bridge

import (
	"context"
	"maps"
	"sync"
)

// A State keeps the Info of a leg. It is what an implementation of Leg is built on: embed one, and Info and Next are there. Its methods
// are safe for concurrent use.
type State struct {
	mu   sync.Mutex
	info Info
	end  *EndError
	news chan struct{} // closed at the next change; nil: nobody waits for it
	over context.Context
	stop context.CancelCauseFunc
}

// NewState returns a State that begins with info.
func NewState(info Info) *State {
	info.Rev = 1
	info.Attr = maps.Clone(info.Attr)
	s := &State{info: info}
	s.over, s.stop = context.WithCancelCause(context.Background())
	return s
}

// Info returns the snapshot.
func (s *State) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

// Next waits for a newer snapshot than rev: see Leg.
func (s *State) Next(ctx context.Context, rev uint64) (Info, error) {
	for {
		info, end, news := s.since(rev)
		switch {
		case info.Rev > rev:
			return info, nil
		case end != nil:
			return info, end
		}
		select {
		case <-news:
		case <-ctx.Done():
			return info, context.Cause(ctx)
		}
	}
}

// since returns the snapshot, and what is closed at the next change if there is nothing newer than rev.
func (s *State) since(rev uint64) (Info, *EndError, chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.news == nil && s.info.Rev <= rev && s.end == nil {
		s.news = make(chan struct{})
	}
	return s.info, s.end, s.news
}

// Change applies f to the info under the lock, and wakes all who wait. Once the leg is over it does nothing and returns false. f must
// not lower the phase, set it to Over, or call back.
func (s *State) Change(f func(*Info)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		return false
	}
	f(&s.info)
	s.tell()
	return true
}

// End ends the leg: phase Over, no offer pending. A wish to be replaced stays, for who asks may hang up at once. Only the first end counts;
// it returns whether this was it.
func (s *State) End(e *EndError) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		return false
	}
	s.end = e
	s.info.Phase, s.info.Pending = Over, false
	s.tell()
	s.stop(e)
	return true
}

// Ended returns how the leg ended, nil while it has not.
func (s *State) Ended() *EndError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// Context returns a context that ends with the leg, its cause the *EndError.
func (s *State) Context() context.Context { return s.over }

func (s *State) tell() {
	s.info.Rev++
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
}
