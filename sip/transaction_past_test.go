package sip

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestPast keeps each entry for 32 seconds, and a second more at the most, with one timer for all.
func TestPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		left := map[int]time.Time{}
		p := past[int]{forgotten: func(v int) { left[v] = time.Now() }}
		sweep := func() {
			mu.Lock()
			defer mu.Unlock()
			p.sweep()
		}
		const n, every = 500, 90 * time.Millisecond
		begun := time.Now()
		for i := range n {
			mu.Lock()
			p.add(mark(i), i, sweep)
			mu.Unlock()
			time.Sleep(every)
		}
		time.Sleep(giveUp + sweepEvery)
		synctest.Wait()
		for i := range n {
			at, ok := left[i]
			if stay := at.Sub(begun.Add(time.Duration(i) * every)); !ok || stay < giveUp || stay > giveUp+sweepEvery {
				t.Fatalf("entry %d stayed for %v", i, stay)
			}
		}
		if p.entries != nil || p.queue != nil || p.timer != nil {
			t.Errorf("%d entries and a queue of %d are left", len(p.entries), len(p.queue))
		}
		p.add(1, 1, sweep)
		p.close()
		time.Sleep(2 * giveUp)
	})
}

// TestPastLimit takes nothing new while as much is kept as may be.
func TestPastLimit(t *testing.T) {
	txs := newTransactions()
	txs.answered.entries = map[mark]*spent{}
	filler := new(spent)
	for n := range maxPast + maxTransactions {
		txs.answered.entries[mark(n)] = filler
	}
	if !txs.full(false) || txs.full(true) {
		t.Errorf("full for new calls: %v, for those that stand: %v", txs.full(false), txs.full(true))
	}
}

// TestPastTwice adds an entry again whose key is there, which forgets it once.
func TestPastTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		txs := newTransactions()
		txs.mu.Lock()
		for range 2 {
			txs.answered.add(1, &spent{merge: 2}, txs.sweep)
		}
		txs.mu.Unlock()
		time.Sleep(giveUp + sweepEvery)
		synctest.Wait()
		if server, _ := txs.counts(); server != 0 {
			t.Errorf("%d are kept", server)
		}
	})
}
