package engine

import (
	"sync"

	"github.com/alexacall/alexacall/media"
)

// shelfSize is how many things of a kind are held for legs to come. Most calls of an engine agree on one of a few lists of codecs.
const shelfSize = 16

// shelf holds what legs were given last, so that others which need the same get that, and thousands of calls hold it once. What is on it
// does not change. It is for setting up calls, and safe for concurrent use; the zero value is ready.
type shelf[T any] struct {
	mu   sync.Mutex
	held [shelfSize]T
	n    int // things so far: the next one takes the place of the oldest
}

// like returns what equals one on the shelf, or else one, which is there from then on.
func (s *shelf[T]) like(one T, equal func(a, b T) bool) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, had := range s.held[:min(s.n, shelfSize)] {
		if equal(had, one) {
			return had
		}
	}
	s.held[s.n%shelfSize] = one
	s.n++
	return one
}

// shelves are those of an engine.
type shelves struct {
	codecs   shelf[*media.Codec]
	payloads shelf[[]payload]
	formats  shelf[*outbound]
}
