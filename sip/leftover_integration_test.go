package sip_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
)

const (
	leftoverEnv      = "ALEXACALL_LEFTOVER"  // how many calls of each kind the process is to make that looks at itself
	leftoverFirst    = 250                   // calls of each kind before the first look
	leftoverCallers  = 8                     // agents that call, each with an engine: an engine tells plain calls apart by their far address
	leftoverCalm     = 10                    // looks at the goroutines that must agree
	leftoverTxs      = 20_000                // transactions beyond which the next call waits: finished ones stay for 32 s
	leftoverPatience = 60 * time.Second      // for the last of them to go
	leftoverRoom     = 2 << 20               // bytes that tables keep which were once full: they hold the finished transactions of 32 s
	leftoverFor      = 40 * 60 * time.Second // for all calls of make soak
)

// leftoverKindTable has the kinds of calls by the user that is called.
var leftoverKindTable = map[string]func(ctx context.Context, p pair, to string) error{
	"answers":   callAnswered,
	"busy":      callRefused,
	"rings":     callCancelled,
	"transfers": callTransferred,
}

// pair is an agent that calls, and the one that it has its calls transferred to.
type pair struct{ caller, desk *sip.Agent }

// TestLeftover makes 2,000 calls of each kind between two agents, in a process of its own: what that has in goroutines and sockets
// is then the same as after 250, and in memory as before them all, once the transactions are over.
func TestLeftover(t *testing.T) { leftover(t, leftoverCalls) }

// TestSoakLeftover makes 20,000.
func TestSoakLeftover(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") != "1" {
		t.Skip("a long test: set ALEXACALL_SOAK=1")
	}
	leftover(t, 20_000)
}

// leftover runs TestLeftoverCalls in a process of its own, for what other tests have is no matter of these calls.
func leftover(t *testing.T, calls int) {
	testutil.OpenFDs(t) // skips where they cannot be counted
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), leftoverFor)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-test.run=^TestLeftoverCalls$", "-test.v")
	cmd.Env = append(os.Environ(), leftoverEnv+"="+strconv.Itoa(calls))
	text, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "after ") {
			t.Log(strings.TrimSpace(line))
		}
	}
	if err != nil {
		t.Errorf("%v\n%s", err, tail(text))
	}
}

// TestLeftoverCalls is what leftover runs.
func TestLeftoverCalls(t *testing.T) {
	calls, err := strconv.Atoi(os.Getenv(leftoverEnv))
	if err != nil {
		t.Skip("runs in a process of its own")
	}
	callee := listen(t, &sip.Options{Bridge: bridge.Func(takeByName)})
	agents := []*sip.Agent{callee}
	var pairs []pair
	for range leftoverCallers {
		p := pair{caller: listen(t, nil), desk: listen(t, &sip.Options{Bridge: bridge.Func(takeByName)})}
		pairs, agents = append(pairs, p), append(agents, p.caller, p.desk)
	}
	before := lookAt(t, agents, true)
	t.Logf("after no call: %s", before)
	makeCalls(t, pairs, callee, leftoverFirst)
	first := lookAt(t, agents, false)
	t.Logf("after %d calls of each kind: %s", leftoverFirst, first)
	makeCalls(t, pairs, callee, calls-leftoverFirst)
	last := lookAt(t, agents, true)
	t.Logf("after %d calls of each kind: %s", calls, last)
	if last.goroutines != first.goroutines || last.fds != first.fds {
		t.Errorf("the counts differ:\n%s", strings.Join(goroutines(), "\n\n"))
	}
	if grown := last.heap - before.heap; grown > leftoverRoom {
		t.Errorf("the heap has grown by %d bytes, want %d at most", grown, leftoverRoom)
	}
	if got, want := int(callee.Stats().In), calls*len(leftoverKindTable); got != want {
		t.Errorf("%d calls came in, want %d", got, want)
	}
}

// takeByName does with a call what the user's name says.
func takeByName(ctx context.Context, in bridge.Leg) error {
	user, _, _ := strings.Cut(strings.TrimPrefix(in.Info().To.URI, "sip:"), "@")
	switch user {
	case "busy":
		return in.Hangup(ctx, bridge.Busy)
	case "rings":
		if err := in.Ring(ctx, nil); err != nil {
			return err
		}
	default:
		if err := in.Answer(ctx, nil); err != nil {
			return err
		}
	}
	for info := in.Info(); ; {
		if info.Transfer != nil {
			return carryOut(ctx, in, info.Transfer)
		}
		var err error
		if info, err = in.Next(ctx, info.Rev); err != nil {
			return err
		}
	}
}

