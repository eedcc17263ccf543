package engine

import "sync"

// spare are buffers for packets that do not lie in a datagram of their own. All legs share them, for a leg needs one for a moment alone.
type spare struct{ pool sync.Pool }

func (s *spare) get() *[packetSize]byte {
	if b, ok := s.pool.Get().(*[packetSize]byte); ok {
		return b
	}
	return new([packetSize]byte)
}

func (s *spare) put(b *[packetSize]byte) { s.pool.Put(b) }
