package audio

import (
	"math/rand/v2"
	"testing"
)

// hall is a crowd of which each member speaks at a level in dBFS, or is silent.
type hall struct {
	f    floor
	all  []*standing
	loud map[int]float64
}

func newHall(n int) *hall {
	h := &hall{f: floor{speakers: 2, crowd: 4}, loud: map[int]float64{}}
	for range n {
		h.all = append(h.all, &standing{loud: quietest})
	}
	return h
}

// run takes turns and returns how many it took until a member had the floor, or had it no more; -1 if that did not come.
func (h *hall) run(turns, member int, on bool) int {
	for n := range turns {
		for i, s := range h.all {
			level, speaks := h.loud[i]
			s.note(level, speaks)
		}
		h.f.choose(h.all)
		if h.all[member].on == on {
			return n
		}
	}
	return -1
}

// TestFloor tells who has the floor of a crowd of six, of whom two may.
func TestFloor(t *testing.T) {
	h := newHall(6)
	if n := h.run(200, 0, true); n >= 0 {
		t.Errorf("who is silent has the floor after %d turns", n)
	}
	h.loud[0] = -30
	if n := h.run(10, 0, true); n != 0 {
		t.Errorf("the first who speaks has the floor after %d turns", n)
	}
	delete(h.loud, 0)
	if n := h.run(90, 0, false); n >= 0 {
		t.Errorf("a pause costs the floor after %d turns, and nobody else wants it", n)
	}
	if n := h.run(20, 0, false); n < 0 {
		t.Error("who does not speak any more keeps the floor")
	}
	h.loud[0], h.loud[1] = -30, -30
	h.run(3, 0, false)
	h.loud[2] = -28
	if n := h.run(500, 2, true); n >= 0 {
		t.Errorf("who is hardly louder takes a place after %d turns", n)
	}
	h.loud[2] = -20
	if n := h.run(10, 2, true); n != 0 || !h.all[0].on == !h.all[1].on {
		t.Errorf("who is much louder has the floor after %d turns, the others: %v, %v", n, h.all[0].on, h.all[1].on)
	}
	h.loud[3] = -5
	h.run(5, 3, true)
	h.loud[4] = 0
	if n := h.run(100, 4, true); n < floorHold-10 {
		t.Errorf("a place is taken again after %d turns", n)
	}
	for i := range 4 {
		delete(h.loud, i)
	}
	h.loud[5] = -60
	if n := h.run(10, 5, true); n != 0 || h.all[3].on {
		t.Errorf("who speaks softly has a speaker's place in a pause after %d turns: %v", n, h.all[3].on)
	}
}

// TestFloorIsForFew has it that, whoever speaks how loud, no more have the floor than may, all who speak have it while there is room, and
// all have it of few.
func TestFloorIsForFew(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		h := newHall(1 + dice.IntN(12))
		h.f = floor{speakers: 1 + dice.IntN(4), crowd: 1 + dice.IntN(8)}
		for range 400 {
			i := dice.IntN(len(h.all))
			if _, speaks := h.loud[i]; speaks {
				delete(h.loud, i)
			} else {
				h.loud[i] = -50 + 50*dice.Float64()
			}
			h.run(dice.IntN(30), 0, !h.all[0].on)
			h.run(h.f.speakers, 0, !h.all[0].on)
			on := 0
			for _, s := range h.all {
				if s.on {
					on++
				}
			}
			if len(h.all) <= h.f.crowd && on != len(h.all) || len(h.all) > h.f.crowd && on > h.f.speakers {
				t.Fatalf("%d of %d have the floor: %+v", on, len(h.all), h.f)
			}
		}
	}
}
