// Package replay tells a request that has come before from a new one, within bounded memory, and knows the answer that it got.
//
// # Usage
//
// A [Set] remembers ids alone, many of them; [Answers] the answers too, fewer of them. Both are safe for concurrent use, and their zero
// values are ready for it. They start no goroutine.
package replay

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	setFor = 5 * time.Minute
	setMax = 500_000 // ids remembered at a time, in 20 bytes each
)

// A Set remembers the ids of the last five minutes at least, or until 250,000 more have come.
type Set struct {
	mu     sync.Mutex
	seed   maphash.Seed
	now    map[uint64]struct{} // by hash: of 500,000 ids two share one with a chance of one in a hundred million
	before map[uint64]struct{}
	turned time.Time
}

// First reports whether an id has not been seen lately. "" is always new.
func (s *Set) First(id string) bool {
	if id == "" {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		s.seed = maphash.MakeSeed()
	}
	if t := time.Now(); s.now == nil || t.Sub(s.turned) > setFor || len(s.now) >= setMax/2 {
		s.before, s.now, s.turned = s.now, map[uint64]struct{}{}, t
	}
	key := maphash.String(s.seed, id)
	if _, ok := s.now[key]; ok {
		return false
	}
	if _, ok := s.before[key]; ok {
		return false
	}
	s.now[key] = struct{}{}
	return true
}
