package sip_test

import (
	"slices"
	"sync"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

func (g *gambler) stands() bool { return g.leg != nil && g.leg.Info().Phase != bridge.Over }

// atRest checks a call in which nobody has done anything for long: both sides think that it is up, and agree on its media.
func atRest(t *testing.T, caller, called *gambler) {
	t.Helper()
	if !caller.stands() || !called.stands() {
		t.Errorf("the call stands at the caller: %v, at the called side: %v", caller.stands(), called.stands())
		return
	}
	for name, g := range map[string]*gambler{"caller": caller, "called side": called} {
		if info := g.leg.Info(); info.Phase != bridge.Up || info.Pending {
			t.Errorf("%s: %s, pending %v", name, info.Phase, info.Pending)
		}
	}
	a, ok := caller.leg.Media().Plan().Find(media.Audio)
	b, ok2 := called.leg.Media().Plan().Find(media.Audio)
	if !ok || !ok2 || a.Dir != b.Dir.Reverse() || !slices.ContainsFunc(a.Codecs, func(c media.Codec) bool { return slices.ContainsFunc(b.Codecs, c.Matches) }) {
		t.Errorf("the caller has %v, the called side %v", a, b)
	}
}

// endsAgree checks what the two sides have seen, and returns how the call ended for the caller.
func endsAgree(t *testing.T, caller, called *gambler) bridge.Cause {
	t.Helper()
	a, b := caller.ended(t, "caller"), called.ended(t, "called side")
	switch {
	case a == nil: // Dial failed: the caller has withdrawn, or was refused
		return bridge.Cancelled
	case b == nil:
		if !caller.leg.Info().Answered.IsZero() {
			t.Error("the call was up at the caller alone")
		}
		return a.Cause
	}
	if a.Remote && b.Remote {
		t.Errorf("each side was told of the end by the other: %v, %v", a, b)
	}
	if !caller.leg.Info().Answered.IsZero() && called.leg.Info().Answered.IsZero() {
		t.Error("the call was up at the caller alone")
	}
	return a.Cause
}

// ended checks what one side has seen, and returns how its leg ended; nil if it had none.
func (g *gambler) ended(t *testing.T, name string) *bridge.EndError {
	t.Helper()
	if g.leg == nil {
		return nil
	}
	g.work.Wait()
	last := bridge.Info{}
	for _, info := range g.infos {
		if info.Rev <= last.Rev || info.Phase < last.Phase || last.Phase == bridge.Over {
			t.Errorf("%s: revision %d in %s after %d in %s", name, info.Rev, info.Phase, last.Rev, last.Phase)
		}
		last = info
	}
	end := g.leg.Ended()
	if end == nil {
		t.Fatalf("%s: the leg stands in %s", name, g.leg.Info().Phase)
	}
	return end
}

// wireLog writes down what one agent sends, before the network has it.
type wireLog struct {
	mu     sync.Mutex
	byes   map[string]bool // branches
	finals map[string]map[int]bool
	others []string // what may not be
}

func newWireLog() *wireLog {
	return &wireLog{byes: map[string]bool{}, finals: map[string]map[int]bool{}}
}

func (w *wireLog) sent(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	msg, err := sipmsg.ParseMessage(b)
	if err != nil {
		w.others = append(w.others, err.Error())
		return
	}
	branch, _ := msg.Via().Params.Get("branch")
	switch m := msg.(type) {
	case *sipmsg.Request:
		if m.Method == sipmsg.BYE {
			w.byes[branch] = true
		}
	case *sipmsg.Response:
		if m.StatusCode < 200 {
			return
		}
		key := string(m.CSeq().MethodName) + " " + branch
		if w.finals[key] == nil {
			w.finals[key] = map[int]bool{}
		}
		w.finals[key][m.StatusCode] = true
	}
}

// check holds that each thing was told once: one BYE, and one final response to each request.
func (w *wireLog) check(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.byes) > 1 {
		t.Errorf("%d times BYE", len(w.byes))
	}
	for key, statuses := range w.finals {
		if len(statuses) > 1 {
			t.Errorf("%s was answered %v", key, statuses)
		}
	}
	if len(w.others) > 0 {
		t.Errorf("sent: %v", w.others)
	}
}