// carryOut calls in a caller's place whom it has named, and ends that call with the first.
func carryOut(ctx context.Context, in bridge.Leg, t *bridge.Transfer) error {
	l, ok := in.(*sip.Leg)
	if !ok {
		return errors.New("not a SIP leg")
	}
	out, err := dialUp(ctx, l.Agent(), t.To)
	t.Done(err)
	if err != nil {
		return err
	}
	select {
	case <-l.Context().Done():
	case <-ctx.Done():
	}
	return out.Hangup(ctx, bridge.Normal)
}

// makeCalls makes n calls of each kind, over UDP and TCP in turn, each caller one after the other.
func makeCalls(t *testing.T, callers []pair, callee *sip.Agent, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), leftoverFor)
	defer cancel()
	var work sync.WaitGroup
	for c, caller := range callers {
		work.Go(func() {
			for i := c; i < n; i += len(callers) {
				for user, call := range leftoverKindTable {
					for callee.Stats().ServerTransactions > leftoverTxs {
						time.Sleep(100 * time.Millisecond)
					}
					to := fmt.Sprintf("sip:%s@%s;transport=%s", user, callee.Addr(), [...]string{"udp", "tcp"}[i/len(callers)%2])
					if err := call(ctx, caller, to); err != nil {
						t.Errorf("%s: %v", to, err)
					}
				}
			}
		})
	}
	work.Wait()
}

func callAnswered(ctx context.Context, p pair, to string) error {
	l, err := dialUp(ctx, p.caller, to)
	if err != nil {
		return err
	}
	return l.Hangup(ctx, bridge.Normal)
}

// dialUp makes a call and waits until it is up.
func dialUp(ctx context.Context, a *sip.Agent, to string) (bridge.Leg, error) {
	l, err := a.Dial(ctx, to, nil)
	if err != nil {
		return nil, err
	}
	for info := l.Info(); info.Phase < bridge.Up; {
		if info, err = l.Next(ctx, info.Rev); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// callTransferred has the callee call the caller's desk in its place.
func callTransferred(ctx context.Context, p pair, to string) error {
	l, err := dialUp(ctx, p.caller, to)
	if err != nil {
		return err
	}
	leg, ok := l.(*sip.Leg)
	if !ok {
		return errors.New("not a SIP leg")
	}
	err = errors.Join(leg.Refer(ctx, "sip:answers@"+p.desk.Addr().String()), l.Hangup(ctx, bridge.Normal))
	for p.desk.Stats().Standing > 0 && ctx.Err() == nil { // the next call to it has the same addresses
		time.Sleep(time.Millisecond)
	}
	return err
}

func callRefused(ctx context.Context, p pair, to string) error {
	if _, err := p.caller.Dial(ctx, to, nil); bridge.CauseOf(err) != bridge.Busy {
		return fmt.Errorf("%w, want busy", err)
	}
	return nil
}

func callCancelled(ctx context.Context, p pair, to string) error {
	l, err := p.caller.Dial(ctx, to, nil)
	if err != nil {
		return err
	}
	if phase := l.Info().Phase; phase != bridge.Alerting {
		return errors.Join(fmt.Errorf("the call is %s, want alerting", phase), l.Hangup(ctx, bridge.Cancelled))
	}
	return l.Hangup(ctx, bridge.Cancelled)
}

// look is what a process has.
type look struct {
	goroutines, fds int
	heap            int
}

func (l look) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d kB of heap", l.goroutines, l.fds, l.heap>>10)
}

// lookAt waits until the agents have forgotten their calls and no goroutine is on its way out, and then counts. Finished transactions, which
// stay for 32 s and have no goroutines, are waited for if they matter.
func lookAt(t *testing.T, agents []*sip.Agent, transactions bool) look {
	t.Helper()
	before, calm := 0, 0
	for deadline := time.Now().Add(leftoverPatience); calm < leftoverCalm; time.Sleep(50 * time.Millisecond) {
		busy := 0
		for _, a := range agents {
			s := a.Stats()
			busy += s.Standing
			if transactions {
				busy += s.ServerTransactions + s.ClientTransactions
			}
		}
		if time.Now().After(deadline) {
			t.Errorf("%d calls and transactions left, %d goroutines", busy, before)
			break
		}
		if now := runtime.NumGoroutine(); now != before || busy != 0 {
			before, calm = now, 0
			continue
		}
		calm++
	}
	runtime.GC()
	runtime.GC() // what pools have kept through the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return look{runtime.NumGoroutine(), testutil.OpenFDs(t), int(m.HeapAlloc)}
}
