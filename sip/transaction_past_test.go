package sip

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// kept is what a test keeps.
type kept struct {
	loose bool
	size  int
}

func (k kept) pack(w *packer) {
	w.unable = k.loose
	w.bytes(make([]byte, k.size))
}

// TestPast keeps each entry for 32 seconds, and a second more at the most, with one timer for all.
func TestPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		left := map[mark]time.Time{}
		p := past[kept]{forgotten: func(other mark) { left[other] = time.Now() }, unpack: func([]byte) kept { return kept{} }}
		sweep := func() {
			mu.Lock()
			defer mu.Unlock()
			p.sweep()
		}
		const n, every = 500, 90 * time.Millisecond
		begun := time.Now()
		for i := range n {
			mu.Lock()
			p.add(mark(i), mark(2*i), kept{loose: i%3 == 0, size: 1000 * i}, sweep)
			if i%5 == 0 {
				p.find(mark(i))
			}
			mu.Unlock()
			time.Sleep(every)
		}
		time.Sleep(giveUp + sweepEvery)
		synctest.Wait()
		for i := range n {
			at, ok := left[mark(2*i)]
			if stay := at.Sub(begun.Add(time.Duration(i) * every)); !ok || stay < giveUp || stay > giveUp+sweepEvery {
				t.Fatalf("entry %d stayed for %v", i, stay)
			}
		}
		if p.loose != nil || p.packed.places != nil || p.packed.blocks != nil || p.queue != nil || p.timer != nil {
			t.Errorf("%d entries, %d blocks and a queue of %d are left", p.len(), len(p.packed.blocks), len(p.queue))
		}
		p.add(1, 1, kept{}, sweep)
		p.close()
		time.Sleep(2 * giveUp)
	})
}

// TestPastLimit takes nothing new while as much is kept as may be.
func TestPastLimit(t *testing.T) {
	txs := newTransactions(nil)
	txs.answered.loose, txs.answered.packed.places = map[mark]*spent{}, map[mark]place{}
	for n := range (maxPast + maxTransactions) / 2 {
		txs.answered.loose[mark(n)], txs.answered.packed.places[mark(n)] = nil, place{}
	}
	if !txs.full(false) || txs.full(true) {
		t.Errorf("full for new calls: %v, for those that stand: %v", txs.full(false), txs.full(true))
	}
}

// TestPastTwice adds an entry again whose key is there, which forgets it once.
func TestPastTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		txs := newTransactions(nil)
		txs.mu.Lock()
		for range 2 {
			txs.answered.add(1, 2, &spent{text: []byte("x")}, txs.sweep)
		}
		txs.mu.Unlock()
		if server, _ := txs.counts(); server != 1 {
			t.Errorf("%d are kept, want one", server)
		}
		time.Sleep(giveUp + sweepEvery)
		synctest.Wait()
		if server, _ := txs.counts(); server != 0 {
			t.Errorf("%d are kept", server)
		}
	})
}
