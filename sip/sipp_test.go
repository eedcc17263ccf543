package sip_test

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
)

// sippRuns is how many calls one run of SIPp makes.
const sippRuns = 20

// sipp runs SIPp until it has made its calls.
func sipp(t *testing.T, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sipp", append(args, "-i", "127.0.0.1", "-m", strconv.Itoa(sippRuns), "-nostdin", "-timeout", "50s", "-timeout_error")...)
	cmd.Dir = t.TempDir()
	text, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("sipp %v: %w\n%s", args, err, tail(text))
	}
	return nil
}

func tail(b []byte) []byte { return b[max(0, len(b)-3000):] }

// freePort returns a port for a program that cannot find one for itself and say which.
func freePort(t *testing.T) string {
	t.Helper()
	return strconv.Itoa(testutil.FreePort(t))
}

// sippCalls has SIPp call us: INVITE, 180, 200, ACK, BYE. All its calls have one address for sound, so they come one at a time.
func sippCalls(t *testing.T, transport string) {
	a := listen(t, &sip.Options{Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		if err := in.Ring(ctx, nil); err != nil {
			return err
		}
		return answerAll(ctx, in)
	})})
	if err := sipp(t, "-sn", "uac", "-t", transport, "-p", freePort(t), "-d", "100", "-r", "50", "-l", "1", a.Addr().String()); err != nil {
		t.Fatal(err)
	}
	wait(t, "the end of the calls", func() bool { return a.Stats().Standing == 0 })
	if got := a.Stats(); got.In != sippRuns || got.Invalid+got.Unparsed+got.Refused != 0 {
		t.Errorf("stats %+v", got)
	}
}

// sippAnswers calls SIPp.
func sippAnswers(t *testing.T, transport string) {
	a := listen(t, nil)
	port := freePort(t)
	done := async(func() error { return sipp(t, "-sn", "uas", "-t", transport, "-p", port) })
	to := "sip:uas@127.0.0.1:" + port
	if transport == "t1" {
		to += ";transport=tcp"
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := 0; n < sippRuns; {
		l, err := a.Dial(ctx, to, nil)
		if err != nil && n == 0 && bridge.CauseOf(err) == bridge.Unreachable && ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond) // it is not there yet
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
		waitPhase(t, l, bridge.Up)
		if err := l.Hangup(ctx, bridge.Normal); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
