package media_test

import (
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
)

// TestReadersSideBySide lets quick, slow and leaving readers listen to one source: the quick miss nothing, the slow lose what they
// are too slow for, and nobody holds up the source.
func TestReadersSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const packets, tick = 1000, 20 * time.Millisecond
		var f media.Fanout
		var all sync.WaitGroup
		listen := func(name string, pace time.Duration, until int) {
			r := f.Open()
			all.Go(func() {
				defer r.Close()
				heard, last := 0, -1
				buf := make([]byte, 2048)
				var p media.Packet
				for heard < until {
					err := r.Read(buf, &p)
					if errors.Is(err, media.ErrChanged) {
						continue
					}
					if err != nil {
						break
					}
					if int(p.Seq) <= last || p.Payload[0] != byte(p.Seq) {
						t.Errorf("%s hears %d with %d after %d", name, p.Seq, p.Payload[0], last)
					}
					last = int(p.Seq)
					heard++
					time.Sleep(pace)
				}
				if until > packets && heard+int(r.Lost()) != packets {
					t.Errorf("%s has heard %d and lost %d of %d", name, heard, r.Lost(), packets)
				}
				if (r.Lost() > 0) != (name == "slow") {
					t.Errorf("%s has lost %d", name, r.Lost())
				}
			})
		}
		listen("quick", 0, packets+1)
		listen("even", tick, packets+1)
		listen("slow", 3*tick, packets+1)
		listen("leaving", 0, 100)
		began := time.Now()
		for n := range packets {
			f.Deliver(voice(n))
			if n%300 == 299 {
				f.Change()
			}
			if n == 500 {
				listen("late", 0, 200)
			}
			time.Sleep(tick)
		}
		if took := time.Since(began); took != packets*tick {
			t.Errorf("the source needed %v for %v of sound", took, packets*tick)
		}
		f.Close()
		all.Wait()
	})
}

// TestReadersUnderStress has everything that may be called at once called at once; the race detector judges.
func TestReadersUnderStress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f media.Fanout
		var sources, listeners sync.WaitGroup
		for range 3 {
			sources.Go(func() {
				for n := range 2000 {
					f.Deliver(voice(n))
					_ = f.Active()
				}
			})
		}
		sources.Go(func() {
			for range 200 {
				f.Change()
			}
		})
		for i := range 4 {
			listeners.Go(func() {
				buf := make([]byte, 2048)
				var p media.Packet
				for round := 0; ; round++ {
					r := f.Open()
					listeners.Go(func() { _ = r.Lost() })
					for range 50 * (i + 1) {
						switch err := r.Read(buf, &p); {
						case err == nil || errors.Is(err, media.ErrChanged):
						case errors.Is(err, io.EOF):
							_ = r.Close()
							return
						default:
							t.Errorf("Read: %v", err)
							return
						}
					}
					_ = r.Close()
				}
			})
		}
		sources.Wait()
		f.Close()
		listeners.Wait()
		if f.Active() {
			t.Error("readers are left")
		}
	})
}
