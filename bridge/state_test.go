package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

func TestStateNext(t *testing.T) {
	s := bridge.NewState(bridge.Info{ID: "1", Rev: 77})
	want(t, "the first revision", s.Info().Rev, 1)
	info, err := s.Next(t.Context(), 0)
	want(t, "there is a first snapshot at once", info.ID, "1")
	want(t, "without an error", err, nil)
	want(t, "a change is made", s.Change(func(i *bridge.Info) { i.Phase = bridge.Alerting }), true)
	s.Change(func(i *bridge.Info) { i.Phase = bridge.Up })
	info, err = s.Next(t.Context(), 1)
	want(t, "what was missed is in the newest", info.Phase, bridge.Up)
	want(t, "with its revision", info.Rev, 3)
	want(t, "without an error", err, nil)
}

func TestStateNextContext(t *testing.T) {
	reason := errors.New("no time")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	s := bridge.NewState(bridge.Info{ID: "1"})
	if _, err := s.Next(ctx, 0); err != nil {
		t.Errorf("got %v, want the news that there is", err)
	}
	info, err := s.Next(ctx, 1)
	want(t, "the context's reason", err, reason)
	want(t, "and the snapshot", info.ID, "1")
}

func TestStateEnd(t *testing.T) {
	s := bridge.NewState(bridge.Info{})
	want(t, "not ended", s.Ended(), nil)
	s.Change(func(i *bridge.Info) { i.Pending, i.Transfer = true, &bridge.Transfer{To: "sip:101@pbx"} })
	first := &bridge.EndError{Cause: bridge.Busy, Remote: true}
	want(t, "the first end counts", s.End(first), true)
	want(t, "and no other", s.End(&bridge.EndError{}), false)
	want(t, "how it ended", s.Ended(), first)
	want(t, "nothing changes any more", s.Change(func(i *bridge.Info) { i.Phase = bridge.Up }), false)
	info, err := s.Next(t.Context(), 2)
	want(t, "the end is a snapshot first", err, nil)
	want(t, "it is over", info.Phase, bridge.Over)
	want(t, "no offer waits", info.Pending, false)
	want(t, "what it asked for last stays", info.Transfer != nil, true)
	for range 2 {
		info, err = s.Next(t.Context(), info.Rev)
		want(t, "then it is an error, every time", err, error(first))
		want(t, "with the last snapshot", info.Phase, bridge.Over)
	}
	want(t, "the context has ended", s.Context().Err(), context.Canceled)
	want(t, "with the end as its cause", context.Cause(s.Context()), error(first))
}

func TestStateManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bridge.NewState(bridge.Info{})
		var watchers sync.WaitGroup
		for range 20 {
			watchers.Go(func() {
				var phases []string
				rev := uint64(0)
				for {
					info, err := s.Next(context.Background(), rev)
					if err != nil {
						want(t, "the end", bridge.CauseOf(err), bridge.Declined)
						want(t, "what a watcher saw", strings.Join(phases, " "), "placed alerting early up over")
						return
					}
					if info.Rev <= rev {
						t.Errorf("revision %d after %d", info.Rev, rev)
					}
					rev = info.Rev
					phases = append(phases, info.Phase.String())
				}
			})
		}
		for _, p := range [...]bridge.Phase{bridge.Alerting, bridge.Early, bridge.Up} {
			time.Sleep(time.Second)
			s.Change(func(i *bridge.Info) { i.Phase = p })
		}
		time.Sleep(time.Second)
		s.End(&bridge.EndError{Cause: bridge.Declined})
		watchers.Wait()
	})
}

func TestStateKeepsItsOwnAttributes(t *testing.T) {
	attr := map[string]string{"room": "12"}
	s := bridge.NewState(bridge.Info{Attr: attr})
	attr["room"] = "13"
	want(t, "the caller's map is its own", s.Info().Attr["room"], "12")
}

func TestCauseNames(t *testing.T) {
	names := map[bridge.Cause]string{
		bridge.Normal: "normal", bridge.Busy: "busy", bridge.NoAnswer: "no answer", bridge.Declined: "declined",
		bridge.Cancelled: "cancelled", bridge.Elsewhere: "answered elsewhere", bridge.NotFound: "not found",
		bridge.Unreachable: "unreachable", bridge.Forbidden: "forbidden", bridge.Overload: "overload", bridge.Media: "media",
		bridge.Internal: "internal",
	}
	for cause := bridge.Normal; cause <= bridge.Internal; cause++ {
		want(t, "the name", cause.String(), names[cause])
	}
	want(t, "what is not a cause", (bridge.Internal + 1).String(), "unknown(12)")
	for phase, name := range map[bridge.Phase]string{
		bridge.Placed: "placed", bridge.Alerting: "alerting", bridge.Early: "early", bridge.Up: "up", bridge.Over: "over", 9: "unknown(9)",
	} {
		want(t, "the name", phase.String(), name)
	}
}

func TestEndError(t *testing.T) {
	for text, end := range map[string]*bridge.EndError{
		"bridge: ended: normal":                         {},
		"bridge: ended: busy by the far side":           {Cause: bridge.Busy, Remote: true},
		"bridge: ended: media: no codec":                {Cause: bridge.Media, Err: errors.New("no codec")},
		"bridge: ended: declined by the far side: nope": {Cause: bridge.Declined, Remote: true, Err: errors.New("nope")},
	} {
		want(t, "text", end.Error(), text)
	}
	inner := &bridge.EndError{Cause: bridge.Internal, Err: io.ErrUnexpectedEOF}
	err := fmt.Errorf("hotel: room 12: %w", &bridge.EndError{Cause: bridge.Unreachable, Err: inner})
	end, ok := errors.AsType[*bridge.EndError](err)
	want(t, "there is an end in the chain", ok, true)
	want(t, "the outermost is found", end.Cause, bridge.Unreachable)
	want(t, "the chain goes on below it", errors.Is(err, io.ErrUnexpectedEOF), true)
	want(t, "the cause of the chain", bridge.CauseOf(err), bridge.Unreachable)
	want(t, "the cause of nothing", bridge.CauseOf(nil), bridge.Normal)
	want(t, "the cause of anything else", bridge.CauseOf(io.EOF), bridge.Internal)
}
