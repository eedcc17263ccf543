package model

import "hash/maphash"

// stateSet is a set of states that numbers them in the order they were added. Each state is stored
// once, which a map with a list beside it would not do; the table beside the list holds 8 bytes a
// slot and is at most half full.
type stateSet[S comparable] struct {
	seed   maphash.Seed
	states []S
	slots  []slot // the length is a power of two
}

// slot is one place of the hash table; number is the state's index plus one, 0 where the slot is free.
type slot struct{ hash, number uint32 }

func newStateSet[S comparable]() *stateSet[S] {
	return &stateSet[S]{seed: maphash.MakeSeed(), slots: make([]slot, 1024)}
}

// add returns the index of s, and whether s was not in the set before.
func (t *stateSet[S]) add(s S) (index int32, isNew bool) {
	if 2*len(t.states) >= len(t.slots) {
		t.grow()
	}
	hash := uint32(maphash.Comparable(t.seed, s))
	at := t.find(hash, func(number uint32) bool { return t.states[number-1] == s })
	if t.slots[at].number != 0 {
		return int32(t.slots[at].number - 1), false
	}
	t.states = append(t.states, s)
	t.slots[at] = slot{hash: hash, number: uint32(len(t.states))}
	return int32(len(t.states) - 1), true
}

// find returns the slot of the entry with this hash for which equal holds, or the free slot where it belongs.
func (t *stateSet[S]) find(hash uint32, equal func(number uint32) bool) uint32 {
	mask := uint32(len(t.slots) - 1)
	at := hash & mask
	for t.slots[at].number != 0 && (t.slots[at].hash != hash || !equal(t.slots[at].number)) {
		at = (at + 1) & mask
	}
	return at
}

func (t *stateSet[S]) grow() {
	old := t.slots
	t.slots = make([]slot, 2*len(old))
	for _, e := range old {
		if e.number != 0 {
			t.slots[t.find(e.hash, func(uint32) bool { return false })] = e
		}
	}
}

// edges is a list of steps between states.
type edges struct{ from, to []int32 }

func (e *edges) add(from, to int32) {
	e.from = append(e.from, from)
	e.to = append(e.to, to)
}

// reversed returns the states that lead to state i as sources[start[i]:start[i+1]].
func (e *edges) reversed(states int) (start []int, sources []int32) {
	start = make([]int, states+1)
	for _, to := range e.to {
		start[to+1]++
	}
	for i := range states {
		start[i+1] += start[i]
	}
	next := append([]int(nil), start[:states]...)
	sources = make([]int32, len(e.to))
	for k, to := range e.to {
		sources[next[to]] = e.from[k]
		next[to]++
	}
	return start, sources
}
