package alexa_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
)

// notes is a journal in memory.
type notes struct {
	mu     sync.Mutex
	calls  []alexa.OpenCall
	ever   int
	opened func() // looks on
	err    error  // of everything
}

func (n *notes) Open(c alexa.OpenCall) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opened != nil {
		n.opened()
	}
	if n.err != nil {
		return n.err
	}
	n.ever++
	n.calls = append(n.calls, c)
	return nil
}

func (n *notes) Closed(id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = slices.DeleteFunc(n.calls, func(c alexa.OpenCall) bool { return c.SessionID == id })
	return n.err
}

func (n *notes) Pending() ([]alexa.OpenCall, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.calls), n.err
}

// journal has a skill take notes.
func journal(n *notes) props {
	return props{skill: func(k *alexa.Skill) { k.Journal = n }}
}

// TestCallsAreNoted looks into the journal through calls of both directions: they are there before the first message, and until Alexa
// knows of their end.
func TestCallsAreNoted(t *testing.T) {
	n := &notes{}
	play(t, journal(n), func(t *testing.T, s *stage) {
		n.opened = func() {
			if tries := len(s.wire.all()); tries != 0 {
				t.Errorf("%d messages went before the call was noted", tries)
			}
		}
		call, phone := s.deviceTalks()
		wantPending(t, n, call.SessionID())
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
		synctest.Wait()
		wantPending(t, n)
		n.opened = nil
		call, _ = s.phoneTalks()
		wantPending(t, n, call.SessionID())
		must(t, call.Hangup(t.Context()))
		synctest.Wait()
		wantPending(t, n)
		_, err := s.skill.Dial(t.Context(), "nobody", nil)
		if bridge.CauseOf(err) != bridge.NotFound || n.ever != 3 {
			t.Errorf("got %v, %d calls noted", err, n.ever)
		}
		synctest.Wait()
		wantPending(t, n)
	})
}

// TestJournalNeverFailsACall has a journal that does nothing but fail.
func TestJournalNeverFailsACall(t *testing.T) {
	n := &notes{err: errors.New("disk full")}
	play(t, journal(n), func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
		call, _ = s.phoneTalks()
		must(t, call.Hangup(t.Context()))
		synctest.Wait()
		if got := strings.Count(s.log.String(), "disk full"); got < 4 {
			t.Errorf("the log has %d failures of the journal", got)
		}
	})
}

// forget ends a call in the first skill too, which has not died.
func (s *stage) forget(call *alexatest.Call) {
	s.t.Helper()
	s.cloud.SetSkillHandler(s.skill)
	s.send(map[string]any{
		"type": string(alexa.CallEnded), "sessionId": call.SessionID(), "callResult": map[string]any{"code": "SUCCESS"},
	})
}

// TestLeftBehind ends calls of a process before: one that stands, one that Alexa has ended, and one that she does not know.
func TestLeftBehind(t *testing.T) {
	n := &notes{}
	var standing, over *alexatest.Call
	play(t, props{}, func(t *testing.T, s *stage) {
		standing, _ = s.deviceTalks()
		over, _ = s.deviceTalks()
		must(t, over.Hangup(t.Context()))
		synctest.Wait()
		n.calls = []alexa.OpenCall{{SessionID: standing.SessionID()}, {SessionID: over.SessionID()}, {SessionID: "nobody's"}}
		next := s.newSkill(journal(n))
		must(t, next.Recover(t.Context()))
		s.took(0)
		s.wantEnded(standing, "INTERNAL_ERROR")
		wantPending(t, n)
		must(t, next.Recover(t.Context()))
		must(t, next.Drain(t.Context()))
		if err := next.Recover(t.Context()); err == nil {
			t.Error("Recover after Drain")
		}
		s.forget(standing)
	})
}

// TestLeftBehindWithoutRecover ends them with the first use of the skill.
func TestLeftBehindWithoutRecover(t *testing.T) {
	n := &notes{}
	play(t, props{}, func(t *testing.T, s *stage) {
		call, _ := s.deviceTalks()
		n.calls = []alexa.OpenCall{{SessionID: call.SessionID()}}
		next := s.newSkill(journal(n))
		_ = next.Stats()
		s.wantEnded(call, "INTERNAL_ERROR")
		must(t, next.Drain(t.Context()))
		s.forget(call)
	})
}

