package main_test

import (
	"errors"
	"net/netip"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
)

// newOperator starts an agent that calls and is called by nobody.
func newOperator(t *testing.T) *sip.Agent {
	t.Helper()
	local := netip.MustParseAddr("127.0.0.1")
	media, err := engine.Listen("127.0.0.1:0", &engine.Options{PublicIP: local})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = media.Close() })
	operator, err := sip.Listen("127.0.0.1:0", media, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = operator.Close() })
	return operator
}

// reach calls somebody, who answers, and takes what offers come in that call.
func reach(t *testing.T, operator *sip.Agent, uri string) *sip.Leg {
	t.Helper()
	dialled, err := operator.Dial(program.Within(t), uri, nil)
	for info := (bridge.Info{}); err == nil && info.Phase != bridge.Up; {
		info, err = dialled.Next(program.Within(t), info.Rev)
	}
	if err != nil {
		t.Fatal(err)
	}
	leg, ok := dialled.(*sip.Leg)
	if !ok {
		t.Fatalf("a %T, want a SIP leg", dialled)
	}
	var attending sync.WaitGroup
	attending.Go(func() {
		ctx := t.Context()
		for info, err := leg.Next(ctx, 0); err == nil; info, err = leg.Next(ctx, info.Rev) {
			if info.Pending {
				_ = leg.Answer(ctx, nil) // what goes wrong shows in the sound
			}
		}
	})
	t.Cleanup(attending.Wait)
	return leg
}

// TestInteropHotelReferred has an operator, who is an agent of ours, ask each phone to call the room: the phone calls the Echo and tells
// the operator that it is answered.
func TestInteropHotelReferred(t *testing.T) {
	t.Parallel()
	for name, begin := range handsets {
		t.Run(name, func(t *testing.T) {
			testutil.Need(t, name)
			t.Parallel()
			h, l, operator := begin(t), newLobby(t, nil), newOperator(t)
			l.open(t, false)
			leg := reach(t, operator, h.uri())
			if err := leg.Refer(program.Within(t), "sip:room-101@"+l.sip); err != nil {
				t.Fatal(err)
			}
			if err := leg.Hangup(program.Within(t), bridge.Normal); err != nil {
				t.Fatal(err)
			}
			echo, err := l.room.NextCall(program.Within(t))
			if err != nil {
				t.Fatal(err)
			}
			h.talks(t, echo)
			if err := echo.Hangup(program.Within(t)); err != nil {
				t.Fatal(err)
			}
			h.idle(t)
			l.shut(t)
			l.quiet(t)
		})
	}
}

// TestInteropHotelReferredRefused has an operator ask each phone to call a room that does not exist: the phone tells what it was told.
func TestInteropHotelReferredRefused(t *testing.T) {
	t.Parallel()
	for name, begin := range handsets {
		t.Run(name, func(t *testing.T) {
			testutil.Need(t, name)
			t.Parallel()
			h, l, operator := begin(t), newLobby(t, nil), newOperator(t)
			l.open(t, false)
			leg := reach(t, operator, h.uri())
			err := leg.Refer(program.Within(t), "sip:room-999@"+l.sip)
			if e, ok := errors.AsType[*sip.Error](err); !ok || e.Status != 404 {
				t.Errorf("the transfer ended with %v, want status 404", err)
			}
			if leg.Ended() != nil {
				t.Error("the call has ended")
			}
			if err := leg.Hangup(program.Within(t), bridge.Normal); err != nil {
				t.Fatal(err)
			}
			l.shut(t)
		})
	}
}

// TestInteropHotelReferredAttended has an operator put linphonec through to the room that the operator has called first: linphonec calls
// the room, and takes the operator's place there. Baresip 1.0 leaves the Replaces out of what it is asked to call.
func TestInteropHotelReferredAttended(t *testing.T) {
	testutil.Need(t, "linphonec")
	t.Parallel()
	h, l, operator := startLinphone(t), newLobby(t, nil), newOperator(t)
	l.open(t, false)
	first, second := reach(t, operator, h.uri()), reach(t, operator, "sip:room-101@"+l.sip)
	echo, err := l.room.NextCall(program.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.ReferTo(program.Within(t), second); err != nil {
		t.Fatal(err)
	}
	program.Eventually(t, "the operator's call with the room is replaced", func() bool { return second.Ended() != nil })
	if err := first.Hangup(program.Within(t), bridge.Normal); err != nil {
		t.Fatal(err)
	}
	h.talks(t, echo)
	if n := len(l.room.Calls()); n != 1 {
		t.Errorf("the Echo has %d calls, want the one", n)
	}
	if err := echo.Hangup(program.Within(t)); err != nil {
		t.Fatal(err)
	}
	h.idle(t)
	l.shut(t)
	l.quiet(t)
}
