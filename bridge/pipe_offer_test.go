package bridge_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

func TestPipeUnansweredOffer(t *testing.T) {
	for name, test := range map[string]struct {
		answer, offer media.Plan
		taken         bool
	}{
		"is answered with what stands":    {both(), hold(both()), true},
		"is refused if that is of no use": {onlyU(), onlyA(), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := upPipe(t, both(), test.answer)
				begun := time.Now()
				err := far.Update(t.Context(), test.offer)
				want(t, "taken", err == nil, test.taken)
				want(t, "after four seconds", time.Since(begun), 4*time.Second)
				want(t, "it does not wait any more", near.Info().Pending, false)
				endPipe(t, far)
			})
		})
	}
}

func TestPipeEachOfferHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, both(), both())
		var offer sync.WaitGroup
		offer.Go(func() { _ = far.Update(t.Context(), hold(both())) })
		time.Sleep(3 * time.Second)
		if err := near.Answer(t.Context(), both()); err != nil {
			t.Fatal(err)
		}
		offer.Wait()
		begun := time.Now()
		if err := far.Update(t.Context(), both()); err != nil {
			t.Error(err)
		}
		want(t, "the second offer's time is its own", time.Since(begun), 4*time.Second)
		endPipe(t, near)
	})
}

func TestPipeAnswersWithWhatStands(t *testing.T) {
	// Near holds; an offer of far's that nobody answers must not end that.
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, both(), both())
		var offer sync.WaitGroup
		offer.Go(func() {
			if err := near.Update(t.Context(), hold(both())); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if err := far.Answer(t.Context(), both()); err != nil {
			t.Fatal(err)
		}
		offer.Wait()
		if err := far.Update(t.Context(), onlyA()); err != nil {
			t.Error(err)
		}
		want(t, "the codec has changed", agreed(near), "PCMA")
		want(t, "near holds as before", dir(far.Media().Plan()), media.SendOnly)
		endPipe(t, near)
	})
}

func TestPipeUnansweredOfferOfAnAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, nil, onlyA())
		want(t, "the acceptance has an offer", far.Info().Pending, true)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		want(t, "it is answered with all there is", far.Info().Pending, false)
		want(t, "and agreed", agreed(near), "PCMA")
		endPipe(t, near)
	})
}

func TestPipeRefusedAcceptance(t *testing.T) {
	// An acceptance with an offer that cannot be answered leaves a call without media: that is its end.
	near, far := upPipe(t, nil, onlyA())
	want(t, "the reason", errors.Is(far.Answer(t.Context(), onlyU()), media.ErrNoCommonCodec), true)
	for name, leg := range map[string]bridge.Leg{"near": near, "far": far} {
		want(t, "the end of "+name, causeOf(t, leg), bridge.Media)
	}
}

func TestPipeOfferCrossesOneThatCannotBeMet(t *testing.T) {
	// Far wants another codec at the moment when near holds: the hold is answered with what stands, and is not lost with the wish.
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, onlyU(), onlyU())
		var offer sync.WaitGroup
		offer.Go(func() {
			if err := near.Update(t.Context(), hold(onlyU())); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		want(t, "there is no such codec here", errors.Is(far.Update(t.Context(), onlyA()), media.ErrNoCommonCodec), true)
		offer.Wait()
		want(t, "far knows of the hold", dir(far.Info().Far), media.SendOnly)
		endPipe(t, near)
	})
}

func TestPipeOffersCross(t *testing.T) {
	for name, test := range map[string]struct {
		near, far media.Plan
		wait      time.Duration
	}{
		"two holds": {hold(both()), hold(both()), 0},
		"the same":  {hold(onlyU()), onlyU(), 0},
		// One of the two is refused, the other is offered again to a party that leaves it to its leg.
		"two codecs": {onlyU(), onlyA(), 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				near, far := upPipe(t, both(), both())
				var offers sync.WaitGroup
				offers.Go(func() { _ = near.Update(t.Context(), test.near) })
				offers.Go(func() { _ = far.Update(t.Context(), test.far) })
				offers.Wait()
				want(t, "none waits", near.Info().Pending || far.Info().Pending, false)
				want(t, "both agree on codecs", agreed(near), agreed(far))
				want(t, "far knows near's direction", dir(far.Info().Far), dir(test.near))
				want(t, "near knows far's direction", dir(near.Info().Far), dir(test.far))
				want(t, "the time it took", time.Since(begun), test.wait)
				endPipe(t, near)
			})
		})
	}
}

func TestPipeMuteShowsAfterHold(t *testing.T) {
	// Who is held cannot say in its answer that it is muted: it shows when the hold is over.
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, both(), both())
		muted := turned(both(), media.RecvOnly)
		for _, offer := range [...]media.Plan{hold(both()), both()} {
			var update sync.WaitGroup
			update.Go(func() {
				if err := near.Update(t.Context(), offer); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
			if err := far.Answer(t.Context(), muted); err != nil {
				t.Fatal(err)
			}
			update.Wait()
		}
		want(t, "near knows", dir(near.Info().Far), media.RecvOnly)
		endPipe(t, near)
	})
}