// TestLeftBehindAndAlexaDown goes on until Alexa is back.
func TestLeftBehindAndAlexaDown(t *testing.T) {
	n := &notes{}
	play(t, journal(n), func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		s.wire.spoil(alexa.CallEnded, repeated(wireFault{status: 500}, 10_000)...)
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		time.Sleep(10 * time.Minute)
		if got := s.skill.Stats().Sessions; got != 0 {
			t.Errorf("%d sessions after ten minutes", got)
		}
		wantPending(t, n, call.SessionID())
		s.wire.spoil(alexa.CallEnded)
		other, phone := s.deviceTalks() // which is not left behind
		time.Sleep(time.Hour)
		s.wantEnded(call, "INTERNAL_ERROR")
		wantPending(t, n, other.SessionID())
		if other.State() != alexatest.StateConnected {
			t.Error("a call that stands was ended")
		}
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(other, "SUCCESS")
	})
}

// TestDrainLeavesBehind gives up what Alexa does not take, for the next process.
func TestDrainLeavesBehind(t *testing.T) {
	n := &notes{}
	play(t, journal(n), func(t *testing.T, s *stage) {
		call, _ := s.deviceTalks()
		s.wire.spoil(alexa.CallEnded, repeated(wireFault{status: 500}, 10_000)...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.skill.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain: %v", err)
		}
		if took := time.Since(s.began); took > 20*time.Second { // 1 for the calls, 5 for the bridge to see their end, 10 for CallEnded
			t.Errorf("Drain took %v", took)
		}
		wantPending(t, n, call.SessionID())
		must(t, call.Hangup(t.Context()))
	})
}

// TestDrainLeavesManyBehind is begun while a few of many calls of a process before are being ended: it is silent about the others.
func TestDrainLeavesManyBehind(t *testing.T) {
	n := &notes{}
	for i := range 100 {
		n.calls = append(n.calls, alexa.OpenCall{SessionID: fmt.Sprint("call ", i)})
	}
	play(t, props{}, func(t *testing.T, s *stage) {
		s.wire.spoil(alexa.CallEnded, repeated(wireFault{lost: true}, 10_000)...)
		next := s.newSkill(journal(n))
		_ = next.Stats()
		synctest.Wait()
		must(t, next.Drain(t.Context()))
		if got := strings.Count(s.log.String(), "not ended"); got == 0 || got > 20 {
			t.Errorf("the log has %d calls that were not ended", got)
		}
		if calls, _ := n.Pending(); len(calls) != 100 {
			t.Errorf("%d calls are left", len(calls))
		}
	})
}

// TestRecoverIsGivenUp ends with its context, and the rest goes on.
func TestRecoverIsGivenUp(t *testing.T) {
	n := &notes{calls: []alexa.OpenCall{{SessionID: "a"}, {SessionID: "b"}}}
	play(t, props{}, func(t *testing.T, s *stage) {
		s.wire.spoil(alexa.CallEnded, repeated(wireFault{lost: true}, 10_000)...)
		next := s.newSkill(journal(n))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := next.Recover(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Recover: %v", err)
		}
		wantPending(t, n, "a", "b")
		s.wire.spoil(alexa.CallEnded)
		time.Sleep(time.Hour)
		wantPending(t, n)
		must(t, next.Recover(t.Context()))
		must(t, next.Drain(t.Context()))
	})
}

// TestRefusedCallIsNoted has Alexa not hear that a call is refused, until later.
func TestRefusedCallIsNoted(t *testing.T) {
	n := &notes{}
	play(t, journal(n), func(t *testing.T, s *stage) {
		s.engine.Full.Store(true)
		s.wire.spoil(alexa.CallEnded, repeated(wireFault{status: 500}, 12)...)
		call, err := s.echo.Call(t.Context(), "desk")
		must(t, err)
		time.Sleep(time.Second)
		wantPending(t, n, call.SessionID())
		s.engine.Full.Store(false)
		time.Sleep(10 * time.Minute)
		s.wantEnded(call, "INTERNAL_ERROR")
		wantPending(t, n)
	})
}
