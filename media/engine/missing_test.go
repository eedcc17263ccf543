package engine

import (
	"slices"
	"testing"
	"time"
)

// TestMissing asks for what has not come after a little while, again after a round trip, and gives up in the end.
func TestMissing(t *testing.T) {
	begin := time.Unix(1_700_000_000, 0)
	m := missing{asks: true}
	m.skipped(65_534, 2, begin)
	ask := func(at time.Duration, trip time.Duration, want []uint16, lost bool) {
		t.Helper()
		got, gone := m.due(begin.Add(at), trip)
		if !slices.Equal(got, want) || gone != lost {
			t.Errorf("after %v: asks for %v, lost %v; want %v, %v", at, got, gone, want, lost)
		}
	}
	ask(missingWait-1, 0, nil, false)
	if m.came(0) {
		t.Error("one that is only late had been asked for")
	}
	ask(missingWait, 0, []uint16{65_534, 65_535, 1}, false)
	ask(missingWait+missingEvery-1, 0, nil, false)
	if !m.came(65_535) || m.came(65_535) || m.came(7) {
		t.Error("what had been asked for is not known, or more is")
	}
	ask(missingWait+missingEvery, 0, []uint16{65_534, 1}, false)
	ask(missingWait+missingEvery+40*time.Millisecond, 40*time.Millisecond, []uint16{65_534, 1}, false)
	ask(missingWait+missingEvery+41*time.Millisecond, time.Millisecond, nil, false) // as fast as it may be
	ask(missingForget, 0, nil, true)
	ask(missingForget+time.Second, 0, nil, false)
	if len(m.list) != 0 {
		t.Errorf("remembers %v", m.list)
	}
}

// TestMissingTries asks no more than so often.
func TestMissingTries(t *testing.T) {
	begin, asked := time.Unix(1_700_000_000, 0), 0
	m := missing{asks: true}
	m.skipped(5, 6, begin)
	for at := time.Duration(0); at < 2*missingForget; at += time.Millisecond {
		ask, lost := m.due(begin.Add(at), missingSoon)
		asked += len(ask)
		if lost {
			break
		}
	}
	if asked != missingTries || len(m.list) != 0 {
		t.Errorf("asked %d times, want %d; left %v", asked, missingTries, m.list)
	}
}

// TestMissingMany keeps the newest numbers of more than it can hold, and says that something is lost.
func TestMissingMany(t *testing.T) {
	begin := time.Unix(1_700_000_000, 0)
	m := missing{asks: true}
	m.skipped(0, 10, begin)
	m.skipped(20, 20+missingMost-5, begin)
	if len(m.list) != missingMost || m.list[0].seq != 5 || !m.beyond {
		t.Errorf("%d from %d on, beyond %v", len(m.list), m.list[0].seq, m.beyond)
	}
	m.skipped(1000, 1000+2*missingMost, begin)
	if len(m.list) != missingMost || m.list[0].seq != 1000+missingMost {
		t.Errorf("%d from %d on", len(m.list), m.list[0].seq)
	}
	if ask, lost := m.due(begin.Add(missingWait), 0); len(ask) != missingMost || !lost {
		t.Errorf("asks for %d, lost %v", len(ask), lost)
	}
	m.clear()
	if ask, lost := m.due(begin.Add(time.Minute), 0); ask != nil || lost {
		t.Errorf("after all: %v, %v", ask, lost)
	}
}

// TestMissingSilently notes a loss where the far side sends nothing again: only a key frame helps, and soon.
func TestMissingSilently(t *testing.T) {
	begin := time.Unix(1_700_000_000, 0)
	var m missing
	m.skipped(5, 6, begin)
	if ask, lost := m.due(begin.Add(missingEvery-1), 0); ask != nil || lost {
		t.Errorf("too soon: %v, %v", ask, lost)
	}
	if ask, lost := m.due(begin.Add(missingEvery), 0); ask != nil || !lost {
		t.Errorf("%v, %v, want a loss and no request", ask, lost)
	}
}
