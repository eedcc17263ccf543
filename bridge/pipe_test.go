package bridge_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// upPipe returns the two legs of a pipe that is up.
func upPipe(t *testing.T, offer, answer media.Plan) (near, far bridge.Leg) {
	t.Helper()
	near, far = bridge.Pipe(offer)
	if err := near.Answer(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	return near, far
}

func endPipe(t *testing.T, leg bridge.Leg) {
	t.Helper()
	if err := leg.Hangup(t.Context(), bridge.Normal); err != nil {
		t.Error(err)
	}
}

func TestPipeBegins(t *testing.T) {
	near, far := bridge.Pipe(both())
	n, f := near.Info(), far.Info()
	want(t, "near waits", n.Phase, bridge.Placed)
	want(t, "with an offer", n.Pending, true)
	want(t, "of the plan", n.Far.String(), both().String())
	want(t, "far knows nothing yet", f.Far.String(), "nothing")
	want(t, "nothing is agreed", near.Media().Plan().String(), "nothing")
	want(t, "the caller is the same for both", n.From, f.From)
	want(t, "no time of an answer", n.Answered.IsZero(), true)
	other, _ := bridge.Pipe(both())
	ids := map[string]bool{n.ID: true, f.ID: true, other.Info().ID: true}
	want(t, "every leg has an id of its own", len(ids), 3)
}

func TestPipeWithoutACodec(t *testing.T) {
	near, _ := bridge.Pipe(media.Plan{})
	want(t, "there is no offer", near.Info().Pending, false)
	err := near.Answer(t.Context(), both())
	want(t, "and no agreement", errors.Is(err, media.ErrNoCommonCodec), true)
	want(t, "so it is not accepted", near.Info().Phase, bridge.Placed)
	endPipe(t, near)
}

func TestPipeRing(t *testing.T) {
	near, far := bridge.Pipe(both())
	if err := far.Ring(t.Context(), nil); err != nil || near.Info().Phase != bridge.Placed {
		t.Errorf("ringing a dialled leg came to %v, %v, want nothing", near.Info().Phase, err)
	}
	for _, step := range []struct {
		early media.Plan
		want  bridge.Phase
	}{{nil, bridge.Alerting}, {onlyA(), bridge.Early}, {nil, bridge.Early}, {onlyU(), bridge.Early}} {
		if err := near.Ring(t.Context(), step.early); err != nil {
			t.Fatal(err)
		}
		want(t, "near", near.Info().Phase, step.want)
		want(t, "far", far.Info().Phase, step.want)
	}
	want(t, "early media stands", agreed(far), "PCMA")
	if err := far.Answer(t.Context(), nil); err != nil {
		t.Errorf("got %v, want nothing: who dialled does not accept", err)
	}
	want(t, "it rings on", near.Info().Phase, bridge.Early)
	want(t, "nobody has answered", near.Info().Answered.IsZero(), true)
	if err := near.Answer(t.Context(), onlyU()); err != nil {
		t.Fatal(err)
	}
	want(t, "accepted", far.Info().Phase, bridge.Up)
	want(t, "what was agreed early stands", agreed(far), "PCMA")
	endPipe(t, far)
}

// TestPipeMediaFollow: what a pipe's legs send is what they have agreed on, which way they have agreed on, and it ends with them.
func TestPipeMediaFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := bridge.Pipe(both())
		here, there := near.Media().Stream(media.Audio), far.Media().Stream(media.Audio)
		want(t, "nothing is sent before there is an agreement", here.Codec(), media.Codec{})
		if err := near.Answer(t.Context(), onlyU()); err != nil {
			t.Fatal(err)
		}
		want(t, "near sends what was answered", here.Codec(), media.PCMU())
		want(t, "and so does far", there.Codec(), media.PCMU())
		other := media.PCMA()
		want(t, "nothing else", errors.Is(here.Write(&media.Packet{Codec: &other}), media.ErrNoCommonCodec), true)

		atNear, atFar := listen(t, near), listen(t, far)
		atNear.hears(t, far, "hello")
		var offer sync.WaitGroup
		offer.Go(func() {
			if err := far.Update(t.Context(), hold(onlyU())); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if err := near.Answer(t.Context(), onlyU()); err != nil {
			t.Fatal(err)
		}
		offer.Wait()
		atFar.silent(t, near)
		atNear.hears(t, far, "music")

		endPipe(t, near)
		atNear.done.Wait() // without a word
		atFar.done.Wait()
		want(t, "who talks on is told", errors.Is(here.Write(&media.Packet{}), media.ErrClosed), true)
	})
}

func TestPipeRingOnceUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, both(), both())
		answered := far.Info().Answered
		want(t, "the time of the answer is known", answered, time.Now())
		time.Sleep(time.Second)
		var offer sync.WaitGroup
		offer.Go(func() { _ = far.Update(t.Context(), hold(both())) })
		synctest.Wait()
		if err := near.Ring(t.Context(), both()); err != nil {
			t.Error(err)
		}
		want(t, "it is too late for early media", near.Info().Pending, true)
		if err := near.Answer(t.Context(), both()); err != nil {
			t.Error(err)
		}
		offer.Wait()
		want(t, "an answer to an offer is not the answer to the call", far.Info().Answered, answered)
		endPipe(t, far)
	})
}

func TestPipeEarlyWithoutACommonCodec(t *testing.T) {
	near, far := bridge.Pipe(onlyU())
	want(t, "error", errors.Is(near.Ring(t.Context(), onlyA()), media.ErrNoCommonCodec), true)
	want(t, "the offer waits on", near.Info().Pending, true)
	want(t, "nothing has rung", far.Info().Phase, bridge.Placed)
	endPipe(t, near)
}

func TestPipeUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, both(), both())
		rev := far.Info().Rev
		if err := near.Update(t.Context(), both()); err != nil {
			t.Fatal(err)
		}
		want(t, "nothing would change, so nothing is said", far.Info().Rev, rev)

		var offer sync.WaitGroup
		offer.Go(func() {
			if err := near.Update(t.Context(), hold(onlyA())); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		want(t, "the offer waits", far.Info().Pending, true)
		want(t, "it holds", dir(far.Info().Far), media.SendOnly)
		want(t, "what stands has not changed", agreed(near), "PCMA+PCMU")
		if err := far.Answer(t.Context(), both()); err != nil {
			t.Fatal(err)
		}
		offer.Wait()
		want(t, "now it has", agreed(near), "PCMA")
		want(t, "for both", agreed(far), "PCMA")
		want(t, "who is held is not thought to hold", dir(near.Info().Far), media.SendRecv)
		if err := far.Answer(t.Context(), onlyU()); err != nil {
			t.Errorf("got %v, want nothing: no offer waits", err)
		}
		want(t, "an answer to nothing changes nothing", agreed(far), "PCMA")
		want(t, "nor does it make an offer", near.Info().Pending, false)
		endPipe(t, near)
	})
}

func TestPipeRefusedOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, both(), both())
		var offer sync.WaitGroup
		offer.Go(func() {
			if err := near.Update(t.Context(), hold(onlyA())); err == nil {
				t.Error("the offer was taken")
			}
		})
		synctest.Wait()
		want(t, "it cannot be answered with another codec", errors.Is(far.Answer(t.Context(), onlyU()), media.ErrNoCommonCodec), true)
		offer.Wait()
		want(t, "it does not wait any more", far.Info().Pending, false)
		want(t, "what near said before it counts", dir(far.Info().Far), media.SendRecv)
		want(t, "what stood stands", agreed(far), "PCMA+PCMU")
		offer.Go(func() {
			if err := far.Update(t.Context(), hold(both())); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(5 * time.Second)
		offer.Wait()
		want(t, "near answers with what stands, not with what was refused", dir(far.Info().Far), media.SendRecv)
		endPipe(t, near)
	})
}

func TestPipeUpdatesQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, both(), both())
		var offers sync.WaitGroup
		offers.Go(func() {
			if err := near.Update(t.Context(), hold(both())); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for _, d := range [...]media.Direction{media.SendOnly, media.RecvOnly} { // one asks for the same, one for something else
			offers.Go(func() {
				if err := near.Update(t.Context(), turned(both(), d)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		want(t, "the first goes first", dir(far.Info().Far), media.SendOnly)
		if err := far.Answer(t.Context(), both()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want(t, "what is not said yet comes next", far.Info().Pending, true)
		want(t, "and says", dir(far.Info().Far), media.RecvOnly)
		if err := far.Answer(t.Context(), both()); err != nil {
			t.Fatal(err)
		}
		offers.Wait()
		want(t, "no offer waits", far.Info().Pending, false)
		endPipe(t, near)
	})
}

func TestPipeUpdateBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := bridge.Pipe(both())
		var offer sync.WaitGroup
		offer.Go(func() {
			if err := near.Update(t.Context(), hold(both())); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		want(t, "the caller's offer comes first", near.Info().Pending, true)
		if err := near.Answer(t.Context(), both()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want(t, "then near's", dir(far.Info().Far), media.SendOnly)
		if err := far.Answer(t.Context(), both()); err != nil {
			t.Fatal(err)
		}
		offer.Wait()
		endPipe(t, near)
	})
}

func TestPipeUpdateContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reason := errors.New("no time")
		near, far := upPipe(t, both(), both())
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, reason)
		defer cancel()
		want(t, "the context's reason", near.Update(ctx, hold(both())), reason)
		want(t, "the offer goes on", far.Info().Pending, true)
		if err := far.Answer(t.Context(), both()); err != nil {
			t.Fatal(err)
		}
		want(t, "and is answered", dir(far.Info().Far), media.SendOnly)
		endPipe(t, near)
	})
}

func TestPipeHangup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, both(), both())
		var offer sync.WaitGroup
		offer.Go(func() {
			err := far.Update(t.Context(), hold(both()))
			end, ok := errors.AsType[*bridge.EndError](err)
			want(t, "an offer ends with the call", ok, true)
			want(t, "with its cause", end.Cause, bridge.Declined)
		})
		synctest.Wait()
		for range 2 {
			if err := near.Hangup(t.Context(), bridge.Declined); err != nil {
				t.Error(err)
			}
		}
		offer.Wait()
		time.Sleep(10 * time.Second) // the offer's timer has nothing to do
		for name, test := range map[string]struct {
			leg    bridge.Leg
			remote bool
		}{"near": {near, false}, "far": {far, true}} {
			_, err := test.leg.Next(t.Context(), test.leg.Info().Rev)
			end, _ := errors.AsType[*bridge.EndError](err)
			want(t, name+": who ended it", *end, bridge.EndError{Cause: bridge.Declined, Remote: test.remote})
			for what, err := range map[string]error{
				"ring": test.leg.Ring(t.Context(), nil), "answer": test.leg.Answer(t.Context(), nil), "update": test.leg.Update(t.Context(), onlyA()),
			} {
				want(t, name+": "+what+" after the end", bridge.CauseOf(err), bridge.Declined)
			}
		}
	})
}

func TestPipeSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := upPipe(t, both(), both())
		ears := [...]*ear{listen(t, near), listen(t, far)}
		ears[0].hears(t, far, "from far")
		ears[1].hears(t, near, "from near")
		for _, e := range ears {
			e.close(t)
		}
		endPipe(t, near)
	})
}
